"""Reading and writing of the tubes of a video in shards."""

import math
from dataclasses import dataclass, field, fields, replace
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.shards import ShardWriter
from actorsup.errors import REBUILD, DataError, report_read_errors
from actorsup.tubes import Tubes

TUBES_SCHEMA = "tubes/1"
PREDICTIONS_SCHEMA = "predictions/1"
"""Schema of shards of scored tubes, with ``class_logit``, ``class_score`` and ``video_logit``. The file
attribute ``classes`` contains the class names."""

MOST_FRAMES = 10_000_000
"""Maximum number of frames of a video that a file may declare; a larger number would exhaust memory."""
_INFO_ATTRIBUTES = ("frames", "fps", "width", "height")
_REQUIRED_DATASETS = ("boxes", "score", "actor", "seed_frame", "frame_score", "interval")


@dataclass(frozen=True)
class VideoInfo:
    """Number of frames, frame rate, frame size and frame times of a video.

    Attributes:
        frames: Number of decodable frames.
        fps: Frames per second; the mean rate if the rate varies.
        width: Width of the source frames in pixels.
        height: Height of the source frames in pixels.
        times: (N,) float64, start of each frame in seconds from the first frame, if the rate varies; None if
            frame ``i`` starts at ``i / fps``.
    """

    frames: int
    fps: float
    width: int
    height: int
    times: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)

    def seconds(self, frame: int) -> float:
        """Return the start of a frame in seconds from the first frame of the video.

        Args:
            frame: Frame index, 0 to N. Frame N is the end of the video: the last frame lasts as long as the
                median frame.
        """
        if self.times is None:
            return frame / self.fps
        if frame < self.frames:
            return float(self.times[frame])
        step = float(np.median(np.diff(self.times))) if self.frames > 1 else 1 / self.fps
        return float(self.times[-1]) + step


def check_times(times: NDArray[np.float64], frames: int) -> NDArray[np.float64]:
    """Return the times of the frames of a file.

    Raises:
        ValueError: They are not one finite number of seconds per frame, in ascending order from 0.
    """
    is_complete = times.shape == (frames,) and np.issubdtype(times.dtype, np.number) and frames > 0
    if not is_complete or times[0] != 0 or not np.isfinite(times).all() or (np.diff(times) < 0).any():
        raise ValueError(f"the times are not {frames} ascending numbers of seconds from 0")
    return times.astype(np.float64)


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
    of_video = {"time": info.times, "video_logit": video_logit}
    arrays = tubes.arrays() | {name: array for name, array in of_video.items() if array is not None}
    writer.add(video, arrays, {name: getattr(info, name) for name in _INFO_ATTRIBUTES})


def read_tubes(group: h5py.Group) -> Tubes:
    """Read the tubes of one video, with class logits and scores if the file contains them.

    Raises:
        DataError: A dataset is missing or has the wrong shape.
    """
    stored_names = [field.name for field in fields(Tubes) if field.name in group]
    if missing_names := [name for name in _REQUIRED_DATASETS if name not in stored_names]:
        raise DataError(f"{group.file.filename}: {group.name} lacks {', '.join(missing_names)}; {REBUILD}")
    tubes = Tubes(**{name: group[name][()] for name in stored_names})
    shapes = {name: array.shape for name, array in tubes.arrays().items()}
    if tubes.boxes.ndim != 3 or any(shapes[name] != shape for name, shape in _expected_shapes(tubes).items()):
        raise DataError(f"{group.file.filename}: {group.name}: shapes {shapes} do not match; {REBUILD}")
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
    """Read the number of frames, frame rate, frame size and, if the rate varies, frame times of one video.

    Raises:
        DataError: An attribute is missing, not a number, or impossible for a video; the times are invalid.
    """
    location = f"{group.file.filename}: {group.name}"
    remedy = f"expected numbers in the attributes frames, fps, width and height; {REBUILD}"
    with report_read_errors(location, remedy):
        info = video_info(*(group.attrs[name] for name in _INFO_ATTRIBUTES))
        return replace(info, times=check_times(group["time"][()], info.frames)) if "time" in group else info
