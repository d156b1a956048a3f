"""Sequences with one tracked target each, for training and measuring the Siamese network."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.images import Image
from actorsup.boxes import area
from actorsup.detection.images import ImageCache

_CACHE_BYTES = 1 << 30


@dataclass(frozen=True)
class Sequence:
    """A sequence of images and the boxes of its target.

    Attributes:
        name: The name of the sequence in its set.
        paths: N image files, in order.
        frame: (N,) int64 frame number of each image in its video, ascending.
        boxes: (N, 4) float32 xyxy in pixels.
        usable: Indices of the images that show the target, ascending.
    """

    name: str
    paths: tuple[Path, ...]
    frame: NDArray[np.int64]
    boxes: NDArray[np.float32]
    usable: NDArray[np.int64]


class Sequences:
    """Sequences and their images; decoded images are kept in memory up to 1 GiB.

    Args:
        sequences: Sequences; those that never show their target are left out.

    Attributes:
        sequences: The remaining sequences.
    """

    def __init__(self, sequences: list[Sequence]) -> None:
        self.sequences = [sequence for sequence in sequences if len(sequence.usable)]
        self._cache = ImageCache(_CACHE_BYTES)

    def __len__(self) -> int:
        return len(self.sequences)

    def image(self, sequence: int, index: int) -> Image:
        """Return an image of a sequence, (H, W, 3) uint8 RGB.

        Raises:
            DataError: The file is missing or not an image.
        """
        return self._cache.read(self.sequences[sequence].paths[index])


def usable_boxes(boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which of the boxes (N, 4) are finite and have an area, (N,)."""
    return np.isfinite(boxes).all(1) & (area(boxes) > 0)
