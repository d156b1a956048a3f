"""Decoding of one video, a file or a folder of frames, one frame after the other."""

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
"""Frames a second of a video that says nothing, or nothing sensible, about it."""

MOST_PIXELS = 64_000_000
_SENSIBLE_FPS = (1.0, 480.0)
SENSIBLE_COUNT = 10_000_000
_LOG = logging.getLogger(__name__)

# what goes wrong is told by our own errors; the libraries would write to the screen besides
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
# the forms in which a video lies in its file; a list of other files, or of addresses, is none of them
_FORMS = (
    "avi,mov,matroska,mpeg,mpegts,asf,flv,live_flv,ogg,mxf,nut,rm,wtv,dv,gif,ivf,obu,yuv4mpegpipe,"
    "mpegvideo,m4v,h261,h263,h264,hevc,vvc,mjpeg,vc1,dirac"
)
os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = f"format_whitelist;{_FORMS}|protocol_whitelist;file"

BgrImage = NDArray[np.uint8]
"""One frame in OpenCV's order of colours: (H, W, 3) uint8, of any size."""


@dataclass(frozen=True)
class DecodedVideo:
    """A video that is being decoded.

    Attributes:
        width: Of the first frame, pixels, after the rotation that the file asks for.
        height: Of the first frame, pixels.
        fps: Frames a second, positive.
        fps_assumed: Whether ``fps`` is ``DEFAULT_FPS`` for want of a sensible one.
        images: All frames, (H, W, 3) uint8 BGR, to be gone through once; a later one may have
            another size. Raises VideoError at a frame that cannot be read.
    """

    width: int
    height: int
    fps: float
    fps_assumed: bool
    images: Iterator[BgrImage]


def decode_video(path: Path) -> DecodedVideo:
    """Begin to decode a video file, or a folder of frames, holding one frame at a time.

    Raises:
        VideoError: It is missing, empty, unreadable, no video, without frames or too large.
    """
    if path.is_dir():
        fps, images = 0.0, _images_of_folder(path)
    elif path.is_file():
        fps, images = _images_of_file(path)
    else:
        raise VideoError(f"{path}: there is no such file or folder")
    first = next(images, None)
    if first is None:
        raise VideoError(f"{path}: not one frame can be decoded; is it a video, and whole?")
    height, width = first.shape[:2]
    _check_size(path, width, height)
    sensible = _SENSIBLE_FPS[0] <= fps <= _SENSIBLE_FPS[1]
    if not sensible:
        _LOG.info("%s: says %g frames a second; %g is assumed", path, fps, DEFAULT_FPS)
        fps = DEFAULT_FPS
    return DecodedVideo(width, height, fps, not sensible, chain([first], images))


def _images_of_folder(folder: Path) -> Iterator[BgrImage]:
    """The images of a folder by name, numbers as numbers: frame2 before frame10."""
    try:
        paths = image_files(folder)
    except OSError as error:
        raise VideoError(f"{folder}: cannot be read ({error.strerror})") from error
    if not paths:
        raise VideoError(f"{folder}: a folder without images ({', '.join(sorted(IMAGE_SUFFIXES))})")
    for path in paths:
        yield _read_image(path)


def _read_image(path: Path) -> BgrImage:
    try:
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except OSError as error:
        raise VideoError(f"{path}: cannot be read ({error.strerror})") from error
    except cv2.error:  # an empty file, or more pixels than OpenCV takes
        image = None
    if image is None:
        raise VideoError(f"{path}: a frame that is no whole image")
    return np.asarray(image, np.uint8)


def _images_of_file(path: Path) -> tuple[float, Iterator[BgrImage]]:
    """The header's rate, which may be anything, and the frames of a video file."""
    try:
        with open(path, "rb") as stream:
            empty = not stream.read(1)
    except OSError as error:
        raise VideoError(f"{path}: cannot be read ({error.strerror})") from error
    if empty:
        raise VideoError(f"{path}: an empty file")
    # one thread is fastest on short clips; an absolute path is never taken for an address
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    if not capture.isOpened():
        capture.release()
        raise VideoError(f"{path}: no video that OpenCV can decode; is it one, and whole?")
    _check_size(path, capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    return capture.get(cv2.CAP_PROP_FPS), _captured(path, capture)


def _captured(path: Path, capture: cv2.VideoCapture) -> Iterator[BgrImage]:
    try:
        count = 0
        while (frame := capture.read())[0]:
            count += 1
            yield np.asarray(frame[1], np.uint8)
        said = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        # a header may count one too many; one that counts nonsense says nothing
        if count and count + 1 < said < SENSIBLE_COUNT:
            told = "%s: %d frames decode, by the header there are %d: it is cut short, or its rate varies"
            _LOG.warning(told, path, count, said)
    finally:
        capture.release()


def _check_size(path: Path, width: float, height: float) -> None:
    if width * height > MOST_PIXELS:
        raise VideoError(
            f"{path}: frames of {width:.0f}x{height:.0f} pixels, more than {MOST_PIXELS:,} in all; "
            "make them smaller first"
        )
