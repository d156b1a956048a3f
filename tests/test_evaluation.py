"""Recall and average precision against literal definitions and hand-computed cases."""

import json
import weakref
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actorsup.artifacts.shards import ShardWriter
from actorsup.artifacts.tube_files import PREDICTIONS_SCHEMA, TUBES_SCHEMA, VideoInfo, write_tubes
from actorsup.cli import main
from actorsup.datasets.readers.thumos13 import Thumos13
from actorsup.errors import DataError
from actorsup.evaluation.ground_truth import GroundTruthTube, read_ground_truth
from actorsup.evaluation.ground_truth import test_videos as evaluated_videos
from actorsup.evaluation.matching import overlap, overlaps
from actorsup.evaluation.predictions import StoredTubes, read_predictions
from actorsup.evaluation.proposals import best_overlaps, proposal_counts
from actorsup.evaluation.ranking import area_under_curve
from actorsup.evaluation.settings import EvaluationSettings
from actorsup.evaluation.split import TestSplit, shards_by
from actorsup.evaluation.stage import write_confidence_intervals, write_recall, write_run_table
from actorsup.evaluation.tables import ACTOR_COLUMNS, MAP_COLUMNS, RECALL_COLUMNS, map_table, recall_table
from actorsup.formats.predictions import merge_predictions, predictions_json
from actorsup.tubes import Tubes

CLASSES = ["jump", "run"]


def tubes(boxes, class_score=None) -> Tubes:
    boxes = np.array(boxes, np.float32)
    count, frames = boxes.shape[:2]
    return Tubes(
        boxes=boxes,
        score=np.linspace(1, 0.5, count).astype(np.float32),
        actor=np.ones(count, np.int16),
        seed_frame=np.zeros(count, np.int32),
        frame_score=np.ones((count, frames), np.float32),
        interval=np.tile(np.array([0, frames], np.int32), (count, 1)),
        class_score=None if class_score is None else np.array(class_score, np.float32),
    )


def truth(action, first, boxes, actor="person") -> GroundTruthTube:
    boxes = np.array(boxes, np.float32)
    return GroundTruthTube(action, actor, np.arange(first, first + len(boxes)), boxes)


BOX, FAR = [0, 0, 10, 10], [50, 50, 60, 60]


def ap(table: pd.DataFrame, name: str, threshold: str) -> float:
    row = table[(table["class"] == name) & (table["iou_threshold"] == threshold)]
    return float(row["average_precision"].iloc[0])


# ------------------------------------------------------------------------- tube IoU


def literal_iou(tube: np.ndarray, true: GroundTruthTube) -> float:
    """Exact, in fractions of integer coordinates, so that ties are exact too."""
    mine = {f: box for f, box in enumerate(tube.tolist()) if not np.isnan(box).any()}
    theirs = dict(zip(true.frames.tolist(), true.boxes.tolist(), strict=True))
    both, either = mine.keys() & theirs.keys(), mine.keys() | theirs.keys()
    total = sum((exact_iou(mine[f], theirs[f]) for f in both), Fraction(0))
    return float(total / len(either)) if either else 0.0


def exact_iou(a: list[float], b: list[float]) -> Fraction:
    sides = [max(0, min(a[i + 2], b[i + 2]) - max(a[i], b[i])) for i in (0, 1)]
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    common = Fraction(sides[0] * sides[1])
    return common / (Fraction(sum(areas)) - common)


def random_video(random, video, count, frames, number_true):
    def boxes(*shape):
        corner = random.integers(0, 12, (*shape, 2))
        return np.concatenate([corner, corner + random.integers(4, 14, (*shape, 2))], -1).astype(np.float32)

    made = boxes(count, frames)
    made[random.random((count, frames)) < 0.2] = np.nan
    score = np.round(random.random((count, 2)), 1).astype(np.float32)  # with ties
    score[random.random((count, 2)) < 0.1] = np.nan
    true = []
    for _ in range(number_true):
        first, length = random.integers(0, frames), random.integers(1, frames + 2)
        source = boxes(length)
        if count and random.random() < 0.8:  # near one of the tubes
            one = made[random.integers(count)]
            length = max(1, min(length, frames - first))
            source = np.nan_to_num(one[first : first + length], nan=5.0) + random.integers(0, 2)
        true.append(truth(CLASSES[random.integers(2)], first, source, random.choice(["person", "dog"])))
    return overlap(video, tubes(made, score), true), made, score, true


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_tube_iou_equals_its_definition(seed):
    random = np.random.default_rng(seed)
    found, made, _, true = random_video(random, "v", 3, 5, 3)
    expected = [[literal_iou(one, t) for t in true] for one in made]
    np.testing.assert_allclose(found.iou, np.array(expected).reshape(3, 3), atol=1e-6)


