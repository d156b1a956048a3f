"""Sequences of one tracked target each: what the Siamese network is trained on and measured with."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.images import Image
from actorsup.boxes import area
from actorsup.errors import DataError

_KEPT_BYTES = 1 << 30
"""Decoded frames that are kept; what is beyond is read again."""


@dataclass(frozen=True)
class Sequence:
    """A sequence and where its target is.

    Attributes:
        name: What it is called in its set.
        paths: N images, in order.
        frame: (N,) int64, the number of each image in its video, ascending.
        boxes: (N, 4) float32 xyxy in pixels.
        usable: The images that show the target, as indices, ascending.
    """

    name: str
    paths: tuple[Path, ...]
    frame: NDArray[np.int64]
    boxes: NDArray[np.float32]
    usable: NDArray[np.int64]


class Sequences:
    """The images of sequences, decoded once as long as memory for them is left.

    Args:
        sequences: Those that show their target at least once are kept.

    Attributes:
        sequences: The kept ones.
    """

    def __init__(self, sequences: list[Sequence]) -> None:
        self.sequences = [sequence for sequence in sequences if len(sequence.usable)]
        self._kept: dict[Path, Image] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self.sequences)

    def image(self, sequence: int, index: int) -> Image:
        """An image of a sequence, (H, W, 3) uint8 RGB.

        Raises:
            DataError: It cannot be read.
        """
        path = self.sequences[sequence].paths[index]
        if path in self._kept:
            return self._kept[path]
        image = read_image(path)
        if self._bytes + image.nbytes <= _KEPT_BYTES:
            self._kept[path] = image
            self._bytes += image.nbytes
        return image


def read_image(path: Path) -> Image:
    """An image file as (H, W, 3) uint8 RGB.

    Raises:
        DataError: It cannot be read.
    """
    decoded = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if decoded is None:
        raise DataError(f"{path}: a frame that is missing or no image")
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def usable_boxes(boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(N,) which of boxes (N, 4) are finite and of some area."""
    return np.isfinite(boxes).all(1) & (area(boxes) > 0)
