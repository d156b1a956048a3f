"""Read a folder of frames as a video."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from actorsup.datasets.contents import FrameNaming
from actorsup.datasets.frame_names import folder_frames
from actorsup.datasets.mot_layout import mot_frame_rate
from actorsup.errors import VideoError
from actorsup.frames.decoded import BgrImage, DecodedFrame


def frames_of_folder(folder: Path, naming: FrameNaming) -> tuple[float, Iterator[DecodedFrame]]:
    """Return the frame rate of a folder of frames, 0 if unknown, and an iterator over its frames.

    A frame whose number no file has is a frame without a picture.

    Raises:
        VideoError: The folder cannot be read, has no images, or its names are ambiguous. During iteration: an
            image is damaged.
    """
    paths = folder_frames(folder, naming).paths
    return mot_frame_rate(folder), (
        DecodedFrame(None if path is None else _read_image(path)) for path in paths
    )


def _read_image(path: Path) -> BgrImage:
    if not path.is_file():
        raise VideoError(f"{path}: cannot be read (not a file)")
    try:
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except OSError as error:
        raise VideoError(f"{path}: cannot be read ({error.strerror})") from error
    except cv2.error:  # an empty file, or more pixels than OpenCV accepts
        image = None
    if image is None:
        raise VideoError(f"{path}: this frame is not a complete image")
    return np.asarray(image, np.uint8)
