"""Frame mAP, error analysis, confidence intervals and actors, against pycocotools and literal loops."""

import contextlib
import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_evaluation_protocol import CLASSES, make

from actorsup import evaluation
from actorsup.boxes import paired_iou
from actorsup.datasets.readers.thumos13 import Thumos13
from actorsup.evaluation import EvaluationProtocol, Predictions, ground_truth_tube, predicted_tubes
from actorsup.evaluation.bootstrap import draw_resamples
from actorsup.evaluation.error_analysis import KINDS

BOX, FAR = [0, 0, 10, 10], [50, 50, 60, 60]


def sides(seed: int, prefix: str = "", actors: bool = False):
    truth, made, scores = make(seed)
    random = np.random.default_rng(seed)
    ground_truth = {
        prefix + v: [
            ground_truth_tube(a, *t, actor=random.choice(["cat", "dog"]) if actors else "") for a, t in true
        ]
        for v, true in truth.items()
    }
    found = {prefix + v: predicted_tubes(tubes, scores[v].reshape(-1, 2)) for v, tubes in made.items()}
    return ground_truth, Predictions(found, CLASSES)


# ------------------------------------------------------------------------------- frame mAP


def coco_frame_ap(truth, predictions, iou: float, column: int, annotated=None) -> float:
    """The result of pycocotools with its curve read at every recall: the whole envelope."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def xywh(box):
        x1, y1, x2, y2 = map(float, box)
        return [x1, y1, x2 - x1, y2 - y1]

    images = {(v, f): n for n, (v, f) in enumerate(((v, f) for v in truth for f in range(20)), 1)}
    boxes = [
        (images[v, f], box)
        for v, tubes in truth.items()
        for t in tubes
        if t.action == CLASSES[column]
        for f, box in zip(t.frames.tolist(), t.boxes, strict=True)
        if annotated is None or f in annotated[v]
    ]
    if not boxes:
        return float("nan")
    detections = [
        {"image_id": images[v, f], "category_id": 1, "bbox": xywh(tubes.boxes[p, f]), "score": float(s)}
        for v, tubes in predictions.videos.items()
        for p, s in enumerate(tubes.class_score[:, column])
        for f in np.flatnonzero(~np.isnan(tubes.boxes[p, :, 0])).tolist()
        if annotated is None or f in annotated[v]
    ]
    if not detections:
        return 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": n} for n in images.values()],
            "categories": [{"id": 1}],
            "annotations": [
                {"id": n, "image_id": i, "category_id": 1, "bbox": xywh(b), "area": 100.0, "iscrowd": 0}
                for n, (i, b) in enumerate(boxes, 1)
            ],
        }
        coco.createIndex()
        evaluator = COCOeval(coco, coco.loadRes(detections), "bbox")
        evaluator.params.iouThrs = np.array([iou])
        evaluator.params.recThrs = np.arange(1, len(boxes) + 1) / len(boxes)
        evaluator.params.maxDets = [1, 10, 1000]
        evaluator.params.areaRng, evaluator.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluator.evaluate()
        evaluator.accumulate()
    return float(np.mean(evaluator.eval["precision"][0, :, 0, 0, 2]))


def has_iou_ties(truth, predictions) -> bool:
    """Whether a box overlaps two boxes of a class equally; pycocotools takes the last, we take the first."""
    for video, tubes in predictions.videos.items():
        for action in CLASSES:
            for frame in range(tubes.boxes.shape[1]):
                true = [t.boxes[t.frames == frame] for t in truth[video] if t.action == action]
                true = np.concatenate([np.zeros((0, 4)), *true]).astype(float)
                boxes = tubes.boxes[:, frame].astype(float)
                for box in boxes[~np.isnan(boxes[:, 0])]:
                    overlap = np.sort(np.round(paired_iou(box[None], true), 9))
                    if ((np.diff(overlap) == 0) & (overlap[1:] > 0)).any():
                        return True
    return False


@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_frame_map_equals_pycocotools(seed):
    truth, predictions = sides(seed)
    assume(not has_iou_ties(truth, predictions))
    random = np.random.default_rng(seed)
    frames = {v: {*np.flatnonzero(random.random(20) < 0.6).tolist()} for v in truth}
    for annotated in (None, frames):
        table = evaluation.frame_average_precision(truth, predictions, (0.5, 0.3), annotated=annotated)
        found = table.set_index(["class", "iou_threshold"])["average_precision"]
        for column, action in enumerate(CLASSES):
            for iou in (0.5, 0.3):
                # 1e-9 less, so that an IoU that is the threshold counts however it is rounded
                expected = coco_frame_ap(truth, predictions, iou - 1e-9, column, annotated)
                mine = found[action, f"{iou:g}"]
                assert mine == pytest.approx(expected, nan_ok=True)


def test_frame_map_by_hand():
    truth = {"a": [ground_truth_tube("run", [0, 1, 2, 3], [BOX] * 4)], "b": []}
    tubes = predicted_tubes([([0, 1], [BOX, FAR])], [[0.9, np.nan]])
    predictions = Predictions(
        {"a": tubes, "b": predicted_tubes([([0], [BOX])], [[1.0, 0.5]])}, ("run", "jump")
    )
    table = evaluation.frame_average_precision(truth, predictions).set_index("class")
    assert table.loc["run"].tolist() == ["0.5", pytest.approx(0.25 * 1 / 2), 4, 3]
    assert np.isnan(table.loc["jump", "average_precision"]) and table.loc["jump", "boxes"] == 1
    assert table.loc["mean", "average_precision"] == pytest.approx(0.125)


# --------------------------------------------------------------------------- error analysis


def literal_kind(found, number, p, action, iou, taken) -> str:
    """The definition, for one prediction that matches no ground truth."""
    truth = [(q, t.action == action, found[number][p][q]) for q, t in enumerate(taken["truth"][number])]
    own = [(i, q) for q, mine, i in truth if mine]
    if own and max(own)[0] >= iou:
        return "duplicate"
    if any(i >= iou for _, mine, i in truth if not mine):
        return "wrong class"
    if own and max(own)[0] >= 0.1:
        best, q = max(own, key=lambda one: (one[0], -one[1]))
        temporal = taken["temporal"](number, p, q)
        # the best IoU is rounded to 12 decimals, so a tie is known to fewer; boxes in a tie
        return "poor time" if temporal < best / temporal - 1e-9 else "poor boxes"
    return "background"


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_kinds_equal_their_definition_and_add_up(seed):
    truth, predictions = sides(seed)
    kinds = evaluation.prediction_kinds(truth, predictions, 0.4)
    table = counts(evaluation.errors(truth, predictions, 0.4))
    ious = {
        v: [[float(x) for x in row] for row in overlap_of(truth[v], tubes)]
        for v, tubes in predictions.videos.items()
    }

    def temporal(video, p, q):
        mine = {*np.flatnonzero(~np.isnan(predictions.videos[video].boxes[p, :, 0])).tolist()}
        theirs = {*truth[video][q].frames.tolist()}
        return len(mine & theirs) / len(mine | theirs)

    for action in CLASSES:
        rows = kinds[kinds["class"] == action]
        assert rows["rank"].tolist() == list(range(1, len(rows) + 1))
        assert rows["score"].is_monotonic_decreasing
        free = {v: {q for q, t in enumerate(tubes) if t.action == action} for v, tubes in truth.items()}
        count = sum(map(len, free.values()))
        for row in rows.itertuples():
            left = [(ious[row.video][row.tube][q], -q) for q in free[row.video]]
            if left and max(left)[0] >= 0.4:
                assert (row.kind, row.ground_truth) == ("correct", -max(left)[1])
                free[row.video].remove(row.ground_truth)
            else:
                about = {"truth": truth, "temporal": temporal}
                assert row.kind == literal_kind(ious, row.video, row.tube, action, 0.4, about), row
            assert (row.ground_truth == -1) == (row.kind == "background")
        for which, some in (("all", rows), ("top", rows[:count])):
            if action in table.index:
                assert table[action, which].drop("missed").to_dict() == {
                    kind: int((some["kind"] == kind).sum()) for kind in KINDS
                }
                assert table[action, which]["correct"] + table[action, which]["missed"] == count
    assert table["all", "all"].drop("missed").sum() == len(kinds)


def counts(table: pd.DataFrame) -> pd.Series:
    return table.set_index(["class", "predictions", "kind"])["count"].sort_index()


def overlap_of(truth, tubes):
    dense = np.full((len(truth), 40, 4), np.nan, np.float32)
    for one, tube in zip(dense, truth, strict=True):
        one[tube.frames] = tube.boxes
    longer = np.full((len(tubes), 40, 4), np.nan, np.float32)
    longer[:, : tubes.frames] = tubes.boxes
    return evaluation.tube_iou(longer, dense)


def test_each_kind_by_hand():
    frames = np.arange(10)
    truth = {
        "a": [ground_truth_tube("run", frames, [BOX] * 10), ground_truth_tube("jump", frames, [FAR] * 10)],
        "b": [ground_truth_tube("run", frames, [BOX] * 10)],
    }
    made = [
        (frames, [BOX] * 10),  # correct
        (frames, [[0, 0, 10, 9]] * 10),  # duplicate
        (frames, [FAR] * 10),  # wrong class
        (frames, [[0, 0, 10, 4]] * 10),  # poor boxes
        (frames[:4], [BOX] * 4),  # poor time
        (frames, [[100, 100, 110, 110]] * 10),  # background
        (frames[:5], [[0, 0, 10, 1]] * 5),  # background: below 0.1
    ]
    scores = np.column_stack([np.linspace(0.9, 0.3, 7), np.full(7, np.nan)])
    predictions = Predictions({"a": predicted_tubes(made, scores)}, ("run", "jump"))
    kinds = evaluation.prediction_kinds(truth, predictions)
    assert kinds["kind"].tolist() == [*KINDS, "background"]
    assert kinds["ground_truth"].tolist() == [0, 0, 1, 0, 0, -1, -1]
    assert kinds["temporal_iou"].tolist() == [1, 1, 1, 1, 0.4, 0, 0]
    table = counts(evaluation.errors(truth, predictions))
    assert table["run", "top"].to_dict() == dict.fromkeys(KINDS, 0) | {
        "correct": 1,
        "duplicate": 1,
        "missed": 1,
    }
    assert table["jump", "all"].to_dict() == dict.fromkeys(KINDS, 0) | {"missed": 1}
    assert table["all", "all", "missed"] == 2 and table["all", "all", "background"] == 2


# -------------------------------------------------------------------------------- intervals


@pytest.mark.parametrize("interpolation", ["envelope", "trapezoid"])
def test_each_resample_equals_the_table_of_the_drawn_videos(interpolation):
    truth, predictions = {}, {}
    for seed in range(3):
        more, found = sides(seed, f"{seed}/")
        truth |= more
        predictions |= found.videos
    videos = sorted(truth)
    protocol = EvaluationProtocol(interpolation=interpolation)
    for seed in range(4):
        table = evaluation.confidence_intervals(
            truth,
            Predictions(predictions, CLASSES),
            (0.2, 0.5),
            (1, 2),
            resamples=1,
            seed=seed,
            protocol=protocol,
        )
        (weights,) = next(draw_resamples(len(videos), 1, seed, 1))
        drawn = [(f"{v}#{n}", v) for v, times in zip(videos, weights, strict=True) for n in range(times)]
        resampled = {name: truth[v] for name, v in drawn}
        found = Predictions({name: predictions[v] for name, v in drawn}, CLASSES)
        expected = evaluation.average_precision(resampled, found, (0.2, 0.5), protocol=protocol)
        for row in expected.itertuples():
            mine = table[(table["group"] == row[1]) & (table["iou_threshold"] == row.iou_threshold)]
            mine = mine[mine["measure"] == "average_precision"]
            assert mine["low"].tolist() == pytest.approx([row.average_precision], nan_ok=True)
        of_recall = table[table["measure"] == "recall"]
        for row in evaluation.recall(resampled, found.videos, (0.2, 0.5), (1, 2)).itertuples():
            at = (of_recall["group"] == row.group) & (of_recall["proposals"] == row.proposals)
            mine = of_recall[at & (of_recall["iou_threshold"] == row.iou_threshold)]
            assert mine["low"].tolist() == pytest.approx([row.recall])


def test_intervals_contain_the_value_are_repeatable_and_shrink():
    def width(videos: int) -> float:
        truth = {f"{n:03d}": [ground_truth_tube("run", [0], [BOX])] for n in range(videos)}
        found = {
            n: predicted_tubes([([0], [BOX if int(n) % 2 else FAR])], [[1 / (1 + int(n))]]) for n in truth
        }
        once, again = (
            evaluation.confidence_intervals(truth, Predictions(found, ["run"]), resamples=300, seed=1)
            for _ in range(2)
        )
        pd.testing.assert_frame_equal(once, again)
        assert (once["low"] <= once["value"] + 1e-9).all() and (once["value"] <= once["high"] + 1e-9).all()
        row = once[(once["measure"] == "recall") & (once["group"] == "all")].iloc[0]
        assert row["value"] == 0.5
        return row["high"] - row["low"]

    wide, narrow = width(20), width(180)
    # for a fraction of one half: two times 1.96 standard errors
    assert wide == pytest.approx(2 * 1.96 * 0.5 / 20**0.5, rel=0.2)
    assert narrow == pytest.approx(wide / 3, rel=0.25)


def test_resamples_do_not_depend_on_how_many_are_drawn_at_once():
    few = np.concatenate(list(draw_resamples(7, 10, 3, 4_000_000)))
    assert (few == next(draw_resamples(7, 10, 3, 1))).all() and (few.sum(1) == 7).all()


# ------------------------------------------------------------------------------------ actors


@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_precision_of_an_actor_leaves_out_matches_of_other_actors(seed):
    truth, predictions = sides(seed, actors=True)
    table = evaluation.average_precision(truth, predictions, (0.3,), by="actor")
    kinds = evaluation.prediction_kinds(truth, predictions, 0.3)
    for actor, rows in table[table["iou_threshold"] == "0.3"].groupby("actor"):
        areas = []
        for action in CLASSES:
            count = sum(t.action == action and t.actor == actor for tubes in truth.values() for t in tubes)
            right = [
                row.kind == "correct"
                for row in kinds[kinds["class"] == action].itertuples()
                if row.kind != "correct" or truth[row.video][row.ground_truth].actor == actor
            ]
            if count:
                precision = [sum(right[: i + 1]) / (i + 1) for i in range(len(right))]
                areas.append(sum(max(precision[i:]) / count for i, ok in enumerate(right) if ok))
        assert rows["average_precision"].tolist() == pytest.approx([np.mean(areas)])


# ------------------------------------------------------------------------------- the library


def test_the_library_needs_only_numpy_pandas_and_h5py(tmp_path, repository):
    """In a process that blocks the import of every other installed package."""
    code = """
