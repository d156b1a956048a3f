"""CVAT, MOT and COCO files as people have them: what is harmless is read, what is not is named."""
# ruff: noqa: E501  (tables of cases, one a line)

import json
from pathlib import Path

import pytest

from actorsup.cli import main
from actorsup.datasets.readers.folder import Folder
from actorsup.detection.detectors.supplied import read_supplied
from actorsup.errors import DataError
from actorsup.formats.coco import read_coco
from actorsup.formats.convert import Conversion, convert
from actorsup.formats.cvat import read_cvat
from actorsup.formats.mot import MotOptions, read_mot
from actorsup.formats.mot_lines import read_labels


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def messages(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


# ------------------------------------------------------------------------------------- CVAT

CORNERS = 'xtl="10" ytl="10" xbr="60" ybr="100"'
TASK = "<id>1</id><name>v</name><size>12</size>"


def cvat(*boxes: str, task: str = TASK, track: str = 'id="0" label="run"', labels: str = "run") -> str:
    names = "".join(f"<label><name>{label}</name></label>" for label in labels.split())
    drawn = "".join(boxes)
    meta = f"<meta><task>{task}<labels>{names}</labels></task></meta>"
    return f"<annotations>{meta}<track {track}>{drawn}</track></annotations>"


def box(frame: int, outside: object = 0, corners: str = CORNERS, more: str = "") -> str:
    return f'<box frame="{frame}" outside="{outside}" {corners} {more}/>'


def cvat_frames(path: Path) -> list[int]:
    (video,) = read_cvat(path)
    return [frame for tube in video.tubes for frame in tube.frames.tolist()]


@pytest.mark.parametrize(
    "boxes",
    [
        (box(0), box(3, 1), box(3, 1)),  # CVAT exports a track's end twice
        (box(0), box(0), box(3, 1)),
        (box(0), box(3, "True")),
        (box(0), box(3, "true")),
        (box(3, 1), box(0)),
        (box(0, more='keyframe="1" occluded="0" z_order="0" rotation="0.00"'), box(3, 1)),
        (box(0, more='rotation="360"'), box(3, 1, more='rotation="-0.0"')),
    ],
)
def test_harmless_cvat(tmp_path, boxes, caplog):
    assert cvat_frames(written(tmp_path / "a.xml", cvat(*boxes))) == [0, 1, 2]
    assert not messages(caplog)


@pytest.mark.parametrize(
    ("boxes", "frames", "words"),
    [
        (
            (box(0), box(11), box(12)),
            range(12),
            "1 boxes after the last frame of their task, 11, are ignored",
        ),
        ((box(10), box(15), box(16, 1)), [10, 11], "2 boxes after the last frame of their task, 11, are"),
        ((box(20),), [], "1 boxes after the last frame of their task, 11, are ignored"),
        ((box(0, more='rotation="359.9"'), box(1, 1)), [0], "1 boxes are rotated by up to half a degree"),
        ((box(0, more='rotation="-0.3"'), box(1, 1)), [0], "1 boxes are rotated by up to half a degree"),
    ],
)
def test_tolerated_cvat_is_counted(tmp_path, boxes, frames, words, caplog):
    assert cvat_frames(written(tmp_path / "a.xml", cvat(*boxes))) == [*frames]
    (message,) = messages(caplog)
    assert words in message and "a.xml" in message


OTHER = 'xtl="11" ytl="10" xbr="60" ybr="100"'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (cvat(box(0), box(0, corners=OTHER)), "two boxes in frame 0, which differ: 10, 10, 60, 100 and 11, 10"),
        (cvat(box(0), box(0, 1)), "two boxes in frame 0, which differ: 10, 10, 60, 100 and outside 10"),
        (cvat(box(0, more='rotation="12"')), "rotated by 12 degrees; wanted 0; draw it"),
        (cvat(box(0, more='rotation="nan"')), "rotated by nan degrees"),
        (cvat('<polygon frame="0" points="1,1;2,2"/>'), "shape 'polygon'; wanted boxes; delete it, or draw"),
        (cvat(box(0), labels="ran"), "'run' is not among the task's: ran; did you mean 'ran'"),
        (cvat(box(0), task="<id>1</id><size>12</size>"), "no <name>; name the video"),
        (cvat(box(0), track='id="0" label="run" task_id="2"'), "belongs to the task '2'"),
        (cvat(box(0), task=TASK + "<start_frame>5</start_frame><stop_frame>4</stop_frame>"), "stop_frame 4 comes"),
        (cvat(box(0)).replace("</meta>", f"<task>{TASK}</task></meta>"), "two tasks have the id '1'"),
        (cvat(box(12)).replace("task>", "job>"), "its job ends in frame 11"),
    ],
)  # fmt: skip
def test_cvat_that_is_not_harmless_is_named(tmp_path, text, words):
    with pytest.raises(DataError) as raised:
        read_cvat(written(tmp_path / "a.xml", text))
    assert words in str(raised.value) and "\n" not in str(raised.value)


