"""Reading the frame store: the frames of a shard's videos, in any order."""

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
from actorsup.errors import DataError
from actorsup.frames import SCHEMA as SCHEMA

if TYPE_CHECKING:  # an edit of the tube files re-runs no detection
    from actorsup.artifacts.tube_files import VideoInfo


class VideoFrames(Sequence[Image]):
    """The frames of one video: ``frames[i]`` is (H, W, 3) uint8 RGB, as stored.

    Read it while its store is open, from one thread.

    Attributes:
        frames: Number of frames, N.
        fps: Frames per second.
        width: Width of the source video in pixels.
        height: Height of the source video in pixels.
        scale_x: Source pixels per stored pixel, along x.
        scale_y: Source pixels per stored pixel, along y.
    """

    def __init__(self, video: str, group: h5py.Group) -> None:
        self._video = video
        self._encoded: h5py.Dataset = group["encoded"]
        self._offset: NDArray[np.int64] = group["offset"][()]
        self.frames = int(group.attrs["frames"])
        self.fps = float(group.attrs["fps"])
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
        encoded = self._encoded[self._offset[index] : self._offset[index + 1]]
        image = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
        if image is None:
            store = self._encoded.file.filename
            raise DataError(f"{store}: {self._video}, frame {index}: damaged; delete the file and run again")
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)

    def read(self, indices: Iterable[int]) -> list[Image]:
        """Return the frames at ``indices`` (0-based), in that order."""
        return [self[index] for index in indices]

    def mismatch(self, info: "VideoInfo") -> str:
        """Describe how another file's number or size of frames differs from the video's; "" if equal."""
        if (info.frames, info.width, info.height) == (self.frames, self.width, self.height):
            return ""
        theirs = f"{info.frames} frames of {info.width}x{info.height}"
        return f"{theirs}, but the video has {self.frames} of {self.width}x{self.height}"


class KeptFrames(Sequence[Image]):
    """Cache of decoded frames: each frame is decoded on first use and kept.

    Args:
        images: The frames of a video.
    """

    def __init__(self, images: Sequence[Image]) -> None:
        self._images = images
        self._kept: dict[int, Image] = {}

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Image:  # type: ignore[override]  # no slices
        if index not in self._kept:
            self._kept[index] = self._images[index]
        return self._kept[index]


class FrameStore(ShardReader):
    """A shard of frames: ``store[video]`` gives the ``VideoFrames`` of a video.

    Args:
        path: The shard.

    Raises:
        DataError: The file is missing, damaged or not a frame store.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, SCHEMA)

    def __getitem__(self, video: str) -> VideoFrames:  # type: ignore[override]  # not the bare group
        return VideoFrames(video, super().__getitem__(video))