import importlib.abc, sys
ALLOWED = {"numpy", "pandas", "h5py", "actorsup", "dateutil", "six", "pytz", "tzdata"}  # pandas' own
class Closed(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        ours = top in ALLOWED or top in sys.stdlib_module_names or top.startswith("_sysconfigdata")
        if not ours:
            raise ModuleNotFoundError(f"{name} is closed", name=name)
sys.meta_path.insert(0, Closed())
try:
    import torch
except ModuleNotFoundError:
    pass
else:
    sys.exit("nothing is closed")
from actorsup import evaluation as e
tube = e.ground_truth_tube("run", [0, 1], [[0, 0, 10, 10]] * 2)
found = e.Predictions({"a": e.predicted_tubes([([0, 1], [[0, 0, 10, 9]] * 2)], [[0.5]])}, ["run"])
for name in ("average_precision", "frame_average_precision", "errors", "prediction_kinds",
             "confidence_intervals"):
    assert len(getattr(e, name)({"a": [tube]}, found)), name
assert e.recall({"a": [tube]}, found.videos)["recall"].iloc[0] == 1
open("gt.csv", "w").write("video,tube,class,frame,x1,y1,x2,y2\\na,0,run,0,0,0,9,9\\n")
whole = {"videos": [{"id": 1, "name": "a"}], "categories": [{"id": 1, "name": "run"}],
         "images": [{"id": 1, "video_id": 1, "frame_id": 0}],
         "annotations": [{"image_id": 1, "category_id": 1, "track_id": 1, "bbox": [0, 0, 9, 9]}]}
open("gt.json", "w").write(__import__("json").dumps(whole))
ours, theirs = (e.read_ground_truth(name)["a"][0].boxes.tolist() for name in ("gt.csv", "gt.json"))
assert ours == theirs
open("p.json", "w").write('{"classes": ["run"], "videos": {"a": {"frames": 1, "tubes": []}}}')
e.average_precision(e.read_ground_truth("gt.csv"), e.read_predictions("p.json"))
print("done")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(repository)},
    )
    assert done.stdout.strip() == "done", done.stderr


