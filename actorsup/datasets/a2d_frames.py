"""One annotated frame of A2D: its instances, each with the code of its actor and action."""

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
"""Actions 1 to 9 of the codes; ``none`` marks an actor that performs no action."""

CODES = (
    *(11, 12, 13, 15, 16, 17, 18, 19, 21, 22, 26, 28, 29, 34, 35, 36, 39, 41, 43, 44, 45, 46, 48, 49),
    *(54, 55, 56, 57, 59, 61, 63, 65, 66, 67, 68, 69, 72, 73, 75, 76, 77, 78, 79),
)
"""The 43 valid codes, actor * 10 + action; other pairs, such as an eating car, do not occur."""

SUFFIXES = (".mat", ".h5")
"""Suffixes of the authors' files, and of A2D Sentences, whose files number the instances."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class AnnotatedFrame:
    """The N instances of one frame.

    Attributes:
        codes: (N,) int64, of ``CODES``.
        boxes: (N, 4) float32 xyxy in 0-based pixels of the annotation.
        instances: (N,) int64 numbers that identify an instance throughout the video; None if the file has
            none.
        size: Width and height of the annotated frame in pixels; None if the file does not state them.
    """

    codes: NDArray[np.int64]
    boxes: NDArray[np.float32]
    instances: NDArray[np.int64] | None
    size: tuple[int, int] | None


def name_of(code: int) -> str:
    """Return the class name of a code, such as ``dog-running``."""
    return f"{ACTORS[code // 10 - 1]}-{ACTIONS[code % 10 - 1]}"


def is_action(code: int) -> bool:
    """Return whether the actor of a code performs an action."""
    return code % 10 != len(ACTIONS)


def read_codes(path: Path) -> list[int]:
    """Read the codes of a frame's instances; no box or mask is read.

    Raises:
        DataError: The file cannot be used.
    """
    with _opened(path) as file:
        return [int(code) for code in _codes(path, file)]


def read_frame(path: Path) -> AnnotatedFrame:
    """Read the instances of a frame, with the file's boxes or, without them, boxes around its masks.

    MATLAB's boxes count pixels from 1 and include the last: 1 is subtracted from x1 and y1 only.

    Raises:
        DataError: The file is missing, damaged, has different numbers of codes than of boxes or masks, an
            invalid code, or neither boxes nor masks.
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
    count = len(instances)
    if count > len(codes):
        raise DataError(f"{path}: instance: {count} numbers for {len(codes)} codes in 'id'")
    if count < len(codes):
        _LOG.warning("%s: using the %d of %d instances that have a number", path, count, len(codes))
    return AnnotatedFrame(codes[:count], boxes[:count], instances, size)


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    wanted = "cannot be read; wanted a MATLAB 7.3 file, which is HDF5; download it again"
    with report_read_errors(path, wanted), h5py.File(path, "r") as file:
        yield file


def _array(path: Path, file: h5py.File, name: str) -> NDArray[np.generic]:
    if name not in file:
        raise DataError(f"{path}: {name!r} is missing; found {', '.join(file) or 'nothing'}")
    return np.asarray(safe_dataset(file, name)[()])


def _codes(path: Path, file: h5py.File) -> NDArray[np.int64]:
    """``id``: (1, N), or fewer dimensions for one instance."""
    codes = _array(path, file, "id").ravel()
    for code in codes:
        if code not in CODES:
            raise DataError(
                f"{path}: id: {code!s} is not a code of an actor and an action; wanted one such as 11 or 78"
            )
    return codes.astype(np.int64)


def _size(path: Path, file: h5py.File) -> tuple[int, int] | None:
    """The last two sides of ``reMask``, (N, W, H) or (W, H): MATLAB's axes reversed."""
    if "reMask" not in file:
        return None
    shape: tuple[int, ...] = safe_dataset(file, "reMask").shape or ()
    if len(shape) not in (2, 3):
        raise DataError(f"{path}: reMask: found the shape {shape}; wanted (N, width, height)")
    return int(shape[-2]), int(shape[-1])


def _boxes(path: Path, file: h5py.File, count: int) -> NDArray[np.float32]:
    """``reBBox``: (4, N) x1, y1, x2, y2, or one-dimensional for one instance."""
    found = _array(path, file, "reBBox").astype(np.float32)
    # no published file has (N, 4), which is ambiguous for four instances
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
            raise DataError(f"{path}: reMask: a mask is empty, so its instance has no box")
        box[:] = x.min(), y.min(), x.max() + 1, y.max() + 1
    return boxes