def test_ground_truth_after_the_last_frame_counts_in_the_union():
    found = overlap("v", tubes([[BOX, BOX]]), [truth("run", 0, [BOX] * 4)])
    assert found.iou.tolist() == [[0.5]]


def test_only_annotated_frames_count():
    made, true = tubes([[BOX, BOX, FAR]]), [truth("run", 0, [BOX] * 3)]
    assert overlap("v", made, true, {0, 1}).iou.tolist() == [[1.0]]
    assert overlap("v", made, true, {2}).iou.tolist() == [[0.0]]


# -------------------------------------------------------------------- average precision


def literal_ap(videos, column, action, threshold):
    """The definition, one prediction at a time."""
    predictions, count = [], 0
    for found, made, score, true in videos:
        count += sum(t.action == action for t in true)
        for p in range(len(made)):
            if not np.isnan(score[p, column]):
                predictions.append((-score[p, column], found.video, p, made[p], true))
    predictions.sort(key=lambda one: one[:3])
    taken, right = set(), []
    for _, video, _, tube, true in predictions:
        best, which = -1.0, None
        for q, t in enumerate(true):
            if t.action == action and (video, q) not in taken and literal_iou(tube, t) > best:
                best, which = literal_iou(tube, t), q
        right.append(best >= threshold)
        if right[-1]:
            taken.add((video, which))
    if not count:
        return float("nan")
    precisions = [sum(right[: i + 1]) / (i + 1) for i in range(len(right))]
    return sum(max(precisions[i:]) / count for i, ok in enumerate(right) if ok)


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_average_precision_equals_its_definition_in_any_order(seed):
    random = np.random.default_rng(seed)
    videos = [
        random_video(random, f"v{n}", random.integers(0, 4), 5, random.integers(0, 3)) for n in range(5)
    ]
    table = map_table([video[0] for video in videos], CLASSES)
    for column, action in enumerate(CLASSES):
        for threshold in (0.1, 0.3, 0.5):
            expected = literal_ap(videos, column, action, threshold)
            assert ap(table, action, f"{threshold:g}") == pytest.approx(expected, nan_ok=True)
    shuffled = [videos[i][0] for i in random.permutation(5)]
    pd.testing.assert_frame_equal(map_table(shuffled, CLASSES), table)


@pytest.mark.parametrize(
    ("right", "count", "envelope", "trapezoid"),
    [
        ([True, True], 2, 1.0, 1.0),
        ([True, False, True], 2, 0.5 + 0.5 * 2 / 3, 0.5 + 0.5 * (1 / 2 + 2 / 3) / 2),
        ([False, True], 1, 0.5, 0.5 * (0 + 0.5)),
        ([False, False], 3, 0.0, 0.0),
        ([], 2, 0.0, 0.0),
        ([True], 4, 0.25, 0.25),
    ],
)
def test_area_under_the_curve_by_hand(right, count, envelope, trapezoid):
    ranks = np.flatnonzero(right) + 1
    assert area_under_curve(ranks, count, "envelope") == pytest.approx(envelope)
    assert area_under_curve(ranks, count, "trapezoid") == pytest.approx(trapezoid)
    assert np.isnan(area_under_curve(ranks[:0], 0, "envelope"))


