"""The annotated frames of a ground truth reach every evaluation, whatever the format states them in."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from actorsup import evaluation
from actorsup.cli import main
from actorsup.datasets.ground_truth import write_annotated_frames
from actorsup.datasets.ground_truth_files import read_ground_truth_file
from actorsup.datasets.readers.folder import Folder
from actorsup.datasets.readers.thumos13 import Thumos13
from actorsup.errors import DataError
from actorsup.evaluation import Predictions, predicted_tubes
from actorsup.formats.convert import Conversion, convert
from actorsup.formats.coverage import sparse_step, warn_if_sparse
from actorsup.formats.formats import read_labeled
from actorsup.workflow.dataset import PlannedDataset

HEAD = "video,tube,class,frame,x1,y1,x2,y2\n"
BOX = [10, 10, 60, 100]
LENGTH = 12


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def predictions(path: Path, *intervals: tuple[int, int]) -> Path:
    """Perfect boxes of video ``v`` in each interval, the first with the lowest score."""
    tubes = [
        {"interval": [a, b], "boxes": [BOX] * (b - a), "score": score, "class_score": {"run": score}}
        for score, (a, b) in zip((0.5, 0.6), intervals, strict=False)
    ]
    video = {"frames": LENGTH, "fps": 25, "width": 320, "height": 240, "tubes": tubes}
    return written(path, json.dumps({"classes": ["run"], "videos": {"v": video}}))


def csv(frames, named=()) -> str:
    lines = [f"v,0,run,{frame},10,10,60,100" for frame in frames] + [f"v,,,{frame},,,," for frame in named]
    return HEAD + "\n".join(lines) + "\n"


def coco(frames, listed) -> str:
    box = {"category_id": 1, "track_id": 1, "bbox": [10, 10, 50, 90]}
    images = [{"id": f + 1, "video_id": 1, "frame_id": f, "width": 320, "height": 240} for f in listed]
    return json.dumps(
        {
            "videos": [{"id": 1, "name": "v"}],
            "images": images,
            "categories": [{"id": 1, "name": "run"}],
            "annotations": [{"id": f, "image_id": f + 1, **box} for f in frames],
        }
    )


def cvat(*boxes: str, meta: str = "<size>12</size>", tag: str = "task") -> str:
    drawn = "".join(f'<box {box} xtl="10" ytl="10" xbr="60" ybr="100"/>' for box in boxes)
    return (
        f"<annotations><meta><{tag}><id>1</id><name>v</name>{meta}</{tag}></meta>"
        f'<track id="0" label="run">{drawn}</track></annotations>'
    )


def annotated(path: Path) -> list[int] | None:
    array = read_ground_truth_file(path).annotated.get("v")
    return None if array is None else array.tolist()


def precision(capsys, truth: Path, predicted: Path, *options: str) -> tuple[float, float, float, str]:
    """Video mAP at 0.5, frame mAP at 0.5 and recall at 0.5 of the command, and its warnings."""
    out = truth.parent / "out"
    tables = {"--output": out / "map.csv", "--frame-map": out / "frame.csv", "--recall": out / "recall.csv"}
    arguments = ["evaluate", "--ground-truth", truth, "--predictions", predicted, *options]
    arguments += ["--iou-thresholds", "0.5", *(part for pair in tables.items() for part in pair)]
    assert main([str(one) for one in arguments]) == 0
    means = [pd.read_csv(path, dtype={"iou_threshold": str}) for path in tables.values()]
    means = [table[table["iou_threshold"] == "0.5"] for table in means]
    values = [table[table["class"] == "mean"]["average_precision"].iloc[0] for table in means[:2]]
    recall = means[2][means[2]["group"] == "all"]["recall"].iloc[0]
    return *values, recall, capsys.readouterr().err


STEP = [0, 5, 10]
SPARSE = {
    "coco.json": coco(STEP, STEP),
    "csv.csv": csv(STEP, [5]),
    "cvat.xml": cvat(
        'frame="0" outside="0"', 'frame="10" outside="0"',
        meta="<size>3</size><start_frame>0</start_frame><stop_frame>11</stop_frame>"
        "<frame_filter>step=5</frame_filter>",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SPARSE)
def test_a_perfect_prediction_is_perfect_if_the_file_states_its_frames(tmp_path, capsys, name):
    truth = written(tmp_path / name, SPARSE[name])
    predicted = predictions(tmp_path / "p.json", (0, LENGTH))
    assert annotated(truth) == STEP
    assert precision(capsys, truth, predicted) == (1.0, 1.0, 1.0, "")
    # as from Python
    read = evaluation.read_ground_truth(truth), evaluation.read_predictions([predicted])
    table = evaluation.average_precision(*read, [0.5]).set_index("class")
    assert table.loc["mean", "average_precision"].iloc[0] == 1.0
    # all 12 frames: 3 have ground truth, whose boxes rank 1, 6 and 11
    frame_map = pytest.approx((1 + 2 / 6 + 3 / 11) / 3, abs=1e-6)
    assert precision(capsys, truth, predicted, "--annotated", "all")[:3] == (0.0, frame_map, 0.0)


def test_a_file_that_states_no_frames_is_probably_sparse(tmp_path, capsys, caplog):
    truth = written(tmp_path / "gt.csv", csv(STEP))
    predicted = predictions(tmp_path / "p.json", (0, LENGTH))
    *values, error = precision(capsys, truth, predicted)
    assert values[0] == 0.0
    assert "gt.csv: probably sparse: 1 videos have boxes in about every 5th frame only" in error
    assert "--annotated boxes" in error and error.count("\n") == 1
    assert precision(capsys, truth, predicted, "--annotated", "boxes") == (1.0, 1.0, 1.0, "")
    assert precision(capsys, truth, predicted, "--annotated", "all")[3] == ""
    table = written(tmp_path / "a.csv", "video,frame\nv,0\nv,5\nv,10\n")
    assert precision(capsys, truth, predicted, "--annotated", str(table)) == (1.0, 1.0, 1.0, "")
    caplog.clear()
    found = {
        setting: Folder(tmp_path, boxes=truth, annotated=setting).ground_truth().annotated
        for setting in (None, "boxes", "all", str(table))
    }
    assert found[None] == found["all"] == {}
    assert found["boxes"]["v"].tolist() == found[str(table)]["v"].tolist() == STEP
    assert [record.message.count("probably sparse") for record in caplog.records] == [1]


@pytest.mark.parametrize(
    ("frames", "step"),
    [
        ([0, 5, 10], 5),
        ([3, 5, 7, 9], 2),
        ([0, 15, 30, 44, 59], 15),  # one a second at 14.8 frames a second
        ([0, 5, 10, 40, 45, 50], 5),  # the actor is away
        ([*range(0, 100, 10), 99, 100], 10),
        ([0, 1, 2, 3], 0),
        ([0, 1, 2, 8, 9, 20, 21], 0),
        ([0, 9], 0),  # too few to tell
        ([4], 0),
        ([], 0),
        ([0, 3, 40], 0),  # no pattern
    ],
)
def test_the_pattern_of_a_sparse_annotation(frames, step):
    assert sparse_step(np.array(frames, np.int64)) == step


def test_rows_without_a_box_name_annotated_frames(tmp_path):
    def read(text: str) -> list[int] | None:
        path = written(tmp_path / "gt.csv", text)
        stored = evaluation.read_ground_truth(path)
        array = stored.annotated.get("v")
        assert (None if array is None else array.tolist()) == annotated(path)
        assert len(stored.get("v", [])) == ("run" in text)
        return annotated(path)

    assert read(csv([3, 4])) is None
    assert read(csv([3, 4], [9, 0])) == [0, 3, 4, 9]
    assert read(csv([3, 4], [4])) == [3, 4]  # a frame with a box may be named too
    assert read(csv([], [7])) == [7]
    assert read(csv([], [""])) == []  # a video without annotated frames
    for line, words in (
        ("v,0,,5,,,,", "line 2: a value is no finite number"),
        ("v,,run,5,,,,", "line 2: a value is no finite number"),
        ("v,,,5,1,1,2,2", "line 2: it has no class"),
        ("v,,,x,,,,", "line 2: frame is 'x'; wanted a number"),
        ("v,,,-1,,,,", "line 2: has no box, so it names an annotated frame"),
    ):
        with pytest.raises(DataError, match=words):
            read(HEAD + line + "\n")


def test_mot_frames_after_the_length_are_not_annotated(tmp_path, capsys):
    lines = "".join(f"{frame},1,10,10,50,90,1,1,1\n" for frame in (1, 2, 3, 4))
    with zipfile.ZipFile(tmp_path / "v.zip", "w") as archive:
        archive.writestr("gt/gt.txt", lines)
        archive.writestr("gt/labels.txt", "run\n")
        archive.writestr("seqinfo.ini", "[Sequence]\nseqLength=6\n")
    assert annotated(tmp_path / "v.zip") == [*range(6)]
    # the first tube is right; the second, with a higher score, begins after the last annotated frame
    predicted = predictions(tmp_path / "p.json", (0, 4), (7, 12))
    *values, error = precision(capsys, tmp_path / "v.zip", predicted)
    assert values == [1.0, 1.0, 1.0]
    assert error == "actorsup: INFO: 1 tubes lie entirely in frames that are not annotated and are ignored\n"
    written(tmp_path / "v" / "gt" / "gt.txt", lines)
    written(tmp_path / "v" / "gt" / "labels.txt", "run\n")
    assert annotated(tmp_path / "v") is None
    written(tmp_path / "v" / "seqinfo.ini", "[Sequence]\nseqLength=6\n")
    assert annotated(tmp_path / "v") == annotated(tmp_path / "v" / "gt" / "gt.txt") == [*range(6)]


@pytest.mark.parametrize(
    ("meta", "tag", "frames"),
    [
        ("<size>4</size>", "task", [0, 1, 2, 3]),
        ("<size>4</size><start_frame>2</start_frame><stop_frame>5</stop_frame>", "task", [2, 3, 4, 5]),
        (
            "<size>3</size><start_frame>2</start_frame><frame_filter>step=4</frame_filter>", "task",
            [2, 6, 10],
        ),
        (  # segments count the frames of the task
            "<size>3</size><start_frame>2</start_frame><stop_frame>11</stop_frame>"
            "<frame_filter>step=4</frame_filter><segments><segment><start>0</start><stop>1</stop></segment>"
            "</segments>", "task", [2, 6],
        ),
        (
            "<size>2</size><start_frame>4</start_frame><stop_frame>5</stop_frame><segments><segment>"
            "<start>4</start><stop>5</stop></segment></segments>", "job", [4, 5],
        ),
        (
            "<size>2</size><start_frame>1</start_frame><stop_frame>2</stop_frame>"
            "<frame_filter>step=3</frame_filter>", "job", [3, 6],
        ),
        ("<mode>interpolation</mode>", "task", None),
    ],
)  # fmt: skip
def test_the_frames_of_a_cvat_task(tmp_path, meta, tag, frames):
    first = frames[0] if frames else 0
    path = written(tmp_path / "a.xml", cvat(f'frame="{first}" outside="0"', meta=meta, tag=tag))
    assert annotated(path) == frames
    rows = read_ground_truth_file(path).boxes
    # the track continues to the end of the task, and has boxes in its frames only
    assert rows["frame"].tolist() == (frames or [0])


def test_a_box_that_was_drawn_is_annotated(tmp_path):
    meta = "<size>3</size><stop_frame>10</stop_frame><frame_filter>step=5</frame_filter>"
    boxes = 'frame="0" outside="0"', 'frame="7" outside="0"', 'frame="8" outside="1"'
    assert annotated(written(tmp_path / "a.xml", cvat(*boxes, meta=meta))) == [0, 5, 7, 10]


def test_tubes_in_frames_that_are_not_annotated_are_not_judged():
    truth = {"v": [evaluation.ground_truth_tube("run", range(4), [BOX] * 4)]}
    tubes = predicted_tubes([(range(6, 9), [BOX] * 3), (range(4), [BOX] * 4)], [[0.9], [0.5]], length=9)
    scored = Predictions({"v": tubes}, ["run"])
    for frames, value in (({"v": range(5)}, 1.0), ({"v": None}, 0.5), (None, 0.5)):
        result = evaluation.Evaluation(truth, scored, annotated=frames)
        table = result.average_precision([0.5]).set_index("class")
        assert table.loc["run", "average_precision"].iloc[0] == value
        recall = result.recall([0.5], [1]).set_index("group").loc["all", "recall"]
        assert recall == (1.0 if value == 1 else 0.0)
        assert (result.prediction_kinds(0.5)["kind"] == "background").sum() == (value != 1)


def test_ground_truth_in_frames_that_are_not_annotated_is_not_missed(caplog):
    tube = evaluation.ground_truth_tube
    truth = {"v": [tube("run", range(4), [BOX] * 4), tube("run", [8], [BOX])], "w": [tube("run", [3], [BOX])]}
    tubes = predicted_tubes([(range(4), [BOX] * 4)], [[0.5]], length=9)
    scored = Predictions({"v": tubes, "x": tubes}, ["run"])
    frames = {"v": range(5), "w": [], "x": []}
    result = evaluation.Evaluation(truth, scored, annotated=frames)
    table = result.average_precision([0.5]).set_index("class").loc["run"].iloc[0]
    assert (table["average_precision"], table["ground_truth"]) == (1.0, 1)
    assert not [record for record in caplog.records if "no ground truth" in record.getMessage()]
    assert not [record for record in caplog.records if "no predictions" in record.getMessage()]


def test_a_wholly_annotated_file_gives_the_same_tables(tmp_path, capsys):
    predicted = predictions(tmp_path / "p.json", (0, 6), (5, 12))
    boxes = range(2, 8)
    texts = {"a.csv": csv(boxes), "b.csv": csv(boxes, range(LENGTH)), "c.json": coco(boxes, range(LENGTH))}
    texts["d.xml"] = cvat('frame="2" outside="0"', 'frame="8" outside="1"')
    tables = []
    for name, text in texts.items():
        truth = written(tmp_path / name, text)
        options = [f"--{kind}={tmp_path / kind}.csv" for kind in ("output", "recall", "errors", "frame-map")]
        command = ["evaluate", f"--ground-truth={truth}", f"--predictions={predicted}", *options]
        assert main(command) == 0 and capsys.readouterr().err == ""
        tables.append([Path(option.split("=")[1]).read_text() for option in options])
    assert tables[1:] == tables[:1] * 3


@pytest.mark.parametrize("name", [*SPARSE])
@pytest.mark.parametrize("output", ["o.csv", "o.json"])
def test_conversion_keeps_the_annotated_frames(tmp_path, name, output):
    source = written(tmp_path / name, SPARSE[name])
    sizes = written(tmp_path / "videos.csv", "video,frames,fps,width,height\nv,12,25,320,240\n")
    convert(source, tmp_path / output, Conversion(videos=sizes))
    assert annotated(tmp_path / output) == STEP
    boxes = [read_ground_truth_file(path).boxes["frame"].tolist() for path in (source, tmp_path / output)]
    assert boxes[0] == boxes[1]
    convert(tmp_path / output, tmp_path / "back.csv")
    assert annotated(tmp_path / "back.csv") == STEP
    if output == "o.json":
        images = json.loads((tmp_path / output).read_text())["images"]
        assert [image["frame_id"] for image in images] == STEP


@pytest.mark.parametrize(("output", "form"), [("o.xml", "cvat"), ("o.zip", "mot")])
def test_conversion_says_what_a_format_cannot_state(tmp_path, caplog, output, form):
    sizes = written(tmp_path / "videos.csv", "video,frames,fps,width,height\nv,12,25,320,240\n")
    how = Conversion(output_format=form, videos=sizes)
    convert(written(tmp_path / "a.csv", csv(STEP, [5])), tmp_path / output, how)
    (record,) = caplog.records
    assert "cannot state which frames are annotated" in record.getMessage()
    caplog.clear()
    for text in (csv(STEP), csv(STEP, range(12))):  # all frames
        convert(written(tmp_path / "a.csv", text), tmp_path / output, how)
    assert not caplog.records
    (video,) = read_labeled(tmp_path / output, form, "v")[0]
    assert video.annotated.tolist() == [*range(12)]


def folder(root: Path, name: str, text: str, annotated: str | None = None) -> tuple[PlannedDataset, dict]:
    for video in ("v", "w"):
        written(root / f"{video}.avi", "")
    table = written(root / "videos.csv", "video,label,split\nv,run,test\nw,run,test\n")
    section = {"type": "folder", "root": str(root), "table": str(table), "shards": 1}
    section |= {"ground_truth": str(written(root / name, text))}
    section |= {"annotated": annotated} if annotated else {}
    return PlannedDataset("mine", section, 0), section


@pytest.mark.parametrize(
    ("name", "text", "setting", "is_sparse"),
    [
        ("gt.csv", csv(STEP), None, False),
        ("gt.csv", csv(STEP), "all", False),
        ("gt.csv", csv(STEP), "boxes", True),
        ("gt.csv", csv(STEP, [5]), None, True),
        ("gt.json", coco(STEP, STEP), None, True),
        ("gt.json", coco(STEP, STEP), "all", False),
    ],
)
def test_the_plan_writes_annotated_frames_if_the_file_states_them(tmp_path, name, text, setting, is_sparse):
    planned, _ = folder(tmp_path, name, text, setting)
    planned.check_evaluable()
    assert planned.annotated_table() == (["results/mine/annotated.csv"] if is_sparse else [])
    assert len(planned.annotation_files()) == 1  # a word is no file


def test_annotated_csv_lists_all_frames_of_a_wholly_annotated_video(tmp_path):
    text = csv(STEP, [5]) + "w,0,run,4,1,1,2,2\nx,0,run,1,1,1,2,2\n"
    planned, _ = folder(tmp_path, "gt.csv", text)
    run = written(tmp_path / "run.csv", "video,frames\nv,12\nw,3\nx,\n")  # x could not be decoded
    write_annotated_frames(planned.dataset, run, tmp_path / "annotated.csv")
    frames = evaluation.read_annotated(tmp_path / "annotated.csv")
    assert frames == {"v": {0, 5, 10}, "w": {0, 1, 2, 3, 4}, "x": {0, 1}}
    with pytest.raises(DataError, match="no list of annotated frames"):
        write_annotated_frames(folder(tmp_path, "b.csv", csv(STEP))[0].dataset, run, tmp_path / "b.csv")


def test_real_annotations_are_not_called_sparse(shared, caplog):
    data = shared / "data"
    tubes = data / "ut_interaction" / "actor_tubes_derived.csv"
    Folder(data / "ut_interaction" / "videos", boxes=tubes).ground_truth()
    boxes = Thumos13(data / "thumos13").ground_truth().boxes
    frames = {video: np.sort(array) for video, array in boxes.groupby("video")["frame"].unique().items()}
    warn_if_sparse("THUMOS13", frames)
    assert len(frames) == 3194 and not caplog.records
