"""Read the frames of a shard's videos from a frame store, in any order."""

import operator
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.images import Image as Image
from actorsup.artifacts.shards import ShardReader
from actorsup.errors import REBUILD, DataError, report_read_errors
from actorsup.frames import SCHEMA as SCHEMA

if TYPE_CHECKING:  # no import at run time: an edit of tube_files re-runs no detection
    from actorsup.artifacts.tube_files import VideoInfo


class VideoFrames(Sequence[Image]):
    """The stored frames of one video, as a sequence of (H, W, 3) uint8 RGB images.

    The frames can be read while the frame store is open, from one thread.

    Attributes:
        frames: Number of frames.
        has_picture: (N,) bool, False for a frame without a picture, which cannot be read.
        fps: Frames per second; the mean rate if the rate varies.
        times: (N,) float64, start of each frame in seconds from the first frame, if the rate varies; None if
            frame ``i`` starts at ``i / fps``.
        width: Width of the source video in pixels.
        height: Height of the source video in pixels.
        scale_x: Source pixels per stored pixel, along x.
        scale_y: Source pixels per stored pixel, along y.
    """

    def __init__(self, video: str, group: h5py.Group) -> None:
        self._video = video
        self._encoded: h5py.Dataset = group["encoded"]
        self._offset: NDArray[np.int64] = group["offset"][()]
        self.has_picture: NDArray[np.bool_] = np.diff(self._offset) > 0
        self.frames = int(group.attrs["frames"])
        self.fps = float(group.attrs["fps"])
        self.times: NDArray[np.float64] | None = (
            group["time"][()] if group.attrs.get("variable_rate", False) else None
        )
        self.width = int(group.attrs["width"])
        self.height = int(group.attrs["height"])
        self.scale_x = self.width / int(group.attrs["stored_width"])
        self.scale_y = self.height / int(group.attrs["stored_height"])

    def __len__(self) -> int:
        return self.frames

    def __getitem__(self, index: int) -> Image:  # type: ignore[override]  # no slices: use read
        index = operator.index(index)
        if not -self.frames <= index < self.frames:
            raise IndexError(f"{self._video}: frame {index} of {self.frames}")
        index %= self.frames
        if not self.has_picture[index]:
            raise DataError(f"{self._video}, frame {index}: a frame without a picture; use has_picture")
        encoded = self._encoded[self._offset[index] : self._offset[index + 1]]
        image = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
        if image is None:
            store = self._encoded.file.filename
            raise DataError(f"{store}: {self._video}, frame {index}: not a JPEG or PNG image; {REBUILD}")
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)

    @property
    def pictures(self) -> NDArray[np.int64]:
        """Ascending 0-based indices of the frames with a picture, at least one."""
        return np.flatnonzero(self.has_picture)

    def shown(self, index: int) -> Image:
        """Return the picture to show for a frame: its own, else the nearest earlier one, else the first."""
        earlier = int(self.has_picture[: index + 1].sum())
        return self[int(self.pictures[max(earlier - 1, 0)])]

    def read(self, indices: Iterable[int]) -> list[Image]:
        """Return the frames at 0-based indices, in the order of the indices."""
        return [self[index] for index in indices]

    def describe_mismatch(self, info: "VideoInfo") -> str:
        """Describe how the number or size of frames in ``info`` differs from this video; "" if both agree."""
        if (info.frames, info.width, info.height) == (self.frames, self.width, self.height):
            return ""
        other_size = f"{info.frames} frames of {info.width}x{info.height}"
        return f"{other_size}, but the video has {self.frames} of {self.width}x{self.height}"


class Pictures(Sequence[Image]):
    """The frames of a video that have a picture, without those that have none.

    Args:
        video: The video.
    """

    def __init__(self, video: VideoFrames) -> None:
        self._video, self._indices = video, video.pictures

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> Image:  # type: ignore[override]  # no slices
        return self._video[int(self._indices[index])]


class CachedFrames(Sequence[Image]):
    """Cached frames of a video: each frame is decoded on first access and then kept in memory.

    Args:
        images: Frames of the video, decoded on access.
    """

    def __init__(self, images: Sequence[Image]) -> None:
        self._images = images
        self._cached_images: dict[int, Image] = {}

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Image:  # type: ignore[override]  # no slices
        if index not in self._cached_images:
            self._cached_images[index] = self._images[index]
        return self._cached_images[index]


class FrameStore(ShardReader):
    """A shard of frames, as a mapping of video ids to ``VideoFrames``.

    Args:
        path: Path of the shard.

    Raises:
        DataError: The shard is missing, damaged or not a frame store.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, SCHEMA)

    def __getitem__(self, video: str) -> VideoFrames:  # type: ignore[override]  # not the bare group
        with report_read_errors(self.file.filename, f"{video}: not a video of a frame store; {REBUILD}"):
            return VideoFrames(video, super().__getitem__(video))
