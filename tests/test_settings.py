"""Every field of every settings class re-runs exactly the rules that it declares."""

import copy
import os
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import yaml
from published_sets import write_a2d, write_thumos13, write_ucf_sports
from pydantic import TypeAdapter
from snakemake.api import SnakemakeApi
from snakemake.exceptions import WorkflowError
from snakemake.iocontainers import Wildcards
from snakemake.settings.types import OutputSettings, ResourceSettings

from actorsup.config.sections import (
    AblationSection,
    Configuration,
    ExportSettings,
    FramesSection,
    ModelSection,
    PaperSection,
    TrainedSection,
)
from actorsup.datasets.settings import DemoSection, FolderSection, PublishedSection, Thumos13Section
from actorsup.detection.settings import (
    DetectorTrainingSection,
    NetworkSection,
    SuppliedSection,
    TorchvisionSection,
    TrainableSection,
)
from actorsup.evaluation.settings import EvaluationSettings
from actorsup.linking.settings import (
    NanotrackSection,
    SiameseSection,
    SiameseTrainingSection,
    TrackingSection,
    ViterbiSection,
)
from actorsup.report.paper.items import ITEMS
from actorsup.report.settings import ReportSettings
from actorsup.training.settings import TrainingSection
from actorsup.workflow.paper import PaperPlan
from actorsup.workflow.plan import Plan

SECTIONS = {
    "": Configuration,
    "frames": FramesSection,
    "evaluation": EvaluationSettings,
    "report": ReportSettings,
    "training": TrainingSection,
    "exports": ExportSettings,
    "paper": PaperSection,
    "ablations.k": AblationSection,
    "datasets.demo": DemoSection,
    "datasets.mine": FolderSection,
    "datasets.thumos13": Thumos13Section,
    "datasets.ucf_sports": PublishedSection,
    "datasets.a2d": PublishedSection,
    "detectors.demo_ssd": TrainableSection,
    "detectors.demo_ssd.training": DetectorTrainingSection,
    "detectors.torchvision": TorchvisionSection,
    "detectors.yolox": NetworkSection,
    "detectors.supplied": SuppliedSection,
    "linkers.demo_siamese": SiameseSection,
    "linkers.demo_siamese.training": SiameseTrainingSection,
    "linkers.nanotrack": NanotrackSection,
    "linkers.static": TrackingSection,
    "linkers.viterbi": ViterbiSection,
    "models.demo": ModelSection,
    "models.demo_trained": TrainedSection,
}
"""Sections of the configuration below, and the classes of their settings."""
VALUES = {
    "device": "cpu",
    "detector": "ssd300_vgg16",
    "encoder": "resnet18",
    "start": "other.bin",
    "annotated": "annotated.csv",
    "box_unit": "fraction",
    "launcher": "srun",
    "actors": ["dog"],
    "classes": ["run", "walk"],
    "seeds": [1, 2],
    "trained": "results/other.pt",
    "search_size": 97,
    "exemplar_size": 57,
    "scales": 5,
    "scale_step": 1.05,
    "frozen_blocks": 1,
    "shards": 1,
    "test_videos": 96,
    "table": "more.csv",
    "ground_truth": "more_boxes.csv",
    "linkers": ["static", "viterbi"],
    "models": ["demo_small"],
    "iou_thresholds": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75],
    "ucf_sports": ("demo", "absent"),
    "thumos13": ("demo", "absent"),
    "a2d": ("demo", "absent"),
}
"""Changed values of the fields whose types do not suggest one; a tuple holds several, each tested."""


