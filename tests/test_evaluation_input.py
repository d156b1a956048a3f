"""Bad input of an evaluation gives a clear error or a counted warning, never a silently wrong number."""
# ruff: noqa: E501  (tables of cases, one a line)

import json
from contextlib import contextmanager

import h5py
import numpy as np
import pandas as pd
import pytest
from test_evaluation import run  # noqa: F401  (a fixture)

from actorsup import evaluation
from actorsup.artifacts.checksums import embed_checksum
from actorsup.artifacts.shards import ShardWriter
from actorsup.artifacts.tube_files import PREDICTIONS_SCHEMA, VideoInfo, write_tubes
from actorsup.cli import main
from actorsup.errors import DataError
from actorsup.evaluation import Predictions, ground_truth_tube, predicted_tubes, read_predictions
from actorsup.formats import checked_table

HEAD = "video,tube,class,frame,x1,y1,x2,y2\n"
BOX = [0, 0, 10, 10]
TUBE = {"interval": [0, 2], "boxes": [BOX, BOX], "score": 0.5, "class_score": {"run": 0.5}}
VIDEO = {"frames": 3, "fps": 25, "width": 64, "height": 48, "tubes": [TUBE]}
WHOLE = {"classes": ["run"], "videos": {"a": VIDEO}}


@pytest.fixture
def evaluate(tmp_path, capsys):
    """Run the command on the text of two files; return exit code, stderr and the table, if written."""

    def go(truth, predictions, *more, name="p.json"):
        (tmp_path / "gt.csv").write_text(truth)
        if predictions is not None:
            text = predictions if isinstance(predictions, str) else json.dumps(predictions)
            (tmp_path / name).write_text(text)
        out = tmp_path / "map.csv"
        out.unlink(missing_ok=True)
        arguments = ["evaluate", "--ground-truth", tmp_path / "gt.csv", "--predictions", tmp_path / name]
        code = main([str(one) for one in [*arguments, "--output", out, *more]])
        table = pd.read_csv(out, dtype={"iou_threshold": str}) if out.exists() else None
        return code, capsys.readouterr().err, table

    return go


def precision(table, name="run"):
    return table.set_index(["class", "iou_threshold"]).loc[(name, "0.5"), "average_precision"]


def rows(*lines):
    return HEAD + "".join(f"{line}\n" for line in lines)


GOOD = rows("a,0,run,0,0,0,10,10", "a,0,run,1,0,0,10,10")


def test_good_input_logs_nothing(evaluate):
    code, error, table = evaluate(GOOD, WHOLE)
    assert (code, error, precision(table)) == (0, "", 1.0)


# ------------------------------------------------------------------------------ ground truth


@pytest.mark.parametrize(
    ("truth", "words"),
    [
        ("", "gt.csv: cannot be read as CSV"),
        (HEAD, "no video to evaluate has ground truth"),
        (rows("a,0,run,0,0,0,10,10", "a,0,run,0,0,0,9,9"), "line 3: its tube has a box in this frame already"),
        (rows("a,0,run,0,0,0,10,10", "a,0,jump,1,0,0,9,9"), "line 3: its tube has boxes of several classes"),
        (rows("a,0,run,0,0,0,nan,10"), "line 2: a value is no finite number"),
        (rows("a,0,run,0,0,0,1e999,10"), "line 2: a value is no finite number"),
        (rows("a,0,run,0.5,0,0,10,10"), "frame must be a whole number from 0 on"),
        (rows("a,0,run,-1,0,0,10,10"), "frame must be a whole number from 0 on"),
        (rows("a,0,run,9999999999,0,0,10,10"), "a video has at most 2147483647 frames"),
        (rows("a,0,run,0,10,0,0,10"), "wanted x1 <= x2"),
        (rows("a,0,,0,0,0,10,10"), "it has no class"),
        ("video,tube,frame\na,0,0\n", "column 'class' is missing"),
        (rows("b,0,run,0,0,0,10,10"), "no video has both ground truth and predictions: the ids are such as 'b'"),
    ],
)  # fmt: skip
def test_unusable_ground_truth_is_an_error(evaluate, truth, words):
    code, error, table = evaluate(truth, WHOLE)
    assert code == 2 and words in error.splitlines()[-1] and table is None
    assert error.startswith("actorsup: ")