def test_remedies_for_cvat_work(tmp_path):
    path = written(tmp_path / "a.xml", cvat(box(0), task="<id>1</id><size>12</size>"))
    assert main(["convert", str(path), str(tmp_path / "a.csv"), "--name", "v"]) == 0
    assert (tmp_path / "a.csv").read_text().splitlines()[1] == "v,0,run,0,10,10,60,100"


def test_a_project_of_tasks_with_one_set_of_labels(tmp_path):
    tasks = "".join(f"<task><id>{n}</id><name>v{n}</name><size>2</size></task>" for n in (7, 8))
    labels = "<labels><label><name>run</name></label></labels>"
    tracks = "".join(f'<track id="0" label="run" task_id="{n}">{box(n - 7)}</track>' for n in (7, 8))
    text = (
        f"<annotations><meta><project>{labels}<tasks>{tasks}</tasks></project></meta>{tracks}</annotations>"
    )
    videos = read_cvat(written(tmp_path / "a.xml", text))
    assert [(v.video, v.tubes[0].frames.tolist()) for v in videos] == [("v7", [0, 1]), ("v8", [1])]
    with pytest.raises(DataError, match="belongs to the task None, which <meta> lacks"):
        read_cvat(written(tmp_path / "b.xml", text.replace(' task_id="7"', "")))


def test_two_jobs_of_a_task_are_named(tmp_path):
    for n, (start, stop) in enumerate([(0, 5), (6, 11)]):
        job = f"<id>{n}</id><source>v.mp4</source><start_frame>{start}</start_frame><stop_frame>{stop}</stop_frame>"
        written(tmp_path / "jobs" / f"{n}.xml", cvat(box(start), task=job).replace("task>", "job>"))
    with pytest.raises(DataError, match=r"two jobs of 'v\.mp4'.*export the task"):
        read_cvat(tmp_path / "jobs")
    (video,) = read_cvat(tmp_path / "jobs" / "1.xml")
    assert video.annotated.tolist() == video.tubes[0].frames.tolist() == [*range(6, 12)]


# -------------------------------------------------------------------------------------- MOT

BOXES = [[9, 9, 59, 99], [10, 9, 60, 99]]  # with pixels from 1


def mot(folder: Path, text: str, labels: str | None = None, **options: object):
    if labels is not None:
        written(folder / "labels.txt", labels)
    return read_mot(written(folder / "v.txt", text), MotOptions(**options))[0].tubes


