"""The workflow: from raw videos to the tables, and what runs again when something changes."""

import json
import re
import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from workflow_runs import TINY, Changes, configure, copy_workflow, edit, snakemake, would_run

import actorsup
from actorsup.artifacts.shards import ShardReader
from actorsup.demo.settings import DemoSettings
from actorsup.demo.videos import make_videos
from actorsup.evaluation.bootstrap import INTERVAL_COLUMNS
from actorsup.evaluation.corloc import CORLOC_COLUMNS
from actorsup.evaluation.error_analysis import ERROR_COLUMNS
from actorsup.evaluation.frame_level import FRAME_COLUMNS
from actorsup.evaluation.tables import ACTOR_COLUMNS
from actorsup.training.weights import load_weights

BROKEN = {"missing", "empty", "text", "beheaded", "no images"}

# ------------------------------------------- a folder of videos, detections made elsewhere


def own_videos(root: Path) -> None:
    """Make a user's folder: labeled videos with unusual names, boxes and detections."""
    settings = DemoSettings(train=6, test=6, frames=8, seed=3)
    make_videos(root, settings)
    table = pd.read_csv(root / "videos.csv")
    truth = pd.read_csv(root / "ground_truth.csv")
    odd = 'it\'s "odd" — naïve 視頻'
    last = table["video"].iloc[-1]
    (root / f"{last}.avi").rename(root / "videos" / f"{odd}.avi")
    table, truth = table.replace(last, f"videos/{odd}"), truth.replace(last, f"videos/{odd}")
    write_broken(root / "videos")
    broken = pd.DataFrame({"video": [f"videos/{name}" for name in sorted(BROKEN)], "split": "test"})
    pd.concat([table, broken.assign(label="kick")]).to_csv(root / "videos.csv", index=False)
    box = {"frame": 0, "x1": 0, "y1": 0, "x2": 9, "y2": 9, "tube": 0, "class": "kick"}
    more = pd.DataFrame([{"video": "videos/empty", **box}, {"video": "videos/not in the table", **box}])
    pd.concat([truth, more]).drop(columns="actor").to_csv(root / "gt.csv", index=False)
    detections = truth.assign(score=0.9, category="person").drop(columns=["tube", "class", "actor"])
    away = detections.assign(x1=5, y1=5, x2=25, y2=45, score=0.4)
    found = pd.concat([detections, away])
    # one video has no detection at all
    found[found["video"] != table["video"].iloc[-2]].to_csv(root / "detections.csv", index=False)


def write_broken(folder: Path) -> None:
    (folder / "empty.avi").write_bytes(b"")
    (folder / "text.mp4").write_text("this is no video\n" * 40)
    (folder / "beheaded.avi").write_bytes(next(folder.glob("v_*.avi")).read_bytes()[:200])
    (folder / "no images").mkdir()


def own_changes(root: Path) -> Changes:
    section = {
        "type": "folder",
        "root": str(root),
        "table": str(root / "videos.csv"),
        "actors": ["person"],
        "linkers": ["fixed"],
        "models": ["tiny"],
        "seeds": [0],
        "shards": 3,
    }
    return {
        "datasets.mine": section | {"ground_truth": str(root / "gt.csv")},
        "datasets.blind": section,
        "detectors.given": {"type": "supplied", "path": str(root / "detections.csv")},
        "linkers.fixed": {"type": "static", "detector": "given", "tubes": 4},
        "models.tiny": TINY,
    }


TARGETS = ("results/mine_map.csv", "results/mine_recall.csv", "results/mine/predictions.json")

ON_REQUEST = tuple(
    f"results/mine/{name}.csv" for name in ("errors", "confidence_intervals", "frame_map", "actor_map")
)


@pytest.fixture(scope="module")
def mine(tmp_path_factory) -> Path:
    """The whole pipeline, run once on a user's folder."""
    base = tmp_path_factory.mktemp("own videos")
    own_videos(base / "data")
    folder = copy_workflow(Path(__file__).resolve().parents[1], base / "house", own_changes(base / "data"))
    snakemake(folder, *TARGETS, *ON_REQUEST, "results/mine/tubes.png")
    return folder


@pytest.fixture
def unchanged(mine):
    """The same run; its configuration, code and tables are restored after the test."""
    kept = {
        path: path.read_bytes()
        for path in [
            mine / "config.yaml",
            *(mine / "actorsup").rglob("*.py"),
            *(mine.parent / "data").glob("*.csv"),
        ]
    }
    yield mine
    for path, content in kept.items():
        if path.read_bytes() != content:
            path.write_bytes(content)


def test_tables_of_the_run(mine):
    table = pd.read_csv(mine / "results" / "mine_map.csv")
    assert set(table["class"]) == {"crawl", "handstand", "jumping jack", "kick", "sit-up", "squat", "mean"}
    assert table["average_precision"].between(0, 1).all()
    # the ground truth of a failed video still counts
    assert table[table["class"] == "kick"]["ground_truth"].iloc[0] == 2
    recall = pd.read_csv(mine / "results" / "mine_recall.csv")
    assert recall.query("group == 'all'")["ground_truth"].unique().tolist() == [7]
    videos = pd.read_csv(mine / "results" / "mine" / "videos.csv")
    assert len(videos) == 12 + len(BROKEN)
    assert (mine / "results" / "mine" / "predictions.json").stat().st_size > 1000
    assert cv2.imread(str(mine / "results" / "mine" / "tubes.png")) is not None


