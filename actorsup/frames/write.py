"""Writing the frames of a video into the frame store, one frame in memory at a time."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.tube_files import MOST_FRAMES
from actorsup.errors import VideoError
from actorsup.frames.decode import BgrImage, DecodedVideo
from actorsup.frames.settings import FrameSettings

_FULL_COLOR_FROM = 90
_CHUNK_BYTES = 1 << 18
_LOG = logging.getLogger(__name__)

Encode = Callable[[BgrImage], NDArray[np.uint8]]


def write_frames(group: h5py.Group, decoded: DecodedVideo, settings: FrameSettings, path: Path) -> None:
    """Decode a video into its group of a frame store, one frame in memory at a time.

    The group gets ``encoded`` (the bytes of all frames, concatenated, uint8), ``offset``
    ((N + 1,) int64, where each frame begins) and the attributes ``frames``, ``fps``, ``width`` and
    ``height`` (of the source), ``stored_width`` and ``stored_height``.

    Args:
        group: The HDF5 group to fill.
        decoded: The video.
        settings: How frames are stored.
        path: Path of the video, for messages.

    Raises:
        VideoError: A frame cannot be read, or the video has more than ``MOST_FRAMES`` frames.
    """
    width, height = stored_size(decoded.width, decoded.height, settings.max_side)
    encode = encoder(settings)
    encoded = group.create_dataset(
        "encoded", (0,), np.uint8, maxshape=(None,), chunks=(_CHUNK_BYTES,), compression=None
    )
    offset = [0]
    for image in _resized(decoded, (width, height), path):
        data = encode(image)
        encoded.resize((offset[-1] + len(data),))
        encoded[offset[-1] :] = data
        offset.append(offset[-1] + len(data))
        if len(offset) > MOST_FRAMES:
            raise VideoError(f"{path}: more than {MOST_FRAMES:,} frames; cut the video into shorter ones")
    group["offset"] = np.array(offset, np.int64)
    group.attrs.update(
        frames=len(offset) - 1,
        fps=decoded.fps,
        fps_assumed=decoded.fps_assumed,
        width=decoded.width,
        height=decoded.height,
        stored_width=width,
        stored_height=height,
    )


def stored_size(width: int, height: int, max_side: int | None) -> tuple[int, int]:
    """Width and height in pixels at which frames are stored; frames are never enlarged."""
    if max_side is None or max(width, height) <= max_side:
        return width, height
    ratio = max_side / max(width, height)
    return max(1, round(width * ratio)), max(1, round(height * ratio))


def encoder(settings: FrameSettings) -> Encode:
    """Return a function that encodes a BGR image as the bytes of a JPEG or PNG file."""
    if settings.encoding == "png":
        return lambda image: cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].ravel()
    full = settings.quality >= _FULL_COLOR_FROM
    sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if full else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    flags = [cv2.IMWRITE_JPEG_QUALITY, settings.quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    return lambda image: cv2.imencode(".jpg", image, flags)[1].ravel()


def _resized(decoded: DecodedVideo, stored: tuple[int, int], path: Path) -> Iterator[BgrImage]:
    """Yield every frame at the stored size, including frames whose size differs from the first."""
    first = (decoded.width, decoded.height)
    for index, image in enumerate(decoded.images):
        size = (image.shape[1], image.shape[0])
        if size != first:
            _LOG.warning("%s: frame %d is %dx%d, the first %dx%d; it is resized", path, index, *size, *first)
        if size != stored:
            image = np.asarray(cv2.resize(image, stored, interpolation=cv2.INTER_AREA), np.uint8)
        yield image
