"""The type ``static``: a box that never moves, the baseline that every tracker has to beat."""

from collections.abc import Sequence

import numpy as np

from actorsup.linking.base import Seed, Track, TrackerType
from actorsup.linking.settings import TrackingSection


class StaticTracker:
    """Keeps the seed's box in every frame, with the score 1."""

    def track(self, seeds: Sequence[Seed]) -> list[Track]:
        """Return one track per seed, in the same order."""
        return [
            Track(np.tile(seed.box, (len(seed.images), 1)), np.ones(len(seed.images), np.float32))
            for seed in seeds
        ]


TYPE = TrackerType(lambda settings, weights, device: StaticTracker(), TrackingSection)
