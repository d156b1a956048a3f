"""Videos that a browser plays: stored frames as VP9 in WebM."""

from collections.abc import Iterable
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
_KEYFRAME_INTERVAL = 2  # seconds
_MIN_SIDE = 16


def playable_rate(fps: float) -> float:
    """Return ``fps`` if a player can show it, else ``RATE``."""
    return fps if np.isfinite(fps) and 0.1 <= fps <= 240 else RATE


def write_webm(path: Path, images: Iterable[Image], fps: float, max_side: int) -> None:
    """Write frames as a silent video, whole or not at all.

    Frame ``i`` starts at ``i / playable_rate(fps)`` seconds.

    Args:
        path: The ``.webm`` file to write.
        images: At least one frame, (H, W, 3) uint8 RGB; all are resized like the first.
        fps: Frames per second; an unplayable rate is replaced by ``RATE``.
        max_side: Longest side in pixels; larger frames are shrunk.
    """
    rate = Fraction(playable_rate(fps)).limit_denominator(1001)
    with replace_atomically(path) as temporary, av.open(str(temporary), "w", format="webm") as container:
        stream = None
        for image in images:
            if stream is None:
                stream = container.add_stream("libvpx-vp9", rate=rate, options=_OPTIONS)
                stream.width, stream.height = _size(image, max_side)
                stream.pix_fmt = "yuv420p"
                stream.codec_context.gop_size = max(1, round(float(rate) * _KEYFRAME_INTERVAL))
            fitted = cv2.resize(image, (stream.width, stream.height), interpolation=cv2.INTER_AREA)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(fitted, np.uint8), "rgb24")))
        if stream is None:
            raise ValueError(f"{path}: no frames")
        container.mux(stream.encode())


def shrink(image: Image, max_side: int) -> Image:
    """Shrink an image (H, W, 3) until its longest side has at most ``max_side`` pixels."""
    return np.asarray(cv2.resize(image, _size(image, max_side), interpolation=cv2.INTER_AREA), np.uint8)


def _size(image: Image, max_side: int) -> tuple[int, int]:
    """Width and height after shrinking; even, because chroma is subsampled."""
    height, width = image.shape[:2]
    zoom = min(1.0, max_side / max(width, height))
    width, height = (max(_MIN_SIDE, 2 * round(side * zoom / 2)) for side in (width, height))
    return width, height
