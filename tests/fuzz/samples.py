"""Valid tubes in the project's own formats, shared by several readers."""

from pathlib import Path

import h5py
import numpy as np

from actorsup.artifacts.shards import ShardWriter
from actorsup.artifacts.tube_files import PREDICTIONS_SCHEMA, VideoInfo, write_tubes
from actorsup.tubes import Tubes

TRUTH = "video,tube,class,frame,x1,y1,x2,y2,actor\n" + "".join(
    f"v{v},{t},kick,{f},{f},2,{f + 9},30,person\n" for v in range(2) for t in range(2) for f in range(3)
)
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
PREDICTIONS["videos"]["v1"]["times"] = [0, 0.04, 0.2]
TIMES = {"v0": None, "v1": np.array([0, 0.04, 0.2])}


def tubes(count: int = 2) -> Tubes:
    empty = Tubes.empty(3)
    boxes = np.tile(np.array([1, 2, 10, 30], np.float32), (count, 3, 1))
    scores = {"class_logit": np.zeros((count, 2), np.float32), "class_score": np.full((count, 2), 0.5)}
    return Tubes(
        boxes, np.ones(count, np.float32), np.ones(count, np.int16), np.zeros(count, np.int32),
        np.ones((count, 3), np.float32), np.tile(np.array([[0, 3]], np.int32), (count, 1)), **scores,
    ) if count else empty  # fmt: skip


def shard(folder: Path, schema: str = PREDICTIONS_SCHEMA) -> None:
    with ShardWriter(folder / "good.h5", schema, {"a": 1}, {"classes": ["kick", "squat"]}) as writer:
        for video in ("v0", "v1"):
            write_tubes(writer, video, VideoInfo(3, 25.0, 64, 48, TIMES[video]), tubes())
        writer.fail("v2", "broken")


def without_checksum(folder: Path) -> None:
    shard(folder)
    with h5py.File(folder / "good.h5") as ours, h5py.File(folder / "other.h5", "w") as other:
        for name in ours:
            ours.copy(name, other)
        other.attrs.update(ours.attrs)
    (folder / "other.h5").replace(folder / "good.h5")
