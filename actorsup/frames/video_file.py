"""Read a video file, one frame at a time, with OpenCV."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from actorsup.errors import VideoError
from actorsup.frames.decoded import DecodedFrame

MAX_PIXELS = 64_000_000
MAX_FRAME_COUNT = 10_000_000
_LOG = logging.getLogger(__name__)

# our own errors report problems, so FFmpeg need not print them
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
# formats that contain their images, unlike playlists, which refer to other files or addresses
_CONTAINER_FORMATS = (
    "avi,mov,matroska,mpeg,mpegts,asf,flv,live_flv,ogg,mxf,nut,rm,wtv,dv,gif,ivf,obu,yuv4mpegpipe,"
    "mpegvideo,m4v,h261,h263,h264,hevc,vvc,mjpeg,vc1,dirac"
)
os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = f"format_whitelist;{_CONTAINER_FORMATS}|protocol_whitelist;file"


def open_capture(path: Path) -> cv2.VideoCapture:
    """Open a video file with OpenCV's FFmpeg reader; ``isOpened`` of the result is False on failure."""
    # one thread is fastest on short clips; an absolute path is not interpreted as a network address
    return cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])


def frames_of_file(path: Path) -> tuple[float, Iterator[DecodedFrame]]:
    """Return the frame rate of the header, which may be invalid, and an iterator over the frames.

    Raises:
        VideoError: The file cannot be read, is not a video, or has frames that are too large.
    """
    try:
        with open(path, "rb") as stream:
            is_empty = not stream.read(1)
    except OSError as error:
        raise VideoError(f"{path}: cannot be read ({error.strerror})") from error
    if is_empty:
        raise VideoError(f"{path}: an empty file")
    capture = open_capture(path)
    if not capture.isOpened():
        capture.release()
        raise VideoError(f"{path}: not a video that OpenCV can decode; check that it is a complete video")
    check_frame_size(path, capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    return capture.get(cv2.CAP_PROP_FPS), _read_frames(path, capture)


def _read_frames(path: Path, capture: cv2.VideoCapture) -> Iterator[DecodedFrame]:
    try:
        num_frames = 0
        while (frame := capture.read())[0]:
            num_frames += 1
            yield DecodedFrame(np.asarray(frame[1], np.uint8))
        header_count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        # a header may count one frame too many; huge counts are invalid
        if num_frames and num_frames + 1 < header_count < MAX_FRAME_COUNT:
            text = "%s: %d frames decode, the header claims %d: the video is cut short, or its rate varies"
            _LOG.warning(text, path, num_frames, header_count)
    finally:
        capture.release()


def check_frame_size(path: Path, width: float, height: float) -> None:
    """Raise ``VideoError`` if frames of this width and height in pixels exceed ``MAX_PIXELS``."""
    if width * height > MAX_PIXELS:
        raise VideoError(
            f"{path}: frames of {width:.0f}x{height:.0f} pixels; the limit is {MAX_PIXELS:,} pixels; scale "
            "the video down"
        )