def test_a_second_tube_on_an_actor_is_a_false_positive_unless_another_tube_is_unmatched():
    made = tubes([[BOX], [BOX]], [[0, 0.9], [0, 0.8]])
    one = overlap("v", made, [truth("run", 0, [BOX])])
    assert ap(map_table([one], CLASSES), "run", "0.5") == 1.0
    two = overlap("v", made, [truth("run", 0, [BOX]), truth("run", 0, [[0, 0, 10, 9]])])
    assert ap(map_table([two], CLASSES), "run", "0.5") == 1.0
    late = overlap("v", tubes([[BOX], [BOX]], [[0, 0.9], [0, 0.8]]), [truth("run", 0, [FAR])])
    assert ap(map_table([late], CLASSES), "run", "0.1") == 0.0


def test_classes_without_ground_truth_are_left_out_of_the_mean_and_failed_videos_are_not():
    videos = [
        overlap("a", tubes([[BOX]], [[0.5, 0.9]]), [truth("run", 0, [BOX])]),
        overlap("failed", None, [truth("run", 0, [BOX]), truth("swim", 0, [BOX])]),
    ]
    table = map_table(videos, CLASSES)
    assert np.isnan(ap(table, "jump", "0.5"))
    assert ap(table, "run", "0.5") == 0.5
    assert ap(table, "swim", "0.5") == 0.0
    assert ap(table, "mean", "0.5") == pytest.approx(0.25)
    assert set(table["iou_threshold"]) == {"0.1", "0.2", "0.3", "0.4", "0.5", "0.75", "0.5:0.95"}


def test_no_videos():
    assert map_table([], CLASSES)["average_precision"].isna().all()
    assert recall_table([])["recall"].isna().all()
    empty = overlap("v", tubes(np.zeros((0, 3, 4)), np.zeros((0, 2))), [truth("run", 0, [BOX])])
    assert ap(map_table([empty], CLASSES), "run", "0.1") == 0.0


# ------------------------------------------------------------------------------- recall


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_recall_equals_its_definition(seed):
    random = np.random.default_rng(seed)
    videos = [
        random_video(random, f"v{n}", random.integers(0, 4), 5, random.integers(0, 3)) for n in range(4)
    ]
    table = recall_table([video[0] for video in videos])
    for count in set(table["proposals"]):
        for group in ("all", "class:run", "actor:dog"):
            wanted = [
                max((literal_iou(tube, t) for tube in made[:count]), default=0) >= 0.3
                for _, made, _, true in videos
                for t in true
                if group in ("all", f"class:{t.action}", f"actor:{t.actor}")
            ]
            mine = table.query("group == @group and proposals == @count and iou_threshold == '0.3'")
            if wanted:
                assert mine["recall"].iloc[0] == pytest.approx(np.mean(wanted))
                assert mine["ground_truth"].iloc[0] == len(wanted)


def test_class_mean_is_over_classes():
    videos = [
        overlap("a", tubes([[BOX]]), [truth("run", 0, [BOX])]),
        overlap("b", tubes([[BOX]]), [truth("jump", 0, [FAR])] * 3),
    ]
    table = recall_table(videos).query("iou_threshold == '0.5'").set_index("group")["recall"]
    assert (table["all"], table["class-mean"]) == (0.25, 0.5)


def test_numbers_of_proposals():
    videos = [overlap("a", tubes(np.zeros((count, 1, 4))), []) for count in (3, 13)]
    assert proposal_counts(videos) == [1, 2, 5, 10, 13]
    assert proposal_counts(videos[:1]) == [1, 2, 3]
    assert proposal_counts([]) == [1]


def test_recall_of_whole_video_tubes_on_the_real_annotations(shared):
    """The known recall of tubes over the whole video with perfect boxes in annotated frames."""
    thumos13 = Thumos13(shared / "data" / "thumos13")
    listing = thumos13.listing()
    test = {r.video for r in [*listing.records, *listing.missing] if r.split == "test"}
    rows = thumos13.ground_truth().boxes
    from actorsup.datasets.pickles import read_numbers

    raw = read_numbers(shared / "data" / "thumos13" / "annotations" / "pyannot.pkl")
    tubes_of = rows[rows["video"].isin(test)].groupby(["video", "tube", "class"]).size().reset_index(name="n")
    share = tubes_of["n"] / [int(raw[video]["numf"]) for video in tubes_of["video"]]
    by_class = share.groupby(tubes_of["class"])
    for threshold, pooled, mean in ((0.2, 0.887, 0.933), (0.5, 0.660, 0.723)):
        assert (share >= threshold).mean() == pytest.approx(pooled, abs=6e-4)
        assert by_class.agg(lambda s, t=threshold: (s >= t).mean()).mean() == pytest.approx(mean, abs=6e-4)


