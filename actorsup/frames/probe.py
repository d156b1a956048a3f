"""Read the size and length of a video without decoding all of its frames."""

from dataclasses import dataclass
from pathlib import Path

import cv2

from actorsup.datasets.files import image_files
from actorsup.frames.decode import MAX_FRAME_COUNT, decode_video, open_capture


@dataclass(frozen=True)
class VideoFacts:
    """Size and length of a video.

    Attributes:
        width: Width of the first frame in pixels.
        height: Height of the first frame in pixels.
        frames: Number of frames; 0 if unknown.
        counted: True if the frames were counted; False if ``frames`` is the header's number, which may be
            wrong.
        fps: Frames per second; 0 if unknown.
    """

    width: int
    height: int
    frames: int
    counted: bool
    fps: float = 0.0


def probe_video(path: Path, count: bool = False) -> VideoFacts:
    """Read the size and length of a video, decoding its first frame as a check.

    Args:
        path: Path of a video file or of a folder of frames.
        count: If True, decode the whole video to count its frames. The frames of a folder are always
            counted.

    Raises:
        VideoError: The path is missing, damaged or not a video. With ``count``: any frame is damaged.
    """
    decoded = decode_video(path)
    is_counted = count or path.is_dir()
    if count:
        frames = sum(1 for _ in decoded.images)
    elif is_counted:
        frames = len(image_files(path))
    else:
        capture = open_capture(path)
        header_count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        capture.release()
        frames = int(header_count) if 0 < header_count < MAX_FRAME_COUNT else 0
    return VideoFacts(decoded.width, decoded.height, frames, is_counted, decoded.fps)
