"""A base class for trackers that follow one target from frame to frame."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from actorsup.detection.base import Image
from actorsup.linking.base import Seed, Track


class FrameTracker(ABC):
    """Implements ``Tracker`` with two methods: ``init`` and ``update`` (those of GOT-10k's toolkit).

    Each seed is followed from its frame to the end of the video, then from its frame to the beginning.
    """

    @abstractmethod
    def init(self, frame: Image, box: NDArray[np.float32]) -> None:
        """Start on a target.

        Args:
            frame: (H, W, 3) uint8 RGB.
            box: (4,) float32 xyxy of the target in this frame, pixels.
        """

    @abstractmethod
    def update(self, frame: Image) -> tuple[Sequence[float] | NDArray[np.floating], float]:
        """Find the target in the next frame.

        Args:
            frame: (H, W, 3) uint8 RGB, the frame after the one before, or before it when tracking backward.

        Returns:
            Its box, xyxy in pixels, and how certain that is, in [0, 1].
        """

    def track(self, seeds: Sequence[Seed]) -> list[Track]:
        """One track a seed, in the same order."""
        return [self._track(seed) for seed in seeds]

    def _track(self, seed: Seed) -> Track:
        count = len(seed.images)
        track = Track(np.tile(seed.box, (count, 1)), np.ones(count, np.float32))
        self._follow(seed, range(seed.frame + 1, count), track)
        self._follow(seed, range(seed.frame - 1, -1, -1), track)
        return track

    def _follow(self, seed: Seed, frames: Iterable[int], track: Track) -> None:
        """Track through ``frames``, in that order, into the rows of ``track``."""
        self.init(seed.images[seed.frame], seed.box)
        for frame in frames:
            track.boxes[frame], track.score[frame] = self.update(seed.images[frame])
