"""Tubes in shards: what one stage writes and the next ones read."""

import math
from dataclasses import dataclass, fields
from typing import Any

import h5py

from actorsup.artifacts.shards import ShardWriter
from actorsup.errors import DataError
from actorsup.tubes import Tubes

TUBES_SCHEMA = "tubes/1"
PREDICTIONS_SCHEMA = "predictions/1"
"""Tubes with ``class_logit`` and ``class_score``; file attribute ``classes`` names the classes."""

MOST_FRAMES = 10_000_000
"""Of a video that is decoded; a larger number in any file is a mistake, and could not be held."""
_NEEDED = ("boxes", "score", "actor", "seed_frame", "frame_score", "interval")


@dataclass(frozen=True)
class VideoInfo:
    """What a tube file says of a video.

    Attributes:
        frames: Number of frames that decode.
        fps: Frames a second.
        width: Of the source frame, pixels.
        height: Of the source frame, pixels.
    """

    frames: int
    fps: float
    width: int
    height: int


def video_info(frames: Any, fps: Any, width: Any, height: Any) -> VideoInfo:
    """What a file tells of a video; 0 is not known.

    Raises:
        ValueError, TypeError, ArithmeticError: One is no number, or none that a video has.
    """
    info = VideoInfo(int(frames), float(fps), int(width), int(height))
    sensible = 0 <= info.frames <= MOST_FRAMES and 0 <= info.fps < math.inf
    if not sensible or not 0 <= min(info.width, info.height) <= max(info.width, info.height) < 2**31:
        raise ValueError(f"no video has {frames} frames, {fps} a second, of {width} x {height} pixels")
    return info


def write_tubes(writer: ShardWriter, video: str, info: VideoInfo, tubes: Tubes) -> None:
    """Keep the tubes of one video in a shard of ``TUBES_SCHEMA`` or ``PREDICTIONS_SCHEMA``.

    Raises:
        DataError: The tubes are over another number of frames than the video has.
    """
    if tubes.frames != info.frames:
        raise DataError(f"{video}: tubes over {tubes.frames} frames, but the video has {info.frames}")
    writer.add(video, tubes.arrays(), {field.name: getattr(info, field.name) for field in fields(info)})


def read_tubes(group: h5py.Group) -> Tubes:
    """The tubes of one video, scores of classes too where the file has them.

    Raises:
        DataError: A dataset is not there.
    """
    present = [field.name for field in fields(Tubes) if field.name in group]
    if lacking := [name for name in _NEEDED if name not in present]:
        raise DataError(f"{group.file.filename}: {group.name} lacks {', '.join(lacking)}; make it again")
    tubes = Tubes(**{name: group[name][()] for name in present})
    shapes = {name: array.shape for name, array in tubes.arrays().items()}
    if tubes.boxes.ndim != 3 or any(shapes[name] != shape for name, shape in _shapes(tubes).items()):
        raise DataError(f"{group.file.filename}: {group.name}: shapes {shapes} do not fit; make it again")
    return tubes


def _shapes(tubes: Tubes) -> dict[str, tuple[int, ...]]:
    """What shapes go with those of the boxes, of the arrays whose shape they decide."""
    count, frames = tubes.boxes.shape[:2]
    each = {name: (count,) for name in ("score", "actor", "seed_frame")}
    return {"boxes": (count, frames, 4), **each, "frame_score": (count, frames), "interval": (count, 2)}


def read_info(group: h5py.Group) -> VideoInfo:
    """Length, rate and size of one video.

    Raises:
        DataError: One of them is not there, or no number.
    """
    attributes = group.attrs
    try:
        return video_info(*(attributes[field.name] for field in fields(VideoInfo)))
    except (KeyError, TypeError, ValueError, ArithmeticError, OSError, RuntimeError) as error:
        raise DataError(
            f"{group.file.filename}: {group.name}: wanted numbers as the attributes frames, fps, width and "
            f"height ({error}); make it again"
        ) from error
