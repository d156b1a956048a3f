"""Read ``predictions.json`` of any program: one video at a time is in memory, and every value is checked."""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.tube_files import MOST_FRAMES, VideoInfo, check_times
from actorsup.errors import DataError, did_you_mean, report_read_errors
from actorsup.formats.json_files import open_json
from actorsup.formats.predictions_json import ScoredTube, ScoredVideo

_MAX_INTEGER = 2**53
"""Largest integer that every JSON parser represents exactly."""
_MAX_NUMBER = 1e300
_PROBLEM = "not in the format of predictions.json"


def read_predictions_json(path: Path) -> tuple[list[str], Iterator[ScoredVideo]]:
    """Read ``predictions.json``: the class names, and an iterator over the videos.

    Raises:
        DataError: The file is invalid; the message names the video, the tube and the key. The error of an
            invalid video is raised when the iterator reaches the video.
    """
    with report_read_errors(path, _PROBLEM):
        classes = _find_classes(path)
    return classes, _read_videos(path, classes)


def _find_classes(path: Path) -> list[str]:
    """Return the class names, without reading what follows them."""
    with open_json(path) as reader:
        keys = []
        for key in reader.members("the file", "an object with 'classes' and 'videos'"):
            keys.append(key)
            if key == "classes":
                return _read_classes(reader.value())
            reader.skip()
    _require_key(dict.fromkeys(keys), "classes")
    return []


def _read_videos(path: Path, classes: list[str]) -> Iterator[ScoredVideo]:
    """Yield the videos, one at a time in memory."""
    with report_read_errors(path, _PROBLEM), open_json(path) as reader:
        keys = []
        for key in reader.members("the file", "an object with 'classes' and 'videos'"):
            keys.append(key)
            if key != "videos":
                reader.skip()
                continue
            for video in reader.members("'videos'", "an object: id to video"):
                yield _read_video(path, video, reader.value(), classes)
        reader.check_end()
        _require_key(dict.fromkeys(keys), "videos")


def _read_video(path: Path, video: str, entry: Any, classes: list[str]) -> ScoredVideo:
    try:
        _require_type(entry, dict, "the video", "an object")
        frames = _read_count(entry, "frames", MOST_FRAMES)
        width, height = (_read_count(entry, side) if side in entry else 0 for side in ("width", "height"))
        fps = _read_number(entry.get("fps", 0), "'fps'")
        info = VideoInfo(frames, fps, width, height, _read_times(entry, frames))
        listed = _require_type(_require_key(entry, "tubes"), list, "'tubes'", "a list of tubes")
        tubes = tuple(_read_tube(number, tube, frames, classes) for number, tube in enumerate(listed))
    except (ValueError, OverflowError) as error:
        raise DataError(f"{path}: {video}: {_PROBLEM}: {error}") from error
    return ScoredVideo(video, info, tubes)


def _require_type(value: Any, expected_type: type, name: str, wanted: str) -> Any:
    if not isinstance(value, expected_type):
        raise ValueError(f"{name} is {_abbreviate(value)}; wanted {wanted}")
    return value


def _require_key(entry: Mapping[str, Any], name: str) -> Any:
    if name not in entry:
        raise ValueError(f"the key {name!r} is missing{did_you_mean(name, entry)}")
    return entry[name]


def _read_classes(names: Any) -> list[str]:
    _require_type(names, list, "'classes'", "a list of names")
    for name in names:
        _require_type(name, str, "a class", "a name")
    if len({*names}) < len(names):
        raise ValueError("'classes' names a class twice")
    return list(names)


def _read_count(entry: Mapping[str, Any], name: str, max_value: int = _MAX_INTEGER) -> int:
    value = _require_key(entry, name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= max_value:
        raise ValueError(f"{name!r} is {_abbreviate(value)}; wanted a whole number from 0 to {max_value}")
    return value


def _read_number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MAX_NUMBER:
        raise ValueError(f"{name} is {_abbreviate(value)}; wanted a finite number")
    return float(value)


def _read_times(entry: Mapping[str, Any], frames: int) -> NDArray[np.float64] | None:
    if "times" not in entry:
        return None
    times = _require_type(entry["times"], list, "'times'", "a list of seconds, one for each frame")
    return check_times(np.array([_read_number(time, "a time") for time in times]), frames)


def _abbreviate(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _read_tube(number: int, tube: Any, frames: int, classes: list[str]) -> ScoredTube:
    _require_type(tube, dict, f"tube {number}", "an object")
    try:
        first, end = _read_interval(_require_key(tube, "interval"), frames)
        scores = _require_type(
            _require_key(tube, "class_score"), dict, "'class_score'", "an object: class to score"
        )
        for name, value in scores.items():
            if name not in classes:
                hint = did_you_mean(name, classes)
                raise ValueError(f"class {name!r} is not among the classes of the file{hint}")
            _read_number(value, f"the score of class {name!r}")
        return ScoredTube(
            interval=(first, end),
            boxes=_read_boxes(_require_key(tube, "boxes"), end - first),
            score=_read_number(tube.get("score", 0), "'score'"),
            actor=_require_type(tube.get("actor", ""), str, "'actor'", "a name"),
            class_score={name: float(value) for name, value in scores.items()},
        )
    except ValueError as error:
        raise ValueError(f"tube {number}: {error}") from error


def _read_interval(value: Any, frames: int) -> tuple[int, int]:
    is_integer_pair = (
        isinstance(value, list) and len(value) == 2 and all(type(bound) is int for bound in value)
    )
    if not is_integer_pair or not 0 <= value[0] <= value[1] <= frames:
        raise ValueError(f"the interval {_abbreviate(value)} is not [first, end] within 0 to {frames} frames")
    return value[0], value[1]


def _read_boxes(value: Any, length: int) -> NDArray[np.float64]:
    _require_type(value, list, "'boxes'", "a list of [x1, y1, x2, y2]")
    if len(value) != length:
        raise ValueError(f"{len(value)} boxes for an interval of {length} frames; wanted one for each")
    # comparing sets of types is ten times as fast as comparing box by box
    if (
        {*map(type, value)} - {list}
        or {*map(len, value)} - {4}
        or {*map(type, chain.from_iterable(value))} - {int, float}
    ):
        number = next(number for number, box in enumerate(value) if not _is_box(box))
        raise ValueError(f"box {number} is {_abbreviate(value[number])}; wanted [x1, y1, x2, y2]")
    boxes = np.fromiter(chain.from_iterable(value), np.float64, 4 * length).reshape(length, 4)
    if not (np.abs(boxes) < np.finfo(np.float32).max).all():
        raise ValueError("a box is no finite number")
    return boxes


def _is_box(value: Any) -> bool:
    return (
        isinstance(value, list) and len(value) == 4 and all(type(corner) in (int, float) for corner in value)
    )
