"""Decode a video, which is a file or a folder of frames, one frame at a time."""

import logging
from itertools import chain
from pathlib import Path

from actorsup.datasets.contents import DEFAULT_NAMING, FrameNaming
from actorsup.errors import VideoError
from actorsup.frames.decoded import DecodedFrame, DecodedVideo
from actorsup.frames.folder_frames import frames_of_folder
from actorsup.frames.video_file import check_frame_size, frames_of_file

DEFAULT_FPS = 25.0
"""Assumed frame rate of a video whose header has no rate within 1 to 480 frames per second."""

_FPS_RANGE = (1.0, 480.0)
_LOG = logging.getLogger(__name__)


def decode_video(path: Path, naming: FrameNaming = DEFAULT_NAMING) -> DecodedVideo:
    """Open a video file or a folder of frames for decoding, with one frame in memory at a time.

    Args:
        path: Path of the video.
        naming: How the names of the files number the frames of a folder.

    Raises:
        VideoError: The path does not exist or cannot be read, is not a video, or has no frames or frames
            that are too large.
    """
    if path.is_dir():
        fps, frames = frames_of_folder(path, naming)
    elif path.is_file():
        fps, frames = frames_of_file(path)
    else:
        raise VideoError(f"{path}: there is no such file or folder")
    first_frames: list[DecodedFrame] = []
    for frame in frames:
        first_frames.append(frame)
        if frame.image is not None:
            break
    else:
        raise VideoError(f"{path}: no frame can be decoded; check that it is a complete video")
    height, width = frame.image.shape[:2]
    check_frame_size(path, width, height)
    is_fps_assumed = not _FPS_RANGE[0] <= fps <= _FPS_RANGE[1]
    if is_fps_assumed:
        _LOG.info("%s: the header has %g frames per second; assuming %g", path, fps, DEFAULT_FPS)
        fps = DEFAULT_FPS
    return DecodedVideo(width, height, fps, is_fps_assumed, chain(first_frames, frames))