# ------------------------------------------------------------- stages, merging, the command


@pytest.fixture
def run(tmp_path):
    """Two tube shards, two shards of scored tubes, a videos.csv, and ground truth."""
    info = VideoInfo(3, 25.0, 64, 48)
    made = {
        "0000": {"a": tubes([[BOX] * 3, [FAR] * 3], [[0.1, 0.9], [np.nan, 0.2]])},
        "0001": {'b, "x"': tubes([[BOX] * 3], [[0.8, 0.2]]), "t": tubes([[BOX] * 3], [[0.5, 0.5]])},
    }
    for shard, videos in made.items():
        for schema, name in ((TUBES_SCHEMA, "tubes"), (PREDICTIONS_SCHEMA, "predictions")):
            attributes = {"classes": CLASSES} if name == "predictions" else {}
            with ShardWriter(tmp_path / f"{name}{shard}.h5", schema, {}, attributes) as writer:
                for video, one in videos.items():
                    write_tubes(writer, video, info, one)
    rows = [("a", "test", "run"), ('b, "x"', "test", "jump"), ("gone", "test", "run"), ("t", "train", "run")]
    table = pd.DataFrame(rows, columns=["video", "split", "label"])
    table.to_csv(tmp_path / "videos.csv", index=False)
    lines = [
        {
            "video": video,
            "tube": 0,
            "class": label,
            "frame": f,
            "x1": 0,
            "y1": 0,
            "x2": 10,
            "y2": 10,
            "actor": "person" if label == "run" else "bear",
        }
        for video, _, label in rows
        for f in range(3)
    ]
    pd.DataFrame(lines).to_csv(tmp_path / "gt.csv", index=False)
    return tmp_path


def test_tables_of_a_run(run, caplog):
    shards = [run / "predictions0000.h5", run / "predictions0001.h5"]
    split = TestSplit("d", run / "gt.csv", run / "videos.csv")
    write_run_table("map", split, {("l", "m", 3): shards}, run / "map.csv")
    table = pd.read_csv(run / "map.csv", dtype={"iou_threshold": str})
    assert list(table.columns) == MAP_COLUMNS
    assert (ap(table, "run", "0.5"), ap(table, "jump", "0.5"), ap(table, "mean", "0.5")) == (0.5, 1.0, 0.75)
    assert table[table["class"] == "run"]["tubes"].iloc[0] == 3  # without the training video
    assert "1 test classes have no training video: jump" in caplog.text
    assert "1 videos have no predictions, so their ground truth is missed: gone" in caplog.text
    proposals = [run / "tubes0000.h5", run / "tubes0001.h5"]
    write_recall(split, {"l": proposals}, run / "recall.csv")
    recall = pd.read_csv(run / "recall.csv")
    assert list(recall.columns) == RECALL_COLUMNS
    every = recall.query("group == 'all' and proposals == 2 and iou_threshold == 0.5")
    assert every[["recall", "ground_truth"]].to_numpy().tolist() == [[pytest.approx(2 / 3, abs=1e-6), 3]]


