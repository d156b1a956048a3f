"""Read a folder of frames as a video."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from actorsup.datasets.frame_names import image_files
from actorsup.datasets.signatures import IMAGE_SUFFIXES
from actorsup.errors import VideoError
from actorsup.frames.decoded import BgrImage, DecodedFrame


def frames_of_folder(folder: Path) -> tuple[float, Iterator[DecodedFrame]]:
    """Return the frame rate of a folder of frames, 0 if unknown, and an iterator over its frames.

    Raises:
        VideoError: The folder cannot be read or has no images. During iteration: an image is damaged.
    """
    try:
        paths = image_files(folder)
    except OSError as error:
        raise VideoError(f"{folder}: cannot be read ({error.strerror})") from error
    if not paths:
        raise VideoError(f"{folder}: a folder without images ({', '.join(sorted(IMAGE_SUFFIXES))})")
    return 0.0, (DecodedFrame(_read_image(path)) for path in paths)


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
