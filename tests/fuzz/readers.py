"""Every reader of user files: a valid file to start with, how to damage it, and the reader.

A reader may raise ``ActorsupError`` and nothing else.
"""

import io
import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import cv2
import numpy as np
import yaml
from exchange_readers import EXCHANGED
from folder_readers import FOLDERS
from forms import damaged_shard, damaged_yaml
from mutation import damaged_bytes
from published_readers import PUBLISHED
from reader import JSON, TEXT, Reader, write
from video_readers import VIDEO_FILES
from weights_readers import WEIGHTS

from actorsup import cli
from actorsup.artifacts.shards import ShardReader
from actorsup.artifacts.tube_files import TUBES_SCHEMA, read_info, read_tubes
from actorsup.config.read import check_config, read_config
from actorsup.datasets.base import VideoRecord
from actorsup.datasets.digests import content_digests
from actorsup.datasets.readers.folder import Folder
from actorsup.detection.detectors.supplied import SuppliedDetections
from actorsup.detection.images import AnnotatedImages
from actorsup.detection.settings import DetectorSettings
from actorsup.errors import DataError
from actorsup.evaluation.ground_truth import read_annotated, test_videos
from actorsup.workflow.summary import summary
from samples import PREDICTIONS, TRUTH, shard, without_checksum

CONFIG = Path(__file__).resolve().parents[2] / "config.yaml"

DETECTIONS = "video,frame,x1,y1,x2,y2,score,category\n" + "".join(
    f"v,{f},{f},2,{f + 9},30,0.{f + 1},{c}\n" for f in range(3) for c in ("person", "1", "teddy bear")
)
RESULTS = [
    {"image_id": f"v/{f}", "category_id": 1, "bbox": [f, 2, 9, 28], "score": 0.5, "extra": [1]}
    for f in range(3)
]
STILLS = {
    "images": [{"id": i, "file_name": "a.png", "width": 64, "height": 48} for i in range(2)],
    "categories": [{"id": 1, "name": "person"}],
    "annotations": [
        {"id": i, "image_id": i, "category_id": 1, "bbox": [1, 2, 20, 30], "iscrowd": 0} for i in range(2)
    ],
}
VIDEOS = "video,label,split\nv0,kick,train\nv1,kick|squat,test\nsub/v2,,\n"
MAP = (
    "linker,model,seed,class,iou_threshold,average_precision,ground_truth\n"
    "demo,best,1,mean,0.5,0.5,3\ndemo,best,2,mean,0.5,0.7,3\ndemo,best,1,kick,0.2,0.5,3\n"
)
FAILURES = "video,stage,reason\nv0,decode_frames,broken\n"
OVERLAY = {"seed": 3, "models": {"demo": {"epochs": 3}}, "datasets": {"demo": {"linkers": ["static"]}}}
TABLE = "video,path,split,label,frames,fps,width,height\nv0,v0.avi,test,kick,3,25,64,48\n"


def evaluation(good: str, content: str | object) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / "truth.csv").write_text(TRUTH)
        (folder / "predictions.json").write_text(json.dumps(PREDICTIONS))
        write(good, content)(folder)

    return make


def evaluate(path: Path, **other: str) -> None:
    files = {"ground-truth": "truth.csv", "predictions": "predictions.json", **other}
    arguments = [text for name, file in files.items() for text in (f"--{name}", str(path.parent / file))]
    outputs = ["--output", str(path.parent / "map.csv"), "--recall", str(path.parent / "recall.csv")]
    errors = io.StringIO()
    with redirect_stderr(errors), redirect_stdout(io.StringIO()):
        code = cli.main(["evaluate", *arguments, *outputs])
    if code:
        raise DataError(errors.getvalue())


def inspect(path: Path) -> None:
    with redirect_stderr(io.StringIO()), redirect_stdout(io.StringIO()):
        cli.main(["inspect", str(path)])