def test_errors_and_intervals_of_the_run(mine):
    errors = pd.read_csv(mine / "results" / "mine" / "errors.csv")
    assert list(errors.columns) == ERROR_COLUMNS
    counts = errors[errors["class"] == "all"].set_index(["predictions", "kind"])["count"]
    assert counts["all", "correct"] + counts["all", "missed"] == 7
    table = (
        pd.read_csv(mine / "results" / "mine_map.csv").query("`class` == 'mean'").set_index("iou_threshold")
    )
    assert counts["all"].drop("missed").sum() == table["tubes"].iloc[0]
    intervals = pd.read_csv(mine / "results" / "mine" / "confidence_intervals.csv")
    assert list(intervals.columns) == INTERVAL_COLUMNS
    means = intervals.query("group == 'mean'").set_index("iou_threshold")
    assert means["value"].to_dict() == table["average_precision"].to_dict()
    frames = pd.read_csv(mine / "results" / "mine" / "frame_map.csv")
    assert list(frames.columns) == FRAME_COLUMNS
    truth = pd.read_csv(mine / "results" / "mine" / "ground_truth.csv")
    videos = pd.read_csv(mine / "results" / "mine" / "videos.csv")
    tested = truth[truth["video"].isin(videos["video"][videos["split"] == "test"])]
    assert frames.query("`class` == 'mean'")["ground_truth"].unique().tolist() == [len(tested)]
    assert list(pd.read_csv(mine / "results" / "mine" / "actor_map.csv").columns) == ACTOR_COLUMNS
    recall = pd.read_csv(mine / "results" / "mine_recall.csv")
    assert len(intervals.query("measure == 'recall'")) == len(recall)
    assert intervals.query("measure == 'recall'")["model"].isna().all()


def test_a_changed_setting_re_runs_only_the_tables_that_depend_on_it(unchanged):
    precision = {"evaluate_map", "evaluate_frames", "evaluate_actors"}
    for key, value, rules in (
        ("resamples", 20, {"evaluate_intervals"}),
        ("error_iou", 0.3, {"evaluate_intervals", "evaluate_errors"}),
        ("matching", "voc", {"evaluate_intervals", "evaluate_errors", *precision}),
    ):
        configure(unchanged, {f"evaluation.{key}": value})
        assert would_run(unchanged, *TARGETS, *ON_REQUEST).keys() == rules
    configure(unchanged, {"evaluation.protocol": "act"})
    text = snakemake(unchanged, "--dry-run", *TARGETS, fails=True)
    assert "evaluation.matching: 'voc', but protocol: act has 'free'; leave one out" in text


def test_training_videos_are_scored_for_corloc_only(unchanged):
    target, results = "results/mine_corloc.csv", unchanged / "results" / "mine"
    videos = pd.read_csv(unchanged.parent / "data" / "videos.csv").set_index("video")
    training = set(videos.index[videos["split"] == "train"])
    before = (results / "predictions.json").read_bytes()
    jobs = would_run(unchanged, target)
    assert jobs.keys() == {"score_training_videos", "evaluate_corloc"} and jobs["evaluate_corloc"] == 1
    # neither the other tables nor the exports need them
    assert would_run(unchanged, *TARGETS, *ON_REQUEST) == {}
    snakemake(unchanged, target, fork_jobs=True)
    found = {"predictions": set(), "training_scores": set()}
    for kind, ids in found.items():
        for path in (results / kind).rglob("*.h5"):
            with ShardReader(path, "predictions/1") as shard:
                ids |= set(shard)
    assert found["training_scores"] == training and not found["predictions"] & training
    assert (results / "predictions.json").read_bytes() == before
    assert would_run(unchanged, target, *TARGETS, *ON_REQUEST) == {}
    table = pd.read_csv(unchanged / target)
    assert list(table.columns) == CORLOC_COLUMNS and set(table["split"]) == {"test", "train"}
    means = table[(table["class"] == "mean") & (table["iou_threshold"] == 0.5)].set_index(["model", "split"])
    models = {"tiny", "random tube", "most confident detection", "largest tube", "no attention"}
    assert set(means.index) == {(model, split) for model in models for split in ("test", "train")}
    # broken videos count in the test split
    assert means["videos"].unstack().loc["tiny"].to_dict() == {"test": 6 + len(BROKEN), "train": 6}
    assert means[["corloc", "accuracy"]].apply(lambda column: column.between(0, 1)).all(axis=None)
    configure(unchanged, {"evaluation.resamples": 20, "evaluation.interpolation": "trapezoid"})
    assert would_run(unchanged, target) == {"evaluate_corloc": 1}
    configure(unchanged, {"evaluation.resamples": 1000, "models.tiny.class_score": "class"})
    rules = {"score_tubes", "score_training_videos", "evaluate_corloc"}
    assert would_run(unchanged, target).keys() == rules