@pytest.mark.parametrize(
    ("lines", "frames"),
    [
        ("1,3,10,10,50,90,1,1,1\n2,3,11,10,50,90,1,1,1\n", [0, 1]),
        ("1 3 10 10 50 90 1 1 1\n2 3 11 10 50 90 1 1 1\n", [0, 1]),
        ("1\t3\t10\t10\t50\t90\t1\t1\t1\n2\t3\t11\t10\t50\t90\t1\t1\t1\n", [0, 1]),
        ("1, 3, 10.0, 10, 50, 90, 1, 1, 1\n\n2, 3, 11, 10, 50, 90, 1, 1, 1\n", [0, 1]),
        ("1.0,3.0,10,10,50,90,1,1.0,1\n2.0,3.0,11,10,50,90,1,1.0,1\n", [0, 1]),
        ("1,3,10,10,50,90,1,1,1,\n2,3,11,10,50,90,1,1,1,\n", [0, 1]),
        ("1;3;10;10;50;90;1;1;1\n2;3;11;10;50;90;1;1;1\n", [0, 1]),
        ("0,3,10,10,50,90,1,1,1\n1,3,11,10,50,90,1,1,1\n", [0, 1]),  # there is no frame 0 if frames count from 1
        ("2,3,10,10,50,90,1,1,1\n3,3,11,10,50,90,1,1,1\n", [1, 2]),
        ("frame,id,x,y,w,h,conf,class,vis\n1,3,10,10,50,90,1,1,1\n2,3,11,10,50,90,1,1,1\n", [0, 1]),
        ("# comment\n1,3,10,10,50,90,1,pedestrian,1\n2,3,11,10,50,90,1,pedestrian,1\n", [0, 1]),
        ("1,0,10,10,50,90,1,1,1\n2,0,11,10,50,90,1,1,1\n", [0, 1]),  # ids from 0
    ],
)  # fmt: skip
def test_harmless_mot(tmp_path, lines, frames, caplog):
    (tube,) = mot(tmp_path, lines)
    assert (tube.action, tube.frames.tolist(), tube.boxes.tolist()) == ("pedestrian", frames, BOXES)
    assert not messages(caplog)


def test_a_frame_0_in_any_file_means_frames_from_0(tmp_path):
    written(tmp_path / "a.txt", "0,1,10,10,50,90,1,1,1\n")
    written(tmp_path / "b.txt", "4,1,10,10,50,90,1,1,1\n")
    assert [video.tubes[0].frames.tolist() for video in read_mot(tmp_path)] == [[0], [4]]
    only = tmp_path / "b.txt"
    assert read_mot(only)[0].tubes[0].frames.tolist() == [3]
    assert main(["convert", str(only), str(tmp_path / "b.csv"), "--frame-base", "0"]) == 0
    assert (tmp_path / "b.csv").read_text().splitlines()[1].startswith("b,1,pedestrian,4,")
    with pytest.raises(DataError, match="has a frame 0, so its frames do not count from 1"):
        read_mot(tmp_path / "a.txt", MotOptions(frame_base=1))


BOXMOT = "1 58 10 10 50 90 0 0 -1\n2 58 11 10 50 90 0 0 -1\n"
SORT = "1,58,10,10,50,90,0.93,-1,-1,-1\n2,58,11,10,50,90,0.91,-1,-1,-1\n"


@pytest.mark.parametrize(
    ("text", "labels", "options", "action", "score"),
    [
        (BOXMOT, "run\n", {}, "run", None),
        (BOXMOT, "run\nsit\n", {}, "run", None),
        (BOXMOT, "0 run\n1 sit\n", {}, "run", None),
        (BOXMOT.replace(" 0 -1", " 2 -1"), "1: run\n2: sit\n", {}, "sit", None),
        (SORT, "run\n", {}, "run", 0.92),
        (SORT, None, {"action": "run"}, "run", 0.92),
        (SORT.replace(",0.93,-1", ",0.93,2").replace(",0.91,-1", ",0.91,2"), "1 run\n2 sit\n", {}, "sit", 0.92),
        ("1,58,10,10,50,90\n", None, {"action": "run"}, "run", None),
    ],
)  # fmt: skip
def test_output_of_trackers(tmp_path, text, labels, options, action, score, caplog):
    (tube,) = mot(tmp_path, text, labels, **options)
    assert (tube.name, tube.action) == ("58", action)
    assert tube.score == (None if score is None else pytest.approx(score))
    assert not messages(caplog)


