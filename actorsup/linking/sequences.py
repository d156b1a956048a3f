"""Sequences of one tracked target each, in GOT-10k's published layout."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from actorsup.boxes import area, xywh_to_xyxy
from actorsup.detection.base import Image
from actorsup.errors import DataError

_KEPT_BYTES = 1 << 30
"""Decoded frames that are kept; what is beyond is read again."""


@dataclass(frozen=True)
class Sequence:
    """A sequence and where its target is.

    Attributes:
        paths: N frames, in order.
        boxes: (N, 4) float32 xyxy in pixels.
        usable: The frames that show the target, ascending.
    """

    paths: tuple[Path, ...]
    boxes: NDArray[np.float32]
    usable: NDArray[np.int64]


class Sequences:
    """A folder of sequences: ``list.txt`` names them, each is a folder.

    In each: ``00000001.jpg`` and so on, ``groundtruth.txt`` with ``x,y,w,h`` a frame, and
    perhaps ``absence.label`` with 1 where the target is not to be seen.

    Args:
        root: The folder.

    Attributes:
        sequences: Those that show their target at least once.

    Raises:
        DataError: A file is missing or cannot be read.
    """

    def __init__(self, root: Path) -> None:
        listed = root / "list.txt"
        if not listed.is_file():
            raise DataError(f"{listed}: no such file; wanted a tracking set in GOT-10k's layout")
        names = listed.read_text(encoding="utf-8").split()
        sequences = [_read_sequence(root / name) for name in names]
        self.sequences = [sequence for sequence in sequences if len(sequence.usable)]
        if not self.sequences:
            raise DataError(f"{listed}: no sequence with a target; wanted at least one")
        self._kept: dict[Path, Image] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self.sequences)

    def image(self, sequence: int, frame: int) -> Image:
        """A frame, (H, W, 3) uint8 RGB, decoded once as long as memory for it is left.

        Raises:
            DataError: It cannot be read.
        """
        path = self.sequences[sequence].paths[frame]
        if path in self._kept:
            return self._kept[path]
        decoded = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if decoded is None:
            raise DataError(f"{path}: a frame that is missing or no image")
        image = np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)
        if self._bytes + image.nbytes <= _KEPT_BYTES:
            self._kept[path] = image
            self._bytes += image.nbytes
        return image


def _read_sequence(folder: Path) -> Sequence:
    truth = folder / "groundtruth.txt"
    boxes = xywh_to_xyxy(_numbers(truth, 4)).astype(np.float32)
    usable = np.isfinite(boxes).all(1) & (area(boxes) > 0)
    absence = folder / "absence.label"
    if absence.is_file():
        absent = _numbers(absence, 1)[:, 0] != 0
        if len(absent) != len(boxes):
            raise DataError(f"{absence}: {len(absent)} lines, but groundtruth.txt has {len(boxes)}")
        usable &= ~absent
    paths = tuple(sorted(folder.glob("*.jpg")))
    if len(paths) != len(boxes):
        raise DataError(f"{truth}: {len(boxes)} lines, but the folder has {len(paths)} frames (*.jpg)")
    return Sequence(paths, boxes, np.flatnonzero(usable))


def _numbers(path: Path, columns: int) -> NDArray[np.float64]:
    try:
        table = np.loadtxt(path, np.float64, delimiter=",", ndmin=2)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as lines of {columns} numbers ({error})") from error
    if table.shape[1] != columns:
        raise DataError(f"{path}: {table.shape[1]} numbers a line, wanted {columns}")
    return table