def read_shard(path: Path) -> None:
    with ShardReader(path, TUBES_SCHEMA) as reader:
        for video in reader:
            read_tubes(reader[video])
            read_info(reader[video])


def read_supplied(path: Path) -> None:
    found = SuppliedDetections(path, [1, 88], DetectorSettings())
    for video in ("v", "absent"):
        found.detections(video, 3, 64, 48)


def image_files(folder: Path) -> None:
    cv2.imwrite(str(folder / "a.png"), np.zeros((48, 64, 3), np.uint8))
    write("good.json", STILLS)(folder)


def read_images(path: Path) -> None:
    images = AnnotatedImages(path.parent, path)
    for index in range(len(images)):
        images.image(index)


def read_folder(path: Path) -> None:
    listing = Folder(path.parent, table=path).listing()
    # no path outside of the folder is accessed
    for record in (*listing.records, *listing.missing):
        assert path.parent.resolve() in [*(path.parent / record.path).resolve().parents], record


def summarise(path: Path, name: str) -> None:
    (path.parent / "d").mkdir(exist_ok=True)
    (path.parent / name).write_bytes(path.read_bytes())
    summary(["d"], path.parent, 0)


def read_cache(path: Path) -> None:
    cache = path.with_name("cache.json")
    cache.write_bytes(path.read_bytes())
    content_digests([VideoRecord("v", path, "", ())], cache)


READERS: dict[str, Reader] = {
    "ground_truth": Reader(
        ".csv", evaluation("good.csv", TRUTH), TEXT, lambda p: evaluate(p, **{"ground-truth": p.name})
    ),
    "predictions_json": Reader(
        ".json", evaluation("good.json", PREDICTIONS), JSON, lambda p: evaluate(p, predictions=p.name)
    ),
    "predictions_h5": Reader(
        ".h5",
        lambda f: (evaluation("x.csv", "")(f), without_checksum(f)) and None,
        (damaged_shard,),
        lambda p: evaluate(p, predictions=p.name),
    ),
    "inspected_h5": Reader(".h5", without_checksum, (damaged_shard,), inspect),
    "checked_shard": Reader(".h5", lambda f: shard(f, TUBES_SCHEMA), (damaged_bytes,), read_shard),
    "annotated": Reader(".csv", write("good.csv", "video,frame\nv0,0\nv0,2\n"), TEXT, read_annotated),
    "videos_table": Reader(".csv", write("good.csv", TABLE), TEXT, test_videos),
    "folder_table": Reader(".csv", write("good.csv", VIDEOS), TEXT, read_folder),
    "supplied_csv": Reader(".csv", write("good.csv", DETECTIONS), TEXT, read_supplied),
    "supplied_json": Reader(".json", write("good.json", RESULTS), JSON, read_supplied),
    "stills": Reader(".json", image_files, JSON, read_images),
    "config": Reader(
        ".yaml",
        write("good.yaml", CONFIG.read_text(encoding="utf-8")),
        (damaged_yaml,),
        lambda p: check_config(yaml.safe_load(p.read_bytes())),
    ),
    "overlay": Reader(
        ".yaml",
        write("good.yaml", yaml.safe_dump(OVERLAY)),
        (damaged_yaml, damaged_bytes),
        lambda p: check_config(read_config([p])),
    ),
    "summary_map": Reader(".csv", write("good.csv", MAP), TEXT, lambda p: summarise(p, "d_map.csv")),
    "summary_failures": Reader(
        ".csv", write("good.csv", FAILURES), TEXT, lambda p: summarise(p, "d/failures.csv")
    ),
    "digests": Reader(".json", write("good.json", {"/v": ["1 2", "abc"]}), JSON, read_cache),
    **EXCHANGED,
    **FOLDERS,
    **PUBLISHED,
    **VIDEO_FILES,
    **WEIGHTS,
}


def good_file(reader: Reader, folder: Path) -> Path:
    """Create a valid file, and the other files that its reader needs."""
    reader.good(folder)
    return folder / f"good{reader.suffix}"