def test_mistakes_across_chunks_are_errors(tmp_path, monkeypatch):
    read = checked_table.ground_truth_chunks
    monkeypatch.setattr(checked_table, "ground_truth_chunks", lambda path, **other: read(path, 2, **other))
    monkeypatch.setattr(
        "actorsup.formats.box_store._MAX_BYTES_IN_MEMORY", 10
    )  # so boxes go to a temporary file
    lines = [f"a,{t},run,{f},{f},{t},10,10" for f in range(4) for t in range(2)]
    (tmp_path / "gt.csv").write_text(rows(*lines))
    first, second = evaluation.read_ground_truth(tmp_path / "gt.csv")["a"]
    assert first.frames.tolist() == second.frames.tolist() == [0, 1, 2, 3]
    assert first.boxes[:, 0].tolist() == [0, 1, 2, 3] and second.boxes[:, 1].tolist() == [1] * 4
    for last, words in (("a,0,run,0,0,0,9,9", "tube 0 has two boxes in frame 0"),
                        ("a,1,jump,9,0,0,9,9", "boxes of several classes: 'run' and 'jump'"),
                        ("a,1,run,9,x,0,9,9", "line 10: x1 is 'x'; wanted a number")):  # fmt: skip
        (tmp_path / "gt.csv").write_text(rows(*lines, last))
        with pytest.raises(DataError, match=words):
            evaluation.read_ground_truth(tmp_path / "gt.csv")


def test_unsorted_frames_give_the_same_number_and_a_warning(evaluate):
    code, error, table = evaluate(rows("a,0,run,1,0,0,10,10", "a,0,run,0,0,0,10,10"), WHOLE)
    assert code == 0 and precision(table) == 1.0
    assert "sorted 1 boxes that were not in the order of their frames" in error


# ------------------------------------------------------------------- what the two sides differ in


@pytest.mark.parametrize(
    ("truth", "predictions", "words"),
    [
        (GOOD + "a,1,jump,0,0,0,9,9\n", WHOLE, "1 classes of the ground truth have no predictions, so "
         "their average precision is 0: jump"),
        (GOOD, WHOLE | {"classes": ["run", "swim"]}, "1 predicted classes have no ground truth"),
        (GOOD + "b,0,run,0,0,0,9,9\n", WHOLE, "1 videos have no predictions, so their ground truth is missed: b"),
        (GOOD, WHOLE | {"videos": {"a": VIDEO, "x": VIDEO}}, "1 videos have no ground truth, so all their "
         "tubes are false positives: x"),
        (GOOD + "a,0,run,3,0,0,10,10\na,0,run,4,0,0,10,10\n", WHOLE, "2 boxes of the ground truth are missed: they "
         "follow the predictions' last frame: a"),
        (rows("a,0,run,0,0,0,66,10", "a,0,run,1,0,0,10,10"), WHOLE, "1 ground-truth boxes extend beyond the frame "
         "and are not clipped: a"),
        (GOOD, WHOLE | {"videos": {"a": VIDEO | {"width": 8}}}, "2 predicted boxes extend beyond the frame and are not clipped: a"),
        (GOOD, WHOLE | {"videos": {}}, "1 videos have no predictions"),
    ],
)  # fmt: skip
def test_suspicious_input_is_a_warning(evaluate, truth, predictions, words):
    code, error, table = evaluate(truth, predictions)
    assert code == 0 and table is not None
    assert "actorsup: WARNING: " + words in error