def test_only_annotated_frames_count_in_every_table_of_a_run(run):
    """In video a, the ground truth is far away in frame 2, which is not annotated."""
    rows = pd.read_csv(run / "gt.csv")
    rows.loc[(rows["video"] == "a") & (rows["frame"] == 2), ["x1", "x2"]] = [40, 50]
    rows.to_csv(run / "gt.csv", index=False)
    (run / "annotated.csv").write_text('video,frame\na,0\na,1\n"b, ""x""",0\ngone,0\n')
    shards = [run / "predictions0000.h5", run / "predictions0001.h5"]
    settings = EvaluationSettings(iou_thresholds=[0.9], error_iou=0.9, resamples=5)
    for annotated, right in ((None, 0), (run / "annotated.csv", 1)):
        split = TestSplit("d", run / "gt.csv", run / "videos.csv", annotated, settings)
        write_run_table("map", split, {("l", "m", 0): shards}, run / "map.csv")
        assert ap(pd.read_csv(run / "map.csv", dtype={"iou_threshold": str}), "run", "0.9") == right / 2
        write_recall(split, {"l": [run / "tubes0000.h5", run / "tubes0001.h5"]}, run / "recall.csv")
        recall = pd.read_csv(run / "recall.csv").query("group == 'class:run' and proposals == 2")
        assert recall["recall"].tolist() == [right / 2]
        write_run_table("errors", split, {("l", "m", 0): shards}, run / "errors.csv")
        counts = pd.read_csv(run / "errors.csv").query("`class` == 'run' and predictions == 'all'")
        assert counts.set_index("kind")["count"]["correct"] == right
        write_run_table("actor_map", split, {("l", "m", 0): shards}, run / "actor_map.csv")
        actors = pd.read_csv(run / "actor_map.csv")
        assert list(actors.columns) == ACTOR_COLUMNS
        at = actors[actors["iou_threshold"].astype(str) == "0.9"].set_index("actor")["average_precision"]
        assert at.to_dict() == {"person": right / 2, "bear": 1}
        write_run_table("frame_map", split, {("l", "m", 0): shards}, run / "frame_map.csv")
        frames = pd.read_csv(run / "frame_map.csv").set_index("class").loc["run"]
        boxes = 2 + 1 if annotated else 3 + 3  # in video a and in the missing one
        assert frames["ground_truth"] == boxes
        assert frames["average_precision"] == pytest.approx(2 / boxes, abs=1e-6)
        write_confidence_intervals(
            split, {"l": [run / "tubes0000.h5"]}, {("l", "m", 0): shards}, run / "confidence_intervals.csv"
        )
        found = pd.read_csv(run / "confidence_intervals.csv").query(
            "group == 'run' and iou_threshold == '0.9'"
        )
        assert found["value"].tolist() == [right / 2]


def test_boxes_of_one_video_at_a_time_are_in_memory(run, monkeypatch):
    """Overlaps hold no boxes, so memory does not grow with all boxes."""
    made, most = [], []
    read = StoredTubes.__getitem__

    def watched(self, video):
        tubes = read(self, video)
        made.append(weakref.ref(tubes.boxes))
        most.append(sum(boxes() is not None for boxes in made))
        return tubes

    monkeypatch.setattr(StoredTubes, "__getitem__", watched)
    found = read_predictions([run / "predictions0000.h5", run / "predictions0001.h5"])
    kept = overlaps([*found.videos], found.videos, read_ground_truth(run / "gt.csv"))
    assert len(kept) == len(made) == 3
    assert max(most) <= 2  # those of one video, and of the previous one until the variable is reassigned
    assert all(boxes() is None for boxes in made)


def test_a_class_whose_training_videos_are_missing_was_not_trained(tmp_path):
    rows = "gone,train,run,0\nbroken,train,jump,\nthere,train,crawl|sit,3\nt,test,run,3\n"
    (tmp_path / "videos.csv").write_text("video,split,label,frames\n" + rows)
    assert evaluated_videos(tmp_path / "videos.csv") == (["t"], {"crawl", "sit"})


def test_recall_ranks_proposals_by_score_not_by_file_order(run):
    box = {"interval": [0, 3], "class_score": {"run": 0.5}}
    wrong = box | {"boxes": [[50, 50, 60, 60]] * 3, "score": 0.1}
    right = box | {"boxes": [[0, 0, 10, 10]] * 3, "score": 0.9}
    content = {"classes": ["run"], "videos": {"a": {"frames": 3, "tubes": [wrong, right]}}}
    (run / "p.json").write_text(json.dumps(content))
    found, _ = read_predictions([run / "p.json"])
    assert found["a"].score.tolist() == pytest.approx([0.9, 0.1])
    assert found["a"].boxes[0, 0].tolist() == [0, 0, 10, 10]


def test_shards_are_divided_among_names():
    assert shards_by(["a", "b"], ["1", "2", "3", "4"]) == {
        "a": [Path("1"), Path("2")], "b": [Path("3"), Path("4")],
    }  # fmt: skip
    assert shards_by(["a", "b"], []) == {"a": [], "b": []}


