"""Write the frames of a video into the frame store, with one frame in memory at a time."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.tube_files import MOST_FRAMES
from actorsup.errors import VideoError
from actorsup.frames.decoded import BgrImage, DecodedVideo
from actorsup.frames.settings import FrameSettings

_MIN_FULL_COLOR_QUALITY = 90
_CHUNK_BYTES = 1 << 18
_LOG = logging.getLogger(__name__)

ImageEncoder = Callable[[BgrImage], NDArray[np.uint8]]


def write_frames(group: h5py.Group, decoded: DecodedVideo, settings: FrameSettings, path: Path) -> None:
    """Encode the frames of a video into the video's group of a frame store.

    The group gets the datasets ``encoded`` (uint8, the concatenated bytes of the N encoded frames) and
    ``offset`` ((N + 1,) int64, the start of each frame in ``encoded``; a frame without a
    picture has no bytes), and the attributes ``frames``,
    ``fps``, ``fps_assumed``, ``width`` and ``height`` (of the source video), ``stored_width`` and
    ``stored_height``.

    Args:
        group: Empty HDF5 group of the video.
        decoded: The video to encode.
        settings: Format and size of the stored frames.
        path: Path of the video, for messages.

    Raises:
        VideoError: A frame cannot be read, or the video has more than ``MOST_FRAMES`` frames.
    """
    width, height = stored_size(decoded.width, decoded.height, settings.max_side)
    encode = make_encoder(settings)
    encoded = group.create_dataset(
        "encoded", (0,), np.uint8, maxshape=(None,), chunks=(_CHUNK_BYTES,), compression=None
    )
    offsets = [0]
    for image in _resize_frames(decoded, (width, height), path):
        end = offsets[-1]
        if image is not None:
            data = encode(image)
            end += len(data)
            encoded.resize((end,))
            encoded[offsets[-1] :] = data
        offsets.append(end)
        if len(offsets) > MOST_FRAMES:
            raise VideoError(f"{path}: more than {MOST_FRAMES:,} frames; cut the video into shorter ones")
    group["offset"] = np.array(offsets, np.int64)
    group.attrs.update(
        frames=len(offsets) - 1,
        fps=decoded.fps,
        fps_assumed=decoded.fps_assumed,
        width=decoded.width,
        height=decoded.height,
        stored_width=width,
        stored_height=height,
    )


def stored_size(width: int, height: int, max_side: int | None) -> tuple[int, int]:
    """Return width and height of the stored frames in pixels; frames are never enlarged."""
    if max_side is None or max(width, height) <= max_side:
        return width, height
    ratio = max_side / max(width, height)
    return max(1, round(width * ratio)), max(1, round(height * ratio))


def make_encoder(settings: FrameSettings) -> ImageEncoder:
    """Return a function that encodes a BGR image as JPEG or PNG: an array of bytes, uint8."""
    if settings.encoding == "png":
        return lambda image: cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].ravel()
    has_full_color = settings.quality >= _MIN_FULL_COLOR_QUALITY
    sampling = (
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if has_full_color else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    )
    flags = [cv2.IMWRITE_JPEG_QUALITY, settings.quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    return lambda image: cv2.imencode(".jpg", image, flags)[1].ravel()


def _resize_frames(
    decoded: DecodedVideo, stored_size: tuple[int, int], path: Path
) -> Iterator[BgrImage | None]:
    """Yield the picture of each frame, resized to the stored size."""
    first_size = (decoded.width, decoded.height)
    for index, frame in enumerate(decoded.frames):
        image = frame.image
        if image is None:
            yield None
            continue
        size = (image.shape[1], image.shape[0])
        if size != first_size:
            _LOG.warning(
                "%s: frame %d is %dx%d, the first %dx%d; it is resized", path, index, *size, *first_size
            )
        if size != stored_size:
            image = np.asarray(cv2.resize(image, stored_size, interpolation=cv2.INTER_AREA), np.uint8)
        yield image
