"""Which stages an edit of each module re-runs: the promise of ``provenance.code_digest``, as a table."""

import re
from pathlib import Path

from test_house import modules, rules

from actorsup.artifacts.provenance import find_dependencies
from actorsup.attention.encoders import ENCODERS, TORCHVISION
from actorsup.datasets.readers import DATASETS
from actorsup.detection.detectors import DETECTORS
from actorsup.linking.linkers import LINKERS
from actorsup.linking.trackers import TRACKERS

KINDS = {
    "detectors": {name: DETECTORS.module(name) for name in DETECTORS},
    "linkers": {name: registry.module(name) for registry in (TRACKERS, LINKERS) for name in registry},
    "encoders": {**{name: ENCODERS.module(name) for name in ENCODERS}, "torchvision": TORCHVISION},
    "datasets": {name: DATASETS.module(name) for name in DATASETS},
}
STAGES = {
    "demo": ("make_demo_videos", "make_demo_images", "make_demo_sequences"),
    "decode": ("decode_frames",),
    "list": ("write_video_table",),
    "truth": ("write_ground_truth", "write_annotated_frames"),
    "train_detector": ("train_detector",),
    "detect": ("detect_actors",),
    "train_siamese": ("train_siamese",),
    "link": ("link_actors",),
    "train": ("train_attention",),
    "score": ("score_tubes",),
    "merge": ("merge_predictions",),
    "export": ("export_tubes",),
    "evaluate": ("evaluate_recall", "evaluate_map", "evaluate_intervals"),
    "corloc": ("evaluate_corloc",),
    "failures": ("collect_failures",),
    "cost": ("sum_cost",),
    "paper": ("paper_tables", "write_paper_item"),
    "report": ("write_report", "make_gallery"),
    "draw": ("draw_tubes", "draw_videos"),
}
"""The stages by short names, in the order of the data, and their rules."""
STAGE_OF = {rule: stage for stage, names in STAGES.items() for rule in names}
ORDER = list(STAGES)
TYPES_OF = {
    'NETWORKS.module("detectors"': "detectors",
    'NETWORKS.module("linkers"': "linkers",
    "NETWORKS.encoder_modules(": "encoders",
    "d.module": "datasets",
}
"""How the ``code_digest`` call of a rule names the types of its section."""


def reruns(repository: Path) -> dict[str, set[str]]:
    """Map each module to what its edit re-runs: ``stage``, or ``stage:type`` for sections of a type."""
    found: dict[str, set[str]] = {module: set() for module in modules(repository)}
    for rule, text in rules(repository).items():
        call = re.search(r"code_digest\((.*?)\)\s*(?:,|\n)", text, flags=re.S)
        if not call:
            continue
        stage = find_dependencies(*re.findall(r'"(actorsup[\w.]+)"', call[1]))
        for module in stage:
            found[module].add(STAGE_OF[rule])
        for kind in (kind for how, kind in TYPES_OF.items() if how in call[1]):
            for name, module in KINDS[kind].items():
                for used in set(find_dependencies(module)) - set(stage):
                    found[used].add(f"{STAGE_OF[rule]}:{name}")
    return found


