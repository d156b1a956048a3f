"""Every reader of files that users bring: a good file to begin with, how to damage it, and the reader.

A reader may raise ``ActorsupError`` and nothing else.
"""

import io
import json
import pickle
import random
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import cv2
import h5py
import numpy as np
import yaml
from mutation import Damage, damaged_bytes, damaged_cells, damaged_json, damaged_tree, odd_array

from actorsup import cli
from actorsup.config import check_config
from actorsup.datasets.base import VideoRecord
from actorsup.datasets.digests import content_digests
from actorsup.datasets.folder import Folder
from actorsup.datasets.thumos13 import Thumos13
from actorsup.detection.settings import DetectorSettings
from actorsup.detection.stills import Stills
from actorsup.detection.supplied import SuppliedDetections
from actorsup.errors import DataError
from actorsup.evaluation.ground_truth import read_annotated, test_videos
from actorsup.frames.store import FrameStore
from actorsup.linking.tracking_sets import read_tracking_set
from actorsup.storage import ShardReader, ShardWriter
from actorsup.tube_files import (
    PREDICTIONS_SCHEMA,
    TUBES_SCHEMA,
    VideoInfo,
    read_info,
    read_tubes,
    write_tubes,
)
from actorsup.tubes import Tubes

CONFIG = Path(__file__).resolve().parents[2] / "config.yaml"


@dataclass(frozen=True)
class Reader:
    """What is fuzzed.

    Attributes:
        suffix: Of its files.
        good: Makes a good file in a folder, and what else the reader needs there.
        damages: What is done to the bytes of a good file.
        read: Reads a file of that folder.
    """

    suffix: str
    good: Callable[[Path], None]
    damages: tuple[Damage, ...]
    read: Callable[[Path], object]


TRUTH = "video,tube,class,frame,x1,y1,x2,y2,actor\n" + "".join(
    f"v{v},{t},kick,{f},{f},2,{f + 9},30,person\n" for v in range(2) for t in range(2) for f in range(3)
)
DETECTIONS = "video,frame,x1,y1,x2,y2,score,category\n" + "".join(
    f"v,{f},{f},2,{f + 9},30,0.{f + 1},{c}\n" for f in range(3) for c in ("person", "1", "teddy bear")
)
RESULTS = [
    {"image_id": f"v/{f}", "category_id": 1, "bbox": [f, 2, 9, 28], "score": 0.5, "extra": [1]}
    for f in range(3)
]
TUBE = {
    "interval": [0, 2], "boxes": [[1, 2, 10, 30], [2, 2, 11, 30]], "score": 0.5, "actor": "person",
    "class_score": {"kick": 0.9, "squat": 0.1},
}  # fmt: skip
PREDICTIONS = {
    "classes": ["kick", "squat"],
    "videos": {
        v: {"frames": 3, "fps": 25.0, "width": 64, "height": 48, "tubes": [TUBE, TUBE]} for v in ("v0", "v1")
    },
}
STILLS = {
    "images": [{"id": i, "file_name": "a.png", "width": 64, "height": 48} for i in range(2)],
    "categories": [{"id": 1, "name": "person"}],
    "annotations": [
        {"id": i, "image_id": i, "category_id": 1, "bbox": [1, 2, 20, 30], "iscrowd": 0} for i in range(2)
    ],
}
VIDEOS = "video,label,split\nv0,kick,train\nv1,kick|squat,test\nsub/v2,,\n"
TABLE = "video,path,split,label,frames,fps,width,height\nv0,v0.avi,test,kick,3,25,64,48\n"


def tubes(count: int = 2) -> Tubes:
    empty = Tubes.empty(3)
    boxes = np.tile(np.array([1, 2, 10, 30], np.float32), (count, 3, 1))
    scores = {"class_logit": np.zeros((count, 2), np.float32), "class_score": np.full((count, 2), 0.5)}
    return Tubes(
        boxes, np.ones(count, np.float32), np.ones(count, np.int16), np.zeros(count, np.int32),
        np.ones((count, 3), np.float32), np.tile(np.array([[0, 3]], np.int32), (count, 1)), **scores,
    ) if count else empty  # fmt: skip


