"""Units and numbering of the boxes in a file, where they differ from this project's, and their conversion."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.artifacts.tube_files import VideoInfo
from actorsup.errors import DataError
from actorsup.formats.box_units import parse_size

_REFERENCE_SIZES = {"fraction": (1, 1), "percent": (100, 100)}
_SECONDS = {"seconds": 1.0, "milliseconds": 1e-3}
_CORNERS = ["x1", "y1", "x2", "y2"]


@dataclass(frozen=True)
class Conventions:
    """What a user says about the numbers of a file of boxes.

    None: the convention of the file's format, and values that contradict it are reported. A value is taken
    at its word and silences these reports.

    Attributes:
        box_format: What the four numbers of a box are, a ``BoxFormat``.
        box_unit: Unit of these numbers: one of ``BOX_UNITS``, or the size of the frames that the boxes belong
            to if it is not that of the video, such as ``1280x720``.
        frame_unit: Unit of the frame numbers, a ``FrameUnit``; times are converted by the frame rate.
        frame_base: Number of a video's first frame, 0 or 1.
        spelling: How messages write a setting: a format string with ``name`` and ``value``.
    """

    box_format: str | None = None
    box_unit: str | None = None
    frame_unit: str | None = None
    frame_base: int | None = None
    spelling: str = "{name}: {value}"

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any]) -> Self:
        """Return the conventions among the settings of a section."""
        names = {field.name for field in fields(cls)} - {"spelling"}
        return cls(**{name: settings[name] for name in sorted(names & settings.keys())})

    @property
    def reference_size(self) -> tuple[int, int] | None:
        """Width and height of the frames that the boxes belong to; None for the frames of the video."""
        if self.box_unit in (None, "pixels"):
            return None
        return _REFERENCE_SIZES.get(str(self.box_unit)) or parse_size(str(self.box_unit))

    @property
    def has_times(self) -> bool:
        """Whether times take the place of frame numbers."""
        return self.frame_unit in _SECONDS

    def say(self, name: str, value: object) -> str:
        """Return how a setting with a value is written, for messages."""
        return self.spelling.format(name=name, value=value, option=name.replace("_", "-"))

    def corners(self, boxes: NDArray[np.floating], default_format: str = "xyxy") -> NDArray[np.floating]:
        """Convert the numbers (N, 4) of boxes in a file to x1, y1, x2, y2, in the unit of the file.

        Args:
            boxes: The numbers.
            default_format: Box format of the file's format.
        """
        return to_corners(boxes, self.box_format or default_format)

    def mot_origin(self, origin: int | None = None) -> int | None:
        """Return the coordinate of the first pixel's corner in MOT text; None if the file decides."""
        # only boxes in the MOTChallenge's numbers count pixels from 1
        is_usual = self.box_format is None and self.box_unit in (None, "pixels")
        return origin if origin is not None or is_usual else 0

    def frames(
        self, numbers: NDArray, fps: NDArray | float, starts: NDArray[np.float64] | None = None
    ) -> NDArray[np.int64]:
        """Convert the numbers (N,) of frames in a file, or times, to 0-based frame indices.

        Args:
            numbers: Frame numbers without their base, or times.
            fps: Frames per second of the videos.
            starts: Start of each frame of the only video in seconds, if its rate varies.
        """
        if self.has_times:
            seconds = np.asarray(numbers, float) * _SECONDS[str(self.frame_unit)]
            # the nearest frame, since times are rounded: 0.33 s is frame 10 at 30 frames/s
            if starts is None:
                return np.rint(seconds * fps).astype(np.int64)
            middles = (starts[1:] + starts[:-1]) / 2
            return np.searchsorted(middles, seconds).astype(np.int64)
        return np.asarray(numbers).astype(np.int64)


OPTION = "--{option} {value}"
"""Spelling of a setting as an option of a command."""
UNSTATED = Conventions()
"""Nothing is said: the conventions of a file's format are assumed, and its values are checked."""
EXACT = Conventions("xyxy", "pixels", "frames", 0)
"""The conventions of files that this project wrote: nothing is converted, and nothing is reported."""


def to_corners(boxes: NDArray[np.floating], box_format: str) -> NDArray[np.floating]:
    """Convert boxes (..., 4) of a ``BoxFormat`` to x1, y1, x2, y2."""
    first, second = boxes[..., :2], boxes[..., 2:]
    match box_format:
        case "xywh":
            return np.concatenate([first, first + second], axis=-1)
        case "cxcywh":
            return np.concatenate([first - second / 2, first + second / 2], axis=-1)
        case "yxyx":
            return boxes[..., [1, 0, 3, 2]]
    return boxes