def test_broken_videos_are_recorded_and_the_others_are_processed(mine):
    failures = pd.read_csv(mine / "results" / "mine" / "failures.csv")
    assert set(failures["video"]) == {f"videos/{name}" for name in BROKEN}
    stages = failures.set_index("video")["stage"].to_dict()
    assert stages["videos/missing"] == "manifest" and stages["videos/empty"] == "frames"
    for shard in (mine / "results" / "mine" / "tubes" / "fixed").glob("*.h5"):
        with ShardReader(shard, "tubes/1") as reader:
            assert all(reader[video].attrs["frames"] == 8 for video in reader)


def test_a_video_without_detections_has_no_tubes_and_is_not_a_failure(mine):
    counts = {}
    for shard in (mine / "results" / "mine" / "predictions").rglob("*.h5"):
        with ShardReader(shard, "predictions/1") as reader:
            counts |= {video: len(reader[video]["boxes"]) for video in reader}
    assert len(counts) == 6
    assert sorted(counts.values())[0] == 0 and sorted(counts.values())[1] > 0


def test_a_second_run_does_nothing(mine):
    assert would_run(mine, *TARGETS) == {}


def test_results_are_few_files_and_none_belongs_to_one_video(mine):
    files = [path for path in (mine / "results" / "mine").rglob("*") if path.is_file()]
    shards = [path for path in files if re.fullmatch(r"\d{4}\.h5", path.name)]
    buckets = {path.stem for path in shards}
    assert len(buckets) == 3 and len(shards) <= 6 * len(buckets)
    assert all(path.parent.name in ("frames", "given", "fixed", "seed0") for path in shards)
    # the number of other files does not depend on the number of videos; each may have a checksum file
    assert len(files) - len(shards) < 2 * 20


@pytest.mark.parametrize("table", ["results/mine/ground_truth.csv", "results/mine/videos.csv"])
def test_a_damaged_table_is_reported_and_remade(unchanged, table):
    target = "results/mine_recall.csv"
    before, whole = ((unchanged / name).read_bytes() for name in (target, table))
    (unchanged / table).write_bytes(whole[: whole.rindex(b"\n", 0, -1) + 1])
    text = snakemake(unchanged, target, fails=True)
    assert f"{table}: damaged" in text and "delete it and run again" in text
    (unchanged / table).unlink()
    # no target needs the table any more, so it is requested
    snakemake(unchanged, *TARGETS, table, fork_jobs=True)
    assert (unchanged / table).read_bytes() == whole and (unchanged / target).read_bytes() == before


def test_the_cost_is_summed_on_request_and_re_runs_nothing(mine):
    target = "results/mine/cost.csv"
    assert would_run(mine, target) == {"sum_cost": 1}
    snakemake(mine, target, fork_jobs=True)
    cost = pd.read_csv(mine / target).set_index("stage")
    buckets = len(list((mine / "results" / "mine" / "frames").glob("*.h5")))
    assert (cost.loc[["decode_frames", "detect_actors", "link_actors"], "jobs"] == buckets).all()
    assert {"train_attention", "score_tubes", "evaluate_map", "collect_failures"} < set(cost.index)
    assert cost.loc["train_attention", "cpu_seconds"] > 1 and cost.loc["all", "wall_seconds"] > 1
    # two of the broken videos are not even files
    assert (cost["videos"] == 12 + len(BROKEN) - 2).all()
    assert cost.index[-1] == "all" and cost["jobs"].iloc[:-1].sum() == cost["jobs"].iloc[-1]
    assert would_run(mine, *TARGETS, target) == {}
    record = mine / "benchmarks/results/mine/evaluate_map.tsv"
    record.write_text(record.read_text())
    assert would_run(mine, *TARGETS, target) == {"sum_cost": 1}


def test_training_reads_no_boxes(mine):
    """The same videos without ground truth train to the same weights."""
    snakemake(mine, "results/blind/models/fixed/tiny/seed0.pt")  # in new processes, as `mine` was
    seen, blind = (load_weights(mine / f"results/{d}/models/fixed/tiny/seed0.pt") for d in ("mine", "blind"))
    assert seen["state"].keys() == blind["state"].keys()
    assert all((seen["state"][name] == blind["state"][name]).all() for name in seen["state"])