@pytest.fixture(scope="module")
def workflow(repository, tmp_path_factory) -> Iterator[Any]:
    """The workflow in this process, in a folder with the files that the configuration names."""
    folder = tmp_path_factory.mktemp("plan")
    here = Path.cwd()
    os.chdir(repository)
    with SnakemakeApi(OutputSettings()) as api:
        snakefile = repository / "Snakefile"
        planned = api.workflow(resource_settings=ResourceSettings(cores=1), snakefile=snakefile)._workflow
    for name in ("other.bin", "boxes.csv", "annotated.csv", "a.onnx"):
        (folder / name).write_text("video,frame,x1,y1,x2,y2,class\n", encoding="utf-8")
    videos = [f"v{i}" for i in range(9)]
    (folder / "videos").mkdir()
    for name in ("here", "there", *videos):
        (folder / "videos" / f"{name}.avi").touch()
    more = "".join(f"{name},run,test\n" for name in videos)
    (folder / "videos.csv").write_text(
        "video,label,split\nhere,run,test\nthere,run,train\ngone,run,test\n" + more
    )
    (folder / "more.csv").write_text("video,label,split\nhere,walk,test\nthere,run,train\nv0,run,test\n")
    boxes = "video,class,tube,frame,x1,y1,x2,y2\nhere,run,0,0,1,1,2,2\n"
    for name in ("boxes.csv", "more_boxes.csv"):
        (folder / name).write_text(boxes)
    for write in (write_thumos13, write_ucf_sports, write_a2d):
        write(folder / write.__name__.removeprefix("write_"))
    lists = folder / "thumos13" / "ucfTrainTestlist"
    (lists / "testlist02.txt").write_text("Run/v_Run_g01_c01.avi\n")
    (lists / "trainlist02.txt").write_text("Jump/v_Jump_g01_c01.avi 1\n")
    (folder / "a2d" / "clips320H" / "train_baby.avi").unlink()
    for root in ("videos", "thumos13", "ucf_sports", "a2d"):
        (folder / f"{root}_moved").symlink_to(root)
    os.chdir(folder)
    planned.globals["code_digest"] = lambda *modules: "code"
    yield planned
    os.chdir(here)


@pytest.fixture(scope="module")
def config(repository) -> dict[str, Any]:
    made = yaml.safe_load((repository / "config.yaml").read_text(encoding="utf-8"))
    made["detectors"] |= {
        "torchvision": {"type": "torchvision", "weights": "random"},
        "yolox": {"type": "yolox", "weights": "random"},
        "supplied": {"type": "supplied", "path": "boxes.csv"},
        "other": {"type": "small_ssd", "weights": "random"},
    }
    made["linkers"] |= {
        "nanotrack": {"type": "nanotrack", "detector": "other", "backbone": "a.onnx", "head": "a.onnx"}
    }
    for name in ("torchvision", "yolox", "supplied"):
        made["linkers"][f"of_{name}"] = {"type": "static", "detector": name}
    for name in ("static", "viterbi"):
        made["linkers"][name]["detector"] = "torchvision"
    every = [
        "demo_siamese",
        "nanotrack",
        "static",
        "viterbi",
        *(name for name in made["linkers"] if "of_" in name),
    ]
    made["datasets"]["demo"]["linkers"] = made["paper"]["linkers"] = every
    made["training"]["keep_epochs"] = True
    made["ablations"]["k"] = {}
    made["datasets"]["mine"] = made["datasets"]["demo"] | {
        "type": "folder", "root": "videos", "table": "videos.csv", "ground_truth": "boxes.csv",
    }  # fmt: skip
    for name in ("train_videos", "test_videos", "stills", "sequences"):
        del made["datasets"]["mine"][name]
    for name in ("thumos13", "ucf_sports", "a2d"):
        made["datasets"][name] |= {"root": name, "linkers": every, "models": ["demo"]}
    return made


@pytest.fixture(scope="module")
def jobs_before(workflow, config) -> Any:
    """The jobs of the unchanged configuration."""
    return cache(lambda where, item: jobs(workflow, config, where, item))