def test_classes_that_may_count_from_0_or_1_are_reported(tmp_path, caplog):
    text = BOXMOT.replace(" 0 -1", " 1 -1")
    (tube,) = mot(tmp_path, text, "person\nbicycle\ncar\n")
    assert tube.action == "bicycle" and "class 1 is 'bicycle'; to say otherwise" in messages(caplog)[0]
    caplog.clear()
    (tube,) = mot(tmp_path, text, "1 person\n2 bicycle\n3 car\n")
    assert tube.action == "person" and not messages(caplog)
    (tube,) = mot(tmp_path, text.replace("-1", "1"), "person\nbicycle\ncar\n")
    assert tube.action == "person" and not messages(caplog)


def test_repeated_lines_are_ignored_and_different_ones_named(tmp_path, caplog):
    line = "1,1,10,10,50,90,1,1,1\n"
    (tube,) = mot(tmp_path, line + line + "2,1,10,10,50,90,1,1,1\n")
    assert tube.frames.tolist() == [0, 1]
    assert "v.txt: ignored 1 lines that repeat another, such as line 2" in messages(caplog)[0]
    with pytest.raises(DataError, match=r"v\.txt: lines 1 and 3: track 1 already has a box in this frame"):
        mot(tmp_path, line + "2,1,10,10,50,90,1,1,1\n1,1,12,10,50,90,1,1,1\n")


KITTI = "0 2 Car 0 0 -1.79 296 161 455 292 2.0 1.8 4.4 -4.5 1.8 13.4 -2.1\n"
VISDRONE = "1,1,10,10,50,90,1,4,0,0\n"


@pytest.mark.parametrize(
    ("text", "labels", "words"),
    [
        (KITTI, None, "looks like KITTI tracking labels"),
        (VISDRONE, None, "10 columns with a class, as in VisDrone"),
        (BOXMOT, None, "its classes count from 0, as in the output of BoxMOT"),
        (SORT, None, "has no class; wanted its number or name after conf"),
        (SORT, "run\nsit\n", "has no class; wanted its number or name after conf"),
        ("frame,id,x1,y1,x2,y2,conf\n1,1,1,1,2,2,1\n", None, "is a header of other columns"),
        ("1,1,10,10,50,90,1,5,1\n", "run\nsit\n", "line 1: the class is 5, but there are 2: 1 run, 2 sit"),
        ("1,1,10,10,50,90,1,5,1\n", "4 run\n6 sit\n", "line 1: the class is 5, but there are 2: 4 run, 6 sit"),
        ("1,1,,10,50,90,1,1,1\n", None, "wanted numbers"),
        ("1,1,10,10,50,90,1,run now,1\n2,1,10,10,50,90,1,sit,1\n", None, "the classes run now, sit; wanted one"),
    ],
)  # fmt: skip
def test_mot_that_is_not_harmless_is_named(tmp_path, text, labels, words):
    with pytest.raises(DataError) as raised:
        mot(tmp_path, text, labels)
    assert words in str(raised.value) and "\n" not in str(raised.value)


def test_remedies_for_mot_work(tmp_path, capsys):
    path = written(tmp_path / "v.txt", SORT)
    assert main(["convert", str(path), str(tmp_path / "a.csv"), "--class", "run"]) == 0
    assert (tmp_path / "a.csv").read_text().splitlines()[1] == "v,58,run,0,9,9,59,99"
    predicted = written(
        tmp_path / "p.json",
        json.dumps({"classes": ["run"], "videos": {"v": {
            "frames": 2, "fps": 25, "width": 64, "height": 128,
            "tubes": [{"interval": [0, 2], "boxes": BOXES, "score": 1, "class_score": {"run": 1}}],
        }}}),
    )  # fmt: skip
    out = tmp_path / "map.csv"
    command = ["evaluate", f"--ground-truth={path}", f"--predictions={predicted}", f"--output={out}"]
    assert main(command) == 2 and "--class NAME" in capsys.readouterr().err
    assert main([*command, "--class", "run"]) == 0 and "mAP@0.5: 1.0000" in capsys.readouterr().out
    # a data set of one class
    truth = Folder(tmp_path, boxes=path, classes=("run",)).ground_truth()
    assert set(truth.boxes["class"]) == {"run"}
    # names of classes
    written(tmp_path / "labels.txt", "1 pedestrian\n4 car\n")
    (tube,) = mot(tmp_path, VISDRONE)
    assert tube.action == "car"
    (tube,) = mot(tmp_path, BOXMOT, "person\n")
    assert tube.action == "person"


