"""``predictions.json``: read with every check, since other programs write it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actorsup.coco import ID_OF
from actorsup.errors import DataError, did_you_mean
from actorsup.evaluation.tube_checks import check_size, check_tubes
from actorsup.tubes import Tubes


class JsonPredictions(NamedTuple):
    """What a file holds: scored tubes by video, names of the classes, width and height of videos."""

    videos: Mapping[str, Tubes]
    classes: list[str]
    sizes: Mapping[str, tuple[int, int]]


def read_json(path: Path) -> JsonPredictions:
    """A file of the form of ``predictions.json``.

    Raises:
        DataError: It cannot be used; the message names the video, the tube and the field.
    """
    try:
        content = json.loads(
            path.read_text(encoding="utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_twice
        )
        _wanted(content, dict, "the file", "an object with 'classes' and 'videos'")
        classes = _classes(_field(content, "classes"))
        videos = _wanted(_field(content, "videos"), dict, "'videos'", "an object: id to video")
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: not of the form of predictions.json: {error}") from error
    found, sizes = {}, {}
    for video in list(videos):
        entry = videos.pop(video)  # what is read already need not be held twice
        try:
            found[video] = _tubes(_wanted(entry, dict, "the video", "an object"), classes)
            if "width" in entry and "height" in entry:
                sizes[video] = (_count(entry, "width"), _count(entry, "height"))
        except (ValueError, OverflowError) as error:
            raise DataError(f"{path}: {video}: not of the form of predictions.json: {error}") from error
    return JsonPredictions(found, classes, sizes)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON; leave the key out instead")


def _no_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return content


def _wanted(value: Any, kind: type, what: str, wanted: str) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"{what} is {_short(value)}; wanted {wanted}")
    return value


def _field(entry: Mapping[str, Any], name: str) -> Any:
    if name not in entry:
        raise ValueError(f"the key {name!r} is missing{did_you_mean(name, entry)}")
    return entry[name]


def _classes(names: Any) -> list[str]:
    _wanted(names, list, "'classes'", "a list of names")
    for name in names:
        _wanted(name, str, "a class", "a name")
    if len({*names}) < len(names):
        raise ValueError("'classes' names a class twice")
    return list(names)


def _count(entry: Mapping[str, Any], name: str) -> int:
    value = _field(entry, name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name!r} is {_short(value)}; wanted a whole number from 0 on")
    return value


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < float("inf"):
        raise ValueError(f"{what} is {_short(value)}; wanted a finite number")
    return float(value)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _tubes(entry: Mapping[str, Any], classes: list[str]) -> Tubes:
    frames = _count(entry, "frames")
    listed = _wanted(_field(entry, "tubes"), list, "'tubes'", "a list of tubes")
    check_size(len(listed), frames)
    boxes = np.full((len(listed), frames, 4), np.nan, np.float32)
    score = np.full((len(listed), len(classes)), np.nan)
    interval = np.zeros((len(listed), 2), np.int32)
    proposal = np.zeros(len(listed))
    columns = {name: i for i, name in enumerate(classes)}
    for p, tube in enumerate(listed):
        _wanted(tube, dict, f"tube {p}", "an object")
        try:
            first, end = interval[p] = _interval(_field(tube, "interval"), frames)
            boxes[p, first:end] = _boxes(_field(tube, "boxes"), int(end - first))
            proposal[p] = _number(tube.get("score", 0), "'score'")
            scores = _wanted(_field(tube, "class_score"), dict, "'class_score'", "an object: class to score")
            for name, value in scores.items():
                if name not in columns:
                    hint = did_you_mean(name, classes)
                    raise ValueError(f"class {name!r} is not among the classes of the file{hint}")
                score[p, columns[name]] = _number(value, f"the score of class {name!r}")
        except ValueError as error:
            raise ValueError(f"tube {p}: {error}") from error
    tubes = Tubes(
        boxes=boxes,
        score=proposal.astype(np.float32),
        actor=np.array([_actor(tube) for tube in listed], np.int16),
        seed_frame=interval[:, 0],
        frame_score=np.where(np.isnan(boxes[..., 0]), np.nan, 1).astype(np.float32),
        interval=interval,
        class_score=score,
    )
    check_tubes(tubes, frames, classes)
    # the best proposals first, as recall takes them
    return tubes.chosen(np.argsort(-proposal, kind="stable"))


def _interval(value: Any, frames: int) -> tuple[int, int]:
    whole = isinstance(value, list) and len(value) == 2 and all(type(one) is int for one in value)
    if not whole or not 0 <= value[0] <= value[1] <= frames:
        raise ValueError(f"the interval {_short(value)} is not [first, end] within 0 to {frames} frames")
    return value[0], value[1]


def _boxes(value: Any, length: int) -> NDArray[np.float64]:
    _wanted(value, list, "'boxes'", "a list of [x1, y1, x2, y2]")
    if len(value) != length:
        raise ValueError(f"{len(value)} boxes for an interval of {length} frames; wanted one for each")
    for number, box in enumerate(value):
        if not isinstance(box, list) or len(box) != 4 or not all(type(one) in (int, float) for one in box):
            raise ValueError(f"box {number} is {_short(box)}; wanted [x1, y1, x2, y2]")
    made = np.array(value, np.float64).reshape(length, 4)
    if not (np.abs(made) < np.finfo(np.float32).max).all():
        raise ValueError("a box is no finite number")
    return made


def _actor(tube: Mapping[str, Any]) -> int:
    actor = _wanted(tube.get("actor", ""), str, "'actor'", "a name")
    return ID_OF.get(actor, 0)
