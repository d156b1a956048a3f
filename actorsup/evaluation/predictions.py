"""Scored tubes from wherever they come: shards of a run, one merged file, or JSON."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from actorsup.coco import ID_OF
from actorsup.errors import DataError, reading
from actorsup.storage import ShardReader
from actorsup.tube_files import PREDICTIONS_SCHEMA, TUBES_SCHEMA, read_tubes
from actorsup.tubes import Tubes

_MOST_BOXES = 1 << 28
"""Of a video's tubes: 4 GiB of them."""


def read_proposals(shards: Iterable[Path]) -> dict[str, Tubes]:
    """Tubes by video, of shards of tubes."""
    found: dict[str, Tubes] = {}
    for path in shards:
        with ShardReader(path, TUBES_SCHEMA) as shard:
            found |= {video: read_tubes(shard[video]) for video in shard}
    return found


def read_predictions(paths: Iterable[Path]) -> tuple[dict[str, Tubes], list[str]]:
    """Scored tubes by video, and the names of the classes.

    Args:
        paths: Shards of scored tubes, or files of the form of ``predictions.json``.

    Raises:
        DataError: A file cannot be used, or two have other classes or the same video.
    """
    found: dict[str, Tubes] = {}
    classes: list[str] = []
    for path in paths:
        tubes, names = _read_json(path) if path.suffix == ".json" else _read_shard(path)
        if classes and names != classes:
            raise DataError(f"{path}: classes {names}, but the files before it have {classes}")
        if twice := found.keys() & tubes.keys():
            raise DataError(f"{path}: holds {min(twice)!r}, which another file holds too")
        found |= tubes
        classes = names
    return found, classes


def _read_shard(path: Path) -> tuple[dict[str, Tubes], list[str]]:
    with reading(path, "no shard of scored tubes"), ShardReader(path, PREDICTIONS_SCHEMA) as shard:
        names = [str(name) for name in shard.file.attrs["classes"]]
        return {video: read_tubes(shard[video]) for video in shard}, names


def _read_json(path: Path) -> tuple[dict[str, Tubes], list[str]]:
    with reading(path, "not of the form of predictions.json"):
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
        names = [str(name) for name in content["classes"]]
        videos = content["videos"].items()
    found = {}
    for video, entry in videos:
        with reading(path, f"{video}: not of the form of predictions.json"):
            found[video] = _tubes(entry, names)
    return found, names


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON; leave the key out instead")


def _tubes(entry: dict[str, Any], classes: list[str]) -> Tubes:
    # the best proposals first, as recall takes them
    ordered = sorted(entry["tubes"], key=lambda tube: -float(tube.get("score", 0)))
    count, frames = len(ordered), int(entry["frames"])
    if not 0 <= frames * max(count, 1) <= _MOST_BOXES:
        raise ValueError(f"{count} tubes over {frames} frames; wanted {_MOST_BOXES:,} boxes at most")
    boxes = np.full((count, frames, 4), np.nan, np.float32)
    score = np.full((count, len(classes)), np.nan)
    interval = np.zeros((count, 2), np.int32)
    for p, tube in enumerate(ordered):
        first, end = (int(value) for value in tube["interval"])
        if not 0 <= first <= end <= frames:
            raise ValueError(f"tube {p}: the interval {first}-{end} does not lie in 0-{frames}")
        boxes[p, first:end] = np.array(tube["boxes"], np.float32).reshape(end - first, 4)
        interval[p] = first, end
        for name, value in tube["class_score"].items():
            if name not in classes:
                raise ValueError(f"tube {p}: class {name!r} is not among the classes")
            score[p, classes.index(name)] = value
    return Tubes(
        boxes=boxes,
        score=np.array([tube.get("score", 0) for tube in ordered], np.float32),
        actor=np.array([ID_OF.get(tube.get("actor", ""), 0) for tube in ordered], np.int16),
        seed_frame=interval[:, 0],
        frame_score=np.where(np.isnan(boxes[..., 0]), np.nan, 1).astype(np.float32),
        interval=interval,
        class_score=score,
    )