def test_labels_are_names_or_numbers_and_names():
    assert read_labels("run\nsit down\n\n") == ("run", "sit down")
    assert read_labels("3 run\n12, sit down\n") == {3: "run", 12: "sit down"}
    assert read_labels("3 point shot\nrun\n") == ("3 point shot", "run")
    assert read_labels("2 a\n2 b\n") == ("2 a", "2 b")
    assert read_labels("") == ()


def test_output_of_trackers_as_supplied_detections(tmp_path):
    for text, category, score in (
        (BOXMOT, 1, 1.0),
        (BOXMOT.replace(" 0 -1", " 16 -1"), 18, 1.0),  # YOLO's class 16 is COCO's category 18, dog
        (BOXMOT.replace(" 0 0 -1", " 0.5 2 -1"), 3, 0.5),
        (SORT, 1, 0.93),
        ("1,-1,10,10,50,90,-1,-1,-1,-1\n", 1, 1.0),
        ("1,-1,10,10,50,90,0.5\n1,-1,10,10,50,90,-1\n", 1, 0.5),
    ):
        rows = read_supplied(written(tmp_path / "v.txt", text))
        assert (rows["category"].iloc[0], rows["score"].iloc[0]) == (category, score)
        assert rows[["x1", "y1", "x2", "y2"]].iloc[0].tolist() == BOXES[0]


# ------------------------------------------------------------------------------------- COCO


def coco(**changes: object) -> dict:
    content = {
        "videos": [{"id": 1, "name": "v"}],
        "images": [
            {"id": n + 1, "video_id": 1, "frame_id": n, "width": 64, "height": 48, "file_name": f"v/{n + 1:06d}.jpg"}
            for n in range(3)
        ],
        "categories": [{"id": 44, "name": "run"}],
        "annotations": [
            {"id": n, "image_id": n + 1, "category_id": 44, "track_id": 5, "bbox": [1, 2, 3, 4]} for n in range(2)
        ],
    }  # fmt: skip
    return content | changes


def without(entries: list[dict], *keys: str) -> list[dict]:
    return [{key: value for key, value in entry.items() if key not in keys} for entry in entries]


def read(folder: Path, content: object, **options: object):
    return read_coco(written(folder / "a.json", json.dumps(content)), **options)


IMAGES, ANNOTATIONS = coco()["images"], coco()["annotations"]
MOT_FILES = [
    {**image, "file_name": image["file_name"].replace("v/", "v/img1/")}
    for image in without(IMAGES, "video_id", "frame_id")
]
VIS = {
    "videos": [{"id": 9, "width": 64, "height": 48, "file_names": ["v/00000.jpg", "v/00001.jpg", "v/00002.jpg"]}],
    "categories": [{"id": 44, "name": "run"}],
    "annotations": [
        {"id": 5, "video_id": 9, "category_id": 44, "iscrowd": 0, "bboxes": [[1, 2, 3, 4], [1, 2, 3, 4], None]}
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        coco(),
        coco(images=without(IMAGES, "frame_id")),
        {key: value for key, value in coco(images=without(IMAGES, "video_id")).items() if key != "videos"},
        {key: value for key, value in coco(images=MOT_FILES).items() if key != "videos"},
        coco(videos=[], images=without(IMAGES, "video_id", "frame_id")),
        coco(images=[{**image, "id": str(image["id"]), "video_id": "1"} for image in IMAGES]),
        coco(annotations=[{**a, "image_id": float(a["image_id"]), "category_id": "44"} for a in ANNOTATIONS]),
        coco(annotations=[{**a, "attributes": {"track_id": 5}} for a in without(ANNOTATIONS, "track_id")]),
        coco(annotations=[*ANNOTATIONS, ANNOTATIONS[0]]),  # an identical box
        coco(
            annotations=[
                {**a, "segmentation": [[1, 2, 4, 3, 2, 6]]} for a in without(ANNOTATIONS, "bbox")
            ]
        ),
        coco(annotations=[{**a, "keypoints": [1, 1, 2], "num_keypoints": 1, "iscrowd": 0} for a in ANNOTATIONS]),
        VIS,
    ],
)  # fmt: skip
def test_harmless_coco(tmp_path, content, caplog):
    (video,) = read(tmp_path, content)
    (tube,) = video.tubes
    assert (video.video, tube.name, tube.action, tube.frames.tolist()) == ("v", "5", "run", [0, 1])
    assert tube.boxes.tolist() == [[1, 2, 4, 6]] * 2 and video.annotated.tolist() == [0, 1, 2]
    assert not messages(caplog)


