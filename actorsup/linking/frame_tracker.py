"""A base class for trackers that follow one target from frame to frame."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.images import Image
from actorsup.linking.base import Seed, Track


class FrameTracker(ABC):
    """Implements ``Tracker`` by two methods, ``init`` and ``update`` (as in the GOT-10k toolkit).

    Each seed is tracked from its frame to the end of the video, then from its frame to the beginning.
    """

    @abstractmethod
    def init(self, frame: Image, box: NDArray[np.float32]) -> None:
        """Start tracking a target.

        Args:
            frame: (H, W, 3) uint8 RGB.
            box: (4,) float32 xyxy of the target in this frame, pixels.
        """

    @abstractmethod
    def update(self, frame: Image) -> tuple[Sequence[float] | NDArray[np.floating], float]:
        """Find the target in the next frame.

        Args:
            frame: (H, W, 3) uint8 RGB: the following frame, or the preceding one when tracking backward.

        Returns:
            Its box, xyxy in pixels, and a confidence in [0, 1].
        """

    def track(self, seeds: Sequence[Seed]) -> list[Track]:
        """Return one track per seed, in the same order."""
        return [self._track(seed) for seed in seeds]

    def _track(self, seed: Seed) -> Track:
        count = len(seed.images)
        track = Track(np.tile(seed.box, (count, 1)), np.ones(count, np.float32))
        for frames in (range(seed.frame + 1, count), range(seed.frame - 1, -1, -1)):
            self.init(seed.images[seed.frame], seed.box)
            for frame in frames:
                track.boxes[frame], track.score[frame] = self.update(seed.images[frame])
        return track
