"""Videos that a browser plays: VP9 in WebM, made from stored frames."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from actorsup.artifacts.atomic import replacing
from actorsup.artifacts.images import Image, write_jpeg

RATE = 25.0
"""Frames a second of a video that does not say its own."""

_OPTIONS = {"deadline": "realtime", "cpu-used": "8", "crf": "34", "b": "0", "row-mt": "1", "threads": "1"}
_SECONDS_BETWEEN_KEYFRAMES = 2
_LEAST_SIDE = 16
_POSTER_QUALITY = 80


def playable_rate(fps: float) -> float:
    """The rate that a video of ``fps`` frames a second is shown at: its own, or ``RATE``."""
    return fps if np.isfinite(fps) and 0.1 <= fps <= 240 else RATE


def write_webm(path: Path, images: Iterable[Image], fps: float, max_side: int) -> None:
    """Write frames as a silent video, whole or not at all.

    Frame ``i`` is shown from ``i / playable_rate(fps)`` seconds on.

    Args:
        path: The ``.webm`` to write.
        images: At least one frame, (H, W, 3) uint8 RGB; all are shown in the size of the first.
        fps: Frames a second; one that no player shows is replaced by ``RATE``.
        max_side: Longest side in pixels; larger frames are made smaller.
    """
    rate = Fraction(playable_rate(fps)).limit_denominator(1001)
    with replacing(path) as temporary, av.open(str(temporary), "w", format="webm") as container:
        stream = None
        for image in images:
            if stream is None:
                stream = container.add_stream("libvpx-vp9", rate=rate, options=_OPTIONS)
                stream.width, stream.height = _size(image, max_side)
                stream.pix_fmt = "yuv420p"
                stream.codec_context.gop_size = max(1, round(float(rate) * _SECONDS_BETWEEN_KEYFRAMES))
            fitted = cv2.resize(image, (stream.width, stream.height), interpolation=cv2.INTER_AREA)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(fitted, np.uint8), "rgb24")))
        if stream is None:
            raise ValueError(f"{path}: no frames")
        container.mux(stream.encode())


def write_poster(path: Path, image: Image, max_side: int) -> None:
    """Write a frame (H, W, 3) uint8 RGB as JPEG, its longest side cut to ``max_side`` pixels."""
    small = cv2.resize(image, _size(image, max_side), interpolation=cv2.INTER_AREA)
    write_jpeg(path, np.asarray(small, np.uint8), _POSTER_QUALITY)


def _size(image: Image, max_side: int) -> tuple[int, int]:
    """Even width and height, as a video's chroma wants them."""
    height, width = image.shape[:2]
    zoom = min(1.0, max_side / max(width, height))
    return tuple(max(_LEAST_SIDE, 2 * round(side * zoom / 2)) for side in (width, height))  # type: ignore[return-value]


def evenly(count: int, most: int) -> Sequence[int]:
    """At most ``most`` of ``count`` frames, from the first on, evenly apart."""
    step = -(-count // most)
    return range(0, count, max(1, step))
