"""Files in the exact form of data sets and of programs that are not on PyPI, with other values.

Sources: the exporters and loaders of CVAT and Datumaro, the converters of mmtracking and ByteTrack, what
SORT, ByteTrack, BoxMOT and Ultralytics write, and the pages on annotations of the data sets.
"""

import json
from pathlib import Path

import pytest

from actorsup.datasets.ground_truth_files import read_ground_truth_file
from actorsup.errors import DataError
from actorsup.formats.formats import detect_format, read_labeled


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def tracks(path: Path, **how: object) -> dict[str, list[tuple[str, dict[int, list[float]]]]]:
    """The tracks of each video: class, and boxes by frame."""
    videos, _ = read_labeled(path, detect_format(path), **how)
    return {
        video.video: [
            (tube.action, dict(zip(tube.frames.tolist(), tube.boxes.round(6).tolist(), strict=True)))
            for tube in video.tubes
        ]
        for video in videos
    }


# ------------------------------------------------------------------------------------ MOT text

SEQINFO = "[Sequence]\nname={}\nimDir=img1\nframeRate=25\nseqLength=9\nimWidth=64\nimHeight=48\nimExt=.jpg\n"


@pytest.mark.parametrize(
    ("name", "lines", "labels", "expected"),
    [
        # id from 1, spaces after commas
        ("dancetrack", "1, 1, 11, 21, 5, 6, 1, 1, 1\n2, 1, 12, 21, 5, 6, 1, 1, 1\n", "",
         [("pedestrian", {0: [10, 20, 15, 26], 1: [11, 20, 16, 26]})]),
        # ids from 0
        ("sportsmot", "1, 0, 11, 21, 5, 6, 1, 1, 1\n1, 1, 31, 21, 5, 6, 1, 1, 1\n", "",
         [("pedestrian", {0: [10, 20, 15, 26]}), ("pedestrian", {0: [30, 20, 35, 26]})]),
        # MOT20 marks crowds, class 13, to be ignored
        ("mot20", "1,1,11,21,5,6,0,13,1\n1,2,11,21,5,6,1,1,0.4\n", "",
         [("pedestrian", {0: [10, 20, 15, 26]})]),
        # ten columns; class 0 marks regions to ignore, whose score is 0
        ("visdrone", "1,0,1,1,9,9,0,0,0,0\n1,1,11,21,5,6,1,4,0,1\n2,1,12,21,5,6,1,4,1,2\n",
         "pedestrian\npeople\nbicycle\ncar\nvan\n",
         [("car", {0: [11, 21, 16, 27], 1: [12, 21, 17, 27]})]),
        # SORT, ByteTrack and their kin: no class, x, y, z of -1
        ("bytetrack", "1,5,11.5,21.25,5.0,6.0,0.93,-1,-1,-1\n2,5,12.5,21.25,5.0,6.0,0.5,-1,-1,-1\n",
         "person\n",
         [("person", {0: [11.5, 21.25, 16.5, 27.25], 1: [12.5, 21.25, 17.5, 27.25]})]),
        # BoxMOT: spaces, whole numbers (so the confidence is 0), classes from 0
        ("boxmot", "1 2 11 21 5 6 0 0 -1\n2 2 12 21 5 6 0 0 -1\n", "person\nbicycle\n",
         [("person", {0: [11, 21, 16, 27], 1: [12, 21, 17, 27]})]),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isalnum() else "",
)  # fmt: skip
def test_tracks_in_mot_text(tmp_path, name, lines, labels, expected):
    if name in ("bytetrack", "boxmot"):  # which write a file for each video
        files = {f"{name}.txt": lines}
    else:
        files = {f"{name}/gt/gt.txt": lines, f"{name}/seqinfo.ini": SEQINFO.format(name)}
    write(tmp_path, files | ({"labels.txt": labels} if labels else {}))
    assert tracks(tmp_path) == {name: expected}


@pytest.mark.parametrize(
    ("ini", "length"),
    [
        (SEQINFO.format("a").replace("\n", "\r\n"), 9),  # MOT15
        ("\ufeff" + SEQINFO.format("a"), 9),  # an editor of Windows
        (SEQINFO.format("a").replace("=", " = ").lower().replace("[sequence]", "[Sequence]"), 9),
        (SEQINFO.format("a").replace("frameRate=25", "frameRate=29.97"), 9),
        ("\n" + SEQINFO.format("a") + "\n", 9),
    ],
)
def test_forms_of_seqinfo(tmp_path, ini, length):
    (tmp_path / "a" / "gt").mkdir(parents=True)
    (tmp_path / "a" / "gt" / "gt.txt").write_text("1,1,1,1,2,2,1,1,1\n")
    (tmp_path / "a" / "seqinfo.ini").write_bytes(ini.encode())
    (video,), _ = read_labeled(tmp_path, "mot")
    assert (video.info.frames, video.info.width, video.info.height) == (length, 64, 48)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        # KITTI tracking: names of classes, corners, 3D boxes
        ("0 1 Car 0 0 -1.57 11.0 21.0 16.0 27.0 1.5 1.6 3.7 1.0 1.5 8.4 -1.5\n", "looks like KITTI"),
        # one of Ultralytics' files, of one frame: class, center, size, id, in parts of the frame
        ("0 0.5 0.5 0.1 0.2 3\n", "a frame from 1 on"),
        # VisDrone without names: its class 4 is a car, but the MOTChallenge's a bicycle
        ("1,1,11,21,5,6,1,4,0,1\n", "labels.txt"),
    ],
)
def test_text_that_is_not_mot_is_refused(tmp_path, text, words):
    write(tmp_path, {"v.txt": text})
    with pytest.raises(DataError, match=words):
        tracks(tmp_path / "v.txt")


