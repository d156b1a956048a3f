"""Which videos the demo has: light enough to be asked while a run is planned."""

from dataclasses import dataclass

import numpy as np

CLASSES = ("crawl", "handstand", "jumping jack", "kick", "sit-up", "squat")
"""The demo's action classes; each is a set of poses of its own, in ``poses.ACTIONS``."""

FILLS = (78, 101, 178, 184, 203, 181, 167, 140, 132, 124, 104, 113, 91, 81, 106, 72, 85, 86, 62, 42, 2128)
"""How much of a video a real action fills: of THUMOS13's 4,458 tubes (its corrected annotations, all
splits), how many fill 0 to 5 % of their video's frames, 5 to 10 %, ..., below 100 %, and all of them."""


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
        untrimmed: Whether an action fills a part of its video, drawn from ``FILLS``, its actor idling
            before and after, and half of the videos have a second actor, who does another one.
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
    untrimmed: bool = False
    seed: int = 0


def demo_records(settings: DemoSettings) -> list[tuple[str, tuple[str, ...], str]]:
    """The id, action classes and split of every video, training videos first.

    Each split holds its classes equally often (or once less) as the first of a video, in an order of
    its own, so that neither an id nor its place in the list tells the class.
    """
    rng = np.random.default_rng([settings.seed, 0])
    other = np.random.default_rng([settings.seed, 0, 1])
    records: list[tuple[str, tuple[str, ...], str]] = []
    for split, count in (("train", settings.train), ("test", settings.test)):
        for label in rng.permutation(np.resize(CLASSES, count)).tolist():
            labels: tuple[str, ...] = (label,)
            if settings.untrimmed and other.random() < 0.5:
                labels = (label, str(other.choice([name for name in CLASSES if name != label])))
            records.append((f"videos/v_{len(records):04d}", labels, split))
    return records
