"""One annotated frame of A2D: the instances in it, each with the code of its actor and action."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.safe_hdf5 import safe_dataset
from actorsup.errors import DataError, report_read_errors

ACTORS = ("adult", "baby", "ball", "bird", "car", "cat", "dog")
"""Actors 1 to 7 of the codes."""

ACTIONS = ("climbing", "crawling", "eating", "flying", "jumping", "rolling", "running", "walking", "none")
"""Actions 1 to 9 of the codes; the last is an actor that does none of them."""

CODES = (
    *(11, 12, 13, 15, 16, 17, 18, 19, 21, 22, 26, 28, 29, 34, 35, 36, 39, 41, 43, 44, 45, 46, 48, 49),
    *(54, 55, 56, 57, 59, 61, 63, 65, 66, 67, 68, 69, 72, 73, 75, 76, 77, 78, 79),
)
"""The 43 codes that the data set has, actor * 10 + action; others, such as a car that eats, it has not."""

SUFFIXES = (".mat", ".h5")
"""Of the authors' files, and of those of A2D Sentences, which tell instances apart."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class AnnotatedFrame:
    """The N instances of one frame.

    Attributes:
        codes: (N,) int64, of ``CODES``.
        boxes: (N, 4) float32 xyxy in 0-based pixels of the annotation.
        instances: (N,) int64 numbers that an instance keeps through the video, where the file
            tells them.
        size: Width and height in pixels that the annotation speaks of, where the file tells.
    """

    codes: NDArray[np.int64]
    boxes: NDArray[np.float32]
    instances: NDArray[np.int64] | None
    size: tuple[int, int] | None


def name_of(code: int) -> str:
    """Name of the class of a code, ``dog-running``."""
    return f"{ACTORS[code // 10 - 1]}-{ACTIONS[code % 10 - 1]}"


def is_action(code: int) -> bool:
    """Whether the actor of a code does anything."""
    return code % 10 != len(ACTIONS)


def read_codes(path: Path) -> list[int]:
    """The codes of the instances of a frame; no box and no mask is read.

    Raises:
        DataError: The file cannot be used.
    """
    with _opened(path) as file:
        return [int(code) for code in _codes(path, file)]


def read_frame(path: Path) -> AnnotatedFrame:
    """The instances of a frame: boxes as the file has them, or else around its masks.

    MATLAB's boxes hold their last pixel and count from 1: ours begin one lower and end there.

    Raises:
        DataError: The file is missing, damaged, has other numbers of codes than of boxes or
            masks, a code that there is not, or neither boxes nor masks.
    """
    with _opened(path) as file:
        codes = _codes(path, file)
        size = _size(path, file)
        if "reBBox" in file:
            boxes = _boxes(path, file, len(codes))
        elif size is not None:
            boxes = _around_masks(path, file, len(codes))
        else:
            raise DataError(f"{path}: has neither 'reBBox' nor 'reMask'; found {', '.join(file)}")
        instances = _array(path, file, "instance").ravel().astype(np.int64) if "instance" in file else None
    if instances is None:
        return AnnotatedFrame(codes, boxes, None, size)
    if len(instances) > len(codes):
        raise DataError(f"{path}: instance: {len(instances)} numbers for {len(codes)} codes in 'id'")
    if len(instances) < len(codes):
        _LOG.warning(
            "%s: only %d of %d instances have a number; they count", path, len(instances), len(codes)
        )
    return AnnotatedFrame(codes[: len(instances)], boxes[: len(instances)], instances, size)


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    wanted = "cannot be read; wanted a MATLAB 7.3 file, which is HDF5; fetch it again"
    with report_read_errors(path, wanted), h5py.File(path, "r") as file:
        yield file


def _array(path: Path, file: h5py.File, name: str) -> NDArray[np.generic]:
    if name not in file:
        found = ", ".join(file) or "nothing"
        raise DataError(f"{path}: {name!r} cannot be read, it is not there; found {found}")
    return np.asarray(safe_dataset(file, name)[()])


def _codes(path: Path, file: h5py.File) -> NDArray[np.int64]:
    """``id``, (1, N), or less deep for one instance."""
    codes = _array(path, file, "id").ravel()
    for code in codes:
        if code not in CODES:
            raise DataError(
                f"{path}: id: {code!s} is no code of an actor and its action; wanted such as 11 or 78"
            )
    return codes.astype(np.int64)


def _size(path: Path, file: h5py.File) -> tuple[int, int] | None:
    """The last two sides of ``reMask``, (N, W, H) or (W, H): MATLAB's order turned round."""
    if "reMask" not in file:
        return None
    shape: tuple[int, ...] = safe_dataset(file, "reMask").shape or ()
    if len(shape) not in (2, 3):
        raise DataError(f"{path}: reMask: found the shape {shape}; wanted (N, width, height)")
    return int(shape[-2]), int(shape[-1])


def _boxes(path: Path, file: h5py.File, count: int) -> NDArray[np.float32]:
    """``reBBox``, (4, N) x1, y1, x2, y2, one-dimensional for one instance."""
    found = _array(path, file, "reBBox").astype(np.float32)
    # (N, 4) is in no published file, and could not be told from (4, N) of four instances
    if found.size != 4 * count or (count > 1 and found.shape != (4, count)):
        raise DataError(
            f"{path}: reBBox: found the shape {found.shape} for {count} codes; wanted (4, {count})"
        )
    boxes = found.reshape(4, count).T
    if not np.isfinite(boxes).all() or (boxes[:, 2:] < boxes[:, :2]).any():
        raise DataError(f"{path}: reBBox: wanted x1 <= x2 and y1 <= y2; found {boxes.tolist()}")
    return boxes - np.array([1, 1, 0, 0], np.float32)


def _around_masks(path: Path, file: h5py.File, count: int) -> NDArray[np.float32]:
    masks = _array(path, file, "reMask")
    masks = masks[None] if masks.ndim == 2 else masks
    if len(masks) != count:
        raise DataError(f"{path}: reMask: {len(masks)} masks for {count} codes in 'id'")
    boxes = np.zeros((count, 4), np.float32)
    for box, mask in zip(boxes, masks, strict=True):
        x, y = np.nonzero(mask)
        if not len(x):
            raise DataError(f"{path}: reMask: a mask is empty, so that its instance has no box")
        box[:] = x.min(), y.min(), x.max() + 1, y.max() + 1
    return boxes