def test_videos_that_are_not_evaluated(evaluate, tmp_path):
    (tmp_path / "videos.csv").write_text("video,split\na,test\n")
    two = WHOLE | {"videos": {"a": VIDEO, "x": VIDEO}}
    code, error, table = evaluate(GOOD + "b,0,run,0,0,0,9,9\n", two, "--videos", tmp_path / "videos.csv")
    assert code == 0 and precision(table) == 1.0
    assert "ignoring the predictions of 1 videos that are not evaluated: x" in error
    assert "ignoring the ground truth of 1 videos that are not evaluated: b" in error


def test_ground_truth_in_frames_that_are_not_annotated(evaluate, tmp_path):
    (tmp_path / "annotated.csv").write_text("video,frame\na,1\n")
    code, error, table = evaluate(GOOD, WHOLE, "--annotated", tmp_path / "annotated.csv")
    assert code == 0 and precision(table) == 1.0
    assert "1 boxes of the ground truth do not count: their frames are not annotated" in error
    (tmp_path / "annotated.csv").write_text("video,frame\na,-1\n")
    assert evaluate(GOOD, WHOLE, "--annotated", tmp_path / "annotated.csv")[0] == 2


# ------------------------------------------------------------------------------------- JSON


def broken(**changes):
    return WHOLE | {"videos": {"a": VIDEO | {"tubes": [TUBE | changes]}}}


