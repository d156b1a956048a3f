"""Writing the frames of one video: they are decoded, encoded and kept one after the other."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.tube_files import MOST_FRAMES
from actorsup.errors import VideoError
from actorsup.frames.decode import BgrImage, DecodedVideo
from actorsup.frames.settings import FrameSettings

_FULL_COLOUR_FROM = 90
_CHUNK_BYTES = 1 << 18
_LOG = logging.getLogger(__name__)

Encode = Callable[[BgrImage], NDArray[np.uint8]]


def write_frames(group: h5py.Group, decoded: DecodedVideo, settings: FrameSettings, path: Path) -> None:
    """Decode a video into its group of a frame store, one frame in memory at a time.

    The group gets ``encoded`` (the bytes of all frames, one after the other, uint8), ``offset``
    ((N + 1,) int64, where each begins) and the attributes ``frames``, ``fps``, ``width`` and
    ``height`` (of the source), ``stored_width`` and ``stored_height``.

    Args:
        group: Where they go.
        decoded: The video.
        settings: How frames are stored.
        path: Of the video, for messages.

    Raises:
        VideoError: A frame cannot be read, or frames do not end.
    """
    width, height = stored_size(decoded.width, decoded.height, settings.max_side)
    images = _of_size(decoded.images, (decoded.width, decoded.height), (width, height), path)
    encode = encoder(settings)
    encoded = group.create_dataset(
        "encoded", (0,), np.uint8, maxshape=(None,), chunks=(_CHUNK_BYTES,), compression=None
    )
    offset = [0]
    for image in images:
        data = encode(image)
        encoded.resize((offset[-1] + len(data),))
        encoded[offset[-1] :] = data
        offset.append(offset[-1] + len(data))
        if len(offset) > MOST_FRAMES:
            raise VideoError(f"{path}: more than {MOST_FRAMES:,} frames; cut it into shorter ones")
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
    """Width and height in pixels that frames of a size are stored at; never larger than they are."""
    if max_side is None or max(width, height) <= max_side:
        return width, height
    ratio = max_side / max(width, height)
    return max(1, round(width * ratio)), max(1, round(height * ratio))


def encoder(settings: FrameSettings) -> Encode:
    """What turns a BGR image into the bytes of a file of the chosen encoding."""
    if settings.encoding == "png":
        return lambda image: cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].ravel()
    full = settings.quality >= _FULL_COLOUR_FROM
    sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if full else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    flags = [cv2.IMWRITE_JPEG_QUALITY, settings.quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    return lambda image: cv2.imencode(".jpg", image, flags)[1].ravel()


def _of_size(
    images: Iterable[BgrImage], source: tuple[int, int], stored: tuple[int, int], path: Path
) -> Iterable[BgrImage]:
    """Every frame at the stored size; one of another size than the first is brought to it."""
    for index, image in enumerate(images):
        size = (image.shape[1], image.shape[0])
        if size != source:
            _LOG.warning("%s: frame %d is %dx%d, the first %dx%d; it is resized", path, index, *size, *source)
        if size != stored:
            image = np.asarray(cv2.resize(image, stored, interpolation=cv2.INTER_AREA), np.uint8)
        yield image
