"""The three exchange formats as their tools publish them, round trips, bad files, the command."""

import dataclasses
import json
import re
import shlex
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from actorsup.artifacts.provenance import provenance
from actorsup.artifacts.shards import ShardWriter
from actorsup.artifacts.tube_files import PREDICTIONS_SCHEMA, VideoInfo, write_tubes
from actorsup.cli import main
from actorsup.config.sections import ExportSettings
from actorsup.datasets.ground_truth_files import read_ground_truth_file
from actorsup.datasets.readers.folder import Folder
from actorsup.datasets.readers.thumos13 import Thumos13
from actorsup.detection.detectors.supplied import SuppliedDetections
from actorsup.detection.settings import DetectorSettings
from actorsup.errors import DataError
from actorsup.evaluation.predictions import read_predictions
from actorsup.formats.archive import Archive
from actorsup.formats.coco import read_coco
from actorsup.formats.convert import Conversion, convert
from actorsup.formats.cvat import read_cvat
from actorsup.formats.cvat_writing import keyframes
from actorsup.formats.exports import export_tubes
from actorsup.formats.ground_truth_csv import read_ground_truth_table
from actorsup.formats.labeled import LabeledTube, LabeledVideo, best_tubes
from actorsup.formats.mot import MotOptions, read_mot
from actorsup.tubes import Tubes

INFO = VideoInfo(9, 25.0, 64, 48)
ODD = 'pour "in" <&> naïve 注ぐ \'s'


def rows(path: Path) -> list[tuple]:
    """The content that every ground-truth format has, so without tube names."""
    table = read_ground_truth_file(path).boxes
    tubes = []
    for (video, _), part in table.groupby(["video", "tube"]):
        boxes = tuple(map(tuple, part[["frame", "x1", "y1", "x2", "y2"]].round(2).to_numpy().tolist()))
        tubes.append((video, part["class"].iloc[0], boxes))
    return sorted(tubes)


# ------------------------------------------------------------------------- by hand: CVAT

CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <id>5</id>
      <name>kitchen/tuesday.mp4</name>
      <size>10</size>
      <mode>interpolation</mode>
      <overlap>5</overlap>
      <bugtracker></bugtracker>
      <flipped>False</flipped>
      <labels>
        <label><name>pour</name><attributes></attributes></label>
        <label><name>cut</name><attributes></attributes></label>
      </labels>
      <segments><segment><id>5</id><start>0</start><stop>9</stop><url></url></segment></segments>
      <owner><username>admin</username><email></email></owner>
      <original_size><width>640</width><height>480</height></original_size>
    </task>
    <dumped>2018-09-25 16:05:07.134046+03:00</dumped>
  </meta>
  <track id="0" label="pour" source="manual">
    <box frame="1" outside="0" occluded="0" keyframe="1" xtl="10.00" ytl="20.00" xbr="30.00" ybr="40.00">
    </box>
    <box frame="3" outside="0" occluded="1" keyframe="1" xtl="14.00" ytl="20.00" xbr="34.00" ybr="44.50">
      <attribute name="score">0.5</attribute>
    </box>
    <box frame="5" outside="1" occluded="0" keyframe="1" xtl="14.00" ytl="20.00" xbr="34.00" ybr="44.50">
    </box>
  </track>
  <track id="1" label="cut" source="manual">
    <box frame="8" outside="0" occluded="0" keyframe="1" xtl="1" ytl="2" xbr="3" ybr="4"></box>
  </track>
