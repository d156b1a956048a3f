"""Read an annotated frame of A2D: its instances, each with the code of its actor and action."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.hdf5_files import open_hdf5
from actorsup.artifacts.safe_hdf5 import safe_dataset
from actorsup.errors import DataError, report_read_errors

ACTORS = ("adult", "baby", "ball", "bird", "car", "cat", "dog")
"""Names of the actors with the numbers 1 to 7 (tens digit of a code)."""

ACTIONS = ("climbing", "crawling", "eating", "flying", "jumping", "rolling", "running", "walking", "none")
"""Names of the actions with the numbers 1 to 9 (last digit of a code); ``none``: no action."""

CODES = (
    *(11, 12, 13, 15, 16, 17, 18, 19, 21, 22, 26, 28, 29, 34, 35, 36, 39, 41, 43, 44, 45, 46, 48, 49),
    *(54, 55, 56, 57, 59, 61, 63, 65, 66, 67, 68, 69, 72, 73, 75, 76, 77, 78, 79),
)
"""The 43 valid codes, 10 * actor + action; other pairs, such as an eating car, do not occur."""

ANNOTATION_SUFFIXES = (".mat", ".h5")
"""Suffixes of annotation files: ``.mat`` of A2D, ``.h5`` of A2D Sentences, which also has instance ids."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class AnnotatedFrame:
    """The N annotated instances of one video frame.

    Attributes:
        codes: (N,) int64 codes of actor and action, elements of ``CODES``.
        boxes: (N, 4) float32 xyxy boxes in 0-based pixels of the annotated frame.
        instances: (N,) int64 ids of the instances, constant throughout the video; None if the file has no
            instance ids.
        size: Width and height of the annotated frame in pixels; None if the file does not state them.
    """

    codes: NDArray[np.int64]
    boxes: NDArray[np.float32]
    instances: NDArray[np.int64] | None
    size: tuple[int, int] | None


def class_name(code: int) -> str:
    """Return the class name of a code: actor and action, such as ``dog-running``."""
    return f"{ACTORS[code // 10 - 1]}-{ACTIONS[code % 10 - 1]}"


def is_action(code: int) -> bool:
    """Return True if the action of a code is not ``none``."""
    return code % 10 != len(ACTIONS)


def read_codes(path: Path) -> list[int]:
    """Read the codes of a frame's instances, without boxes and masks.

    Raises:
        DataError: The file is missing or damaged, or has an invalid code.
    """
    with _open_file(path) as file:
        return [int(code) for code in _valid_codes(path, file)]


def read_frame(path: Path) -> AnnotatedFrame:
    """Read the instances of a frame, with the boxes of the file or else the tight boxes of its masks.

    MATLAB's boxes are 1-based and include the last pixel, so 1 is subtracted from x1 and y1 only.

    Raises:
        DataError: The file is missing or damaged, has an invalid code, has neither boxes nor masks, or has
            a different number of codes than of boxes or masks.
    """
    with _open_file(path) as file:
        codes = _valid_codes(path, file)
        size = _frame_size(path, file)
        if "reBBox" in file:
            boxes = _stored_boxes(path, file, len(codes))
        elif size is not None:
            boxes = _mask_boxes(path, file, len(codes))
        else:
            raise DataError(f"{path}: has neither 'reBBox' nor 'reMask'; found {', '.join(file)}")
        instances = (
            _read_array(path, file, "instance").ravel().astype(np.int64) if "instance" in file else None
        )
    if instances is None:
        return AnnotatedFrame(codes, boxes, None, size)
    num_instances = len(instances)
    if num_instances > len(codes):
        raise DataError(f"{path}: instance: {num_instances} numbers for {len(codes)} codes in 'id'")
    if num_instances < len(codes):
        _LOG.warning("%s: using the %d of %d instances that have a number", path, num_instances, len(codes))
    return AnnotatedFrame(codes[:num_instances], boxes[:num_instances], instances, size)


@contextmanager
def _open_file(path: Path) -> Iterator[h5py.File]:
    problem = "cannot be read; wanted a MATLAB 7.3 file, which is HDF5; download it again"
    with report_read_errors(path, problem), open_hdf5(path, problem) as file:
        yield file


def _read_array(path: Path, file: h5py.File, name: str) -> NDArray[np.generic]:
    if name not in file:
        raise DataError(f"{path}: {name!r} is missing; found {', '.join(file) or 'nothing'}")
    return np.asarray(safe_dataset(file, name)[()])


def _valid_codes(path: Path, file: h5py.File) -> NDArray[np.int64]:
    """Read and check ``id``: (1, N) codes, or fewer dimensions for one instance."""
    codes = _read_array(path, file, "id").ravel()
    for code in codes:
        if code not in CODES:
            raise DataError(
                f"{path}: id: {code!s} is not a code of an actor and an action; wanted one such as 11 or 78"
            )
    return codes.astype(np.int64)


def _frame_size(path: Path, file: h5py.File) -> tuple[int, int] | None:
    """Return width and height from the shape of ``reMask``: (N, W, H) or (W, H), MATLAB's axes reversed."""
    if "reMask" not in file:
        return None
    shape: tuple[int, ...] = safe_dataset(file, "reMask").shape or ()
    if len(shape) not in (2, 3):
        raise DataError(f"{path}: reMask: found the shape {shape}; wanted (N, width, height)")
    return int(shape[-2]), int(shape[-1])


def _stored_boxes(path: Path, file: h5py.File, num_instances: int) -> NDArray[np.float32]:
    """Read and check ``reBBox``: x1, y1, x2, y2 of shape (4, N), or (4,) for one instance."""
    array = _read_array(path, file, "reBBox").astype(np.float32)
    # the shape (N, 4) would be ambiguous for four instances; no published file has it
    if array.size != 4 * num_instances or (num_instances > 1 and array.shape != (4, num_instances)):
        raise DataError(
            f"{path}: reBBox: found the shape {array.shape} for {num_instances} codes; "
            f"wanted (4, {num_instances})"
        )
    boxes = array.reshape(4, num_instances).T
    if not np.isfinite(boxes).all() or (boxes[:, 2:] < boxes[:, :2]).any():
        raise DataError(f"{path}: reBBox: wanted x1 <= x2 and y1 <= y2; found {boxes.tolist()}")
    return boxes - np.array([1, 1, 0, 0], np.float32)


def _mask_boxes(path: Path, file: h5py.File, num_instances: int) -> NDArray[np.float32]:
    masks = _read_array(path, file, "reMask")
    masks = masks[None] if masks.ndim == 2 else masks
    if len(masks) != num_instances:
        raise DataError(f"{path}: reMask: {len(masks)} masks for {num_instances} codes in 'id'")
    boxes = np.zeros((num_instances, 4), np.float32)
    for box, mask in zip(boxes, masks, strict=True):
        x, y = np.nonzero(mask)
        if not len(x):
            raise DataError(f"{path}: reMask: a mask is empty, so its instance has no box")
        box[:] = x.min(), y.min(), x.max() + 1, y.max() + 1
    return boxes
