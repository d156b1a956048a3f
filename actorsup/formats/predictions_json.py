"""``predictions.json``: the tubes of some videos with the scores of all classes.

Other programs write this format too, so reading checks everything. Tubes have no gaps.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TextIO

import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.tube_files import MOST_FRAMES, VideoInfo
from actorsup.coco import ID_OF, NAME_OF
from actorsup.errors import DataError, did_you_mean, report_read_errors
from actorsup.formats.json_files import load_json
from actorsup.formats.labeled import DECIMALS, LOG_SIZES, LabeledVideo, checked_tube
from actorsup.formats.tube_checks import check_size, check_tubes
from actorsup.tubes import Tubes

_MOST = 2**53
"""The largest integer that JSON carries exactly."""
_LARGEST = 1e300
_FORM = "not in the format of predictions.json"


@dataclass(frozen=True)
class ScoredTube:
    """One tube of the file.

    Attributes:
        interval: First frame, and one past the last.
        boxes: (M, 4) float64 xyxy in pixels, one for each frame of the interval.
        score: Score of the proposal; 0 if the file has none.
        actor: Name of its actor category; empty if the file has none.
        class_score: Score of each predicted class, by name.
    """

    interval: tuple[int, int]
    boxes: NDArray[np.floating]
    score: float
    actor: str
    class_score: Mapping[str, float]


@dataclass(frozen=True)
class ScoredVideo:
    """The tubes of one video. ``info`` holds 0 for values that the file lacks."""

    video: str
    info: VideoInfo
    tubes: tuple[ScoredTube, ...]

    @classmethod
    def from_tubes(cls, video: str, info: VideoInfo, tubes: Tubes, classes: Sequence[str]) -> Self:
        """Convert scored tubes; NaN scores, no prediction, are left out."""
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
    def from_labeled(cls, video: LabeledVideo, where: str) -> Self:
        """Convert labeled tubes; the score of a tube's class is the tube's score, or 1 without one.

        Raises:
            DataError: The number of frames of the video is unknown, or a tube has gaps.
        """
        if video.info.frames <= 0:
            raise DataError(f"{where}: the number of frames of {video.video!r} is not known; {LOG_SIZES}")
        scored = []
        for tube in video.tubes:
            if not len(tube.frames):
                continue
            first, end = int(tube.frames[0]), int(tube.frames[-1]) + 1
            if end - first != len(tube.frames):
                raise DataError(
                    f"{where}: {video.video}: tube {tube.name}: some frames from {first} to {end - 1} have "
                    "no box, but predictions.json cannot hold gaps; write it as ground truth (.csv)"
                )
            score = 1.0 if tube.score is None else tube.score
            scored.append(ScoredTube((first, end), tube.boxes, score, tube.actor, {tube.action: score}))
        return cls(video.video, video.info, tuple(scored))

    def to_tubes(self, classes: Sequence[str]) -> Tubes:
        """Convert to dense arrays, best proposal first.

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

    def to_labeled(self, where: str) -> LabeledVideo:
        """Label each tube with its best class; tubes without a predicted class are left out.

        Raises:
            DataError: A tube cannot be used.
        """
        labeled = []
        for p, tube in enumerate(self.tubes):
            if tube.class_score:
                best = max(tube.class_score, key=lambda name: tube.class_score[name])
                labeled.append(
                    checked_tube(
                        f"{where}: {self.video}: tube {p}", str(p), best, range(*tube.interval), tube.boxes,
                        self.info.frames, actor=tube.actor, score=tube.class_score[best],
                    )
                )  # fmt: skip
        return LabeledVideo(self.video, self.info, tuple(labeled))


def write_predictions_json(videos: Iterable[ScoredVideo], stream: TextIO, classes: Sequence[str]) -> None:
    """Write strict JSON, one video at a time."""
    stream.write('{"classes": ' + json.dumps(list(classes)) + ', "videos": {')
    for number, video in enumerate(videos):
        info = video.info
        entry = {
            "frames": info.frames, "fps": info.fps, "width": info.width, "height": info.height,
            "tubes": [_entry(tube) for tube in video.tubes],
        }  # fmt: skip
        text = json.dumps(entry, allow_nan=False)
        stream.write(("," if number else "") + f"\n{json.dumps(video.video)}: {text}")
    stream.write("\n}}\n")


def _entry(tube: ScoredTube) -> dict[str, Any]:
    return {
        "interval": list(tube.interval),
        "boxes": np.round(tube.boxes, DECIMALS).tolist(),
        "score": tube.score,
        **({"actor": tube.actor} if tube.actor else {}),
        "class_score": dict(tube.class_score),
    }


def read_predictions_json(path: Path) -> tuple[list[str], Iterator[ScoredVideo]]:
    """Read the class names of a file, and an iterator of its videos.

    Raises:
        DataError: The file has another format; the message names the video, the tube and the field.
            A mistake in a video is raised when the iterator reaches it.
    """
    content = load_json(path, _FORM, _unique_keys)
    with report_read_errors(path, _FORM):
        _wanted(content, dict, "the file", "an object with 'classes' and 'videos'")
        classes = _classes(_field(content, "classes"))
        videos = _wanted(_field(content, "videos"), dict, "'videos'", "an object: id to video")
    return classes, _videos(path, videos, classes)


def _videos(path: Path, videos: dict[str, Any], classes: list[str]) -> Iterator[ScoredVideo]:
    for video in list(videos):
        entry = videos.pop(video)  # frees the memory of videos already read
        try:
            _wanted(entry, dict, "the video", "an object")
            frames = _count(entry, "frames", MOST_FRAMES)
            width, height = (_count(entry, side) if side in entry else 0 for side in ("width", "height"))
            info = VideoInfo(frames, _number(entry.get("fps", 0), "'fps'"), width, height)
            listed = _wanted(_field(entry, "tubes"), list, "'tubes'", "a list of tubes")
            tubes = tuple(_tube(number, tube, frames, classes) for number, tube in enumerate(listed))
        except (ValueError, OverflowError) as error:
            raise DataError(f"{path}: {video}: {_FORM}: {error}") from error
        yield ScoredVideo(video, info, tubes)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice!r} occurs twice in one object")
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


def _count(entry: Mapping[str, Any], name: str, most: int = _MOST) -> int:
    value = _field(entry, name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise ValueError(f"{name!r} is {_short(value)}; wanted a whole number from 0 to {most}")
    return value


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LARGEST:
        raise ValueError(f"{what} is {_short(value)}; wanted a finite number")
    return float(value)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _tube(number: int, tube: Any, frames: int, classes: list[str]) -> ScoredTube:
    _wanted(tube, dict, f"tube {number}", "an object")
    try:
        first, end = _interval(_field(tube, "interval"), frames)
        scores = _wanted(_field(tube, "class_score"), dict, "'class_score'", "an object: class to score")
        for name, value in scores.items():
            if name not in classes:
                hint = did_you_mean(name, classes)
                raise ValueError(f"class {name!r} is not among the classes of the file{hint}")
            _number(value, f"the score of class {name!r}")
        return ScoredTube(
            interval=(first, end),
            boxes=_boxes(_field(tube, "boxes"), end - first),
            score=_number(tube.get("score", 0), "'score'"),
            actor=_wanted(tube.get("actor", ""), str, "'actor'", "a name"),
            class_score={name: float(value) for name, value in scores.items()},
        )
    except ValueError as error:
        raise ValueError(f"tube {number}: {error}") from error


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
