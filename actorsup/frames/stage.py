"""The stage: every video of a shard is decoded once, into the frame store."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray

from actorsup.datasets.base import VideoRecord
from actorsup.errors import VideoError
from actorsup.frames.decode import BgrImage, DecodedVideo, decode_video
from actorsup.frames.settings import FrameSettings
from actorsup.frames.store import SCHEMA
from actorsup.logs import progress
from actorsup.storage import ShardWriter

_FULL_COLOUR_FROM = 90
_CHUNK_BYTES = 1 << 18
_LOG = logging.getLogger(__name__)

Encode = Callable[[BgrImage], NDArray[np.uint8]]


def decode_videos(
    records: Sequence[VideoRecord], output: Path, settings: FrameSettings, provenance: Mapping[str, Any]
) -> None:
    """Decode videos, one frame in memory at a time, into a frame store.

    A group holds ``encoded`` (the bytes of all frames, one after the other, uint8), ``offset``
    ((N + 1,) int64, where each begins) and the attributes ``frames``, ``fps``, ``width`` and
    ``height`` (of the source), ``stored_width`` and ``stored_height``.

    Args:
        records: The videos of the shard; one that cannot be decoded is recorded as a failure.
        output: The shard to make.
        settings: How frames are stored.
        provenance: What makes it.
    """
    with ShardWriter(output, SCHEMA, provenance) as writer:
        for record in progress(records, len(records), "decoding"):
            if writer.finished(record.video):
                continue
            try:
                decoded = decode_video(record.path)
                with writer.stream(record.video) as group:
                    _store(group, decoded, settings, record.video)
            except VideoError as error:
                writer.fail(record.video, str(error))


def _store(group: h5py.Group, decoded: DecodedVideo, settings: FrameSettings, video: str) -> None:
    width, height = stored_size(decoded.width, decoded.height, settings.max_side)
    images = _of_size(decoded.images, (decoded.width, decoded.height), (width, height), video)
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
    images: Iterable[BgrImage], source: tuple[int, int], stored: tuple[int, int], video: str
) -> Iterable[BgrImage]:
    """Every frame at the stored size; one of another size than the first is brought to it."""
    for index, image in enumerate(images):
        size = (image.shape[1], image.shape[0])
        if size != source:
            _LOG.warning(
                "%s: frame %d is %dx%d, the first %dx%d; it is resized", video, index, *size, *source
            )
        if size != stored:
            image = np.asarray(cv2.resize(image, stored, interpolation=cv2.INTER_AREA), np.uint8)
        yield image