def from_corners(boxes: NDArray[np.floating], box_format: str) -> NDArray[np.floating]:
    """Convert boxes (..., 4) from x1, y1, x2, y2 to a ``BoxFormat``."""
    first, second = boxes[..., :2], boxes[..., 2:]
    match box_format:
        case "xywh":
            return np.concatenate([first, second - first], axis=-1)
        case "cxcywh":
            return np.concatenate([(first + second) / 2, second - first], axis=-1)
        case "yxyx":
            return boxes[..., [1, 0, 3, 2]]
    return boxes


def with_corners(video: Any, conventions: Conventions) -> Any:
    """Return a video of any class whose ``tubes`` have ``boxes`` (N, 4), with these converted to corners."""
    if conventions.box_format is None:
        return video
    tubes = (replace(tube, boxes=conventions.corners(tube.boxes)) for tube in video.tubes)
    return replace(video, tubes=tuple(tubes))


def in_pixels_and_frames(
    location: str, rows: pd.DataFrame, conventions: Conventions, infos: Mapping[str, VideoInfo]
) -> pd.DataFrame:
    """Convert the unit of the boxes and frames of a table to pixels and frames of the videos.

    Args:
        location: Name of the file, for messages.
        rows: Table with the columns ``video``, ``frame``, ``x1``, ``y1``, ``x2``, ``y2`` and, for tubes,
            ``tube``.
        conventions: Units of the table.
        infos: Frame rate and size of each video, by id.

    Raises:
        DataError: The size or the frame rate of a video is needed but not known.
    """
    size = conventions.reference_size
    if size is None and not conventions.has_times:
        return rows
    codes, names = pd.factorize(rows["video"])
    unknown = VideoInfo(0, 0.0, 0, 0)
    known = [infos.get(str(name), unknown) for name in names]
    for name, info in zip(names, known, strict=True):
        require_units(location, str(name), conventions, info)
    if size is not None:
        factors = np.array([[one.width / size[0], one.height / size[1]] for one in known]).reshape(-1, 2)
        boxes = rows[_CORNERS].to_numpy(float) * np.tile(factors[codes], 2)
        rows = rows.assign(**dict(zip(_CORNERS, boxes.T, strict=True)))
    if conventions.has_times:
        numbers = rows["frame"].to_numpy(float)
        frames = conventions.frames(numbers, np.array([one.fps for one in known], float)[codes])
        for code, info in enumerate(known):
            if info.times is not None:  # the rate varies
                frames[codes == code] = conventions.frames(numbers[codes == code], info.fps, info.times)
        rows = rows.assign(frame=frames)
        # of two boxes of a tube at times in one frame, the first is kept
        rows = rows.drop_duplicates(["video", "tube", "frame"]) if "tube" in rows else rows
    return rows


def require_units(location: str, video: str, conventions: Conventions, info: VideoInfo) -> None:
    """Check that what a conversion of units needs of a video is known.

    Raises:
        DataError: The size or the frame rate of the video is needed but not known.
    """
    needs = [
        (conventions.reference_size is not None, min(info.width, info.height), "size", "box_unit"),
        (conventions.has_times, info.fps, "frame rate", "frame_unit"),
    ]
    for needed, value, what, name in needs:
        if needed and value <= 0:
            setting = conventions.say(name, getattr(conventions, name))
            raise DataError(
                f"{location}: {video}: {setting} needs the {what} of the video, which is not known; pass a "
                "table with it, such as a run's videos.csv: --videos results/NAME/videos.csv"
            )


@dataclass(frozen=True)
class Problem:
    """What is implausible about a file; ``serious`` if its values are impossible."""

    serious: bool
    text: str


@dataclass(frozen=True)
class BoxSource:
    """A file of boxes, for the checks of its numbers.

    Attributes:
        location: Name of the file, for messages.
        box_format: What the four numbers of a box are in the file's format, a ``BoxFormat``.
        conventions: What the user says about its numbers.
        is_published: Whether it is a published annotation, for which there are no settings.
    """

    location: str = "ground truth"
    box_format: str = "xyxy"
    conventions: Conventions = UNSTATED
    is_published: bool = False

    def remedy(self, name: str, value: object, otherwise: object) -> str:
        """Return the end of a message: the setting that fixes a problem, and that which denies it."""
        if self.is_published:
            return "is this the published annotation?"
        say = self.conventions.say
        denial = f"if the values are right, {say(name, otherwise)}"
        return f"if so, set {say(name, value)}; {denial}" if value is not None else denial

    def error(self, text: str) -> Problem:
        """Return a serious problem of this file."""
        return Problem(True, f"{self.location}: {text}")

    def warning(self, text: str) -> Problem:
        """Return a problem of this file that is not serious."""
        return Problem(False, f"{self.location}: {text}")

    def said(self, **values: Any) -> "BoxSource":
        """Return the same source with other conventions."""
        return replace(self, conventions=replace(self.conventions, **values))
