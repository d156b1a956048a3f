"""Decode a video, which is a file or a folder of frames, one frame at a time."""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from actorsup.datasets.frame_names import image_files
from actorsup.datasets.signatures import IMAGE_SUFFIXES
from actorsup.errors import VideoError

DEFAULT_FPS = 25.0
"""Assumed frame rate of a video whose header has no rate within 1 to 480 frames per second."""

MAX_PIXELS = 64_000_000
_FPS_RANGE = (1.0, 480.0)
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

BgrImage = NDArray[np.uint8]
"""One frame in OpenCV's channel order: (H, W, 3) uint8 BGR."""


@dataclass(frozen=True)
class DecodedVideo:
    """A video whose frames are decoded during iteration.

    Attributes:
        width: Width of the first frame in pixels, after the rotation that the header states.
        height: Height of the first frame in pixels, after the rotation that the header states.
        fps: Frames per second, positive.
        fps_assumed: True if ``fps`` is ``DEFAULT_FPS`` because the header has no usable frame rate.
        images: Iterator over all frames, (H, W, 3) uint8 BGR; their sizes may differ. The iterator raises
            ``VideoError`` at a frame that cannot be read.
    """

    width: int
    height: int
    fps: float
    fps_assumed: bool
    images: Iterator[BgrImage]


def decode_video(path: Path) -> DecodedVideo:
    """Open a video file or a folder of frames for decoding, with one frame in memory at a time.

    Raises:
        VideoError: The path does not exist or cannot be read, is not a video, or has no frames or frames
            that are too large.
    """
    if path.is_dir():
        fps, images = 0.0, _images_of_folder(path)
    elif path.is_file():
        fps, images = _images_of_file(path)
    else:
        raise VideoError(f"{path}: there is no such file or folder")
    first_image = next(images, None)
    if first_image is None:
        raise VideoError(f"{path}: no frame can be decoded; check that it is a complete video")
    height, width = first_image.shape[:2]
    _check_size(path, width, height)
    is_fps_assumed = not _FPS_RANGE[0] <= fps <= _FPS_RANGE[1]
    if is_fps_assumed:
        _LOG.info("%s: the header has %g frames per second; assuming %g", path, fps, DEFAULT_FPS)
    return DecodedVideo(
        width, height, DEFAULT_FPS if is_fps_assumed else fps, is_fps_assumed, chain([first_image], images)
    )


def open_capture(path: Path) -> cv2.VideoCapture:
    """Open a video file with OpenCV's FFmpeg reader; ``isOpened`` of the result is False on failure."""
    # one thread is fastest on short clips; an absolute path is not interpreted as a network address
    return cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])


def _images_of_folder(folder: Path) -> Iterator[BgrImage]:
    try:
        paths = image_files(folder)
    except OSError as error:
        raise VideoError(f"{folder}: cannot be read ({error.strerror})") from error
    if not paths:
        raise VideoError(f"{folder}: a folder without images ({', '.join(sorted(IMAGE_SUFFIXES))})")
    yield from map(_read_image, paths)


def _read_image(path: Path) -> BgrImage:
    try:
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except OSError as error:
        raise VideoError(f"{path}: cannot be read ({error.strerror})") from error
    except cv2.error:  # an empty file, or more pixels than OpenCV accepts
        image = None
    if image is None:
        raise VideoError(f"{path}: this frame is not a complete image")
    return np.asarray(image, np.uint8)


def _images_of_file(path: Path) -> tuple[float, Iterator[BgrImage]]:
    """Return the frame rate of the header, which may be invalid, and the frames of a video file."""
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
    _check_size(path, capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    return capture.get(cv2.CAP_PROP_FPS), _read_frames(path, capture)


def _read_frames(path: Path, capture: cv2.VideoCapture) -> Iterator[BgrImage]:
    try:
        num_frames = 0
        while (frame := capture.read())[0]:
            num_frames += 1
            yield np.asarray(frame[1], np.uint8)
        header_count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        # a header may count one frame too many; huge counts are invalid
        if num_frames and num_frames + 1 < header_count < MAX_FRAME_COUNT:
            text = "%s: %d frames decode, the header claims %d: the video is cut short, or its rate varies"
            _LOG.warning(text, path, num_frames, header_count)
    finally:
        capture.release()


def _check_size(path: Path, width: float, height: float) -> None:
    if width * height > MAX_PIXELS:
        raise VideoError(
            f"{path}: frames of {width:.0f}x{height:.0f} pixels; the limit is {MAX_PIXELS:,} pixels; scale "
            "the video down"
        )