def test_crowds_are_counted_and_left_out(tmp_path, caplog):
    crowd = {"id": 9, "image_id": 1, "category_id": 44, "iscrowd": 1, "bbox": [0, 0, 60, 40]}
    (video,) = read(tmp_path, coco(annotations=[*ANNOTATIONS, crowd]))
    assert len(video.tubes) == 1 and "left out 1 crowd annotations" in messages(caplog)[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 1}], "is a list, such as COCO results"),
        (coco(annotations=without(ANNOTATIONS, "track_id")), "annotation 0 has none of instance_id, track_id"),
        (coco(videos=[], images=[{"id": 1, "file_name": "000001.jpg"}]), "no folder that names the video"),
        (coco(images=[{"id": 1, "video_id": 1, "file_name": "v/first.jpg"}]), "does not end with a frame number"),
        (coco(annotations=without(ANNOTATIONS, "bbox")), "wanted bbox"),
        (coco(annotations=[ANNOTATIONS[0], {**ANNOTATIONS[0], "bbox": [2, 2, 3, 4]}]), "already has a box"),
        ({**VIS, "annotations": [{"id": 5, "video_id": 9, "category_id": 44}]}, "has no list bboxes"),
    ],
)  # fmt: skip
def test_coco_that_is_not_harmless_is_named(tmp_path, content, words):
    with pytest.raises(DataError) as raised:
        read(tmp_path, content)
    assert words in str(raised.value) and "\n" not in str(raised.value)


def test_remedies_for_coco_work(tmp_path):
    images = [{**i, "file_name": i["file_name"][2:]} for i in without(IMAGES, "video_id", "frame_id")]
    path = written(tmp_path / "a.json", json.dumps(coco(videos=[], images=images)))
    assert main(["convert", str(path), str(tmp_path / "a.csv"), "--name", "v"]) == 0
    assert (tmp_path / "a.csv").read_text().splitlines()[1:] == [
        "v,5,run,0,1,2,4,6", "v,5,run,1,1,2,4,6", "v,,,2,,,,",
    ]  # fmt: skip
    # boxes without tracks are detections
    people = coco(annotations=without(ANNOTATIONS, "track_id"), categories=[{"id": 44, "name": "person"}])
    rows = read_supplied(written(tmp_path / "d.json", json.dumps(people)))
    assert rows[["video", "frame", "x2", "score", "category"]].to_numpy().tolist() == [
        ["v", 0, 4, 1, 1], ["v", 1, 4, 1, 1],
    ]  # fmt: skip
    late = coco(images=[{**image, "frame_id": image["frame_id"] + 4} for image in IMAGES])
    path = written(tmp_path / "late.json", json.dumps(late))
    with pytest.raises(DataError, match="--frame-base 0"):
        read_coco(path)
    convert(path, tmp_path / "late.csv", Conversion(frame_base=1))
    assert (tmp_path / "late.csv").read_text().splitlines()[1].startswith("v,5,run,3,")
