"""Read and write ``predictions.json``: tubes of videos with their class scores.

Other programs write this format too, so every value is checked.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TextIO

import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.tube_files import MOST_FRAMES, VideoInfo, check_times
from actorsup.coco import ID_OF, NAME_OF
from actorsup.errors import DataError, did_you_mean, report_read_errors
from actorsup.formats.json_files import load_json
from actorsup.formats.labeled import DECIMALS, SIZES_HINT, LabeledVideo, make_tube
from actorsup.formats.tube_checks import check_size, check_tubes
from actorsup.tubes import Tubes

_MAX_INTEGER = 2**53
"""Largest integer that every JSON parser represents exactly."""
_MAX_NUMBER = 1e300
_PROBLEM = "not in the format of predictions.json"


@dataclass(frozen=True)
class ScoredTube:
    """A tube of a predictions file, with its class scores.

    Attributes:
        interval: First frame of the tube, and last frame + 1.
        boxes: (M, 4) float64 xyxy boxes in pixels, one per frame of the interval.
        score: Score of the tube as a proposal; 0 if unknown.
        actor: Name of the actor category; empty if unknown.
        class_score: Score of each predicted class, by class name.
    """

    interval: tuple[int, int]
    boxes: NDArray[np.floating]
    score: float
    actor: str
    class_score: Mapping[str, float]


@dataclass(frozen=True)
class ScoredVideo:
    """A video id, the length, frame rate and size of the video (0 if unknown), and its scored tubes."""

    video: str
    info: VideoInfo
    tubes: tuple[ScoredTube, ...]

    @classmethod
    def from_tubes(cls, video: str, info: VideoInfo, tubes: Tubes, classes: Sequence[str]) -> Self:
        """Convert the scored tubes of a video, without the classes whose score is NaN (no prediction)."""
        assert tubes.class_score is not None
        scored = []
        for p, (first, end) in enumerate(tubes.interval.tolist()):
            scores = zip(classes, tubes.class_score[p].tolist(), strict=True)
            scored.append(
                ScoredTube(
                    interval=(first, end),
                    boxes=tubes.boxes[p, first:end].astype(np.float64),
                    score=round(float(tubes.score[p]), 6),
                    actor=NAME_OF[int(tubes.actor[p])],
                    class_score={name: value for name, value in scores if not np.isnan(value)},
                )
            )
        return cls(video, info, tuple(scored))

    @classmethod
    def from_labeled(cls, video: LabeledVideo, location: str) -> Self:
        """Convert labeled tubes, whose score, or 1 for an annotation, becomes the score of their class.

        Raises:
            DataError: The number of frames of the video is unknown, or a tube lacks a box in a frame.
        """
        if video.info.frames <= 0:
            raise DataError(f"{location}: the number of frames of {video.video!r} is not known; {SIZES_HINT}")
        scored = []
        for tube in video.tubes:
            if not len(tube.frames):
                continue
            first, end = int(tube.frames[0]), int(tube.frames[-1]) + 1
            if end - first != len(tube.frames):
                raise DataError(
                    f"{location}: {video.video}: tube {tube.name}: some frames from {first} to {end - 1} "
                    "have no box, but predictions.json cannot hold gaps; write it as ground truth (.csv)"
                )
            score = 1.0 if tube.score is None else tube.score
            scored.append(ScoredTube((first, end), tube.boxes, score, tube.actor, {tube.action: score}))
        return cls(video.video, video.info, tuple(scored))

    def to_tubes(self, classes: Sequence[str]) -> Tubes:
        """Convert the tubes to dense arrays, in descending order of their proposal score.

        Raises:
            ValueError: The arrays would be too large, or a box has x2 < x1 or y2 < y1.
        """
        count, frames = len(self.tubes), self.info.frames
        check_size(count, frames)
        boxes = np.full((count, frames, 4), np.nan, np.float32)
        class_score = np.full((count, len(classes)), np.nan)
        for p, tube in enumerate(self.tubes):
            boxes[p, slice(*tube.interval)] = tube.boxes
            class_score[p] = [tube.class_score.get(name, np.nan) for name in classes]
        interval = np.array([tube.interval for tube in self.tubes], np.int32).reshape(-1, 2)
        score = np.array([tube.score for tube in self.tubes])
        tubes = Tubes(
            boxes=boxes,
            score=score.astype(np.float32),
            actor=np.array([ID_OF.get(tube.actor, 0) for tube in self.tubes], np.int16),
            seed_frame=interval[:, 0],
            frame_score=np.where(np.isnan(boxes[..., 0]), np.nan, 1).astype(np.float32),
            interval=interval,
            class_score=class_score,
        )
        check_tubes(tubes, frames, classes)
        return tubes.chosen(np.argsort(-score, kind="stable"))

    def to_labeled(self, location: str) -> LabeledVideo:
        """Convert to labeled tubes of the highest-scoring class, without tubes that have no class score.

        Raises:
            DataError: A tube has an invalid box or class name.
        """
        labeled = []
        for p, tube in enumerate(self.tubes):
            if tube.class_score:
                best_class = max(tube.class_score, key=lambda name: tube.class_score[name])
                labeled.append(
                    make_tube(
                        f"{location}: {self.video}: tube {p}", str(p), best_class, range(*tube.interval),
                        tube.boxes, self.info.frames, actor=tube.actor, score=tube.class_score[best_class],
                    )
                )  # fmt: skip
        return LabeledVideo(self.video, self.info, tuple(labeled))


def write_predictions_json(videos: Iterable[ScoredVideo], stream: TextIO, classes: Sequence[str]) -> None:
    """Write ``predictions.json`` as strict JSON, one video at a time."""
    stream.write('{"classes": ' + json.dumps(list(classes)) + ', "videos": {')
    for number, video in enumerate(videos):
        info = video.info
        entry = {
            "frames": info.frames, "fps": info.fps, "width": info.width, "height": info.height,
            **({} if info.times is None else {"times": info.times.round(6).tolist()}),
            "tubes": [_tube_entry(tube) for tube in video.tubes],
        }  # fmt: skip
        text = json.dumps(entry, allow_nan=False)
        stream.write(("," if number else "") + f"\n{json.dumps(video.video)}: {text}")
    stream.write("\n}}\n")


def _tube_entry(tube: ScoredTube) -> dict[str, Any]:
    return {
        "interval": list(tube.interval),
        "boxes": np.round(tube.boxes, DECIMALS).tolist(),
        "score": tube.score,
        **({"actor": tube.actor} if tube.actor else {}),
        "class_score": dict(tube.class_score),
    }


def read_predictions_json(path: Path) -> tuple[list[str], Iterator[ScoredVideo]]:
    """Read ``predictions.json``: the class names, and an iterator over the videos.

    Raises:
        DataError: The file is invalid; the message names the video, the tube and the key. The error of an
            invalid video is raised when the iterator reaches the video.
    """
    content = load_json(path, _PROBLEM, _unique_keys)
    with report_read_errors(path, _PROBLEM):
        _require_type(content, dict, "the file", "an object with 'classes' and 'videos'")
        classes = _read_classes(_require_key(content, "classes"))
        videos = _require_type(_require_key(content, "videos"), dict, "'videos'", "an object: id to video")
    return classes, _read_videos(path, videos, classes)


def _read_videos(path: Path, videos: dict[str, Any], classes: list[str]) -> Iterator[ScoredVideo]:
    for video in list(videos):
        entry = videos.pop(video)  # frees the memory of videos already read
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
        yield ScoredVideo(video, info, tubes)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        earlier_keys: set[str] = set()
        repeated = next(key for key, _ in pairs if key in earlier_keys or earlier_keys.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {repeated!r} occurs twice in one object")
    return content


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
    times = [_read_number(t, "a time") for t in _require_type(entry["times"], list, "'times'", "seconds")]
    return check_times(np.array(times), frames)


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
    for number, box in enumerate(value):
        if (
            not isinstance(box, list)
            or len(box) != 4
            or not all(type(corner) in (int, float) for corner in box)
        ):
            raise ValueError(f"box {number} is {_abbreviate(box)}; wanted [x1, y1, x2, y2]")
    boxes = np.array(value, np.float64).reshape(length, 4)
    if not (np.abs(boxes) < np.finfo(np.float32).max).all():
        raise ValueError("a box is no finite number")
    return boxes