def test_tubes_are_exported_and_read_as_ground_truth(unchanged):
    """Exported tubes can be read as ground truth of the same videos, in each format."""
    snakemake(unchanged, "results/mine/exports/coco.json", fork_jobs=True)
    exports = unchanged / "results" / "mine" / "exports"
    assert would_run(unchanged, "results/mine/exports/coco.json", "results/mine/exports/mot") == {}
    shutil.copytree(exports / "cvat" / "videos", exports.parent / "copied" / "cvat" / "videos")
    for form, name in (("coco", "coco.json"), ("mot", "mot"), ("cvat", "../copied/cvat")):
        changes = yaml.safe_load((unchanged / "config.yaml").read_text(encoding="utf-8"))["datasets"]["blind"]
        configure(
            unchanged, {f"datasets.{form}": changes | {"ground_truth": str((exports / name).resolve())}}
        )
        jobs = would_run(unchanged, f"results/{form}/ground_truth.csv")
        assert jobs["write_ground_truth"] == 1
    snakemake(unchanged, "results/mot/ground_truth.csv", "results/coco/ground_truth.csv", fork_jobs=True)
    tables = [pd.read_csv(unchanged / "results" / form / "ground_truth.csv") for form in ("mot", "coco")]
    counts = [table.groupby(["video", "class"]).size() for table in tables]
    assert len(tables[0]) > 0
    pd.testing.assert_series_equal(*counts)


def test_evaluation_without_ground_truth_is_refused_with_a_hint(mine):
    text = snakemake(mine, "--dry-run", "results/blind_map.csv", fails=True)
    assert "it has no ground truth to evaluate with" in text and "predictions.json" in text
    assert "evaluate_map" not in would_run(mine, "results/blind/predictions.json")


def test_a_changed_evaluation_setting_re_runs_only_the_evaluation(unchanged):
    configure(unchanged, {"evaluation.interpolation": "trapezoid"})
    assert would_run(unchanged, *TARGETS) == {"evaluate_map": 1}
    configure(unchanged, {"evaluation.iou_thresholds": [0.2, 0.6]})
    assert would_run(unchanged, *TARGETS) == {"evaluate_map": 1, "evaluate_recall": 1}


def test_a_changed_linker_keeps_the_detections(unchanged):
    configure(unchanged, {"linkers.fixed.filter_iou": 0.5})
    rules = would_run(unchanged, *TARGETS)
    assert rules["link_actors"] == 3 and rules["evaluate_recall"] == 1 and rules["train_attention"] == 1
    assert not rules.keys() & {"detect_actors", "decode_frames", "write_video_table", "write_ground_truth"}


@pytest.mark.parametrize(
    ("module", "old", "new", "first"),
    [
        ("frames/decode.py", "DEFAULT_FPS = 25.0\n", "DEFAULT_FPS = 24.0\n", "decode_frames"),
        ("detection/detectors/supplied.py", "import json\n", "import json\n\nADDED = 1\n", "detect_actors"),
        (
            "linking/trackers/static.py",
            "import numpy as np\n",
            "import numpy as np\n\nADDED = 1\n",
            "link_actors",
        ),
        ("linking/algorithm.py", "import numpy as np\n", "import numpy as np\n\nADDED = 1\n", "link_actors"),
        ("attention/training.py", "import math\n", "import math\n\nADDED = 1\n", "train_attention"),
        ("attention/scoring.py", "import numpy as np\n", "import numpy as np\n\nADDED = 1\n", "score_tubes"),
        ("evaluation/tables.py", "import numpy as np\n", "import numpy as np\n\nADDED = 1\n", "evaluate_map"),
        (
            "datasets/ground_truth.py",
            "import pandas as pd\n",
            "import pandas as pd\n\nADDED = 1\n",
            "write_ground_truth",
        ),
        (
            "frames/video_table.py",
            "import pandas as pd\n",
            "import pandas as pd\n\nADDED = 1\n",
            "write_video_table",
        ),
        ("workflow/failures.py", "import csv\n", "import csv\n\nADDED = 1\n", "collect_failures"),
    ],
)
def test_changed_code_re_runs_its_stage_and_none_before(unchanged, module, old, new, first):
    order = ["decode_frames", "detect_actors", "link_actors", "train_attention", "score_tubes"]
    order += ["collect_failures", "write_video_table", "write_ground_truth", "evaluate_map"]
    edit(unchanged / "actorsup" / module, old, new)
    rules = would_run(unchanged, *TARGETS)
    assert first in rules
    assert not rules.keys() & set(order[: order.index(first)])


def test_edits_of_messages_the_plan_and_unused_types_re_run_nothing(unchanged):
    library = unchanged / "actorsup"
    edit(library / "errors.py", "it is nested too deeply", "it is nested much too deeply")
    others = ("detection/detectors/yolox", "linking/trackers/nanotrack", "linking/linkers/viterbi")
    others += ("attention/torchvision_trunks", "attention/encoders/vgg16", "datasets/readers/a2d")
    for name in (*others, "logs", "registry", "workflow/check", "formats/convert"):
        path = library / f"{name}.py"
        path.write_text(path.read_text(encoding="utf-8") + "\nADDED = 1\n", encoding="utf-8")
    added = library / "detection" / "detectors" / "added.py"
    added.write_text("TYPE = None\n", encoding="utf-8")
    assert would_run(unchanged, *TARGETS) == {}
    added.unlink()


