"""Decoded video: the types that decoding returns, for files and for folders of frames alike."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BgrImage = NDArray[np.uint8]
"""One frame in OpenCV's channel order: (H, W, 3) uint8 BGR."""


@dataclass(frozen=True)
class DecodedFrame:
    """One frame of a video.

    Attributes:
        image: (H, W, 3) uint8 BGR; None for a frame without a picture, such as a number that a folder of
            frames lacks.
        time: Presentation time in seconds, from any origin; None if the source does not state it.
        decoding_time: Time of decoding in seconds, as the source states it; some sources state only this
            one correctly.
    """

    image: BgrImage | None
    time: float | None = None
    decoding_time: float | None = None


@dataclass(frozen=True)
class DecodedVideo:
    """A video whose frames are decoded during iteration.

    Attributes:
        width: Width of the first picture in pixels, after the rotation that the header states.
        height: Height of the first picture in pixels, after the rotation that the header states.
        fps: Frames per second that the header states, positive; timestamps of the frames override it.
        fps_assumed: True if ``fps`` is ``DEFAULT_FPS`` because the header has no usable frame rate.
        frames: Iterator over all frames, whose sizes may differ. The iterator raises ``VideoError`` at a
            frame that cannot be read.
    """

    width: int
    height: int
    fps: float
    fps_assumed: bool
    frames: Iterator[DecodedFrame]
