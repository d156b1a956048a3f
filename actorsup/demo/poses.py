"""Poses of the demo's actors: the direction of each bone of a shared skeleton.

A pose is ten angles in degrees, one per bone: 0 points down, 90 forward, 180 up, -90 back; no angle is
relative to another bone. In an action, an actor moves back and forth between two poses, so only the poses
identify its class: direction, order and tempo do not.
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

BONES = (
    "torso",  # from the pelvis to the neck
    "head",  # from the neck
    "far upper arm",
    "far forearm",
    "near upper arm",
    "near forearm",
    "far thigh",
    "far shank",
    "near thigh",
    "near shank",
)

Pose = tuple[float, ...]

ACTIONS: dict[str, tuple[Pose, Pose]] = {
    "crawl": (
        (98, 120, 28, 10, -22, -12, -20, -82, 30, -78),
        (94, 115, -22, -12, 28, 10, 30, -78, -20, -82),
    ),
    "handstand": (
        (2, 0, -16, -10, 16, 10, 158, 166, 202, 194),
        (-2, 0, -16, -10, 16, 10, 100, 104, 260, 256),
    ),
    "jumping jack": (
        (180, 180, -152, -162, 152, 162, -40, -36, 40, 36),
        (180, 180, -132, -144, 132, 144, -26, -22, 26, 22),
    ),
    "kick": (
        (206, 196, -80, -60, 70, 95, 2, -6, 108, 104),
        (198, 190, -60, -40, 85, 110, 6, -4, 78, 82),
    ),
    "sit-up": (
        (-92, -98, -105, -110, -100, -106, 138, 40, 128, 32),
        (-142, -150, 95, 92, 102, 98, 134, 38, 124, 30),
    ),
    "squat": (
        (180, 180, -84, -84, 84, 84, -84, -4, 84, 4),
        (180, 180, -76, -96, 76, 96, -70, -2, 70, 2),
    ),
}

IDLING: dict[str, tuple[Pose, Pose]] = {
    "stand": (
        (180, 180, -10, -6, 10, 14, -5, -5, 5, 5),
        (177, 184, -5, 2, 6, 18, -6, -5, 6, 5),
    ),
    "walk": (
        (176, 178, 28, 42, -28, -14, -26, -38, 24, 12),
        (176, 178, -28, -14, 28, 42, 24, 12, -26, -38),
    ),
    "hands on hips": (
        (180, 184, -48, 40, 48, -40, -10, -8, 10, 8),
        (184, 176, -52, 44, 52, -44, -12, -8, 8, 6),
    ),
    "telephone": (
        (178, 188, -8, -4, 40, 160, -6, -6, 6, 4),
        (182, 180, -6, -2, 52, 168, -4, -6, 8, 4),
    ),
    "carry": (
        (186, 182, 20, 80, 14, 76, -8, -8, 8, 6),
        (184, 180, 24, 88, 18, 84, -4, -6, 6, 4),
    ),
}
"""Idle poses, of no action class: upright on both legs, hands mostly below shoulder height."""


def cycle(rng: Generator, poses: tuple[Pose, Pose], frames: int) -> NDArray[np.float64]:
    """Angles (frames, 10) in degrees of an actor moving back and forth between two poses.

    Poses, phase and period (14 to 26 frames) vary at random.
    """
    first, second = np.asarray(poses) + rng.normal(0, 4, (1, len(BONES))) + rng.normal(0, 2, (2, len(BONES)))
    phase = rng.uniform(0, 2 * np.pi) + 2 * np.pi * np.arange(frames) / rng.uniform(14, 26)
    share = 0.5 - 0.5 * np.cos(phase)[:, None]
    return first * (1 - share) + second * share


def spell(
    acting: NDArray[np.float64], idling: NDArray[np.float64], interval: tuple[int, int]
) -> NDArray[np.float64]:
    """Angles (frames, 10) of an actor who acts within an interval of frames and idles outside it.

    The two frames before and after the interval blend between both.
    """
    frame = np.arange(len(acting))
    away = np.maximum(interval[0] - frame, frame - (interval[1] - 1))
    share = np.clip(1 - away / 3, 0, 1)[:, None]
    return acting * share + idling * (1 - share)


def random_pose(rng: Generator) -> Pose:
    """Draw a pose: a body at any angle, with its limbs anywhere that the joints allow."""
    torso = 180 + rng.choice([0.0, rng.uniform(-180, 180)], p=[0.4, 0.6])
    arms = torso + 180 + rng.uniform(-170, 170, 2)
    thighs = torso + 180 + rng.uniform(-70, 130, 2)
    forearms, shanks = arms + rng.uniform(-10, 110, 2), thighs - rng.uniform(-5, 120, 2)
    limbs = (arms[0], forearms[0], arms[1], forearms[1], thighs[0], shanks[0], thighs[1], shanks[1])
    return (torso, torso + rng.uniform(-25, 25), *limbs)