def without(entry, key):
    return {name: value for name, value in entry.items() if name != key}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not in the format of predictions.json"),
        ("[" * 100_000, "not in the format of predictions.json"),
        ("3", "the file begins with '3'; wanted an object with 'classes' and 'videos'"),
        ({"videos": {}}, "the key 'classes' is missing"),
        ({"classes": ["run"], "video": {}}, "the key 'videos' is missing; did you mean 'video'?"),
        ({"classes": "run", "videos": {}}, "'classes' is 'run'; wanted a list of names"),
        ({"classes": [1], "videos": {}}, "a class is 1; wanted a name"),
        ({"classes": ["run", "run"], "videos": {}}, "'classes' names a class twice"),
        ({"classes": ["run"], "videos": []}, "'videos' begins with '[]}'; wanted an object"),
        ('{"classes": ["run"], "videos": {}, "videos": {}}', "the key 'videos' occurs twice"),
        ('{"classes": ["run"], "videos": {}} x', "Extra data (character 35)"),
        ('{"classes": ["run"], "videos": {"a" 1}}', "Expecting ':' delimiter (character 36)"),
        ('{"classes": ["run"], "videos": {1: {}}}', "Expecting property name enclosed in double quotes"),
        ('{"classes": ["run"], "videos": {"a', "Unterminated string"),
        ('{"classes": ["run"], "videos": {"a": {"frames": 1, "tubes": []}, }}', "Expecting property name"),
        ('{"classes": ["run"], "videos": {"a": {"frames": 1, "tubes": []}, "a": {}}}', "the key 'a' occurs twice"),
        (WHOLE | {"videos": {"a": [VIDEO]}}, "a: not in the format of predictions.json: the video is"),
        (WHOLE | {"videos": {"a": without(VIDEO, "frames")}}, "the key 'frames' is missing"),
        (WHOLE | {"videos": {"a": VIDEO | {"frames": "3"}}}, "'frames' is '3'; wanted a whole number"),
        (WHOLE | {"videos": {"a": VIDEO | {"frames": 3.5}}}, "'frames' is 3.5; wanted a whole number"),
        (WHOLE | {"videos": {"a": VIDEO | {"frames": True}}}, "'frames' is True"),
        (WHOLE | {"videos": {"a": VIDEO | {"frames": 10**12}}}, "wanted a whole number from 0 to 10000000"),
        (
            WHOLE | {"videos": {"a": VIDEO | {"frames": 10**7, "tubes": [TUBE] * 30}}},
            "too many to hold; is 'frames' right?",
        ),
        (WHOLE | {"classes": ["run", "\ud800"]}, "surrogates not allowed"),
        (WHOLE | {"videos": {"a": VIDEO | {"frames": 10**40}}}, "wanted a whole number from 0 to"),
        (WHOLE | {"videos": {"a": VIDEO | {"frames": 1}}}, "interval [0, 2] is not [first, end] within 0 to 1"),
        (WHOLE | {"videos": {"a": VIDEO | {"tubes": {"0": TUBE}}}}, "'tubes' is"),
        (WHOLE | {"videos": {"a": VIDEO | {"tubes": [7]}}}, "tube 0 is 7; wanted an object"),
        (WHOLE | {"videos": {"a": VIDEO | {"width": "64"}}}, "'width' is '64'"),
        (broken(interval=[0, 10**15]), "tube 0: the interval"),
        (broken(interval=[0.0, 2.0]), "tube 0: the interval"),
        (broken(interval=[2, 0]), "tube 0: the interval"),
        (broken(interval=0), "tube 0: the interval"),
        (broken(boxes=[BOX]), "1 boxes for an interval of 2 frames; wanted one for each"),
        (broken(boxes=[*BOX, *BOX]), "8 boxes for an interval of 2 frames"),
        (broken(boxes=[BOX, [0, 0, 10]]), "box 1 is [0, 0, 10]; wanted [x1, y1, x2, y2]"),
        (broken(boxes=[BOX, [0, 0, 10, "10"]]), "box 1 is"),
        (broken(boxes=[BOX, [0, 0, 10, None]]), "box 1 is"),
        (broken(boxes=[BOX, [10, 0, 0, 10]]), "frame 1: the box 10, 0, 0, 10 has x2 < x1 or y2 < y1"),
        (broken(boxes="ab"), "'boxes' is 'ab'"),
        (json.dumps(broken(score=0.25)).replace("0.25", "1e999"), "'score' is inf; wanted a finite number"),
        (json.dumps(broken(score=0.25)).replace("0.25", "NaN"), "NaN is not JSON; omit the key instead"),
        (broken(score="0.5"), "'score' is '0.5'; wanted a finite number"),
        (broken(class_score={"run": None}), "the score of class 'run' is None; wanted a finite number"),
        (broken(class_score={"rum": 0.5}), "class 'rum' is not among the classes of the file; did you mean 'run'?"),
        (broken(class_score=[0.5]), "'class_score' is [0.5]; wanted an object"),
        (broken(actor=["person"]), "'actor' is ['person']; wanted a name"),
        (WHOLE | {"videos": {"a": VIDEO | {"tubes": [without(TUBE, "class_score")]}}}, "'class_score' is missing"),
    ],
)  # fmt: skip
def test_unusable_json_is_an_error(evaluate, content, words):
    code, error, table = evaluate(GOOD, content)
    assert code == 2 and words in error and table is None
    assert error.count("\n") == 1 and "p.json" in error


def test_binary_and_missing_json_are_errors(evaluate, tmp_path):
    (tmp_path / "p.json").write_bytes(b"\xff\xfe\x00")
    assert evaluate(GOOD, None)[0] == 2
    assert evaluate(GOOD, None, name="gone.json")[0] == 2


# ------------------------------------------------------------------------------------- HDF5


def shard(path, classes=("run",)):
    tubes = predicted_tubes([([0, 1], [BOX, BOX]), ([0], [BOX])], [[0.9], [0.8]], length=3)
    with ShardWriter(path, PREDICTIONS_SCHEMA, {}, {"classes": list(classes)}) as writer:
        write_tubes(writer, "a", VideoInfo(3, 25.0, 64, 48), tubes)
    return path


@contextmanager
def edited(path):
    """Edit a shard and renew its checksum, as if another program had written it."""
    with h5py.File(path, "r+") as file:
        yield file
    embed_checksum(path)


def change(name, value):
    def edit(file):
        del file["v000000"][name]
        if value is not None:
            file["v000000"][name] = value

    return edit


