"""Clips: sampled frames of a video, and its tubes in these frames."""

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
from actorsup.training.devices import to_device

Item = TypeVar("Item")
_PREFETCHED = 8
"""Results that each thread may compute before they are used."""


@dataclass(frozen=True)
class Clip:
    """N frames of one video, and its P tubes in these frames.

    Attributes:
        frames: (N, H, W, 3) uint8 RGB.
        boxes: (P, N, 4) float32 xyxy in pixels of these frames; NaN where a tube is absent.
    """

    frames: NDArray[np.uint8]
    boxes: NDArray[np.float32]

    def without_absent_tubes(self) -> "Clip":
        """Drop the tubes that are in none of the frames; keep the first if all are."""
        present = ~np.all(np.any(np.isnan(self.boxes), axis=2), axis=1)
        return Clip(self.frames, self.boxes[present] if present.any() else self.boxes[:1])

    def flipped(self) -> "Clip":
        """Flip frames and boxes horizontally (6.2)."""
        x1, y1, x2, y2 = np.moveaxis(self.boxes, -1, 0)
        width = self.frames.shape[2]
        frames = np.stack([cv2.flip(frame, 1) for frame in self.frames])
        return Clip(frames, np.stack([width - x2, y1, width - x1, y2], axis=-1))


def segment_frames(
    count: int, segments: int, random: np.random.Generator | None, snippet: int = 1, step: int = 1
) -> NDArray[np.int64]:
    """Sample one frame, or a snippet around it, from each of the equal segments of a video (4.2, 6.2).

    Args:
        count: Frames of the video, at least one; with fewer frames than segments, some are repeated.
        segments: Number of segments.
        random: Draws a frame in each segment; None takes the middle one.
        snippet: Frames of a snippet; beyond the ends of the video, its first or last frame is repeated.
        step: Step from one frame of a snippet to the next.

    Returns:
        (segments * snippet,) 0-based, ascending within each snippet.
    """
    within = np.full(segments, 0.5) if random is None else random.random(segments)
    centers = ((np.arange(segments) + within) * count / segments).astype(np.int64)
    offsets = (np.arange(snippet) - snippet // 2) * step
    # the product may round up to the end of the video
    return np.clip(centers[:, None] + offsets, 0, count - 1).ravel()


def read_clip(images: VideoFrames, boxes: NDArray[np.float32], sampled: NDArray[np.int64]) -> Clip:
    """Read frames of a video at their stored size.

    Args:
        images: The video.
        boxes: (P, frames of the video, 4) xyxy in pixels of the source; NaN where a tube is absent.
        sampled: (N,) 0-based indices of the frames to read.
    """
    # each frame is decoded once, also if a snippet repeats it
    unique, inverse = np.unique(sampled, return_inverse=True)
    frames = np.stack(images.read(unique))[inverse]
    height, width = frames.shape[1:3]
    return Clip(frames, box_arithmetic.scale(boxes[:, sampled], width / images.width, height / images.height))


def on_device(clip: Clip, shorter_side: int, side: int | None, device: torch.device) -> tuple[Tensor, Tensor]:
    """Move a clip to a device and resize it there.

    Args:
        clip: A clip at its stored size.
        shorter_side: Shorter side of the resized frames, in pixels, with the aspect ratio kept.
        side: Both sides of the resized frames, for a network with a fixed input size; None uses
            ``shorter_side``.
        device: The device.

    Returns:
        Frames (N, H, W, 3) uint8 and boxes (P, N, 4) float32.
    """
    height, width = clip.frames.shape[1:3]
    ratio = shorter_side / min(height, width)
    size = (side, side) if side else (max(1, round(height * ratio)), max(1, round(width * ratio)))
    frames, boxes = (to_device(torch.from_numpy(array), device) for array in (clip.frames, clip.boxes))
    if size == (height, width):
        return frames, boxes
    images = resize(frames.permute(0, 3, 1, 2), list(size), antialias=True).permute(0, 2, 3, 1)
    scale = torch.tensor([size[1] / width, size[0] / height] * 2)
    return images, boxes * to_device(scale, device)


def prefetch(jobs: Iterable[Callable[[], Item]], threads: int = 1) -> Iterator[Item]:
    """Yield the results of jobs in order, computed in threads before they are needed."""
    waiting: deque[Future[Item]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for job in jobs:
                waiting.append(pool.submit(job))
                if len(waiting) > _PREFETCHED * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def loader_threads(device: torch.device) -> int:
    """Return the number of decoding threads: one if the network runs on the CPU, up to eight for a GPU."""
    return 1 if device.type == "cpu" else min(8, os.cpu_count() or 1)
