"""Pairs of an exemplar and a search region that the Siamese network is trained on."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from actorsup.artifacts.images import Image
from actorsup.linking.settings import SiameseTrainingSettings
from actorsup.linking.siamese.crops import context_side, crop, mean_colour
from actorsup.linking.siamese.sequences import Sequence, Sequences


@dataclass(frozen=True)
class Pairs:
    """A batch of B pairs.

    Attributes:
        exemplars: (B, z, z, 3) uint8, the target in the middle.
        searches: (B, x, x, 3) uint8.
        offset: (B, 2) float32, x and y of the target from the search region's middle, in cells
            of the response.
    """

    exemplars: NDArray[np.uint8]
    searches: NDArray[np.uint8]
    offset: NDArray[np.float32]


class PairMaker:
    """Makes pairs of two frames of one sequence, with small random changes of place, size and color.

    Args:
        sequences: The sequences.
        settings: The amounts of change.
        sizes: Sides of exemplar and search region in pixels, and the trunk's stride.
    """

    def __init__(
        self, sequences: Sequences, settings: SiameseTrainingSettings, sizes: tuple[int, int, int]
    ) -> None:
        self._sequences, self._settings = sequences, settings
        self._exemplar_size, self._search_size, self._stride = sizes

    def make(self, chosen: NDArray[np.int64], random: Generator) -> Pairs:
        """Return one pair for each index in ``chosen``, which may contain an index more than once."""
        count, z, x = len(chosen), self._exemplar_size, self._search_size
        pairs = Pairs(
            np.empty((count, z, z, 3), np.uint8),
            np.empty((count, x, x, 3), np.uint8),
            random.uniform(-1, 1, (count, 2)).astype(np.float32) * np.float32(self._settings.shift),
        )
        for row, index in enumerate(chosen):
            sequence = self._sequences.sequences[index]
            first = int(random.choice(sequence.usable))
            second = self._partner(sequence, first, random)
            self._cut(int(index), first, pairs.exemplars[row], np.zeros(2, np.float32), random)
            self._cut(int(index), second, pairs.searches[row], pairs.offset[row], random)
            if random.random() < 0.5:
                pairs.exemplars[row] = pairs.exemplars[row, :, ::-1].copy()
                pairs.searches[row] = pairs.searches[row, :, ::-1].copy()
                pairs.offset[row, 0] *= -1
        return pairs

    def _partner(self, sequence: Sequence, first: int, random: Generator) -> int:
        """Return another image at most ``gap`` frames away, as in SiamFC, or the same if there is none."""
        apart = np.abs(sequence.frame[sequence.usable] - sequence.frame[first])
        others = sequence.usable[(apart <= self._settings.gap) & (sequence.usable != first)]
        return int(random.choice(others)) if len(others) else first

    def _cut(
        self,
        index: int,
        frame: int,
        output: NDArray[np.uint8],
        offset: NDArray[np.float32],
        random: Generator,
    ) -> None:
        """Cut the region of a frame in which the target lies at ``offset`` (x and y, in cells)."""
        image = self._sequences.image(index, frame)
        box = self._sequences.sequences[index].boxes[frame].astype(np.float64)
        stretch = 1 + random.uniform(-1, 1) * self._settings.stretch
        side = float(context_side(box[2:] - box[:2], self._settings.context))
        side *= stretch * len(output) / self._exemplar_size
        centre = (box[:2] + box[2:]) / 2 - offset * self._stride * side / len(output)
        crop(image, centre, side, mean_colour(image), output)
        output[:] = self._jittered(output, random)

    def _jittered(self, image: Image, random: Generator) -> Image:
        """Return the image with random brightness and contrast."""
        contrast, brightness = 1 + random.uniform(-1, 1, 2) * self._settings.jitter
        middle = image.mean()
        changed = (image - middle) * contrast + middle * brightness
        return np.clip(changed, 0, 255).astype(np.uint8)