# ---------------------------------------------------------------------------------------- COCO

MMTRACKING = {
    "categories": [{"id": 1, "name": "pedestrian"}],
    "videos": [{"id": 1, "name": "MOT17-02-DPM", "fps": 30, "width": 64, "height": 48}],
    "images": [
        {"id": n + 1, "video_id": 1, "file_name": f"MOT17-02-DPM/img1/{n + 1:06d}.jpg", "height": 48,
         "width": 64, "frame_id": n, "mot_frame_id": n + 1}
        for n in range(3)
    ],
    "annotations": [
        {"category_id": 1, "bbox": [11.0, 21.0, 5.0, 6.0], "area": 30.0, "iscrowd": False, "visibility": 1.0,
         "mot_instance_id": 7, "mot_conf": 1.0, "mot_class_id": 1, "id": n, "image_id": n, "instance_id": 0}
        for n in (1, 3)
    ],
    "num_instances": 1,
}  # fmt: skip
BYTETRACK = {
    "images": [
        {"file_name": f"a/img1/{n:06d}.jpg", "id": n, "frame_id": n, "prev_image_id": n - 1 or -1,
         "next_image_id": n + 1 if n < 3 else -1, "video_id": 1, "height": 48, "width": 64}
        for n in (1, 2, 3)
    ],
    "annotations": [
        {"id": n, "category_id": 1, "image_id": n, "track_id": 4, "bbox": [11.0, 21.0, 5.0, 6.0], "conf": 1.0,
         "iscrowd": 0, "area": 30.0}
        for n in (1, 3)
    ],
    "videos": [{"id": 1, "file_name": "a"}],
    "categories": [{"id": 1, "name": "pedestrian"}],
}  # fmt: skip
TAO = {
    "videos": [
        {"id": 3, "name": "val/YFCC100M/v_f69e", "width": 64, "height": 48,
         "neg_category_ids": [5], "not_exhaustive_category_ids": [], "metadata": {"dataset": "YFCC100M"}}
    ],
    "images": [
        {"id": 9 + n, "video": "val/YFCC100M/v_f69e", "_scale_task_id": "5de8", "width": 64, "height": 48,
         "file_name": f"v/frame{30 * n:04d}.jpg", "frame_index": 30 * n, "license": 0, "video_id": 3}
        for n in range(3)
    ],
    "tracks": [{"id": 2, "category_id": 805, "video_id": 3}],
    "annotations": [
        {"segmentation": [[1, 1, 2, 2, 3, 3]], "bbox": [11, 21, 5, 6], "area": 30, "iscrowd": 0, "id": n,
         "image_id": 9 + n, "category_id": 805, "track_id": 2, "_scale_uuid": "e8",
         "scale_category": "moving object", "video_id": 3}
        for n in (0, 2)
    ],
    "categories": [{"id": 805, "name": "person", "synset": "person.n.01", "frequency": "f"}],
    "licenses": [], "info": {"year": 2020},
}  # fmt: skip


