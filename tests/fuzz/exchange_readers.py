"""Readers of other tools' formats: COCO, MOT text, CVAT XML, and ``actorsup convert``."""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from forms import damaged_member, damaged_shard, damaged_xml
from mutation import damaged_bytes
from reader import JSON, TEXT, Reader, separated, tried, write

from actorsup.datasets.ground_truth_files import read_ground_truth_file
from actorsup.detection.detectors.supplied import SuppliedDetections
from actorsup.detection.settings import DetectorSettings
from actorsup.formats.convert import Conversion, convert
from samples import PREDICTIONS, TRUTH, without_checksum

COCO = {
    "videos": [{"id": v, "name": f"v{v}", "fps": 25, "width": 64, "height": 48} for v in (1, 2)],
    "images": [
        {"id": 10 * v + f, "video_id": v, "frame_id": f, "width": 64, "height": 48}
        for v in (1, 2)
        for f in range(3)
    ],
    "categories": [{"id": 1, "name": "kick"}],
    "annotations": [
        {
            "id": 10 * v + f, "image_id": 10 * v + f, "category_id": 1, "bbox": [f, 2, 9, 28], "track_id": v,
            "score": 0.5, "actor": "person",
        }
        for v in (1, 2)
        for f in range(3)
    ],
}  # fmt: skip
MOT = "1,1,2,3,30,40,1,1,1\n2,1,3,3,30,40,1,1,1\n3,2,4,5,30,40,0.5,1,0.5\n"
SEQINFO = "[Sequence]\nname=v\nframeRate=25\nseqLength=3\nimWidth=64\nimHeight=48\n"
CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><id>7</id><name>v</name><size>4</size>
<start_frame>0</start_frame><stop_frame>3</stop_frame><frame_filter>step=1</frame_filter>
<original_size><width>64</width><height>48</height></original_size>
<labels><label><name>person</name></label><label><name>kick</name></label></labels></task></meta>
<track id="0" label="person" task_id="7">
<box frame="0" outside="0" occluded="0" keyframe="1" xtl="1.0" ytl="2.0" xbr="9.5" ybr="30" rotation="0">
<attribute name="score">0.5</attribute><attribute name="actor">person</attribute></box>
<box frame="3" outside="1" xtl="1.0" ytl="2.0" xbr="9.5" ybr="30"/></track>
<track id="1" label="kick"><box frame="1" outside="0" xtl="1" ytl="2" xbr="9" ybr="30"/></track></annotations>
"""
SPARSE = TRUTH + "v0,,,7,,,,,\nv1,,,,,,,,\n"
COCO_FILES = {
    "images": [
        {"id": str(f), "file_name": f"v1/img1/{f:06d}.jpg", "width": 64, "height": 48} for f in range(3)
    ],
    "categories": [{"id": 1, "name": "person"}],
    "annotations": [
        {"image_id": 0, "category_id": 1, "attributes": {"track_id": 3}, "segmentation": [[1, 2, 9, 30]]},
        {"image_id": 1, "category_id": 1, "track_id": 3, "bbox": [1, 2, 9, 28]},
        {"image_id": 2, "category_id": 1, "iscrowd": 1, "bbox": [1, 2, 9, 28]},
    ],
}  # fmt: skip
YOUTUBE_VIS = {
    "videos": [{"id": 1, "width": 64, "height": 48, "file_names": ["v/00000.jpg", "v/00005.jpg"]}],
    "categories": [{"id": 1, "name": "person"}],
    "annotations": [{"id": 4, "video_id": 1, "category_id": 1, "bboxes": [[1, 2, 9, 28], None]}],
}  # fmt: skip
TRACKER = (
    "frame id x y w h conf class vis\n0 5 2 3 30 40 0 0 -1\n1 5 3 3 30 40 0 0.0 -1\n1 6 3 3 30 40 0 dog -1\n"
)
CVAT_JOB = """<annotations><meta><job><id>7</id><source>v</source><size>3</size>
<start_frame>1</start_frame><stop_frame>3</stop_frame><frame_filter>step=2</frame_filter>
<segments><segment><id>1</id><start>1</start><stop>3</stop></segment></segments></job></meta>
<track id="0" label="person">
<box frame="2" outside="False" xtl="1" ytl="2" xbr="9" ybr="30" rotation="359.9"/>
<box frame="6" outside="true" xtl="1" ytl="2" xbr="9" ybr="30"/>
<box frame="6" outside="true" xtl="1" ytl="2" xbr="9" ybr="30"/></track></annotations>
"""
COVERAGE = {
    **COCO,
    "images": [{**image, "frame_id": 5 * image["frame_id"]} for image in COCO["images"]],
    "videos": [{**video, "length": 12} for video in COCO["videos"]],
}
TRACKERS = (
    "1,58,10,10,50,90,0.93,-1,-1,-1\n2,58,11,10,50,90,0.91,-1,-1,-1\n"  # SORT, ByteTrack
    "1 2 10 10 50 90 0 0 -1\n2 2 11 10 50 90 0 0 -1\n"  # BoxMOT
)
SINK = "x_min,y_min,x_max,y_max,class_id,confidence,tracker_id,class_name,frame_index\n" + "".join(
    f"{f}.5,2,{f + 9},30,0,0.{f + 1},{t},kick,{f}\n" for f in range(3) for t in (1, 2)
)
SINK_ROWS = [
    {"x_min": f, "y_min": 2, "x_max": f + 9, "y_max": 30, "class_id": 0, "confidence": 0.5, "tracker_id": 1,
     "class_name": "kick", "frame_index": f}
    for f in range(3)
]  # fmt: skip
SIZES = "video,frames,fps,width,height\nv0,3,25,64,48\nv1,3,25,64,48\n"


def packed(members: Mapping[str, str]) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        with zipfile.ZipFile(folder / "good.zip", "w") as archive:
            for name, text in members.items():
                archive.writestr(name, text)

    return make


def converted(path: Path) -> None:
    """Convert the tubes of a file to every other format."""
    names = {"csv": "o.csv", "coco": "o.json", "predictions": "p.json", "mot": "o.zip", "cvat": "o.xml"}
    out = path.parent / "out"
    tried(*(lambda f=form: convert(path, out / names[f], Conversion(output_format=f)) for form in names))


def exchanged(path: Path) -> None:
    """The same, and read them as ground truth and as detections."""
    tried(
        lambda: converted(path),
        lambda: read_ground_truth_file(path),
        lambda: SuppliedDetections(path, [1], DetectorSettings()).detections("v", 3, 64, 48),
    )


def read_seqinfo(path: Path) -> None:
    sequence = path.parent / "sequence"
    sequence.mkdir(exist_ok=True)
    (sequence / "gt.txt").write_bytes((path.parent / "gt.txt").read_bytes())
    (sequence / "seqinfo.ini").write_bytes(path.read_bytes())
    convert(sequence, path.parent / "o.csv", Conversion(source_format="mot"))


def with_sizes(path: Path) -> None:
    convert(path.parent / "tubes.csv", path.parent / "o.xml", Conversion(videos=path, only_video="v0"))


def sizes(folder: Path) -> None:
    write("tubes.csv", TRUTH)(folder)
    write("good.csv", SIZES)(folder)


XML = (damaged_xml, damaged_xml, damaged_bytes)

EXCHANGED: dict[str, Reader] = {
    "converted_csv": Reader(".csv", write("good.csv", TRUTH), TEXT, converted),
    "converted_json": Reader(".json", write("good.json", PREDICTIONS), JSON, converted),
    "converted_h5": Reader(".h5", without_checksum, (damaged_shard,), converted),
    "coco_videos": Reader(".json", write("good.json", COCO), JSON, exchanged),
    "coco_coverage": Reader(".json", write("good.json", COVERAGE), JSON, exchanged),
    "sink_csv": Reader(".csv", write("good.csv", SINK), TEXT, exchanged),
    "sink_json": Reader(".json", write("good.json", SINK_ROWS), JSON, exchanged),
    "tracker_text": Reader(
        ".txt",
        lambda f: (write("labels.txt", "person\nkick\n")(f), write("good.txt", TRACKERS)(f)) and None,
        (*separated(" "), *TEXT),
        exchanged,
    ),
    "seqinfo": Reader(
        ".ini",
        lambda f: (write("gt.txt", MOT)(f), write("good.ini", SEQINFO)(f)) and None,
        separated("="),
        read_seqinfo,
    ),
    "mot_text": Reader(".txt", write("good.txt", MOT), TEXT, exchanged),
    "mot_zip": Reader(
        ".zip",
        packed(
            {
                "v/gt/gt.txt": MOT,
                "v/det/det.txt": MOT,
                "v/seqinfo.ini": SEQINFO,
                "labels.txt": "person\nkick\n",
            }
        ),
        (damaged_member(txt=TEXT, ini=(damaged_bytes,)), damaged_bytes),
        exchanged,
    ),
    "cvat_xml": Reader(".xml", write("good.xml", CVAT), XML, exchanged),
    "cvat_zip": Reader(
        ".zip", packed({"a/annotations.xml": CVAT}), (damaged_member(xml=XML), damaged_bytes), exchanged
    ),
    "sparse_csv": Reader(".csv", write("good.csv", SPARSE), TEXT, converted),
    "coco_files": Reader(".json", write("good.json", COCO_FILES), JSON, exchanged),
    "youtube_vis": Reader(".json", write("good.json", YOUTUBE_VIS), JSON, exchanged),
    "mot_tracker": Reader(
        ".zip",
        packed({"v.txt": TRACKER, "labels.txt": "0 person\n1 kick\n"}),
        (damaged_member(txt=TEXT), damaged_bytes),
        exchanged,
    ),
    "cvat_job": Reader(".xml", write("good.xml", CVAT_JOB), XML, exchanged),
    "sizes": Reader(".csv", sizes, TEXT, with_sizes),
}
