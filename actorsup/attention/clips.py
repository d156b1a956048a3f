"""Clips: the frames of a video that the network sees, and its tubes in them."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms.v2.functional import resize

from actorsup import boxes as box_arithmetic
from actorsup.frames.store import VideoFrames

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

    def of_tubes_there(self) -> "Clip":
        """The same with the tubes that are in any of the frames alone, or one where none is."""
        there = self.tubes_there
        return Clip(self.frames, self.boxes[there] if there.any() else self.boxes[:1])

    def flipped(self) -> "Clip":
        """The same seen in a mirror: frames and boxes, left and right (6.2)."""
        x1, y1, x2, y2 = np.moveaxis(self.boxes, -1, 0)
        width = self.frames.shape[2]
        frames = np.stack([cv2.flip(frame, 1) for frame in self.frames])
        return Clip(frames, np.stack([width - x2, y1, width - x1, y2], axis=-1))


def segment_frames(
    count: int, segments: int, random: np.random.Generator | None, snippet: int = 1, step: int = 1
) -> NDArray[np.int64]:
    """One frame of each of a video's equal segments (4.2, 6.2), or a snippet around it.

    Args:
        count: Frames of the video, at least one; with fewer than segments some are taken twice.
        segments: How many.
        random: Draws a frame in each segment; None takes the middle one.
        snippet: Frames to take around each; at the video's ends its first or last frame is repeated.
        step: Frames from one of a snippet to the next.

    Returns:
        (segments * snippet,) 0-based, ascending within each snippet.
    """
    within = np.full(segments, 0.5) if random is None else random.random(segments)
    chosen = ((np.arange(segments) + within) * count / segments).astype(np.int64)
    around = (np.arange(snippet) - snippet // 2) * step
    # the product may round up to the video's end
    return np.clip(chosen[:, None] + around, 0, count - 1).ravel()


def read_clip(images: VideoFrames, boxes: NDArray[np.float32], chosen: NDArray[np.int64]) -> Clip:
    """Read frames of a video, as they are stored.

    Args:
        images: The video.
        boxes: (P, frames of the video, 4) xyxy in pixels of the source; NaN is an absent frame.
        chosen: (N,) the frames to read, 0-based.
    """
    # a snippet at a video's end repeats its frame
    once, places = np.unique(chosen, return_inverse=True)
    frames = np.stack(images.read(once))[places]
    height, width = frames.shape[1:3]
    return Clip(frames, box_arithmetic.scale(boxes[:, chosen], width / images.width, height / images.height))


def on_device(clip: Clip, shorter_side: int, side: int | None, device: torch.device) -> tuple[Tensor, Tensor]:
    """A clip's frames (N, H, W, 3) uint8 and boxes (P, N, 4) float32 on a device, resized there.

    Args:
        clip: As it was read.
        shorter_side: Of the frames, in pixels, the sides in proportion.
        side: Both sides of the frames, for networks that take this size alone; None reads the other.
        device: Where they are wanted.
    """
    height, width = clip.frames.shape[1:3]
    ratio = shorter_side / min(height, width)
    size = (side, side) if side else (max(1, round(height * ratio)), max(1, round(width * ratio)))
    frames, boxes = (_put(torch.from_numpy(array), device) for array in (clip.frames, clip.boxes))
    if size == (height, width):
        return frames, boxes
    images = resize(frames.permute(0, 3, 1, 2), list(size), antialias=True).permute(0, 2, 3, 1)
    scale = torch.tensor([size[1] / width, size[0] / height] * 2)
    return images, boxes * _put(scale, device)


def _put(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor on a device, without waiting for what it does."""
    return tensor if device.type == "cpu" else tensor.pin_memory().to(device, non_blocking=True)


def prefetch(jobs: Iterable[Callable[[], Item]], threads: int = 1) -> Iterator[Item]:
    """Yield the results of jobs in their order, computed ahead of their use in threads."""
    waiting: deque[Future[Item]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for job in jobs:
                waiting.append(pool.submit(job))
                if len(waiting) > _AHEAD * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def loader_threads(device: torch.device) -> int:
    """Threads that decode ahead of training: one next to a CPU that trains, several for a GPU."""
    return 1 if device.type == "cpu" else min(8, os.cpu_count() or 1)
