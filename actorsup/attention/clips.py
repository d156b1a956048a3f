"""Clips: sampled frames of a video with the boxes of its tubes in these frames."""

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
_MAX_PREFETCHED_RESULTS = 8
"""Maximum number of results per thread that ``prefetch`` computes before they are consumed."""


@dataclass(frozen=True)
class Clip:
    """N frames of one video, with the boxes of its P tubes in these frames.

    Attributes:
        frames: (N, H, W, 3) uint8 RGB frames.
        boxes: (P, N, 4) float32 xyxy boxes in pixels of ``frames``; NaN where a tube is absent.
    """

    frames: NDArray[np.uint8]
    boxes: NDArray[np.float32]

    def drop_absent_tubes(self) -> "Clip":
        """Return the clip without tubes that are absent from all frames.

        If all tubes are absent, the first tube is kept.
        """
        is_present = ~np.all(np.any(np.isnan(self.boxes), axis=2), axis=1)
        return Clip(self.frames, self.boxes[is_present] if is_present.any() else self.boxes[:1])

    def flip_horizontally(self) -> "Clip":
        """Return the clip with frames and boxes flipped horizontally (Section 6.2 of the paper)."""
        x1, y1, x2, y2 = np.moveaxis(self.boxes, -1, 0)
        width = self.frames.shape[2]
        frames = np.stack([cv2.flip(frame, 1) for frame in self.frames])
        return Clip(frames, np.stack([width - x2, y1, width - x1, y2], axis=-1))


def segment_frames(
    num_frames: int, segments: int, generator: np.random.Generator | None, snippet: int = 1, step: int = 1
) -> NDArray[np.int64]:
    """Sample one frame, or a snippet around the frame, from each of several equal segments of a video.

    See Sections 4.2 and 6.2 of the paper.

    Args:
        num_frames: Number of frames of the video, at least 1; if it is less than ``segments``, some frames
            are sampled repeatedly.
        segments: Number of segments.
        generator: Random generator for the position of the frame within each segment; None samples the middle
            frame of each segment.
        snippet: Number of frames per snippet; the first or last frame of the video replaces frames outside
            the video.
        step: Distance between consecutive frames of a snippet, in frames.

    Returns:
        (segments * snippet,) int64 0-based frame indices, ascending within each snippet.
    """
    positions = np.full(segments, 0.5) if generator is None else generator.random(segments)
    centers = ((np.arange(segments) + positions) * num_frames / segments).astype(np.int64)
    offsets = (np.arange(snippet) - snippet // 2) * step
    # the product may round up to the end of the video
    return np.clip(centers[:, None] + offsets, 0, num_frames - 1).ravel()


def sample_frames(
    images: VideoFrames,
    segments: int,
    generator: np.random.Generator | None,
    snippet: int = 1,
    step: int = 1,
) -> NDArray[np.int64]:
    """Same as ``segment_frames``, over the frames of a video that have a picture; returns their indices."""
    pictures = images.pictures
    return pictures[segment_frames(len(pictures), segments, generator, snippet, step)]


def read_clip(images: VideoFrames, boxes: NDArray[np.float32], frame_indices: NDArray[np.int64]) -> Clip:
    """Read frames of a video in the resolution of the frame store, with the boxes of the tubes.

    Args:
        images: Frames of the video in the frame store.
        boxes: (P, number of frames of the video, 4) xyxy boxes of P tubes in pixels of the source frames; NaN
            where a tube is absent.
        frame_indices: (N,) 0-based indices of the frames to read.
    """
    # each frame is decoded only once, even if it is sampled repeatedly
    unique_indices, inverse_indices = np.unique(frame_indices, return_inverse=True)
    frames = np.stack(images.read(unique_indices))[inverse_indices]
    height, width = frames.shape[1:3]
    scaled_boxes = box_arithmetic.scale(boxes[:, frame_indices], width / images.width, height / images.height)
    return Clip(frames, scaled_boxes)


def move_clip(
    clip: Clip, shorter_side: int, input_size: int | None, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Copy a clip to a device and resize it there.

    Args:
        clip: Clip in the resolution of the frame store.
        shorter_side: Length of the shorter side of the resized frames in pixels; the aspect ratio is kept.
        input_size: Width and height of the resized frames in pixels, for a network with a fixed input size;
            None uses ``shorter_side``.
        device: Target device.

    Returns:
        Frames (N, H, W, 3) uint8, and boxes (P, N, 4) float32 xyxy in pixels of the resized frames.
    """
    height, width = clip.frames.shape[1:3]
    scale_factor = shorter_side / min(height, width)
    size = max(1, round(height * scale_factor)), max(1, round(width * scale_factor))
    if input_size:
        size = input_size, input_size
    frames, boxes = (to_device(torch.from_numpy(array), device) for array in (clip.frames, clip.boxes))
    if size == (height, width):
        return frames, boxes
    images = resize(frames.permute(0, 3, 1, 2), list(size), antialias=True).permute(0, 2, 3, 1)
    scale = torch.tensor([size[1] / width, size[0] / height] * 2)
    return images, boxes * to_device(scale, device)


def prefetch(jobs: Iterable[Callable[[], Item]], threads: int = 1) -> Iterator[Item]:
    """Yield the results of jobs in the order of the jobs; threads compute the results in advance."""
    futures: deque[Future[Item]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for job in jobs:
                futures.append(pool.submit(job))
                if len(futures) > _MAX_PREFETCHED_RESULTS * threads:
                    yield futures.popleft().result()
            while futures:
                yield futures.popleft().result()
        finally:
            for future in futures:
                future.cancel()


def loader_threads(device: torch.device) -> int:
    """Return the number of threads that decode frames: 1 for a network on the CPU, up to 8 for a GPU."""
    return 1 if device.type == "cpu" else min(8, os.cpu_count() or 1)
