"""Which videos the demo has: light enough to be asked while a run is planned."""

from typing import Annotated

import numpy as np

from actorsup.config.fields import Boolean, Count, Natural, affects, settings

CLASSES = ("crawl", "handstand", "jumping jack", "kick", "sit-up", "squat")
"""The demo's action classes; each is a set of poses of its own, in ``poses.ACTIONS``."""

FILLS = (78, 101, 178, 184, 203, 181, 167, 140, 132, 124, 104, 113, 91, 81, 106, 72, 85, 86, 62, 42, 2128)
"""How much of a video a real action fills: of THUMOS13's 4,458 tubes (its corrected annotations, all
splits), how many fill 0 to 5 % of their video's frames, 5 to 10 %, ..., below 100 %, and all of them."""


_ALL = affects("make_demo_videos", "make_demo_images", "make_demo_sequences")
_VIDEOS = affects("make_demo_videos")


@settings
class DemoSettings:
    """What the demo makes."""

    train: Annotated[Natural, _VIDEOS] = 216
    """Number of training videos; the six classes are equally frequent."""
    test: Annotated[Natural, _VIDEOS] = 48
    """Number of test videos; the six classes are equally frequent."""
    frames: Annotated[Count, _VIDEOS] = 32
    """Length of a video. Unit: frames."""
    width: Annotated[Count, _ALL] = 160
    """Width of a frame. Unit: pixels."""
    height: Annotated[Count, _ALL] = 120
    """Height of a frame. Unit: pixels."""
    fps: Annotated[Count, _VIDEOS] = 16
    """Frame rate in the header of a video. Unit: frames per second."""
    stills: Annotated[Count, affects("make_demo_images")] = 1600
    """Number of images that the detector is trained on."""
    sequences: Annotated[Count, affects("make_demo_sequences")] = 60
    """Number of sequences that the Siamese network is trained on."""
    sequence_frames: Annotated[Count, affects("make_demo_sequences")] = 22
    """Length of a sequence. Unit: frames."""
    untrimmed: Annotated[Boolean, _VIDEOS] = False
    """Whether actions fill only a part of their video, drawn from ``FILLS``, with an idle actor before and
    after, and half of the videos have a second actor with another action."""
    seed: Annotated[Natural, _ALL] = 0
    """Seed of all random numbers; another seed makes another data set."""


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
