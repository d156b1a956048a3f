"""Clips: the frames of a video that the network sees, and its tubes in them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from actorsup import boxes as box_arithmetic
from actorsup.frames.store import Image, VideoFrames

Item = TypeVar("Item")
_AHEAD = 8


@dataclass(frozen=True)
class Clip:
    """N frames of one video, and its P tubes in them.

    Attributes:
        frames: (N, H, W, 3) uint8 RGB.
        boxes: (P, N, 4) float32 xyxy in pixels of these frames; NaN is an absent frame.
    """

    frames: NDArray[np.uint8]
    boxes: NDArray[np.float32]

    @property
    def tubes_there(self) -> NDArray[np.bool_]:
        """(P,) whether a tube is in any of the frames."""
        absent = np.any(np.isnan(self.boxes), axis=2)
        return ~np.all(absent, axis=1)

    def flipped(self) -> "Clip":
        """The same seen in a mirror: frames and boxes, left and right (6.2)."""
        x1, y1, x2, y2 = np.moveaxis(self.boxes, -1, 0)
        width = self.frames.shape[2]
        return Clip(self.frames[:, :, ::-1].copy(), np.stack([width - x2, y1, width - x1, y2], axis=-1))


def segment_frames(count: int, segments: int, random: np.random.Generator | None) -> NDArray[np.int64]:
    """One frame of each of a video's equal segments (4.2, 6.2).

    Args:
        count: Frames of the video, at least one; with fewer than segments some are taken twice.
        segments: How many.
        random: Draws a frame in each segment; None takes the middle one.

    Returns:
        (segments,) 0-based, ascending.
    """
    within = np.full(segments, 0.5) if random is None else random.random(segments)
    chosen = ((np.arange(segments) + within) * count / segments).astype(np.int64)
    # the product may round up to the video's end
    return np.minimum(chosen, count - 1)


def read_clip(
    images: VideoFrames, boxes: NDArray[np.float32], chosen: NDArray[np.int64], shorter_side: int
) -> Clip:
    """Read frames of a video, resized.

    Args:
        images: The video.
        boxes: (P, frames of the video, 4) xyxy in pixels of the source; NaN is an absent frame.
        chosen: (N,) the frames to read, 0-based.
        shorter_side: Of the clip's frames, pixels.
    """
    frames = np.stack([resized(image, shorter_side) for image in images.read(chosen)])
    height, width = frames.shape[1:3]
    return Clip(frames, box_arithmetic.scale(boxes[:, chosen], width / images.width, height / images.height))


def resized(image: Image, shorter_side: int) -> Image:
    """An image whose shorter side is of this many pixels, the sides in proportion."""
    height, width = image.shape[:2]
    ratio = shorter_side / min(height, width)
    if ratio == 1:
        return image
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    how = cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)


def ahead(jobs: Iterable[Callable[[], Item]]) -> Iterator[Item]:
    """What the jobs return, in order, done ahead in a thread of their own, the same for all."""
    waiting: deque[Future[Item]] = deque()
    with ThreadPoolExecutor(1) as thread:
        try:
            for job in jobs:
                waiting.append(thread.submit(job))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
