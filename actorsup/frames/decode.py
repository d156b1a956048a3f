"""Decoding one video, a file or a folder of frames, frame by frame."""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from actorsup.datasets.files import IMAGE_SUFFIXES, image_files
from actorsup.errors import VideoError

DEFAULT_FPS = 25.0
"""Frame rate of a video whose header has none, or one outside 1 to 480 frames per second."""

MOST_PIXELS = 64_000_000
_SENSIBLE_FPS = (1.0, 480.0)
SENSIBLE_COUNT = 10_000_000
_LOG = logging.getLogger(__name__)

# our own errors report what goes wrong; keep the libraries from printing too
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
# container and stream formats that hold their own pictures: no playlists, no network addresses
_FORMS = (
    "avi,mov,matroska,mpeg,mpegts,asf,flv,live_flv,ogg,mxf,nut,rm,wtv,dv,gif,ivf,obu,yuv4mpegpipe,"
    "mpegvideo,m4v,h261,h263,h264,hevc,vvc,mjpeg,vc1,dirac"
)
os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = f"format_whitelist;{_FORMS}|protocol_whitelist;file"

BgrImage = NDArray[np.uint8]
"""One frame in OpenCV's channel order: (H, W, 3) uint8 BGR."""


@dataclass(frozen=True)
class DecodedVideo:
    """A video being decoded.

    Attributes:
        width: Width of the first frame in pixels, after the rotation that the file asks for.
        height: Height of the first frame in pixels.
        fps: Frames per second, positive.
        fps_assumed: Whether ``fps`` is ``DEFAULT_FPS`` because the header has no usable rate.
        images: Iterator over all frames, (H, W, 3) uint8 BGR. Later frames may differ in size from
            the first. Raises VideoError at a frame that cannot be read.
    """

    width: int
    height: int
    fps: float
    fps_assumed: bool
    images: Iterator[BgrImage]


def decode_video(path: Path) -> DecodedVideo:
    """Start decoding a video file or a folder of frames, holding one frame at a time.

    Raises:
        VideoError: The path is missing, empty, unreadable, not a video, without frames or too large.
    """
    if path.is_dir():
        fps, images = 0.0, _images_of_folder(path)
    elif path.is_file():
        fps, images = _images_of_file(path)
    else:
        raise VideoError(f"{path}: there is no such file or folder")
    first = next(images, None)
    if first is None:
        raise VideoError(f"{path}: no frame can be decoded; check that it is a complete video")
    height, width = first.shape[:2]
    _check_size(path, width, height)
    assumed = not _SENSIBLE_FPS[0] <= fps <= _SENSIBLE_FPS[1]
    if assumed:
        _LOG.info("%s: the header has %g frames per second; assuming %g", path, fps, DEFAULT_FPS)
    return DecodedVideo(width, height, DEFAULT_FPS if assumed else fps, assumed, chain([first], images))


def open_capture(path: Path) -> cv2.VideoCapture:
    """Open a video file with OpenCV's FFmpeg reader; see ``isOpened`` for whether that worked."""
    # one thread is fastest on short clips; an absolute path is never taken for an address
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
    """Return the header's frame rate, which may be any number, and the frames of a video file."""
    try:
        with open(path, "rb") as stream:
            empty = not stream.read(1)
    except OSError as error:
        raise VideoError(f"{path}: cannot be read ({error.strerror})") from error
    if empty:
        raise VideoError(f"{path}: an empty file")
    capture = open_capture(path)
    if not capture.isOpened():
        capture.release()
        raise VideoError(f"{path}: not a video that OpenCV can decode; check that it is a complete video")
    _check_size(path, capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    return capture.get(cv2.CAP_PROP_FPS), _captured(path, capture)


def _captured(path: Path, capture: cv2.VideoCapture) -> Iterator[BgrImage]:
    try:
        count = 0
        while (frame := capture.read())[0]:
            count += 1
            yield np.asarray(frame[1], np.uint8)
        claimed = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        # a header may count one frame too many; absurd counts carry no information
        if count and count + 1 < claimed < SENSIBLE_COUNT:
            text = "%s: %d frames decode, the header claims %d: the video is cut short, or its rate varies"
            _LOG.warning(text, path, count, claimed)
    finally:
        capture.release()


def _check_size(path: Path, width: float, height: float) -> None:
    if width * height > MOST_PIXELS:
        raise VideoError(
            f"{path}: frames of {width:.0f}x{height:.0f} pixels; the limit is {MOST_PIXELS:,} pixels; scale "
            "the video down"
        )