def whole_box(value):
    return np.full((2, 3, 4), value, np.float32)


HALF = whole_box(np.nan)
HALF[0, 0, :2] = 0


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (change("boxes", None), "lacks boxes"),
        (change("boxes", np.zeros((2, 3))), "a: /v000000: shapes"),
        (change("boxes", np.zeros((2, 5, 4), np.float32)), "'boxes': (2, 5, 4)"),
        (change("boxes", whole_box(0)), "tube 0 has boxes outside its interval"),
        (change("boxes", whole_box(np.inf)), "a box is infinite"),
        (change("boxes", HALF), "tube 0: a box is NaN in part"),
        (change("score", np.array([np.nan, 0.5])), "score of tube 0 is not a finite number"),
        (change("score", np.zeros(3)), "do not match"),
        (change("score", np.array([b"a", b"b"])), "a: /v000000/score: dtype is |S1; expected numbers"),
        (change("class_score", None), "class_score is missing"),
        (change("class_score", np.zeros((2, 7))), "class_score is float64"),
        (change("class_score", np.full((2, 1), np.inf)), "class_score of tube 0 is infinite"),
        (change("interval", np.array([[0, 9], [0, 1]])), "tube 0: the interval 0-9 does not lie in 0-3"),
        (lambda file: file["v000000"].attrs.__delitem__("frames"), "a: "),
        (lambda file: file.__delitem__("v000000"), "a: "),
        (lambda file: file.__delitem__("videos"), "'videos' is missing"),
        (lambda file: file.attrs.__delitem__("classes"), "attribute 'classes' is None; wanted names"),
        (lambda file: file.attrs.__setitem__("classes", "run"), "attribute 'classes' is 'run'; wanted names"),
        (lambda file: file.attrs.__setitem__("classes", ["run", "run"]), "names a class twice"),
        (lambda file: file.attrs.__setitem__("schema", "tubes/1"), "schema is 'tubes/1'"),
    ],
)  # fmt: skip
def test_unusable_hdf5_is_an_error(evaluate, tmp_path, edit, words):
    with edited(shard(tmp_path / "p.h5")) as file:
        edit(file)
    code, error, table = evaluate(GOOD, None, name="p.h5")
    assert code == 2 and words in error and table is None
    assert error.count("\n") == 1 and "p.h5" in error