def write(name: str, content: str | object) -> Callable[[Path], None]:
    text = content if isinstance(content, str) else json.dumps(content)
    return lambda folder: (folder / name).write_text(text) and None


def shard(folder: Path, schema: str = PREDICTIONS_SCHEMA) -> None:
    with ShardWriter(folder / "good.h5", schema, {"a": 1}, {"classes": ["kick", "squat"]}) as writer:
        for video in ("v0", "v1"):
            write_tubes(writer, video, VideoInfo(3, 25.0, 64, 48), tubes())
        writer.fail("v2", "broken")


def unsealed(folder: Path) -> None:
    shard(folder)
    with h5py.File(folder / "good.h5") as ours, h5py.File(folder / "other.h5", "w") as other:
        for name in ours:
            ours.copy(name, other)
        other.attrs.update(ours.attrs)
    (folder / "other.h5").replace(folder / "good.h5")


def damaged_shard(chance: random.Random, data: bytes) -> bytes:
    """A shard of another program's making whose datasets and attributes are not as they should be."""
    held = io.BytesIO(data)
    with h5py.File(held, "r+") as file:
        for _ in range(chance.randint(1, 3)):
            held_here = [
                name for name in file if isinstance(file.get(name, getlink=True), h5py.HardLink)
            ]  # a link that was put there before may lead nowhere
            groups = [
                name for name in held_here if name.startswith("v0") and isinstance(file[name], h5py.Group)
            ]
            parent = file[chance.choice(["/", *groups])]
            names = [*parent, "odd"]
            match chance.randrange(6):
                case 0 if len(names) > 1:
                    del parent[names[0] if len(names) < 3 else chance.choice(names[:-1])]
                case 1 if list(parent.attrs):
                    del parent.attrs[chance.choice(list(parent.attrs))]
                case 2:
                    parent.attrs[chance.choice([*parent.attrs, "odd"])] = chance.choice(
                        [0, -1, 2.5, "x", "", "{", "[1]", np.zeros(2), float("nan"), 2**40]
                    )
                case 3:
                    name = chance.choice(names)
                    if name in parent:
                        del parent[name]
                    parent[name] = chance.choice(
                        [h5py.SoftLink("/v000000"), h5py.ExternalLink("good.h5", "/"), h5py.SoftLink("/none")]
                    )
                case _:
                    name = chance.choice(names)
                    if name in parent:
                        del parent[name]
                    parent[name] = odd_array(chance)
    return held.getvalue()


def damaged_pickle(chance: random.Random, data: bytes) -> bytes:
    """The annotations with a value replaced, pickled again."""
    return pickle.dumps(damaged_tree(chance, pickle.loads(data)), protocol=chance.choice([0, 2, 4]))


def damaged_yaml(chance: random.Random, data: bytes) -> bytes:
    tree = yaml.safe_load(data)
    for _ in range(chance.randint(1, 3)):
        tree = damaged_tree(chance, tree)
    return yaml.safe_dump(tree).encode()


def thumos(folder: Path) -> None:
    (folder / "UCF-101" / "Kick").mkdir(parents=True)
    (folder / "ucfTrainTestlist").mkdir()
    for split, video in (("train", "a"), ("test", "b")):
        (folder / "ucfTrainTestlist" / f"{split}list01.txt").write_text(f"Kick/{video}.avi 1\n")
    tube = {"label": 0, "ef": 3, "sf": 1, "boxes": np.array([[1, 2, 9, 30], [2, 2, 9, 30]], np.uint8)}
    plain = {"label": 0, "ef": 2, "sf": 1, "boxes": [[1, 2, 9, 30]]}
    content = {f"Kick/{n}": {"annotations": [tube, plain], "numf": 3, "label": 0} for n in "ab"}
    (folder / "good.pkl").write_bytes(pickle.dumps(content, protocol=2))