def test_comments_docstrings_and_formatting_re_run_nothing(unchanged):
    static = unchanged / "actorsup" / "linking" / "trackers" / "static.py"
    text = static.read_text(encoding="utf-8")
    documented = re.sub(r'^"""', '"""Reworded: ', text, count=1)
    static.write_text("# a comment\n" + documented + "\n\n# the end\n", encoding="utf-8")
    assert would_run(unchanged, *TARGETS) == {}


def test_a_touched_video_re_runs_nothing(unchanged):
    for path in (unchanged.parent / "data" / "videos").glob("*.avi"):
        path.touch()
    assert would_run(unchanged, *TARGETS) == {}


def test_an_added_video_re_runs_one_bucket_of_each_stage(unchanged):
    data = unchanged.parent / "data"
    added = data / "videos" / "added.avi"
    shutil.copy(next((data / "videos").glob("v_*.avi")), added)
    with open(data / "videos.csv", "a", encoding="utf-8") as stream:
        stream.write("videos/added,test,kick\n" if "split,label" in (data / "videos.csv").read_text() else
                     "videos/added,kick,test\n")  # fmt: skip
    rules = would_run(unchanged, *TARGETS)
    added.unlink()
    for stage in ("decode_frames", "detect_actors", "link_actors", "score_tubes"):
        assert rules[stage] == 1, stage
    assert "train_attention" not in rules


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_video_with_changed_content_re_runs_one_bucket_of_each_stage(unchanged, split):
    data = unchanged.parent / "data"
    table = pd.read_csv(data / "videos.csv", keep_default_na=False)
    whole = [name for name in table.query("split == @split")["video"] if (data / f"{name}.avi").exists()]
    changed, other = (data / f"{name}.avi" for name in whole[:2])
    content = changed.read_bytes()
    changed.write_bytes(other.read_bytes())
    rules = would_run(unchanged, *TARGETS)
    changed.write_bytes(content)
    for stage in ("decode_frames", "detect_actors", "link_actors"):
        assert rules[stage] == 1, stage
    # only training videos are trained on
    assert rules.get("train_attention", 0) == (split == "train")
    assert rules["score_tubes"] == (1 if split == "test" else scored_shards(unchanged))


def scored_shards(folder: Path) -> int:
    return len(list((folder / "results" / "mine" / "predictions").rglob("*.h5")))


def test_a_moved_root_re_runs_no_heavy_stage(unchanged, tmp_path):
    shutil.copytree(unchanged.parent / "data", tmp_path / "moved")
    configure(unchanged, {"datasets.mine.root": str(tmp_path / "moved")})
    heavy = {"decode_frames", "detect_actors", "link_actors", "train_attention", "score_tubes"}
    assert not would_run(unchanged, *TARGETS).keys() & heavy


def test_another_seed_trains_another_model(mine):
    snakemake(mine, *(f"results/blind/models/fixed/tiny/seed{seed}.pt" for seed in (0, 1)), fork_jobs=True)
    first, second = (load_weights(mine / f"results/blind/models/fixed/tiny/seed{s}.pt") for s in (0, 1))
    assert any((first["state"][name] != second["state"][name]).any() for name in first["state"])


def test_an_ablation_is_one_target_with_one_table(unchanged):
    models = ["tiny", "tiny+nms_iou=0.2", "tiny+k=1"]
    section = {"models": models, "linkers": ["fixed", "fixed+tubes=2"], "seeds": [0, 1]}
    configure(unchanged, {"ablations.few": section})
    target = "results/mine/ablations/few.csv"
    rules = would_run(unchanged, target)
    # two linkers, two seeds; models that differ only in scoring share a training; one model exists already
    assert rules["train_attention"] == 2 * 2 * 2 - 1
    snakemake(unchanged, target, fork_jobs=True)
    table = pd.read_csv(unchanged / target)
    assert list(table["model"].unique()) == models and len(table["linker"].unique()) == 2
    assert (table["seeds"] == 2).all()
    whole = pd.read_csv(unchanged / "results" / "mine_map.csv")
    wanted = whole[(whole["class"] == "mean") & (whole["iou_threshold"] == "0.2")]["average_precision"].item()
    mine_ = table[
        (table["model"] == "tiny") & (table["linker"] == "fixed") & (table["iou_threshold"] == "0.2")
    ]
    low, high, mean, deviation = (mine_[name].item() for name in ("lowest", "highest", "mean", "deviation"))
    assert low == pytest.approx(wanted, abs=1e-6) or high == pytest.approx(wanted, abs=1e-6)
    assert mean == pytest.approx((low + high) / 2, abs=2e-6)
    assert deviation == pytest.approx((high - low) / 2**0.5, abs=2e-6)
    assert would_run(unchanged, target) == {}