def jobs(workflow: Any, config: dict[str, Any], where: str, item: str) -> dict[str, dict[str, Any]]:
    """The inputs of one job of each rule, and the parameters that Snakemake compares with the last run's."""
    plan = Plan(config)
    workflow.globals.update(PLAN=plan, NETWORKS=plan.networks, PAPER=PaperPlan(plan))
    kind, _, name = where.partition(".")
    chosen = {
        "dataset": "demo", "detector": "demo_ssd", "linker": "demo_siamese", "model": "demo", "seed": "0",
        "shard": "0001", "epoch": "1", "ablation": "k", "item": item,
        kind.removesuffix("s"): name.partition(".")[0],
    }  # fmt: skip
    if kind == "datasets":
        chosen["shard"] = plan.dataset(chosen["dataset"]).shards_to_score()[0]
    jobs_of_rule = [Wildcards(fromdict=chosen)]
    # one shard of training videos and one of test videos
    shards = {*plan.training_shards(chosen["dataset"])[:1], chosen["shard"]}
    of_training = [Wildcards(fromdict={**chosen, "shard": shard}) for shard in sorted(shards)]
    return {
        rule.name: {
            kind: [
                _value(item, wildcards)
                for _, item in getattr(rule, kind)._allitems()
                for wildcards in (of_training if rule.name == "score_training_videos" else jobs_of_rule)
            ]
            for kind in ("params", "input")
        }
        for rule in workflow.rules
    }


def _value(item: Any, wildcards: Any) -> Any:
    item = getattr(item, "_file", item)  # unpack(...) wraps a function
    item = getattr(item, "callable", None) or item
    if not callable(item):
        return item
    if "resources" in signature(item).parameters:  # Snakemake does not compare it
        return None
    try:
        return item(wildcards)
    except WorkflowError as error:
        return str(error)


def changed(model: type, name: str, value: Any) -> Any:
    """Another allowed value of a field."""
    if name in VALUES:
        return VALUES[name]
    if name == "root":
        return f"{value}_moved"
    about = TypeAdapter(model).json_schema()["properties"][name]
    about = about.get("anyOf", [about])[0]
    if "enum" in about:
        return next(each for each in about["enum"] if each != value)
    match about["type"]:
        case "boolean":
            return not value
        case "integer":
            return (value or about.get("minimum", about.get("exclusiveMinimum", 0)) + 8) + 1
        case "number":
            return (value or 0.5) * 0.9
        case "array":
            return [0.3]
    return "other.bin"


FIELDS = [
    (where, field.name)
    for where, model in SECTIONS.items()
    for field in fields(model)
    # the sections themselves, and the types, which change what the other keys are
    if not (where == "" and field.name not in ("seed", "device")) and field.name not in ("type", "training")
    # with one test video, any number of shards gives the same shard to score
    if not (where in ("datasets.ucf_sports", "datasets.a2d") and field.name == "shards")
]


@pytest.mark.parametrize(("where", "name"), FIELDS)
def test_a_field_re_runs_the_rules_that_it_declares(workflow, config, jobs_before, where, name):
    model = SECTIONS[where]
    extra = model.__pydantic_fields__[name].json_schema_extra
    stages = set(extra["stages"])
    item = next((item for item in ITEMS if where == "paper" and name in ITEMS[item].datasets), "linking")
    before = jobs_before(where, item)
    parameters, inputs = set(), set()
    for other in with_field_changed(config, where, name):
        after = jobs(workflow, other, where, item)
        parameters |= {rule for rule in before if repr(before[rule]["params"]) != repr(after[rule]["params"])}
        inputs |= {rule for rule in before if before[rule]["input"] != after[rule]["input"]}
    if extra["indirect"]:
        assert parameters <= stages <= parameters | inputs
    else:
        assert parameters == stages


def with_field_changed(config: dict[str, Any], where: str, name: str) -> Iterator[dict[str, Any]]:
    """The configuration with each changed value of a field."""
    model = SECTIONS[where]
    old = config
    for part in filter(None, where.split(".")):
        old = old[part]
    default = next(field.default for field in fields(model) if field.name == name)
    value = changed(model, name, old.get(name, default))
    for each in value if isinstance(value, tuple) else (value,):
        changes = {name: each}
        if where.startswith("datasets") and name == "annotations":  # relative to the root
            changes = {name: f"../{old['root']}_moved/{old[name]}"}
        if where.startswith("linkers") and name in (
            "images",
            "annotations",
        ):  # neither goes without the other
            changes = {"images": "other.bin", "annotations": "other.bin"}
        made = section = copy.deepcopy(config)
        for part in filter(None, where.split(".")):
            section = section[part]
        section |= changes
        yield made
