"""Reading and writing of the tubes of a video in shards."""

import math
from dataclasses import dataclass, fields
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.shards import ShardWriter
from actorsup.errors import DataError, report_read_errors
from actorsup.tubes import Tubes

TUBES_SCHEMA = "tubes/1"
PREDICTIONS_SCHEMA = "predictions/1"
"""Schema of shards of scored tubes, with ``class_logit``, ``class_score`` and ``video_logit``. The file
attribute ``classes`` contains the class names."""

MOST_FRAMES = 10_000_000
"""Maximum number of frames of a video that a file may declare; a larger number would exhaust memory."""
_REQUIRED_DATASETS = ("boxes", "score", "actor", "seed_frame", "frame_score", "interval")


@dataclass(frozen=True)
class VideoInfo:
    """Number of frames, frame rate and frame size of a video.

    Attributes:
        frames: Number of decodable frames.
        fps: Frames per second.
        width: Width of the source frames in pixels.
        height: Height of the source frames in pixels.
    """

    frames: int
    fps: float
    width: int
    height: int


def video_info(frames: Any, fps: Any, width: Any, height: Any) -> VideoInfo:
    """Build a ``VideoInfo`` from values of a file, after checking them; 0 means that a value is unknown.

    Raises:
        ValueError, TypeError, ArithmeticError: A value is not a number, or is impossible for a video.
    """
    info = VideoInfo(int(frames), float(fps), int(width), int(height))
    is_plausible = 0 <= info.frames <= MOST_FRAMES and 0 <= info.fps < math.inf
    if not is_plausible or not 0 <= min(info.width, info.height) <= max(info.width, info.height) < 2**31:
        raise ValueError(f"impossible video: {frames} frames, {fps} per second, {width} x {height} pixels")
    return info


def write_tubes(
    writer: ShardWriter,
    video: str,
    info: VideoInfo,
    tubes: Tubes,
    video_logit: NDArray[np.float32] | None = None,
) -> None:
    """Write the tubes of one video into a shard of ``TUBES_SCHEMA`` or ``PREDICTIONS_SCHEMA``.

    Args:
        writer: Writer of the shard.
        video: Video id.
        info: Length, frame rate and frame size of the video.
        tubes: Tubes of the video.
        video_logit: (C,) class logits of the video as a whole; None leaves the dataset out.

    Raises:
        DataError: The tubes and the video have different numbers of frames.
    """
    if tubes.frames != info.frames:
        raise DataError(f"{video}: tubes over {tubes.frames} frames, but the video has {info.frames}")
    video_arrays = {} if video_logit is None else {"video_logit": video_logit}
    attributes = {field.name: getattr(info, field.name) for field in fields(info)}
    writer.add(video, tubes.arrays() | video_arrays, attributes)


def read_tubes(group: h5py.Group) -> Tubes:
    """Read the tubes of one video, with class logits and scores if the file contains them.

    Raises:
        DataError: A dataset is missing or has the wrong shape.
    """
    stored_names = [field.name for field in fields(Tubes) if field.name in group]
    if missing_names := [name for name in _REQUIRED_DATASETS if name not in stored_names]:
        raise DataError(
            f"{group.file.filename}: {group.name} lacks {', '.join(missing_names)}; "
            "delete the file and run again"
        )
    tubes = Tubes(**{name: group[name][()] for name in stored_names})
    shapes = {name: array.shape for name, array in tubes.arrays().items()}
    if tubes.boxes.ndim != 3 or any(shapes[name] != shape for name, shape in _expected_shapes(tubes).items()):
        raise DataError(
            f"{group.file.filename}: {group.name}: shapes {shapes} do not match; delete it and run again"
        )
    return tubes


def _expected_shapes(tubes: Tubes) -> dict[str, tuple[int, ...]]:
    """Return the expected shape of each array, derived from the shape of the boxes."""
    count, frames = tubes.boxes.shape[:2]
    vector_shapes = dict.fromkeys(("score", "actor", "seed_frame"), (count,))
    return {
        "boxes": (count, frames, 4),
        **vector_shapes,
        "frame_score": (count, frames),
        "interval": (count, 2),
    }


def read_video_logit(group: h5py.Group) -> NDArray[np.float32] | None:
    """Read the class logits (C,) of one video as a whole; None if the file does not contain them."""
    return np.asarray(group["video_logit"][()]) if "video_logit" in group else None


def read_info(group: h5py.Group) -> VideoInfo:
    """Read the number of frames, frame rate and frame size of one video.

    Raises:
        DataError: An attribute is missing, not a number, or impossible for a video.
    """
    location = f"{group.file.filename}: {group.name}"
    remedy = "expected numbers in the attributes frames, fps, width and height; delete the file and run again"
    with report_read_errors(location, remedy):
        return video_info(*(group.attrs[field.name] for field in fields(VideoInfo)))