def test_map_by_epoch_names_the_setting_it_needs_and_ends_at_the_map_of_the_model(unchanged):
    target = "results/mine/map_by_epoch.csv"
    assert "training.keep_epochs" in snakemake(unchanged, "--dry-run", target, fails=True)
    configure(unchanged, {"training.keep_epochs": True, "models.twice": {**TINY, "epochs": 2}})
    configure(unchanged, {"datasets.mine.models": ["twice"], "ablations.end": {"models": ["twice"]}})
    end = "results/mine/ablations/end.csv"
    snakemake(unchanged, target, end, fork_jobs=True)
    table = pd.read_csv(unchanged / target)
    assert sorted(table["epoch"].unique()) == [1, 2]
    means = pd.read_csv(unchanged / end).set_index("iou_threshold")["mean"]
    last = table[table["epoch"] == 2].set_index("iou_threshold")["average_precision"]
    pd.testing.assert_series_equal(last, means, check_names=False)


def test_settings_of_the_training_process_re_train_nothing(unchanged):
    configure(unchanged, {"training.processes": 2, "training.checkpoint_steps": 7})
    assert would_run(unchanged, *TARGETS) == {}


def test_a_model_with_other_classes_is_refused(unchanged):
    table = unchanged.parent / "data" / "videos.csv"
    trained = unchanged / "results/mine/models/fixed/tiny/seed0.pt"
    rows = pd.read_csv(table, keep_default_na=False)
    rows["label"] = rows["label"].replace({name: f"other {name}" for name in set(rows["label"]) - {""}})
    rows.to_csv(table, index=False)
    configure(unchanged, {"models.old": {"trained": str(trained)}, "datasets.blind.models": ["old"]})
    text = snakemake(unchanged, "results/blind/predictions.json", fails=True, fork_jobs=True)
    assert "knows the classes crawl" in text and "none of the data set's other" in text


def test_unlabeled_videos_are_predicted_with_a_trained_model(mine, tmp_path):
    folder = copy_workflow(mine, tmp_path / "house", {})
    plain = {
        "type": "folder", "root": str(mine.parent / "data" / "videos"), "actors": ["person"],
        "linkers": ["unmoved"], "models": ["old"], "seeds": [0], "shards": 2,
    }  # fmt: skip
    configure(folder, {"datasets.plain": plain | {"models": ["tiny"]}})
    detections = pd.read_csv(mine.parent / "data" / "detections.csv")
    here = detections.assign(video=detections["video"].str.removeprefix("videos/"))
    here.to_csv(tmp_path / "detections.csv", index=False)
    configure(folder, {"detectors.here": {"type": "supplied", "path": str(tmp_path / "detections.csv")}})
    configure(folder, {"linkers.unmoved": {"type": "static", "detector": "here", "tubes": 4}})
    text = snakemake(folder, "--dry-run", "results/plain/predictions.json", fails=True)
    assert "name a model that is trained already: models.NAME.trained" in text
    trained = mine / "results/mine/models/fixed/tiny/seed0.pt"
    configure(folder, {"datasets.plain": plain, "models.old": {"trained": str(trained)}})
    snakemake(folder, "results/plain/predictions.json", fork_jobs=True)
    found = json.loads((folder / "results/plain/predictions.json").read_text(encoding="utf-8"))
    assert len(str(found)) > 1000
    shards = list((folder / "results/plain/predictions/unmoved/old/seed0").glob("*.h5"))
    assert shards and not (folder / "results/plain/models").exists()