</annotations>
"""


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_cvat_interpolates_stops_at_outside_and_continues_to_the_end(tmp_path):
    (video,) = read_cvat(written(tmp_path / "a.xml", CVAT))
    assert (video.video, video.info) == ("kitchen/tuesday.mp4", VideoInfo(10, 0.0, 640, 480))
    pour, cut = video.tubes
    assert pour.frames.tolist() == [1, 2, 3, 4]
    assert pour.boxes.tolist() == [
        [10, 20, 30, 40],
        [12, 20, 32, 42.25],
        [14, 20, 34, 44.5],
        [14, 20, 34, 44.5],
    ]
    assert (pour.action, pour.score, cut.score) == ("pour", 0.5, None)
    assert (cut.frames.tolist(), cut.boxes.tolist()) == ([8, 9], [[1, 2, 3, 4]] * 2)


def test_a_cvat_track_may_reappear(tmp_path):
    back = '<box frame="7" outside="0" keyframe="1" xtl="1" ytl="1" xbr="2" ybr="2"/>'
    gone = back.replace('"7"', '"8"').replace('outside="0"', 'outside="1"')
    (video,) = read_cvat(written(tmp_path / "a.xml", CVAT.replace("</track>", back + gone + "</track>", 1)))
    assert video.tubes[0].frames.tolist() == [1, 2, 3, 4, 7]


def test_cvat_as_a_zip_and_of_a_project(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("annotations.xml", CVAT)
        packed.writestr("images/frame_000000.PNG", b"\x89")
    assert rows(tmp_path / "a.zip") == rows(written(tmp_path / "a.xml", CVAT))
    assert {video for video, *_ in rows(tmp_path / "a.zip")} == {"kitchen/tuesday"}
    second = "<task><id>6</id><name>b</name><size>3</size></task>"
    project = CVAT.replace("<task>", "<project><id>1</id><name>p</name><tasks><task>")
    project = project.replace("</task>", f"</task>{second}</tasks></project>")
    project = project.replace('id="0" label', 'id="0" task_id="5" label')
    project = project.replace('id="1" label', 'id="1" task_id="6" label').replace('"8"', '"1"')
    videos = read_cvat(written(tmp_path / "project.xml", project))
    assert [(v.video, [t.frames.tolist() for t in v.tubes]) for v in videos] == [
        ("kitchen/tuesday.mp4", [[1, 2, 3, 4]]),
        ("b", [[1, 2]]),
    ]


BOMB = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]>'


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('label="cut"', 'label="cutt"', "'cutt' is not among the task's: pour, cut; did you mean 'cut'"),
        ('xbr="30.00"', 'xbr="9.00"', "xtl <= xbr"),
        ('frame="3"', 'frame="1"', "two boxes in frame 1"),
        ('frame="3"', 'frame="x"', "no number for one of frame"),
        ('xtl="10.00"', 'xtl="nan"', "found xtl=nan"),
        ('xtl="10.00"', 'rotation="30" xtl="10.00"', "rotated by 30 degrees"),
        ('<track id="1"', '<track id="0"', "have this id"),
        ("</track>", '<polygon frame="1" points="1,1;2,2"/></track>', "shape 'polygon'"),
        ("</annotations>", "", "not well-formed XML"),
        ("</meta>", '</meta><image id="0" name="a" width="1" height="1"/>', "CVAT for images"),
        ("<size>10</size>", "<size>ten</size>", "wanted a whole number"),
        ("<name>kitchen/tuesday.mp4</name>", "", "no <name>"),
        (">0.5<", ">high<", "'score' is 'high'"),
        ('<?xml version="1.0" encoding="utf-8"?>', BOMB, "do not trust this file"),
        (
            '<?xml version="1.0" encoding="utf-8"?>',
            '<!DOCTYPE a SYSTEM "file:///etc/passwd">',
            "do not trust this file",
        ),
    ],
)
def test_bad_cvat_gives_a_one_line_error(tmp_path, old, new, words):
    assert old in CVAT
    with pytest.raises(DataError) as raised:
        read_cvat(written(tmp_path / "a.xml", CVAT.replace(old, new, 1)))
    assert words in str(raised.value) and "\n" not in str(raised.value)
    assert str(raised.value).startswith(str(tmp_path / "a.xml"))


def test_xml_that_is_not_cvat(tmp_path):
    with pytest.raises(DataError, match="no <meta>"):
        read_cvat(written(tmp_path / "a.xml", "<html/>"))
    with pytest.raises(DataError, match="cannot be read"):
        read_cvat(tmp_path / "none.xml")


# -------------------------------------------------------------------------- by hand: MOT

MOT16 = """1,1,913,485,86,110,1,3,0.5
2,1,914,485,86.5,110,1,3,0.5
1,2,1.5,1,10,20,0,1,1
4,7,11,12,13,14,1,1,0.2
"""


def test_mot_as_published_by_the_motchallenge(tmp_path):
    written(tmp_path / "MOT16-02" / "gt" / "gt.txt", MOT16)
    written(tmp_path / "MOT16-02" / "det" / "det.txt", "1,-1,5,5,5,5,0.9\n")
    written(
        tmp_path / "MOT16-02" / "seqinfo.ini",
        "[Sequence]\nname=MOT16-02\nimDir=img1\nframeRate=30\nseqLength=600\nimWidth=1920\nimHeight=1080\n"
        "imExt=.jpg\n",
    )
    (video,) = read_mot(tmp_path)
    assert (video.video, video.info) == ("MOT16-02", VideoInfo(600, 30.0, 1920, 1080))
    car, walker = video.tubes  # track 2 is marked as ignored
    assert (car.action, car.name, car.frames.tolist()) == ("car", "1", [0, 1])
    assert car.boxes.tolist() == [[912, 484, 998, 594], [913, 484, 999.5, 594]]  # pixels from 1
    assert (walker.action, walker.frames.tolist()) == ("pedestrian", [3])
    assert walker.boxes.tolist() == [[10, 11, 23, 25]]


def test_mot_as_cvat_exports_it(tmp_path):
    with zipfile.ZipFile(tmp_path / "tuesday.zip", "w") as packed:
        packed.writestr("gt/gt.txt", "1,1,10.5,20.0,20.0,20.0,1,2,1.0\n")
        packed.writestr("gt/labels.txt", "pour\ncut")
        packed.writestr("img1/frame_000000.PNG", b"\x89")
    (video,) = read_mot(tmp_path / "tuesday.zip")
    assert (video.video, video.tubes[0].action) == ("tuesday", "cut")
    assert video.tubes[0].boxes.tolist() == [[10.5, 20, 30.5, 40]]  # pixels from 0
    (video,) = read_mot(tmp_path / "tuesday.zip", MotOptions(name="x", origin=1))
    assert (video.video, video.tubes[0].boxes[0, 0]) == ("x", 9.5)


def test_results_of_a_tracker_of_one_class(tmp_path):
    written(tmp_path / "labels.txt", "person\n")
    written(tmp_path / "a" / "b.txt", "1, 3, 794.27, 247.59, 71.245, 174.88, -1, -1, -1, -1\n")
    (video,) = read_mot(tmp_path)
    assert (video.video, video.tubes[0].action, video.tubes[0].score) == ("a/b", "person", None)
    assert video.tubes[0].boxes[0].tolist() == pytest.approx([794.27, 247.59, 865.515, 422.47])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-1,1,1,1,2,2,1,1,1", "a frame from 1 on"),
        ("1.5,1,1,1,2,2,1,1,1", "a frame from 1 on"),
        ("1,1,1,1,-2,2,1,1,1", "negative width"),
        ("1,1,1,1,2,2,1,13,1", "the class is 13, but there are 12"),
        ("1,1,1,1,2,2,1,-1,-1,-1", "has no class"),
        ("1,-1,1,1,2,2,1,1,1", "without a track"),
        ("1,1,1,1,2", "6 to 10 finite numbers"),
        ("1,1,1,1,2,inf,1,1,1", "6 to 10 finite numbers"),
        ("1,1,1,1,2,two,1,1,1", "wanted numbers"),
        ("1,1,1,1,2,2,1,1,1\n1,1,1,1,2,3,1,1,1", "lines 1 and 2: track 1 already has a box in this frame"),
        ("1,1,1,1,2,2,1,1,1\n2,1,1,1,2,2,1,3,1", "the classes car, pedestrian"),
    ],
)
def test_bad_mot_gives_a_one_line_error(tmp_path, line, words):
    with pytest.raises(DataError) as raised:
        read_mot(written(tmp_path / "v" / "gt" / "gt.txt", line + "\n").parent.parent.parent)
    assert words in str(raised.value) and "\n" not in str(raised.value)


def test_mot_frames_after_the_last(tmp_path):
    written(tmp_path / "v" / "gt" / "gt.txt", MOT16)
    ini = written(tmp_path / "v" / "seqinfo.ini", "[Sequence]\nseqLength=3\n")
    with pytest.raises(DataError, match="the video has only 3 frames"):
        read_mot(tmp_path)
    ini.write_text("seqLength=3\n")
    with pytest.raises(DataError, match="wanted \\[Sequence\\]"):
        read_mot(tmp_path)


@pytest.mark.parametrize("name", ["../gt.txt", "/gt/gt.txt", "a/../../gt.txt", "..\\gt.txt", "C:/gt.txt"])
def test_a_zip_with_a_path_outside_itself(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(name, MOT16)
    with pytest.raises(DataError, match="a path outside of itself"):
        Archive(tmp_path / "a.zip", (".txt",))


def test_files_that_are_not_a_zip_or_are_empty(tmp_path):
    with pytest.raises(DataError, match="cannot be read as a folder or a zip"):
        read_mot(written(tmp_path / "a.zip", "text"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no MOT text"):
        read_mot(tmp_path / "empty")


def test_mot_detections_are_supplied_ones(tmp_path):
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as packed:
        packed.writestr("a/det/det.txt", "2,-1,11,11,20,20,0.9\n1,-1,11,11,20,20,0.8\n")
        packed.writestr("a/gt/gt.txt", "not read")
    supplied = SuppliedDetections(tmp_path / "d.zip", [1], DetectorSettings(type="supplied"))
    found = supplied.detections("a", 3, 64, 48)
    assert found.boxes.tolist() == [[10, 10, 30, 30]] * 2
    assert found.score.tolist() == pytest.approx([0.8, 0.9])


def test_boxes_of_cvat_are_supplied_detections(tmp_path):
    text = CVAT.replace("pour", "person").replace("cut", "dog")
    written(tmp_path / "d.xml", text)
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as packed:
        packed.writestr("annotations.xml", text)
    for name in ("d.xml", "d.zip"):
        supplied = SuppliedDetections(tmp_path / name, [1, 18], DetectorSettings(type="supplied"))
        found = supplied.detections("kitchen/tuesday", 10, 640, 480)
        assert found.boxes[1].tolist() == [12, 20, 32, 42.25] and len(found.boxes) == 6
        assert found.score.tolist() == [0.5] * 4 + [1.0] * 2
        assert found.actor.tolist() == [1] * 4 + [18] * 2
    written(tmp_path / "d.xml", CVAT)
    with pytest.raises(DataError, match="category 'pour' is no COCO category"):
        SuppliedDetections(tmp_path / "d.xml", [1], DetectorSettings(type="supplied"))


# ------------------------------------------------------------------------- by hand: COCO

COCO = {
    "videos": [{"id": 1, "name": "a/b"}, {"id": 2, "name": "c"}],
    "images": [
        {"id": 1, "video_id": 1, "frame_id": 0, "file_name": "a/b/0.jpg", "width": 64, "height": 48},
        {"id": 2, "video_id": 1, "frame_id": 1, "file_name": "a/b/1.jpg", "width": 64, "height": 48},
        {"id": 3, "video_id": 2, "frame_id": 0, "file_name": "c/0.jpg", "width": 32, "height": 24},
    ],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 5, "instance_id": 1, "bbox": [10, 20, 5, 6.5]},
        {"id": 2, "image_id": 2, "category_id": 5, "instance_id": 1, "bbox": [11, 20, 5, 6.5]},
        {"id": 3, "image_id": 3, "category_id": 7, "instance_id": 1, "bbox": [0, 0, 1, 1]},
    ],
    "categories": [{"id": 5, "name": "run"}, {"id": 7, "name": "sit"}],
}


def coco(path: Path, content: object) -> Path:
    return written(path, json.dumps(content))


def test_coco_vid_by_hand(tmp_path):
    first, second = read_coco(coco(tmp_path / "a.json", COCO))
    assert (first.video, first.info) == ("a/b", VideoInfo(2, 0.0, 64, 48))
    assert first.tubes[0].frames.tolist() == [0, 1]
    assert first.tubes[0].boxes.tolist() == [[10, 20, 15, 26.5], [11, 20, 16, 26.5]]
    # track 1 of another video is another track
    assert (second.tubes[0].action, second.tubes[0].boxes.tolist()) == ("sit", [[0, 0, 1, 1]])


def test_coco_with_frames_from_one(tmp_path):
    text = (
        json.dumps(COCO)
        .replace('"frame_id": 1', '"frame_index": 2')
        .replace('"frame_id": 0', '"frame_id": 1')
    )
    text = text.replace("instance_id", "track_id")
    assert rows(written(tmp_path / "a.json", text)) == rows(coco(tmp_path / "b.json", COCO))
    late = (
        json.dumps(COCO).replace('"frame_id": 0', '"frame_id": 4').replace('"frame_id": 1', '"frame_id": 5')
    )
    with pytest.raises(DataError, match="--frame-base 0"):
        read_coco(written(tmp_path / "c.json", late))
    assert read_coco(tmp_path / "c.json", 1)[0].tubes[0].frames.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("where", "value", "words"),
    [
        (("annotations", 0, "category_id"), 6, "category_id is 6, which the file lacks"),
        (("annotations", 0, "image_id"), 9, "image_id is 9, which the file lacks"),
        (("annotations", 1, "image_id"), 1, "already has a box in this frame"),
        (("annotations", 1, "category_id"), 7, "the categories 5, 7"),
        (("annotations", 0, "bbox"), [1, 2, -3, 4], "negative width or height"),
        (("annotations", 0, "bbox"), "far", "wanted bbox"),
        (("annotations", 0, "score"), 0.5, "for all of its boxes, or for none"),
        (("annotations", 0, "instance_id"), None, "none of instance_id, track_id"),
        (("images", 0, "frame_id"), -1, "wanted a whole number"),
        (("images", 0, "width"), 65, "two sizes"),
        (("images", 0, "video_id"), 9, "video_id is 9"),
        (("images", 1, "id"), 1, "wanted a unique one"),
        (("videos", 1, "name"), "a/b", "two videos have the same name"),
        (("categories", 0, "name"), "mean", "'mean'"),
        (("videos",), None, "no list 'videos'"),
    ],
)
def test_bad_coco_gives_a_one_line_error(tmp_path, where, value, words):
    content = json.loads(json.dumps(COCO))
    *parents, key = where
    entry = content
    for parent in parents:
        entry = entry[parent]
    entry[key] = value
    with pytest.raises(DataError) as raised:
        read_coco(coco(tmp_path / "a.json", content))
    assert words in str(raised.value) and "\n" not in str(raised.value)
    for text in ("{", '{"videos": NaN}', "[" * 100_000):
        with pytest.raises(DataError, match="cannot be read as JSON"):
            read_coco(written(tmp_path / "b.json", text))


# --------------------------------------------------------------------------- round trips

names = st.sampled_from(["run", ODD, "sit down", "走る"])
videos_ids = st.sampled_from(["a", "a/b", "kitchen/naïve 注"])


@st.composite
def ground_truth(draw):
    """Ground-truth rows: any of nine frames, corners in hundredths of pixels."""
    made = []
    for video in draw(st.lists(videos_ids, min_size=1, max_size=3, unique=True)):
        for tube in range(draw(st.integers(1, 3))):
            action = draw(names)
            for frame in sorted(draw(st.sets(st.integers(0, 8), min_size=1, max_size=9))):
                x, y, w, h = (draw(st.integers(0, 3000)) for _ in range(4))
                corners = [x / 100, y / 100, (x + w) / 100, (y + h) / 100]
                made.append([video, tube, action, frame, *corners])
    return pd.DataFrame(made, columns=["video", "tube", "class", "frame", "x1", "y1", "x2", "y2"])


@given(ground_truth(), st.sampled_from([("coco", ".json"), ("mot", ""), ("mot", ".zip"), ("cvat", "")]))
@settings(max_examples=30, deadline=None)
def test_ground_truth_round_trip(tmp_path_factory, table, form):
    folder = tmp_path_factory.mktemp("trip")
    table.to_csv(folder / "gt.csv", index=False)
    sizes = "".join(f"{video},9,25,64,48\n" for video in table["video"].unique())
    written(folder / "videos.csv", "video,frames,fps,width,height\n" + sizes)
    there = folder / f"there{form[1]}"
    how = Conversion(output_format=form[0], videos=folder / "videos.csv")
    convert(folder / "gt.csv", there, how)
    # a MOT zip of one video does not name it, as CVAT requires
    single = form == ("mot", ".zip") and table["video"].nunique() == 1
    back = Conversion(name=table["video"].iloc[0] if single else None)
    convert(there, folder / "back.csv", back)
    assert rows(folder / "back.csv") == rows(folder / "gt.csv")
    assert len(read_ground_truth_table(folder / "back.csv")) == len(table)


@pytest.mark.parametrize(("form", "name"), [("coco", "a.json"), ("mot", "a"), ("cvat", "a")])
def test_round_trip_of_real_annotations(tmp_path, shared, form, name):
    truth = Thumos13(shared / "data" / "thumos13").ground_truth().boxes
    table = truth[truth["video"].isin(sorted(truth["video"].unique())[::80])]
    table.to_csv(tmp_path / "gt.csv", index=False)
    frames = (table.groupby("video")["frame"].max() + 1).rename("frames").reset_index()
    frames.assign(fps=25, width=322, height=242).to_csv(tmp_path / "videos.csv", index=False)
    how = Conversion(output_format=form, videos=tmp_path / "videos.csv")
    assert convert(tmp_path / "gt.csv", tmp_path / name, how)[0] == 40
    columns = ["video", "class", "frame", "x1", "y1", "x2", "y2"]
    found = read_ground_truth_file(tmp_path / name).boxes[columns]
    assert sorted(map(tuple, found.to_numpy())) == sorted(map(tuple, table[columns].to_numpy()))


@given(st.integers(0, 10_000), st.sampled_from([1, 2]))
@settings(max_examples=20, deadline=None)
def test_keyframes_miss_no_box_by_more_than_the_tolerance(seed, tolerance):
    random = np.random.default_rng(seed)
    boxes = np.cumsum(random.normal(0, 1, (30, 4)), axis=0)
    frames = np.arange(5, 35)
    kept = keyframes(frames, boxes, tolerance)
    assert kept[0] == 0 and kept[-1] == 29 and len(kept) < 30
    lines = np.stack([np.interp(frames, frames[kept], boxes[kept, i]) for i in range(4)], 1)
    assert np.abs(lines - boxes).max() <= tolerance
    assert keyframes(frames, boxes, 0).tolist() == [*range(30)]
    assert keyframes(frames[:1], boxes[:1], 1).tolist() == [0]


def predicted(*scores: float) -> LabeledVideo:
    boxes = np.array([[1.0, 2, 3, 4]] * 3)
    tubes = [
        LabeledTube(str(n), "run", np.arange(2, 5), boxes + n, "person", score)
        for n, score in enumerate(scores)
    ]
    return LabeledVideo("a/b", INFO, tuple(tubes))


PREDICTIONS = {
    "classes": ["run", ODD],
    "videos": {
        "a/b": {
            "frames": 9, "fps": 25.0, "width": 64, "height": 48,
            "tubes": [
                {"interval": [2, 5], "boxes": [[1, 2, 3.25, 4]] * 3, "score": 0.9, "actor": "dog",
                 "class_score": {"run": 0.25, ODD: 0.75}},
                {"interval": [0, 9], "boxes": [[5, 5, 9, 9]] * 9, "score": 0.8, "class_score": {"run": 0.5}},
                {"interval": [0, 9], "boxes": [[5, 5, 9, 9]] * 9, "score": 0.7, "class_score": {}},
            ],
        },
        "empty": {"frames": 4, "fps": 25.0, "width": 64, "height": 48, "tubes": []},
    },
}  # fmt: skip


@pytest.mark.parametrize(("form", "suffix"), [("coco", ".json"), ("cvat", ""), ("mot", "")])
def test_round_trip_of_predictions(tmp_path, form, suffix):
    source = coco(tmp_path / "predictions.json", PREDICTIONS)
    there = tmp_path / f"there{suffix}"
    assert convert(source, there, Conversion(output_format=form)) == (2, 2)
    convert(there, tmp_path / "predictions_back.json")
    found, classes = read_predictions([tmp_path / "predictions_back.json"])
    assert set(classes) == {"run", ODD} and set(found) == {"a/b", "empty"}
    best = {}
    for p, boxes in enumerate(found["a/b"].boxes):
        scores = dict(zip(classes, found["a/b"].class_score[p], strict=True))
        best |= {name: (score, boxes) for name, score in scores.items() if not np.isnan(score)}
    assert best[ODD][0] == 0.75 and best["run"][0] == 0.5  # each tube by its best class
    assert best[ODD][1][2].tolist() == [1, 2, 3.25, 4] and np.isnan(best[ODD][1][[0, 1, 5, 8]]).all()
    assert not np.isnan(best["run"][1]).any()
    convert(there, tmp_path / "gt.csv")
    if form != "mot":
        assert "dog" in (tmp_path / "gt.csv").read_text()


def test_best_tubes_keeps_annotated_tubes():
    def kept(*scores: float | None, **how: float) -> list[float | None]:
        (video,) = best_tubes([predicted(*scores)], **how)
        return [tube.score for tube in video.tubes]

    assert kept(0.2, 0.9, 0.5, top=2) == [0.9, 0.5]
    assert kept(0.2, None, 0.9, 0.5, top=1, min_score=0.3) == [None, 0.9]
    assert kept(0.2, 0.9, min_score=0.95) == []


def test_a_score_of_0_is_not_ignored(tmp_path):
    content = {**PREDICTIONS, "videos": {"v": json.loads(json.dumps(PREDICTIONS["videos"]["a/b"]))}}
    content["videos"]["v"]["tubes"][1]["class_score"]["run"] = 0
    convert(coco(tmp_path / "predictions.json", content), tmp_path / "mot", Conversion(output_format="mot"))
    assert sorted(tube.score for tube in read_mot(tmp_path / "mot")[0].tubes) == [1e-6, 0.75]


# ------------------------------------------------------------------------ what is written


def test_written_cvat_has_the_elements_that_cvat_reads(tmp_path):
    source = coco(tmp_path / "predictions.json", PREDICTIONS)
    convert(source, tmp_path / "a.xml", Conversion(only_video="a/b"))
    root = ElementTree.parse(tmp_path / "a.xml").getroot()
    task = root.find("meta/task")
    assert root.findtext("version") == "1.1"
    assert (task.findtext("name"), task.findtext("size"), task.findtext("mode")) == (
        "a/b",
        "9",
        "interpolation",
    )
    assert [label.findtext("name") for label in task.iter("label")] == ["run", ODD]
    assert (task.findtext("original_size/width"), task.findtext("original_size/height")) == ("64", "48")
    track = next(t for t in root.iter("track") if t.get("label") == ODD)
    assert [(b.get("frame"), b.get("outside")) for b in track.iter("box")] == [
        ("2", "0"), ("3", "0"), ("4", "0"), ("5", "1"),
    ]  # fmt: skip
    assert {a.get("name"): a.text for a in track.iter("attribute")} == {"score": "0.75", "actor": "dog"}
    with pytest.raises(DataError, match="one video, but there are 2; name one with --only"):
        convert(source, tmp_path / "b.xml")


def test_written_mot_and_coco(tmp_path):
    source = coco(tmp_path / "predictions.json", PREDICTIONS)
    convert(source, tmp_path / "one.zip", Conversion(output_format="mot", only_video="a/b", top=1))
    with zipfile.ZipFile(tmp_path / "one.zip") as packed:
        assert packed.namelist() == ["gt/gt.txt", "gt/labels.txt", "seqinfo.ini"]
        lines = packed.read("gt/gt.txt").decode().splitlines()
        assert lines[0] == "3,1,1.00,2.00,2.25,2.00,0.75,2,1" and len(lines) == 3
        assert packed.read("gt/labels.txt").decode() == f"run\n{ODD}\n"
    first = (tmp_path / "one.zip").read_bytes()
    convert(source, tmp_path / "one.zip", Conversion(output_format="mot", only_video="a/b", top=1))
    assert (tmp_path / "one.zip").read_bytes() == first
    how = Conversion(output_format="mot", only_video="a/b", top=1, mot_origin=1)
    convert(source, tmp_path / "matlab.zip", how)
    with zipfile.ZipFile(tmp_path / "matlab.zip") as packed:
        assert packed.read("gt/gt.txt").decode().startswith("3,1,2.00,3.00,2.25,2.00,")
    convert(source, tmp_path / "coco.json")
    content = json.loads((tmp_path / "coco.json").read_text())
    assert len(content["images"]) == 13 and [v["name"] for v in content["videos"]] == ["a/b", "empty"]
    box = next(a for a in content["annotations"] if a["category_id"] == 2)
    assert (box["bbox"], box["score"], box["image_id"]) == ([1, 2, 2.25, 2], 0.75, 3)
    assert content["images"][2]["frame_id"] == 2
    assert len({a["instance_id"] for a in content["annotations"]}) == 2


def test_pycocotools_reads_written_coco(tmp_path, capsys):
    from pycocotools.coco import COCO as Reader

    convert(coco(tmp_path / "predictions.json", PREDICTIONS), tmp_path / "coco.json")
    reader = Reader(str(tmp_path / "coco.json"))
    assert len(reader.getAnnIds()) == 12 and len(reader.getImgIds()) == 13
    assert [one["name"] for one in reader.loadCats(reader.getCatIds())] == ["run", ODD]


def test_missing_information_for_an_output_is_an_error(tmp_path):
    gt = written(
        tmp_path / "gt.csv", "video,tube,class,frame,x1,y1,x2,y2\nv,0,run,3,1,1,2,2\nv,0,run,5,1,1,2,2\n"
    )
    for name, form in (("a.xml", None), ("a.json", "coco"), ("p.json", "predictions")):
        with pytest.raises(DataError, match="not known; pass a table"):
            convert(gt, tmp_path / name, Conversion(output_format=form))
        assert not (tmp_path / name).exists()
    sizes = written(tmp_path / "videos.csv", "video,frames,fps,width,height\nv,4,25,9,9\nw,0,,,\n")
    with pytest.raises(DataError, match="v has 4 frames, but tube '0' extends to frame 5"):
        convert(gt, tmp_path / "a.xml", Conversion(videos=sizes))
    sizes.write_text("video,frames,fps,width,height\nv,6,25,9,9\n")
    convert(gt, tmp_path / "a.xml", Conversion(videos=sizes))
    with pytest.raises(DataError, match="some frames from 3 to 5 have no box"):
        convert(gt, tmp_path / "p.json", Conversion(output_format="predictions", videos=sizes))
    with pytest.raises(DataError, match="column 'frames' is missing"):
        convert(gt, tmp_path / "a.xml", Conversion(videos=gt))
    control = written(tmp_path / "c.csv", gt.read_text().replace("run", "r\x01un"))
    with pytest.raises(DataError, match="which XML cannot"):
        convert(control, tmp_path / "b.xml", Conversion(videos=sizes))
    outside = written(tmp_path / "o.csv", gt.read_text().replace("v,", "../v,"))
    with pytest.raises(DataError, match="not a path inside a folder"):
        convert(outside, tmp_path / "out", Conversion(output_format="mot"))
    assert {path.name for path in tmp_path.iterdir()} == {"gt.csv", "videos.csv", "a.xml", "c.csv", "o.csv"}


def test_user_files_are_not_overwritten(tmp_path):
    source = coco(tmp_path / "predictions.json", PREDICTIONS)
    kept = written(tmp_path / "videos" / "a.avi", "a video")
    for form in ("mot", "cvat"):
        with pytest.raises(DataError, match="exists already"):
            convert(source, tmp_path / "videos", Conversion(output_format=form))
    assert kept.read_text() == "a video"
    with pytest.raises(DataError, match="is also the input"):
        convert(source, source)
    with pytest.raises(DataError, match="does not show the format"):
        convert(source, tmp_path / "out")
    with pytest.raises(DataError, match="no such file or folder; did you mean 'predictions"):
        convert(tmp_path / "prediction.json", tmp_path / "a.csv")
    with pytest.raises(DataError, match="has no video 'a/c'; did you mean 'a/b'"):
        convert(source, tmp_path / "a.csv", Conversion(only_video="a/c"))


# ------------------------------------------------------------------ in the data set, the stage


def test_the_folder_data_set_accepts_every_format(tmp_path):
    forms = [written(tmp_path / "a.xml", CVAT), coco(tmp_path / "a.json", COCO)]
    written(tmp_path / "mot" / "MOT16-02" / "gt" / "gt.txt", MOT16)
    for path in [*forms, tmp_path / "mot"]:
        truth = Folder(tmp_path, boxes=path).ground_truth()
        assert list(truth.boxes.columns[:4]) == ["video", "tube", "class", "frame"] and len(truth.boxes) >= 3
    assert Folder(tmp_path, boxes=forms[0]).ground_truth().size == {"kitchen/tuesday": (640, 480)}
    with pytest.raises(DataError, match="'pour' is unknown; allowed: poor"):
        written(tmp_path / "v.mp4", "")
        Folder(tmp_path, boxes=forms[0], classes=("poor",)).ground_truth()
    with pytest.raises(DataError, match="contains scored tubes"):
        read_ground_truth_file(coco(tmp_path / "p.json", PREDICTIONS))


def shard(path: Path) -> Path:
    tubes = Tubes(
        boxes=np.full((2, 3, 4), [1, 2, 3, 4], np.float32),
        score=np.array([0.9, 0.8], np.float32),
        actor=np.array([1, 18], np.int16),
        seed_frame=np.zeros(2, np.int32),
        frame_score=np.ones((2, 3), np.float32),
        interval=np.array([[0, 3]] * 2, np.int32),
        class_score=np.array([[0.1, np.nan], [0.3, 0.7]]),
    )
    with ShardWriter(path, PREDICTIONS_SCHEMA, provenance("t", {}), {"classes": ["run", "sit"]}) as writer:
        write_tubes(writer, "a/b", VideoInfo(3, 25.0, 64, 48), tubes)
        write_tubes(writer, "none", VideoInfo(2, 25.0, 64, 48), Tubes.empty(2))
        writer.fail("broken", "no frames")
    return path


def test_a_run_is_exported(tmp_path):
    outputs = tmp_path / "coco.json", tmp_path / "cvat", tmp_path / "mot"
    export_tubes([shard(tmp_path / "0.h5")], *outputs, top=1)
    expected = [("a/b", "sit", 0.7, "dog")]
    for found in (read_coco(outputs[0]), read_cvat(outputs[1])):
        assert [(v.video, t.action, t.score, t.actor) for v in found for t in v.tubes] == expected
        assert {video.video for video in found} == {"a/b", "none"}
    assert [tube.score for video in read_mot(outputs[2]) for tube in video.tubes] == [0.7]
    labels = json.loads((outputs[1] / "labels.json").read_text())
    assert [label["name"] for label in labels] == ["run", "sit"]
    boxes = ElementTree.parse(outputs[1] / "a" / "b.xml").iter("box")
    assert [box.get("frame") for box in boxes] == ["0", "2"]  # a still box needs two keyframes
    convert(tmp_path / "0.h5", tmp_path / "all.csv")
    assert len(pd.read_csv(tmp_path / "all.csv")) == 6
    with pytest.raises(DataError, match="nothing to export"):
        export_tubes([], *outputs)


def test_settings_of_exports_are_those_of_the_stage(repository):
    import inspect

    section = yaml.safe_load((repository / "config.yaml").read_text(encoding="utf-8"))["exports"]
    parameters = inspect.signature(export_tubes).parameters
    assert section == {name: parameters[name].default for name in ("top", "min_score", "tolerance")}
    assert set(section) == {field.name for field in dataclasses.fields(ExportSettings)}


# ----------------------------------------------------------------------- the command, the page


def test_errors_of_the_command_are_one_line(tmp_path, capsys):
    bad = written(tmp_path / "a.xml", CVAT.replace('label="cut"', 'label="cutt"'))
    assert main(["convert", str(bad), str(tmp_path / "a.csv")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("actorsup: ") and error.count("\n") == 1
    with pytest.raises(SystemExit):
        main(["convert", str(bad), str(tmp_path / "a.csv"), "--top", "0"])


def commands(page: Path) -> list[list[str]]:
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, flags=re.S)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.strip() and line.strip()[0] != "#"]


def test_every_command_of_the_page_runs(repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = tmp_path / "results" / "mine"
    content = {**PREDICTIONS, "videos": {"kitchen/tuesday": PREDICTIONS["videos"]["a/b"]}}
    coco(results / "predictions.json", content)
    written(results / "videos.csv", "video,split,frames,fps,width,height\nkitchen/tuesday,test,9,25,64,48\n")
    exported = CVAT.replace("<size>10</size>", "<size>9</size>").replace("<name>pour", "<name>run")
    exported = exported.replace('label="pour"', 'label="run"').replace('frame="8"', 'frame="6"')
    with zipfile.ZipFile(tmp_path / "tuesday.zip", "w") as packed:
        packed.writestr("annotations.xml", exported)
    with zipfile.ZipFile(tmp_path / "tuesday_mot.zip", "w") as packed:
        packed.writestr("gt/gt.txt", "1,1,10.5,20.0,20.0,20.0,1,1,1.0\n")
        packed.writestr("gt/labels.txt", "run\n")
    written(tmp_path / "MOT17" / "train" / "MOT17-02-DPM" / "gt" / "gt.txt", MOT16)
    coco(tmp_path / "tao.json", COCO)
    sink = (
        "x_min,y_min,x_max,y_max,class_id,confidence,tracker_id,class_name,frame_index\n1,2,3,4,0,,1,run,0\n"
    )
    written(tmp_path / "detections.csv", sink)
    found = commands(repository / "docs" / "exchange.md")
    assert {command[0] for command in found} == {"actorsup", "snakemake"}
    for command in found:
        if command[0] == "actorsup":
            assert main(command[1:]) == 0, command
        else:  # the workflow's own test runs it
            assert command[-1] == "results/mine/exports/coco.json"
    assert Path("corrected_map.csv").stat().st_size > 100