def test_empty_truncated_and_other_files_are_errors(evaluate, tmp_path):
    whole = shard(tmp_path / "whole.h5").read_bytes()
    for content in (b"", b"not a file", whole[: len(whole) // 2]):
        (tmp_path / "p.h5").write_bytes(content)
        code, error, _ = evaluate(GOOD, None, name="p.h5")
        assert code == 2 and error.count("\n") == 1
    for name, text in (("p.csv", "video,tube\n"), ("gone.h5", None)):
        code, error, _ = evaluate(GOOD, text, name=name)
        assert (
            code == 2
            and f"{name}: {'no such file' if text is None else 'is not an HDF5 file'}; wanted" in error
        )


def test_two_files(tmp_path):
    paths = [shard(tmp_path / "one.h5"), shard(tmp_path / "two.h5", ["walk"])]
    with pytest.raises(DataError, match=r"two.h5: classes \['walk'\], but .*one.h5 has \['run'\]"):
        read_predictions(paths)
    (tmp_path / "p.json").write_text(json.dumps(WHOLE))
    for pair in ([paths[0], shard(tmp_path / "three.h5")], [paths[0], tmp_path / "p.json"]):
        with pytest.raises(DataError, match="holds 'a', which another file holds too"):
            read_predictions(pair)


def test_shards_next_to_json_stay_on_disk_and_know_their_sizes(tmp_path):
    (tmp_path / "p.json").write_text(json.dumps(WHOLE | {"videos": {"x": VIDEO}}))
    videos, classes = read_predictions([tmp_path / "p.json", shard(tmp_path / "one.h5")])
    assert [*videos] == ["x", "a"] and classes == ["run"]
    assert videos.size_of("x") == videos.size_of("a") == (64, 48)
    assert videos["x"].interval.tolist() == [[0, 2]] and videos["x"].boxes.shape == (1, 3, 4)


def test_nan_scores_are_no_prediction_and_are_counted(evaluate, tmp_path):
    with edited(shard(tmp_path / "p.h5")) as file:
        change("class_score", np.array([[np.nan], [0.5]]))(file)
    code, error, table = evaluate(GOOD, None, name="p.h5")
    assert code == 0 and table.set_index("class").loc["run", "tubes"].tolist() == [1] * 7
    assert "INFO: 1 of 2 class scores are NaN: no prediction" in error


def test_unsorted_proposals_are_sorted(tmp_path):
    with edited(shard(tmp_path / "p.h5")) as file:
        change("score", np.array([0.1, 0.7], np.float32))(file)
    tubes = read_predictions(tmp_path / "p.h5").videos["a"]
    assert tubes.score.tolist() == pytest.approx([0.7, 0.1]) and tubes.interval.tolist() == [[0, 1], [0, 2]]


# ----------------------------------------------------------------------------------- arrays


@pytest.mark.parametrize(
    ("frames", "boxes", "words"),
    [
        ([0, 0], [BOX, BOX], "two boxes in frame 0"),
        ([0, 1], [BOX], r"frames \(2,\) and boxes \(1, 4\)"),
        ([0.5], [BOX], "expected integers from 0"),
        ([-1], [BOX], "expected integers from 0"),
        ([0], [[0, 0, np.nan, 1]], "expected finite"),
        ([0], [[5, 0, 1, 1]], "box 5, 0, 1, 1; expected"),
        ([0], [["a", 0, 1, 1]], "boxes are not numbers"),
    ],
)
def test_invalid_arrays_of_a_tube_are_errors(frames, boxes, words):
    with pytest.raises(DataError, match=words):
        ground_truth_tube("run", frames, boxes)
    with pytest.raises(DataError, match=words):
        predicted_tubes([(frames, boxes)])


def test_invalid_arrays_of_scores_are_errors():
    tube = ([0], [BOX])
    for options, words in (
        ({"class_score": [0.5]}, "class_score is float64"),
        ({"class_score": [[0.5], [0.5]]}, "class_score is float64"),
        ({"class_score": [[np.inf]]}, "class_score of tube 0 is infinite"),
        ({"score": [np.nan]}, "score of tube 0 is not a finite number"),
        ({"score": [1, 2]}, "score is float32"),
        ({"length": 10**12}, "too many to hold"),
    ):
        with pytest.raises(DataError, match=words):
            predicted_tubes([tube], **options)
    with pytest.raises(DataError, match="frame 5, but the video has 3"):
        predicted_tubes([([5], [BOX])], length=3)


def test_frames_of_arrays_may_be_unsorted_and_have_gaps():
    tube = ground_truth_tube("run", [7, 2], [[0, 0, 7, 7], [0, 0, 2, 2]])
    assert tube.frames.tolist() == [2, 7] and tube.boxes[:, 2].tolist() == [2, 7]
    found = Predictions({"a": predicted_tubes([([7, 2], [[0, 0, 7, 7], [0, 0, 2, 2]])], [[1.0]])}, ["run"])
    table = evaluation.average_precision({"a": [tube]}, found)
    assert (table["average_precision"] == 1).all()


def test_videos_without_tubes_are_no_error():
    none = Predictions({"a": predicted_tubes([], np.zeros((0, 1)), length=4)}, ["run"])
    truth = {"a": [ground_truth_tube("run", [0], [BOX])]}
    assert (evaluation.average_precision(truth, none)["average_precision"] == 0).all()
    assert (evaluation.frame_average_precision(truth, none)["average_precision"] == 0).all()
    assert evaluation.errors(truth, none).query("kind == 'missed'")["count"].tolist() == [1] * 4
    assert len(evaluation.prediction_kinds(truth, none)) == 0
    assert (evaluation.confidence_intervals(truth, none, resamples=5)["high"] == 0).all()
    assert (evaluation.recall(truth, none.videos)["recall"] == 0).all()
    assert evaluation.average_precision({}, Predictions({}, ["run"]))["average_precision"].isna().all()
    assert evaluation.confidence_intervals({}, Predictions({}, ["run"]), resamples=5).empty


# ------------------------------------------------------------------------------- the library


MEASURES = (
    evaluation.average_precision, evaluation.frame_average_precision, evaluation.errors,
    evaluation.prediction_kinds, evaluation.confidence_intervals,
)  # fmt: skip


@pytest.mark.parametrize("scores", [[[0.5]], [[0.5, 0.4, 0.3]]])
def test_scores_for_another_number_of_classes(scores):
    made = Predictions({"a": predicted_tubes([([0], [BOX])], scores)}, ["run", "swim"])
    for measure in MEASURES:
        with pytest.raises(DataError, match=f"a: class_score has {len(scores[0])} columns, but there are 2"):
            measure({"a": [ground_truth_tube("run", [0], [BOX])]}, made)


def test_the_library_warns_of_names_that_only_one_side_has(caplog):
    tube = ground_truth_tube("run", [0], [BOX])
    made = Predictions(
        {"a": predicted_tubes([([0], [BOX])], [[0.5]]), "c": predicted_tubes([], [])}, ["swim"]
    )
    truth = {"a": [tube], "b": [tube]}
    for measure in MEASURES:
        caplog.clear()
        measure(truth, made)
        for words in ("1 classes of the ground truth have no predictions, so their average precision is 0: run",
                      "1 predicted classes have no ground truth, so they have no average precision: swim",
                      "1 videos have no predictions, so their ground truth is missed: b",
                      "1 videos have no ground truth, so all their tubes are false positives: c"):  # fmt: skip
            assert words in caplog.text, (measure, words)
    caplog.clear()
    evaluation.recall(truth, made.videos, videos=["a"])
    assert "ignoring the ground truth of 1 videos that are not evaluated: b" in caplog.text
    assert "classes" not in caplog.text


@pytest.mark.parametrize("name", ["mean", "all"])
def test_reserved_class_names_are_errors(evaluate, name):
    code, error, table = evaluate(rows(f"a,0,{name},0,0,0,10,10"), WHOLE)
    assert code == 2 and f"the class name {name!r} is reserved" in error and table is None
    code, error, table = evaluate(GOOD, {"classes": ["run", name], "videos": {"a": VIDEO}})
    assert code == 2 and f"the class name {name!r} is reserved" in error and table is None


def test_ground_truth_of_other_tools_gives_the_same_table(evaluate, tmp_path):
    _, _, wanted = evaluate(GOOD, WHOLE)
    (tmp_path / "videos.csv").write_text("video,frames,fps,width,height\na,3,25,64,48\n")
    for name in ("gt.json", "gt.xml", "gt_mot.zip"):
        form = ["--to", "mot"] if name.endswith(".zip") else []
        paths = [str(tmp_path / one) for one in ("gt.csv", name, "videos.csv", "p.json", "map2.csv")]
        assert main(["convert", paths[0], paths[1], "--videos", paths[2], *form]) == 0
        if form:  # the zip does not name its only video
            main(["convert", paths[1], str(tmp_path / "a"), "--name", "a", *form])
            paths[1] = str(tmp_path / "a")
        options = ["--ground-truth", paths[1], "--predictions", paths[3], "--output", paths[4]]
        assert main(["evaluate", *options]) == 0
        assert pd.read_csv(paths[4], dtype={"iou_threshold": str}).equals(wanted), name
