"""Decode a video, which is a file or a folder of frames, one frame at a time."""

from itertools import chain
from pathlib import Path

from actorsup.datasets.contents import DEFAULT_NAMING, FrameNaming
from actorsup.errors import VideoError
from actorsup.frames.decoded import DecodedFrame, DecodedVideo
from actorsup.frames.folder_frames import frames_of_folder
from actorsup.frames.video_file import check_frame_size, open_video_file, read_frames

DEFAULT_FPS = 25.0
"""Assumed frame rate of a video without timestamps whose header has no rate within 1 to 480 per second."""

_FPS_RANGE = (1.0, 480.0)


def decode_video(path: Path, naming: FrameNaming = DEFAULT_NAMING) -> DecodedVideo:
    """Open a video file or a folder of frames for decoding, with one frame in memory at a time.

    Args:
        path: Path of the video.
        naming: How the names of the files number the frames of a folder.

    Raises:
        VideoError: The path does not exist or cannot be read, is not a video, or has no frames or frames
            that are too large.
    """
    rates: tuple[float, ...]
    if path.is_dir():
        fps, frames = frames_of_folder(path, naming)
        rates = (fps,)
    elif path.is_file():
        file = open_video_file(path)
        rates, frames = file.rates, read_frames(file)
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
    plausible_rates = [rate for rate in rates if _FPS_RANGE[0] <= rate <= _FPS_RANGE[1]]
    fps = plausible_rates[0] if plausible_rates else DEFAULT_FPS
    return DecodedVideo(width, height, fps, not plausible_rates, chain(first_frames, frames))
