"""Write the frames of a video into the frame store, with one frame in memory at a time."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.tube_files import MOST_FRAMES
from actorsup.errors import VideoError
from actorsup.frames.decoded import BgrImage, DecodedFrame, DecodedVideo
from actorsup.frames.frame_times import RATE_TOLERANCE, FrameTimes, frame_times
from actorsup.frames.settings import FrameSettings

_MIN_FULL_COLOR_QUALITY = 90
_CHUNK_BYTES = 1 << 18
_LOG = logging.getLogger(__name__)

ImageEncoder = Callable[[BgrImage], NDArray[np.uint8]]


def write_frames(group: h5py.Group, decoded: DecodedVideo, settings: FrameSettings, path: Path) -> None:
    """Encode the frames of a video into the video's group of a frame store.

    The group gets the datasets ``encoded`` (uint8, the concatenated bytes of the N encoded frames),
    ``offset`` ((N + 1,) int64, the start of each frame in ``encoded``; a frame without a picture has no
    bytes) and ``time`` ((N,) float64, start of each frame in seconds from the first frame), and the
    attributes ``frames``, ``fps``, ``fps_assumed``, ``variable_rate``, ``width`` and ``height`` (of the
    source video), ``stored_width`` and ``stored_height``.

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
    offsets, times, decoding_times = [0], [], []
    for frame in _resize_frames(decoded, (width, height), path):
        times.append(frame.time)
        decoding_times.append(frame.decoding_time)
        end = offsets[-1]
        if frame.image is not None:
            data = encode(frame.image)
            end += len(data)
            encoded.resize((end,))
            encoded[offsets[-1] :] = data
        offsets.append(end)
        if len(offsets) > MOST_FRAMES:
            raise VideoError(f"{path}: more than {MOST_FRAMES:,} frames; cut the video into shorter ones")
    timing = frame_times(times, decoding_times, decoded.fps)
    _log_timing(timing, decoded, path)
    group["offset"] = np.array(offsets, np.int64)
    group["time"] = timing.seconds
    group.attrs.update(
        frames=len(offsets) - 1,
        fps=timing.fps,
        fps_assumed=decoded.fps_assumed and not timing.is_stated,
        variable_rate=not timing.is_constant,
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


def _resize_frames(decoded: DecodedVideo, stored_size: tuple[int, int], path: Path) -> Iterator[DecodedFrame]:
    """Yield all frames, their pictures resized to the stored size; another shape gets black borders."""
    first_size = (decoded.width, decoded.height)
    other_frames: list[int] = []
    for index, frame in enumerate(decoded.frames):
        image = frame.image
        if image is not None:
            size = (image.shape[1], image.shape[0])
            if size != first_size:
                if not other_frames:
                    other_size = size
                other_frames.append(index)
            frame = replace(frame, image=fit(image, stored_size))
        yield frame
    if other_frames:
        _LOG.warning(
            "%s: %d frames, the first of them frame %d with %dx%d, differ in size from the first frame with "
            "%dx%d; they are fitted into it, with black borders where the shape differs",
            path, len(other_frames), other_frames[0], *other_size, *first_size,
        )  # fmt: skip


def fit(image: BgrImage, size: tuple[int, int]) -> BgrImage:
    """Resize an image (H, W, 3) into a frame of width and height ``size`` without distortion.

    The image is centered; black borders fill the rest.
    """
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    ratio = min(size[0] / width, size[1] / height)
    # rounding of the stored size is no difference in shape
    inner = tuple(
        side if abs(side - length * ratio) < 1 else max(1, round(length * ratio))
        for side, length in zip(size, (width, height), strict=True)
    )
    resized = np.asarray(cv2.resize(image, inner, interpolation=cv2.INTER_AREA), np.uint8)
    if inner == size:
        return resized
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    fitted = np.zeros((size[1], size[0], 3), np.uint8)
    fitted[top : top + inner[1], left : left + inner[0]] = resized
    return fitted


def _log_timing(timing: FrameTimes, decoded: DecodedVideo, path: Path) -> None:
    if decoded.fps_assumed and not timing.is_stated:
        _LOG.info("%s: its header has no plausible frame rate; assuming %g per second", path, timing.fps)
    elif abs(timing.fps / decoded.fps - 1) > RATE_TOLERANCE and not decoded.fps_assumed:
        text = "%s: its header states %g frames per second, its timestamps %.4g; the timestamps count"
        _LOG.info(text, path, decoded.fps, timing.fps)
    if not timing.is_constant:
        text = "%s: its frame rate varies, %.4g per second on average; times are those of its timestamps"
        _LOG.info(text, path, timing.fps)