@pytest.mark.parametrize(
    ("content", "video", "label", "frames"),
    [
        (MMTRACKING, "MOT17-02-DPM", "pedestrian", [0, 2]),
        (BYTETRACK, "a", "pedestrian", [0, 2]),
        (TAO, "val/YFCC100M/v_f69e", "person", [0, 60]),
    ],
    ids=["mmtracking", "bytetrack", "tao"],
)
def test_coco_of_videos(tmp_path, content, video, label, frames):
    write(tmp_path, {"a.json": json.dumps(content)})
    expected = [(label, {frame: [11, 21, 16, 27] for frame in frames})]
    assert tracks(tmp_path / "a.json") == {video: expected}


def test_coco_as_cvat_and_youtube_vis_write_it(tmp_path):
    # CVAT and Datumaro: no videos, the track among the attributes, frames of a file named by number
    flat = {
        "categories": [{"id": 1, "name": "kick", "supercategory": ""}],
        "images": [
            {"id": n + 1, "file_name": f"frame_{n:06d}.PNG", "width": 64, "height": 48} for n in range(3)
        ],
        "annotations": [
            {"id": n, "image_id": n + 1, "category_id": 1, "segmentation": [], "area": 30.0, "iscrowd": 0,
             "bbox": [11.0, 21.0, 5.0, 6.0], "attributes": {"occluded": False, "track_id": 0}}
            for n in (0, 2)
        ],
    }  # fmt: skip
    # YouTube-VIS: the boxes of all frames of a track in one annotation, no images
    vis = {
        "videos": [{"id": 1, "file_names": [f"v/{n:05d}.jpg" for n in range(3)], "width": 64, "height": 48}],
        "categories": [{"id": 1, "name": "kick"}],
        "annotations": [
            {"id": 1, "video_id": 1, "category_id": 1, "bboxes": [[11, 21, 5, 6], None, [11, 21, 5, 6]]}
        ],
    }
    for content, name in ((flat, "v"), (vis, None)):
        write(tmp_path, {"a.json": json.dumps(content)})
        found = tracks(tmp_path / "a.json", name=name)
        assert found == {"v": [("kick", {0: [11, 21, 16, 27], 2: [11, 21, 16, 27]})]}


# ---------------------------------------------------------------------------------------- CVAT


def box(frame: int, keyframe: int, outside: int, x: float = 10) -> str:
    corners = f'xtl="{x:.2f}" ytl="20.00" xbr="{x + 5:.2f}" ybr="26.50"'
    state = f'frame="{frame}" keyframe="{keyframe}" outside="{outside}" occluded="0"'
    return (
        f'    <box {state} {corners} z_order="0">\n'
        '      <attribute name="seen">false</attribute>\n    </box>\n'
    )


def cvat(
    *tracks: str, size: int = 6, start: int = 0, stop: int = 5, step: str = "", label: str = "kick"
) -> str:
    """The elements of CVAT's export of a task, in its order."""
    body = "".join(
        f'  <track id="{n}" label="{label}" source="manual">\n{track}  </track>\n'
        for n, track in enumerate(tracks)
    )
    attribute = (
        "<attribute><name>seen</name><mutable>True</mutable><input_type>checkbox</input_type>"
        "<default_value>false</default_value><values>false</values></attribute>"
    )
    return f"""<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <id>12</id>
      <name>tuesday</name>
      <size>{size}</size>
      <mode>interpolation</mode>
      <overlap>5</overlap>
      <bugtracker></bugtracker>
      <created>2025-01-10 10:00:00.000000+00:00</created>
      <updated>2025-01-10 10:01:00.000000+00:00</updated>
      <subset>Train</subset>
      <start_frame>{start}</start_frame>
      <stop_frame>{stop}</stop_frame>
      <frame_filter>{step}</frame_filter>
      <segments>
        <segment><id>9</id><start>0</start><stop>{size - 1}</stop><url>http://localhost/api/jobs/9</url></segment>
      </segments>
      <owner><username>admin</username><email></email></owner>
      <assignee></assignee>
      <labels>
        <label><name>kick</name><color>#ff00cc</color><type>any</type><attributes>{attribute}</attributes></label>
      </labels>
      <original_size><width>64</width><height>48</height></original_size>
      <source>tuesday.mp4</source>
    </task>
    <dumped>2025-01-10 10:02:00.000000+00:00</dumped>
  </meta>
{body}</annotations>
"""