def test_no_ground_truth_in_the_test_split(run):
    (run / "gt.csv").write_text("video,tube,class,frame,x1,y1,x2,y2\nt,0,run,0,1,1,2,2\n")
    with pytest.raises(DataError, match="no video of the test split"):
        write_recall(TestSplit("d", run / "gt.csv", run / "videos.csv"), {}, run / "recall.csv")


def test_merged_predictions_give_the_same_table(run):
    shards = [run / "predictions0000.h5", run / "predictions0001.h5"]
    merge_predictions(shards, run / "merged.h5")
    predictions_json(shards, run / "merged.json")
    expected, names = read_predictions(shards)
    for path in (run / "merged.h5", run / "merged.json"):
        found, classes = read_predictions([path])
        assert classes == names == CLASSES and list(found) == list(expected)
        for video, one in expected.items():
            np.testing.assert_array_equal(found[video].boxes, one.boxes)
            np.testing.assert_array_equal(found[video].class_score, one.class_score)
    entry = json.loads((run / "merged.json").read_text())["videos"]["a"]["tubes"][1]
    assert entry["class_score"] == {"run": pytest.approx(0.2)} and entry["actor"] == "person"


def test_the_command_evaluates_files(run, capsys):
    predictions_json([run / "predictions0000.h5", run / "predictions0001.h5"], run / "p.json")
    arguments = ["evaluate", "--ground-truth", run / "gt.csv", "--predictions", run / "p.json"]
    arguments += ["--output", run / "map.csv", "--recall", run / "recall.csv", "--videos", run / "videos.csv"]
    assert main([str(one) for one in arguments]) == 0
    assert ap(pd.read_csv(run / "map.csv", dtype={"iou_threshold": str}), "mean", "0.5") == 0.75
    assert "mAP@0.5: 0.7500" in capsys.readouterr().out
    (run / "annotated.csv").write_text("video,frame\na,0\n")
    assert main([*map(str, arguments), "--annotated", str(run / "annotated.csv")]) == 0
    assert main([*map(str, arguments), "--interpolation", "trapezoidd"]) == 2
    assert main([*map(str, arguments), "--iou-thresholds", "0.25", "0.5"]) == 0
    table = pd.read_csv(run / "map.csv", dtype={"iou_threshold": str})
    assert set(table["iou_threshold"]) == {"0.25", "0.5", "0.5:0.95"} and ap(table, "mean", "0.5") == 0.75
    assert set(pd.read_csv(run / "recall.csv")["iou_threshold"]) == {0.25, 0.5}
    with pytest.raises(SystemExit):
        main([*map(str, arguments), "--iou-thresholds", "1.5"])
    assert "1.5: an IoU threshold must be above 0 and at most 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"classes": ["run"]}', '{"classes": ["run"], "videos": {"a": {"frames": NaN}}}',
     '{"classes": ["run"], "videos": {"a": {"frames": 3, "tubes": [{"interval": [0, 4]}]}}}',
     '{"classes": [], "videos": {"a": {"frames": 1, "tubes": [{"interval": [0, 1], "boxes": [[0, 0, 1, 1]],'
     '"class_score": {"run": 1}}]}}}'],
)  # fmt: skip
def test_unusable_predictions_give_a_one_line_error(run, capsys, content):
    (run / "p.json").write_text(content)
    arguments = ["evaluate", "--ground-truth", run / "gt.csv", "--predictions", run / "p.json"]
    assert main([str(one) for one in [*arguments, "--output", run / "map.csv"]]) == 2
    error = capsys.readouterr().err
    assert "p.json" in error and error.count("\n") == 1
    assert not (run / "map.csv").exists()


def test_inspect(run, capsys):
    assert main(["inspect", str(run / "predictions0000.h5")]) == 0
    out = capsys.readouterr().out
    assert "schema: predictions/1" in out and "boxes (2, 3, 4) float32" in out
    assert main(["inspect", str(run / "gt.csv")]) == 2


def test_ground_truth_tubes(run):
    assert [t.frames.tolist() for t in read_ground_truth(run / "gt.csv")["a"]] == [[0, 1, 2]]
    assert best_overlaps([], 3).tolist() == []