def test_a_changed_label_decodes_and_links_nothing(unchanged):
    table = unchanged.parent / "data" / "videos.csv"
    rows = pd.read_csv(table, keep_default_na=False)
    train = rows.index[rows["split"] == "train"][0]
    rows.loc[train, "label"] = "kick" if rows.loc[train, "label"] != "kick" else "squat"
    rows.to_csv(table, index=False)
    rules = would_run(unchanged, *TARGETS)
    assert rules["train_attention"] == 1
    assert not rules.keys() & {"decode_frames", "detect_actors", "link_actors"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"linkers.fixed.filter_iuo": 0.5}, "linkers.fixed: unknown key 'filter_iuo'"),
        ({"datasets.mine.table": "nowhere.csv"}, "datasets.mine.table: no such file"),
        ({"datasets.mine.classes": ["kick"]}, "is unknown; allowed: kick"),
        # files of a rule whose outputs exist already
        ({"detectors.given.path": "nowhere.csv"}, "detectors.given.path: no such file"),
        ({"models.tiny.weights": "nowhere.pth"}, "models.tiny.weights: no such file"),
        ({"models.tiny.weights": "published"}, "'published' is not available"),
        ({"models.tiny.weights": "detector:given"}, "'detector:given' has no trunk"),
        ({"models.tiny": {"trained": "nowhere.pt"}}, "models.tiny.trained: no such file"),
        (
            {"linkers.fixed": {"type": "siamese", "detector": "given", "weights": "no.pth"}},
            "linkers.fixed.weights",
        ),
        (
            {"linkers.fixed": {"type": "siamese", "detector": "given", "weights": "trained"}},
            "name it under training:",
        ),
        (
            {"detectors.given": {"type": "yolox", "weights": "no.onnx"}},
            "detectors.given.weights: no such file",
        ),
    ],
)
def test_a_mistake_in_the_configuration_is_reported_before_any_work(unchanged, changes, words):
    configure(unchanged, changes)
    for target in TARGETS:
        text = snakemake(unchanged, "--dry-run", target, fails=True)
        assert words in text and "Traceback (most recent" not in text


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("gt.csv", "kick", "kcik", "class 'kcik' is unknown; allowed: .*did you mean 'kick'"),
        ("gt.csv", "tube", "tub", "column 'tube' is missing"),
        ("gt.csv", "videos/", "", "no box of a test video, such as 'videos/"),
        ("videos.csv", "test", "", "no video has the split test"),
        ("videos.csv", "test", "train", "no video has the split test"),
    ],
)
def test_a_mistake_in_the_tables_is_reported_before_any_work(unchanged, name, old, new, words):
    table = unchanged.parent / "data" / name
    table.write_text(table.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    text = snakemake(unchanged, "--dry-run", "results/mine_map.csv", fails=True)
    assert re.search(words, text), text


def test_a_data_set_with_nothing_to_predict_is_reported_before_any_work(unchanged):
    table = unchanged.parent / "data" / "videos.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("test", "train"), encoding="utf-8")
    text = snakemake(unchanged, "--dry-run", "results/mine/predictions.json", fails=True)
    assert "there is no video to score" in text


def test_the_command_in_the_sample_configuration_parses(mine, monkeypatch):
    for name in ("CLIPS", "WEIGHTS"):
        monkeypatch.delenv(name, raising=False)
    text = (mine / "samples" / "thumos13.yaml").read_text(encoding="utf-8")
    command = re.search(r"^#   snakemake (.*)$", text, flags=re.M)[1].split()
    text = snakemake(mine, "--dry-run", *command, fails=True)
    assert re.search("needs the environment variable (CLIPS|WEIGHTS); set it", text)


def test_an_unknown_data_set_is_reported(mine):
    text = snakemake(mine, "--dry-run", "results/thumos31_map.csv", fails=True)
    assert "there is no 'thumos31'; allowed: " in text and "did you mean 'thumos13'?" in text


def test_python_and_the_workflow_predict_the_same(mine):
    written = json.loads((mine / "results/mine/predictions.json").read_text(encoding="utf-8"))
    predictor = actorsup.load("mine", folder=mine)
    for video, expected in written["videos"].items():
        # the supplied detections are keyed by the video's id
        found = json.loads(predictor.predict(mine.parent / "data" / f"{video}.avi", video).to_json())
        tubes, others = (each.pop("tubes") for each in (found["videos"][video], expected))
        assert found["videos"][video] == expected and len(tubes) == len(others)
        for tube, other in zip(tubes, others, strict=True):
            # jobs use another number of threads
            assert tube.pop("class_score") == pytest.approx(other.pop("class_score"), abs=1e-6)
            assert tube == other


def test_a_missing_folder_of_new_videos_is_reported_only_when_needed(unchanged):
    text = snakemake(unchanged, "--dry-run", "results/myvideos/report.html", fails=True)
    lines = [line for line in text.splitlines() if "datasets.myvideos.root: no such file or folder" in line]
    assert len(lines) == 1 and f"folder: myvideos, relative to the working folder {unchanged}; " in lines[0]
    assert "create it and put videos into it" in lines[0]
    assert would_run(unchanged, *TARGETS) == {}
    snakemake(unchanged, "--dry-run")
    (unchanged / "myvideos").mkdir()
    text = snakemake(unchanged, "--dry-run", "results/myvideos/report.html", fails=True)
    assert "datasets.myvideos: there is no video in myvideos" in text
    (unchanged / "myvideos").rmdir()


@pytest.mark.slow
def test_a_report_of_tables_and_pictures_builds(mine, tmp_path):
    """One archive has each table and picture with its caption, category and labels."""
    made = [
        "videos.csv",
        "failures.csv",
        "errors.csv",
        "confidence_intervals.csv",
        "tubes.png",
        "drawn_videos",
    ]
    targets = [*TARGETS[:2], *(f"results/mine/{name}" for name in made)]
    snakemake(mine, *targets)
    snakemake(mine, "--report", str(tmp_path / "report.zip"), *targets)
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    page = b"".join(content for name, content in inside.items() if name.endswith(("html", "js"))).decode()
    for name in ("mine_map.csv", "mine_recall.csv", *made[:-1], "seed0.csv"):
        assert any(f"/{name}" in one for one in inside), name
    assert sum(name.endswith(".webm") for name in inside) == 6
    for category in ("Evaluation", "Videos", "Pictures", "Training"):
        assert f'"{category}"' in page
    for words in ("Average precision of each class of", "training never uses", "could not be used"):
        assert words in page
    assert "snakemake.wildcards" not in page


def test_captions_and_outputs_match(repository):
    rules = "".join(path.read_text(encoding="utf-8") for path in (repository / "rules").glob("*.smk"))
    rules = re.sub(r"\s+", " ", rules)
    used = set(re.findall(r'in_report\( ?(?:directory\()?"[^"]+"\)?, "(\w+)", "[A-Z]\w+"', rules))
    there = {path.stem for path in (repository / "report").glob("*.rst")} - {"workflow"}
    assert used == there and len(used) >= 10
    bare = set()
    for outputs in re.findall(r"output: (.*?) (?:log|conda|params|message):", rules):
        bare |= set(re.findall(r'"([^"]*)\.(?:csv|png)"', re.sub(r"in_report\(.*?\),", "", outputs)))
    # intermediate tables, and training curves of networks that several data sets share
    assert bare == {
        "results/{dataset}/ground_truth",
        "results/{dataset}/annotated",
        "results/{dataset}/source/videos",
        "results/{dataset}/source/ground_truth",
        "results/{dataset}/models/{linker}/{model}/seed{seed}_steps",
        "results/weights/detectors/{detector}",
        "results/weights/linkers/{linker}",
    }


# ------------------------------------------------------------------ the demo, in miniature


@pytest.fixture(scope="module")
def demo(repository, tmp_path_factory) -> Path:
    """The demo with every part made and trained, but on too little data to be accurate."""
    changes = {
        "datasets.demo.train_videos": 6,
        "datasets.demo.test_videos": 6,
        "datasets.demo.stills": 40,
        "datasets.demo.sequences": 4,
        "detectors.demo_ssd.min_score": 0.01,
        "detectors.demo_ssd.training.epochs": 1,
        "linkers.demo_siamese.training.epochs": 1,
        "linkers.demo_siamese.training.pairs": 2,
        "linkers.demo_siamese.tubes": 3,
        "models.demo.epochs": 1,
        "models.demo.tubes": 3,
        "models.demo.k": 2,
    }
    folder = copy_workflow(repository, tmp_path_factory.mktemp("demo") / "house", changes)
    snakemake(folder, fork_jobs=True)
    return folder


def test_the_demo_end_to_end_in_miniature(demo):
    folder = demo
    table = pd.read_csv(folder / "results" / "demo_map.csv")
    assert np.isfinite(table["average_precision"]).all()
    assert set(table.columns[:4]) == {"dataset", "linker", "model", "seed"}
    recall = pd.read_csv(folder / "results" / "demo_recall.csv")
    assert recall["proposals"].max() == 3
    assert (folder / "results/demo/failures.csv").read_text() == "video,stage,reason\n"
    assert would_run(folder) == {}


def test_inference_settings_re_train_no_network(demo, tmp_path):
    folder = demo
    before = (folder / "config.yaml").read_text(encoding="utf-8")
    # inference settings re-run detection and linking, but no training
    configure(folder, {"linkers.demo_siamese.filter_iou": 0.5, "linkers.demo_siamese.window_influence": 0.2})
    configure(folder, {"detectors.demo_ssd.nms_iou": 0.5})
    rules, shards = would_run(folder), len(list((folder / "results/demo/frames").glob("*.h5")))
    assert rules["detect_actors"] == rules["link_actors"] == shards
    assert not rules.keys() & {"train_detector", "train_siamese"}
    configure(folder, {"detectors.demo_ssd.training.epochs": 2, "linkers.demo_siamese.training.pairs": 3})
    assert {"train_detector", "train_siamese"} <= would_run(folder).keys()
    (folder / "config.yaml").write_text(before, encoding="utf-8")


@pytest.mark.slow
def test_new_videos_are_predicted_with_the_demo_model(demo):
    """The commands of the README: the demo, the page of new videos, exports for other programs."""
    folder = demo / "myvideos" / "deep" / "down"
    folder.mkdir(parents=True)
    made = demo / "results" / "demo" / "source" / "videos"
    shutil.copy(made / "v_0006.avi", folder / "it's <b> naïve.avi")
    (demo / "myvideos" / "linked.avi").symlink_to(made / "v_0007.avi")
    (demo / "myvideos" / "broken.avi").write_text("no video")
    targets = ["report.html", "predictions.json", "exports/coco.json", "exports/cvat", "drawn_videos"]
    targets = [f"results/myvideos/{name}" for name in targets]
    rules = would_run(demo, *targets)
    assert not rules.keys() & {"train_attention", "train_detector", "train_siamese", "make_demo_videos"}
    snakemake(demo, *targets)
    results = demo / "results" / "myvideos"
    found = json.loads((results / "predictions.json").read_text(encoding="utf-8"))
    assert set(found["videos"]) == {"deep/down/it's <b> naïve", "linked"}
    assert pd.read_csv(results / "failures.csv")["video"].tolist() == ["broken"]
    assert "linked" in (results / "report.html").read_text(encoding="utf-8")
    assert len(list((results / "drawn_videos").rglob("*.webm"))) == 2
    assert would_run(demo, *targets) == {}
    # Python predicts the same boxes as the workflow
    first = json.loads(actorsup.load("demo", folder=demo).predict(demo / "myvideos/linked.avi").to_json())
    boxes = [[tube["boxes"] for tube in each["videos"]["linked"]["tubes"]] for each in (first, found)]
    np.testing.assert_allclose(*boxes, atol=0.011)
    (demo / "myvideos" / "linked.avi").unlink()
    assert "train_attention" not in would_run(demo, *targets)