B = [10, 20, 15, 26.5]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # CVAT exports every frame of a track, keyframe or not, and the frame after its end
        (cvat(box(1, 1, 0) + box(2, 0, 0, 11) + box(3, 1, 0, 12) + box(4, 1, 1, 12)),
         [{1: B, 2: [11, 20, 16, 26.5], 3: [12, 20, 17, 26.5]}]),
        # a track that lasts to the end of the task
        (cvat(box(3, 1, 0) + box(4, 0, 0) + box(5, 0, 0)), [{3: B, 4: B, 5: B}]),
        # a frame that was deleted from the task is not in the export
        (cvat(box(2, 1, 0) + box(3, 0, 0) + box(5, 0, 0)), [{2: B, 3: B, 5: B}]),
        # only the keyframes, as people write it by hand
        (cvat(box(1, 1, 0) + box(3, 1, 0, 12) + box(4, 1, 1, 12)),
         [{1: B, 2: [11, 20, 16, 26.5], 3: [12, 20, 17, 26.5]}]),
        # Datumaro: no keyframes, no end, one frame too many
        (cvat(box(1, 0, 0) + box(2, 0, 0) + box(4, 0, 0), stop=6), [{1: B, 2: B, 4: B}]),
        # every third frame from 2: boxes have the video's frame numbers
        (cvat(box(2, 1, 0) + box(5, 0, 0) + box(8, 1, 1), size=4, start=2, stop=11, step="step=3"),
         [{2: B, 5: B}]),
    ],
    ids=["every frame", "to the end", "deleted frame", "keyframes", "datumaro", "step"],
)  # fmt: skip
def test_cvat_for_video(tmp_path, text, expected):
    write(tmp_path, {"annotations.xml": text})
    assert tracks(tmp_path / "annotations.xml") == {"tuesday": [("kick", boxes) for boxes in expected]}


# --------------------------------------------------------------------------------- supervision

SINK = {
    "x_min": 1.0,
    "y_min": 2.0,
    "x_max": 9.5,
    "y_max": 8.0,
    "class_id": 0,
    "confidence": 0.5,
    "tracker_id": 4,
}


def test_detections_of_supervision(tmp_path):
    rows = [{**SINK, "class_name": "kick", "frame_number": frame} for frame in (0, 2)]
    write(tmp_path, {"v.json": json.dumps(rows)})
    text = "".join(",".join(map(str, row.values())) + "\r\n" for row in rows)
    write(tmp_path, {"w.csv": ",".join(rows[0]) + "\r\n" + text})
    for name in ("v.json", "w.csv"):
        assert tracks(tmp_path / name) == {name[0]: [("kick", {0: [1, 2, 9.5, 8], 2: [1, 2, 9.5, 8]})]}
        truth = read_ground_truth_file(tmp_path / name).boxes
        assert truth[["class", "frame", "x1", "y2"]].values.tolist() == [["kick", f, 1, 8] for f in (0, 2)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tracker_id": ""}, "has no tracker_id; pass the detections through a tracker"),
        ({"tracker_id": -1}, "has no tracker_id"),
        ({"class_name": ""}, "has no class_name, only the class_id '0'"),
        ({"frame_index": None}, "has no frame, wanted one of frame_index"),
        ({"frame_index": 1.5}, "a whole number from 0"),
        ({"x_min": "left"}, "a value is no number"),
        ({"x_min": 10}, "negative width"),
        ({"confidence": ""}, "for all of its boxes, or for none"),
        ({"class_name": "sit"}, "the classes kick, sit"),
    ],
)
def test_bad_detections_of_supervision(tmp_path, changes, words):
    good = {**SINK, "class_name": "kick", "frame_index": 0}
    write(tmp_path, {"v.json": json.dumps([good, {**good, "frame_index": 1, **changes}])})
    with pytest.raises(DataError, match=words) as raised:
        tracks(tmp_path / "v.json")
    assert "\n" not in str(raised.value)
