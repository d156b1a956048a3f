"""What can be told of a video at a small price: that it opens, its size, how many frames it has."""

from dataclasses import dataclass
from pathlib import Path

import cv2

from actorsup.datasets.files import image_files
from actorsup.frames.decode import SENSIBLE_COUNT, decode_video


@dataclass(frozen=True)
class VideoFacts:
    """What a video is.

    Attributes:
        width: Of its first frame, pixels.
        height: Of its first frame, pixels.
        frames: How many frames it has, 0 where that is not known.
        counted: Whether they were counted; else the header says so, which may lie.
    """

    width: int
    height: int
    frames: int
    counted: bool


def probe_video(path: Path, count: bool = False) -> VideoFacts:
    """Open a video and decode its first frame.

    Args:
        path: A video file or a folder of frames.
        count: Whether to decode all of it to count its frames. Those of a folder always are.

    Raises:
        VideoError: It is missing, damaged or no video; with ``count``, also in a later frame.
    """
    decoded = decode_video(path)
    if count:
        return VideoFacts(decoded.width, decoded.height, sum(1 for _ in decoded.images), True)
    if path.is_dir():
        return VideoFacts(decoded.width, decoded.height, len(image_files(path)), True)
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    said = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    capture.release()
    frames = int(said) if 0 < said < SENSIBLE_COUNT else 0
    return VideoFacts(decoded.width, decoded.height, frames, False)