def read_thumos(path: Path) -> None:
    (path.parent / "annotations").mkdir(exist_ok=True)
    (path.parent / "annotations" / "pyannot.pkl").write_bytes(path.read_bytes())
    dataset = Thumos13(path.parent)
    dataset.listing()
    dataset.ground_truth()


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
    told = io.StringIO()
    with redirect_stderr(told), redirect_stdout(io.StringIO()):
        code = cli.main(["evaluate", *arguments, *outputs])
    if code:
        raise DataError(told.getvalue())


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


def still_images(folder: Path) -> None:
    cv2.imwrite(str(folder / "a.png"), np.zeros((48, 64, 3), np.uint8))
    write("good.json", STILLS)(folder)


def read_stills(path: Path) -> None:
    stills = Stills(path.parent, path)
    for index in range(len(stills)):
        stills.image(index)


def read_folder(path: Path) -> None:
    listing = Folder(path.parent, table=path).listing()
    # nothing outside of the folder is ever looked for
    for record in (*listing.records, *listing.missing):
        assert path.parent.resolve() in [*(path.parent / record.path).resolve().parents], record


def sequence(folder: Path) -> None:
    (folder / "list.txt").write_text("s\n")
    (folder / "s").mkdir()
    for number in range(3):
        (folder / "s" / f"{number + 1:08d}.jpg").write_bytes(b"x")
    (folder / "good.txt").write_text("1,2,30,40\n1.5,2,30,40\n2,2,30,40\n")


def read_sequence(path: Path) -> None:
    (path.parent / "s" / "groundtruth.txt").write_bytes(path.read_bytes())
    read_tracking_set(path.parent)


def read_frames(path: Path) -> None:
    with FrameStore(path) as store:
        for video in store.videos:
            store[video].read(range(len(store[video])))


def read_cache(path: Path) -> None:
    cache = path.with_name("cache.json")
    cache.write_bytes(path.read_bytes())
    content_digests([VideoRecord("v", path, "", ())], cache)


TEXT = (damaged_cells, damaged_cells, damaged_bytes)
JSON = (damaged_json, damaged_json, damaged_bytes)

READERS: dict[str, Reader] = {
    "ground_truth": Reader(
        ".csv", evaluation("good.csv", TRUTH), TEXT, lambda p: evaluate(p, **{"ground-truth": p.name})
    ),
    "predictions_json": Reader(
        ".json", evaluation("good.json", PREDICTIONS), JSON, lambda p: evaluate(p, predictions=p.name)
    ),
    "predictions_h5": Reader(
        ".h5",
        lambda f: (evaluation("x.csv", "")(f), unsealed(f)) and None,
        (damaged_shard,),
        lambda p: evaluate(p, predictions=p.name),
    ),
    "inspected_h5": Reader(".h5", unsealed, (damaged_shard,), inspect),
    "sealed_shard": Reader(".h5", lambda f: shard(f, TUBES_SCHEMA), (damaged_bytes,), read_shard),
    "annotated": Reader(".csv", write("good.csv", "video,frame\nv0,0\nv0,2\n"), TEXT, read_annotated),
    "videos_table": Reader(".csv", write("good.csv", TABLE), TEXT, test_videos),
    "folder_table": Reader(".csv", write("good.csv", VIDEOS), TEXT, read_folder),
    "supplied_csv": Reader(".csv", write("good.csv", DETECTIONS), TEXT, read_supplied),
    "supplied_json": Reader(".json", write("good.json", RESULTS), JSON, read_supplied),
    "stills": Reader(".json", still_images, JSON, read_stills),
    "tracking_set": Reader(".txt", sequence, TEXT, read_sequence),
    "pickle": Reader(".pkl", thumos, (damaged_pickle, damaged_bytes), read_thumos),
    "config": Reader(
        ".yaml",
        write("good.yaml", CONFIG.read_text(encoding="utf-8")),
        (damaged_yaml,),
        lambda p: check_config(yaml.safe_load(p.read_bytes())),
    ),
    "digests": Reader(".json", write("good.json", {"/v": ["1 2", "abc"]}), JSON, read_cache),
}


def good_file(reader: Reader, folder: Path) -> Path:
    """A good file, with what its reader needs around it."""
    reader.good(folder)
    return folder / f"good{reader.suffix}"
