"""Basic facts of a video, read without decoding all of it."""

from dataclasses import dataclass
from pathlib import Path

import cv2

from actorsup.datasets.files import image_files
from actorsup.frames.decode import SENSIBLE_COUNT, decode_video, open_capture


@dataclass(frozen=True)
class VideoFacts:
    """Size and length of a video.

    Attributes:
        width: Width of the first frame in pixels.
        height: Height of the first frame in pixels.
        frames: Number of frames, 0 if unknown.
        counted: Whether ``frames`` was counted; otherwise it is the header's claim, which may be wrong.
    """

    width: int
    height: int
    frames: int
    counted: bool


def probe_video(path: Path, count: bool = False) -> VideoFacts:
    """Open a video and decode its first frame.

    Args:
        path: A video file or a folder of frames.
        count: Decode the whole video to count its frames. The frames of a folder are always counted.

    Raises:
        VideoError: The video is missing, damaged or not a video; with ``count``, a later frame is damaged.
    """
    decoded = decode_video(path)
    counted = count or path.is_dir()
    if count:
        frames = sum(1 for _ in decoded.images)
    elif counted:
        frames = len(image_files(path))
    else:
        capture = open_capture(path)
        claimed = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        capture.release()
        frames = int(claimed) if 0 < claimed < SENSIBLE_COUNT else 0
    return VideoFacts(decoded.width, decoded.height, frames, counted)
