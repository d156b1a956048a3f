"""Videos that a browser plays: stored frames as VP9 in WebM."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from actorsup.artifacts.atomic import replace_atomically
from actorsup.frames.store import Image

RATE = 25.0
"""Frames per second of a video with an unknown rate."""

_OPTIONS = {"deadline": "realtime", "cpu-used": "8", "crf": "34", "b": "0", "row-mt": "1", "threads": "1"}
_MILLISECOND = Fraction(1, 1000)
_KEYFRAME_INTERVAL = 2  # seconds
_MIN_SIDE = 16


def playable_rate(fps: float) -> float:
    """Return ``fps`` if a player can show it, else ``RATE``."""
    return fps if np.isfinite(fps) and 0.1 <= fps <= 240 else RATE


def write_webm(
    path: Path, images: Iterable[Image], fps: float, max_side: int, times: Iterable[float] | None = None
) -> None:
    """Write frames as a silent video, whole or not at all.

    Args:
        path: The ``.webm`` file to write.
        images: At least one frame, (H, W, 3) uint8 RGB; all are resized like the first.
        fps: Frames per second; an unplayable rate is replaced by ``RATE``.
        max_side: Longest side in pixels; larger frames are shrunk.
        times: Start of each frame in seconds, ascending from 0; None: frame ``i`` starts at
            ``i / playable_rate(fps)``.
    """
    rate = Fraction(playable_rate(fps)).limit_denominator(1001)
    with replace_atomically(path) as temporary, av.open(str(temporary), "w", format="webm") as container:
        stream = None
        stamps = None if times is None else _milliseconds(times)
        for image in images:
            if stream is None:
                stream = container.add_stream("libvpx-vp9", rate=rate, options=_OPTIONS)
                stream.width, stream.height = _size(image, max_side)
                stream.pix_fmt = "yuv420p"
                if stamps is not None:
                    stream.codec_context.time_base = _MILLISECOND
                stream.codec_context.gop_size = max(1, round(float(rate) * _KEYFRAME_INTERVAL))
            fitted = cv2.resize(image, (stream.width, stream.height), interpolation=cv2.INTER_AREA)
            frame = av.VideoFrame.from_ndarray(np.asarray(fitted, np.uint8), "rgb24")
            if stamps is not None:
                frame.pts, frame.time_base = next(stamps), _MILLISECOND
            container.mux(stream.encode(frame))
        if stream is None:
            raise ValueError(f"{path}: no frames")
        container.mux(stream.encode())


def _milliseconds(times: Iterable[float]) -> Iterator[int]:
    """Yield strictly increasing timestamps in milliseconds, the unit of WebM."""
    last = -1
    for time in times:
        last = max(last + 1, round(1000 * time))
        yield last


def shrink(image: Image, max_side: int) -> Image:
    """Shrink an image (H, W, 3) until its longest side has at most ``max_side`` pixels."""
    return np.asarray(cv2.resize(image, _size(image, max_side), interpolation=cv2.INTER_AREA), np.uint8)


def _size(image: Image, max_side: int) -> tuple[int, int]:
    """Width and height after shrinking; even, because chroma is subsampled."""
    height, width = image.shape[:2]
    zoom = min(1.0, max_side / max(width, height))
    width, height = (max(_MIN_SIDE, 2 * round(side * zoom / 2)) for side in (width, height))
    return width, height