TABLE = r"""
all:
    actorsup artifacts artifacts.atomic
demo decode list truth train_detector detect train_siamese link train score merge export evaluate \
  corloc report draw:
    boxes
demo decode list truth detect link train score merge export evaluate corloc failures report draw:
    artifacts.folders
demo truth:folder train_detector detect merge export evaluate corloc report draw:
    coco
demo train_detector detect train_siamese link train score report draw:
    artifacts.images
demo truth:demo:
    demo demo.settings
demo:
    demo.actors demo.images demo.poses demo.scenes demo.sequences demo.sprites demo.videos
decode list truth detect link train score merge export evaluate corloc failures cost report draw:
    artifacts.checksums artifacts.hdf5_files
decode list truth detect link train score merge export evaluate corloc failures report draw:
    artifacts.safe_hdf5 artifacts.shards
decode list truth detect:supplied train_siamese link train score merge export evaluate corloc report \
  draw:
    tubes
decode list truth detect:supplied link train score merge export evaluate corloc report draw:
    artifacts.tube_files
decode truth:a2d truth:folder truth:thumos13 truth:ucf_sports detect:supplied export evaluate corloc \
  failures report draw:
    formats.video_ids
decode truth train_detector detect merge export evaluate corloc failures report draw:
    formats
decode list truth detect link train score report draw:
    frames
decode truth evaluate corloc failures report draw:
    datasets
decode truth evaluate corloc report draw:
    datasets.base datasets.contents
decode truth:a2d truth:folder truth:thumos13 truth:ucf_sports failures:
    datasets.entries
decode truth:a2d truth:folder truth:thumos13 truth:ucf_sports:
    datasets.mot_layout datasets.signatures
decode truth:a2d truth:ucf_sports:
    datasets.frame_names
decode truth:a2d:
    datasets.digests
decode:
    frames.child frames.decode frames.decoded frames.decoder frames.folder_frames frames.frame_times
    frames.settings frames.stage frames.video_file frames.write
list truth:
    frames.video_table
truth train_detector detect merge export evaluate corloc report draw:
    formats.box_units
truth detect:supplied merge export evaluate corloc report draw:
    formats.box_statistics formats.conventions formats.ground_truth_csv formats.labeled
    formats.table_headers formats.tables formats.unit_hints
truth:folder detect:supplied merge export evaluate corloc report draw:
    formats.predictions formats.predictions_json formats.tube_checks
truth:folder detect:supplied export evaluate corloc report draw:
    formats.archive formats.mot formats.mot_lines
truth:a2d truth:demo truth:folder truth:thumos13 truth:ucf_sports train_detector detect:
    formats.settings
truth detect:supplied evaluate corloc report draw:
    formats.frame_plausibility formats.plausibility
truth:folder detect:supplied evaluate corloc report draw:
    formats.coco formats.coco_index formats.coco_layouts formats.coverage formats.cvat
    formats.cvat_tasks formats.formats formats.json_files formats.predictions_reader formats.sinks
truth evaluate corloc report draw:
    datasets.ground_truth_checks
truth:folder evaluate corloc report draw:
    datasets.ground_truth_files
truth:a2d truth:folder truth:thumos13 truth:ucf_sports detect:supplied:
    artifacts.paths
truth:a2d truth:demo truth:folder truth:thumos13 truth:ucf_sports:
    datasets.readers datasets.settings
truth:a2d truth:folder truth:thumos13 truth:ucf_sports:
    datasets.files
truth:a2d truth:thumos13 truth:ucf_sports:
    datasets.published
truth:folder detect:supplied:
    formats.video_names
truth:
    datasets.ground_truth
truth:a2d:
    datasets.a2d_frames datasets.readers.a2d
truth:demo:
    datasets.readers.demo
truth:folder:
    datasets.readers.folder
truth:thumos13:
    datasets.matlab datasets.matlab_child datasets.pickles datasets.readers.thumos13
truth:ucf_sports:
    datasets.readers.ucf_sports
train_detector detect train_siamese link train:small score:small report:
    detection
train_detector detect:small_ssd detect:torchvision train_siamese link:siamese train score:
    training training.backbones training.devices training.weights
train_detector detect:small_ssd detect:torchvision train:small score:small:
    detection.small
train_detector detect:small_ssd detect:torchvision:
    detection.networks
train_detector train_siamese train:
    training.distributed training.loop training.monitor
train_detector detect:
    detection.settings
train_detector train_siamese:
    detection.images
train_detector:
    detection.augmentation detection.training
detect link train score report draw:
    frames.store
detect train_siamese link report:
    detection.base
detect:small_ssd detect:torchvision:
    detection.torchvision_models
detect:supplied detect:yolox:
    detection.suppression
detect:
    detection.detectors detection.stage
detect:small_ssd:
    detection.detectors.small_ssd
detect:supplied:
    detection.detectors.supplied
detect:torchvision:
    detection.detectors.torchvision
detect:yolox:
    detection.detectors.yolox
train_siamese link:
    linking linking.base linking.settings
train_siamese link:siamese:
    linking.siamese linking.siamese.byte_cache linking.siamese.crops linking.siamese.device_frames
    linking.siamese.network linking.siamese.regions linking.siamese.shared_regions
    linking.siamese.tracker
train_siamese:
    linking.siamese.pairs linking.siamese.sequences linking.siamese.tracking_sets
    linking.siamese.training linking.success
link:
    linking.algorithm linking.gaps linking.greedy_tracks linking.linkers linking.stage
    linking.trackers
link:nanotrack:
    linking.frame_tracker linking.trackers.nanotrack
link:siamese:
    linking.trackers.siamese
link:static:
    linking.trackers.static
link:viterbi:
    linking.linkers.viterbi
train score:
    attention attention.clips attention.encoder attention.encoders attention.model attention.pooling
    attention.selection attention.settings
train:small score:small:
    attention.encoders.small
train:torchvision score:torchvision:
    attention.torchvision_trunks
train:vgg16 score:vgg16:
    attention.encoders.vgg16
train:
    attention.dataset attention.job attention.pooled_features attention.training
score:
    attention.scoring attention.scoring_settings attention.trimming attention.tube_scores
export:
    formats.coco_writing formats.cvat_writing formats.exports formats.mot_writing
evaluate corloc report draw:
    evaluation evaluation.ground_truth formats.box_store formats.checked_table
evaluate corloc report:
    evaluation.error_analysis evaluation.input_warnings evaluation.matching evaluation.predictions
    evaluation.protocol evaluation.ranking evaluation.settings
evaluate corloc:
    evaluation.bootstrap evaluation.frame_level evaluation.measures evaluation.proposals
    evaluation.split evaluation.stage evaluation.tables
corloc:
    evaluation.corloc evaluation.corloc_stage
failures:
    workflow workflow.failures
cost paper report draw:
    report
cost report:
    artifacts.provenance report.cost
paper report:
    report.paper report.paper.published
paper:
    report.paper.curve_figures report.paper.items report.paper.stage report.paper.style
    report.paper.table_figures report.paper.tables
report draw:
    report.settings report.webm
report:
    report.charts report.examples report.gallery report.html report.inputs report.numbers
    report.page report.stage
draw:
    report.drawn_videos report.pictures
-:
    artifacts.access attention.presets cli config config.fields config.messages config.page
    config.read config.sections errors evaluation.arrays evaluation.command evaluation.main_actor
    formats.convention_options formats.convert formats.labeled_csv formats.video_spool frames.probe
    logs predict registry training.settings workflow.check workflow.check_detections
    workflow.check_folder workflow.check_report workflow.dataset workflow.findings workflow.networks
    workflow.paper workflow.plan workflow.summary
"""
"""Stages, and below them the modules an edit of which re-runs these, and what depends on them.

``detect:yolox`` are the detections of detectors of the type yolox. No stage re-runs for what is under ``-``:
the plan, commands, messages. Before you add a line, read it: does the module change these results, and no
others?
"""


def table() -> dict[str, set[str]]:
    """Parse ``TABLE``: the stages of each module."""
    stages_of: dict[str, set[str]] = {}
    stages: set[str] = set()
    for line in TABLE.replace("\\\n", " ").splitlines():
        if line.startswith("    "):
            stages_of.update(dict.fromkeys(line.split(), stages))
        elif line:
            words = line.removesuffix(":").split()
            stages = set(ORDER) if words == ["all"] else set(words) - {"-"}
    return {name if name == "actorsup" else f"actorsup.{name}": what for name, what in stages_of.items()}


def test_the_table_names_every_module(repository):
    assert table().keys() == set(modules(repository))


def test_an_edit_re_runs_the_stages_of_the_table(repository):
    found = reruns(repository)
    assert {name: stages for name, stages in found.items() if stages != table().get(name)} == {}


def test_every_rule_belongs_to_a_stage(repository):
    assert rules(repository).keys() - {"fetch_weights"} == STAGE_OF.keys()
