"""Which videos the demo has: light enough to be asked while a run is planned."""

from dataclasses import dataclass

import numpy as np

CLASSES = ("crawl", "handstand", "jumping jack", "kick", "sit-up", "squat")
"""The demo's action classes; each is a set of poses of its own, in ``poses.ACTIONS``."""


@dataclass(frozen=True)
class DemoSettings:
    """What the demo makes.

    Attributes:
        train: Number of training videos, at least one a class.
        test: Number of test videos, at least one a class.
        frames: Frames of a video.
        width: Of a frame, in pixels.
        height: Of a frame, in pixels.
        fps: Frames a second that a video's header says.
        stills: Images to train the detector on.
        sequences: Sequences to train the Siamese network on.
        sequence_frames: Frames of a sequence.
        seed: Of everything; another seed makes another data set.
    """

    train: int = 216
    test: int = 48
    frames: int = 32
    width: int = 160
    height: int = 120
    fps: int = 16
    stills: int = 1600
    sequences: int = 60
    sequence_frames: int = 22
    seed: int = 0


def demo_records(settings: DemoSettings) -> list[tuple[str, str, str]]:
    """The id, action class and split of every video, training videos first.

    Each split holds its classes equally often (or once less), in an order of its own, so that
    neither an id nor its place in the list tells the class.
    """
    rng = np.random.default_rng([settings.seed, 0])
    records: list[tuple[str, str, str]] = []
    for split, count in (("train", settings.train), ("test", settings.test)):
        labels = rng.permutation(np.resize(CLASSES, count))
        for label in labels:
            records.append((f"videos/v_{len(records):04d}", str(label), split))
    return records