def test_no_module_has_the_name_of_a_function():
    for name in evaluation.__all__:
        assert f"actorsup.evaluation.{name}" not in sys.modules, name
        assert getattr(evaluation, name).__doc__ or name == "PROTOCOLS"


def test_the_recall_of_whole_video_tubes_by_the_library(shared):
    """The recall of tubes over each whole test video, with perfect boxes in annotated frames."""
    data = Thumos13(shared / "data" / "thumos13")
    listing = data.listing()
    test = {r.video for r in (*listing.records, *listing.missing) if r.split == "test"}
    from actorsup.datasets.pickles import read_numbers

    raw = read_numbers(shared / "data" / "thumos13" / "annotations" / "pyannot.pkl")
    rows = data.ground_truth().boxes
    truth, proposals = {}, {}
    for video, mine in rows[rows["video"].isin(test)].groupby("video"):
        frames = int(raw[video]["numf"])
        truth[video], whole = [], []
        for _, tube in mine.groupby("tube"):
            boxes = tube[["x1", "y1", "x2", "y2"]].to_numpy(np.float32)
            truth[video].append(ground_truth_tube(tube["class"].iloc[0], tube["frame"].to_numpy(), boxes))
            every = np.tile(boxes[:1], (frames, 1))
            every[tube["frame"].to_numpy()] = boxes
            whole.append((np.arange(frames), every))
        proposals[video] = predicted_tubes(whole, length=frames)
    assert len(truth) == 910 and sum(map(len, truth.values())) == 1315
    table = evaluation.recall(truth, proposals, (0.2, 0.5), (50,)).set_index(["group", "iou_threshold"])[
        "recall"
    ]
    knowns = {
        ("class-mean", "0.2"): 0.933,
        ("class-mean", "0.5"): 0.723,
        ("all", "0.2"): 0.887,
        ("all", "0.5"): 0.660,
    }
    for group, known in knowns.items():
        assert table[group] == pytest.approx(known, abs=6e-4)
