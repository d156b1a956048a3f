"""Read the size and length of a video without decoding all of its frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from actorsup.datasets.contents import DEFAULT_NAMING, FrameNaming
from actorsup.datasets.frame_names import FolderNote, folder_frames
from actorsup.frames.decode import decode_video
from actorsup.frames.video_file import MAX_FRAME_COUNT, open_capture


@dataclass(frozen=True)
class VideoFacts:
    """Size and length of a video.

    Attributes:
        width: Width of the first frame in pixels.
        height: Height of the first frame in pixels.
        frames: Number of frames; 0 if unknown.
        counted: True if the frames were counted; False if ``frames`` is the header's number, which may be
            wrong.
        notes: What is unusual about the names of a folder of frames.
    """

    width: int
    height: int
    frames: int
    counted: bool
    notes: Sequence[FolderNote] = ()


def probe_video(path: Path, count: bool = False, naming: FrameNaming = DEFAULT_NAMING) -> VideoFacts:
    """Read the size and length of a video, decoding its first frame as a check.

    Args:
        path: Path of a video file or of a folder of frames.
        count: If True, decode the whole video to count its frames. The frames of a folder are always
            counted.
        naming: How the names of the files number the frames of a folder.

    Raises:
        VideoError: The path is missing, damaged or not a video. With ``count``: any frame is damaged.
    """
    decoded = decode_video(path, naming)
    is_counted = count or path.is_dir()
    notes: Sequence[FolderNote] = ()
    if path.is_dir():
        paths, notes = folder_frames(path, naming)
    if count:
        frames = sum(1 for _ in decoded.frames)
    elif is_counted:
        frames = len(paths)
    else:
        capture = open_capture(path)
        header_count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        capture.release()
        frames = int(header_count) if 0 < header_count < MAX_FRAME_COUNT else 0
    return VideoFacts(decoded.width, decoded.height, frames, is_counted, notes)
