"""Actors: persons and teddy bears on a shared skeleton, in any pose and clothing."""

import colorsys
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from actorsup.artifacts.images import Image
from actorsup.coco import ID_OF
from actorsup.demo.sprites import Sprite, shaded, texture


@dataclass(frozen=True)
class Body:
    """Proportions of one kind of actor; lengths and radii as fractions of the standing height.

    Attributes:
        bones: Lengths of torso, neck to center of the head, upper arm, forearm, thigh, shank.
        hips: Half the distance between the hips.
        shoulders: Half the distance between the shoulders.
        foot: Length of a foot.
        ears: Distance of the ears from the center of the head; 0 hides them.
        radii: Radii at both ends of torso, head, upper arm, forearm, thigh, shank, foot, ear.
    """

    bones: tuple[float, ...]
    hips: float
    shoulders: float
    foot: float
    ears: float
    radii: tuple[tuple[float, float], ...]


PERSON = Body(
    bones=(0.28, 0.12, 0.17, 0.16, 0.23, 0.23),
    hips=0.045,
    shoulders=0.085,
    foot=0.07,
    ears=0.0,
    radii=(
        (0.08, 0.095),
        (0.08, 0.085),
        (0.042, 0.035),
        (0.035, 0.03),
        (0.058, 0.046),
        (0.046, 0.034),
        (0.03, 0.026),
        (0.02, 0.05),
    ),
)

TEDDY_BEAR = Body(
    bones=(0.24, 0.17, 0.17, 0.16, 0.17, 0.16),
    hips=0.08,
    shoulders=0.11,
    foot=0.07,
    ears=0.14,
    radii=(
        (0.13, 0.11),
        (0.13, 0.14),
        (0.055, 0.05),
        (0.05, 0.054),
        (0.07, 0.06),
        (0.06, 0.055),
        (0.055, 0.05),
        (0.05, 0.055),
    ),
)

# capsules in drawing order: the two joints, the row of Body.radii, the key of the colors in _look
_CAPSULES = (
    (3, 5, 2, "sleeve"),
    (5, 6, 3, "hand"),
    (9, 11, 4, "trousers"),
    (11, 12, 5, "trousers"),
    (12, 13, 6, "shoe"),
    (2, 17, 7, "hair"),
    (2, 18, 7, "hair"),
    (0, 1, 0, "shirt"),
    (2, 2, 1, "head"),
    (10, 14, 4, "trousers"),
    (14, 15, 5, "trousers"),
    (15, 16, 6, "shoe"),
    (4, 7, 2, "sleeve"),
    (7, 8, 3, "hand"),
)
_FAR = 5  # the first five lie behind the torso and are darker


def _towards(degrees: NDArray) -> NDArray:
    radians = np.deg2rad(degrees)
    return np.stack([np.sin(radians), np.cos(radians)], axis=-1)


def skeleton(angles: NDArray, body: Body) -> NDArray:
    """Joints (T, 19, 2) of poses (T, 10) in degrees, with the pelvis at the origin and y down.

    The joints are: pelvis, neck, head; far and near shoulder; far elbow and hand, near elbow and hand;
    far and near hip; far knee, ankle and toe, near knee, ankle and toe; far and near ear.
    """
    direction = np.moveaxis(_towards(angles), 1, 0)
    torso, head, arm, forearm, thigh, shank = body.bones
    across = direction[0][:, ::-1] * np.array([1, -1])  # perpendicular to the torso
    pelvis = np.zeros_like(across)
    neck = pelvis + torso * direction[0]
    skull = neck + head * direction[1]
    far_shoulder, near_shoulder = neck - body.shoulders * across, neck + body.shoulders * across
    far_hip, near_hip = pelvis - body.hips * across, pelvis + body.hips * across
    far_elbow, near_elbow = far_shoulder + arm * direction[2], near_shoulder + arm * direction[4]
    far_knee, near_knee = far_hip + thigh * direction[6], near_hip + thigh * direction[8]
    far_ankle, near_ankle = far_knee + shank * direction[7], near_knee + shank * direction[9]
    joints = [pelvis, neck, skull, far_shoulder, near_shoulder]
    joints += [far_elbow, far_elbow + forearm * direction[3], near_elbow, near_elbow + forearm * direction[5]]
    joints += [far_hip, near_hip]
    joints += [far_knee, far_ankle, far_ankle + body.foot * _towards(angles[:, 7] + 80)]
    joints += [near_knee, near_ankle, near_ankle + body.foot * _towards(angles[:, 9] + 80)]
    joints += [skull + body.ears * _towards(angles[:, 1] + turn) for turn in (-45, 45)]
    return np.stack(joints, axis=1)


def _color(
    rng: Generator,
    saturation: tuple[float, float],
    value: tuple[float, float],
    hue: tuple[float, float] = (0, 1),
) -> NDArray:
    return 255 * np.array(colorsys.hsv_to_rgb(*(rng.uniform(*part) for part in (hue, saturation, value))))


def _look(rng: Generator, body: Body) -> tuple[Image, Image]:
    """Colors (14, 3) of the capsules, and a texture."""
    if body is PERSON:
        skin = np.array([225, 180, 150]) * rng.uniform(0.65, 1.1)
        shirt, trousers = _color(rng, (0.5, 0.95), (0.6, 1.0)), _color(rng, (0.2, 0.7), (0.15, 0.4))
        sleeve = shirt if rng.random() < 0.6 else skin
        hair, shoe = np.array([90, 70, 50]) * rng.uniform(0.2, 0.8), np.full(3, rng.uniform(150, 240))
        parts = {"head": skin, "hand": skin, "hair": hair, "shirt": shirt, "sleeve": sleeve}
        parts |= {"trousers": trousers, "shoe": shoe}
        grain, stripes = 0.06, rng.choice([0.0, 0.1])
    else:
        fur = _color(rng, (0.4, 0.8), (0.5, 0.95), hue=(0.02, 0.14))
        belly, paws = fur * 0.4 + 140 * rng.uniform(0.8, 1), fur * rng.uniform(0.4, 0.55)
        parts = dict.fromkeys(("head", "sleeve", "trousers"), fur)
        parts |= {"hand": paws, "shoe": paws, "hair": paws, "shirt": belly}
        grain, stripes = 0.12, 0.0
    colors = np.stack([parts[part] for *_, part in _CAPSULES])
    colors[:_FAR] *= 0.72
    return np.clip(colors, 0, 255).astype(np.uint8), texture(rng, grain, stripes)


def actor(rng: Generator, body: Body, angles: NDArray, ground: NDArray, heights: NDArray) -> Sprite:
    """Create an actor with random clothing.

    Args:
        rng: Random generator for colors, texture and facing direction.
        body: ``PERSON`` or ``TEDDY_BEAR``.
        angles: (T, 10) poses in degrees.
        ground: (T, 2) points where it touches the ground, in pixels.
        heights: (T,) standing heights in pixels.
    """
    joints = skeleton(angles, body) * np.array([rng.choice([-1, 1]), 1])
    start, end, row, _ = zip(*_CAPSULES, strict=True)
    radii = np.asarray(body.radii)[list(row)][None]
    colors, cloth = _look(rng, body)
    outlines, tints = shaded(joints[:, list(start)], joints[:, list(end)], radii, colors)
    box = np.stack([outlines.min((1, 2)), outlines.max((1, 2))], axis=1)
    stand = np.stack([joints[:, :2, 0].mean(1), box[:, 1, 1]], axis=-1)
    placed = (outlines - stand[:, None, None]) * heights[:, None, None, None] + ground[:, None, None]
    category = ID_OF["person" if body is PERSON else "teddy bear"]
    depth = float(ground[:, 1].mean())
    return Sprite(category, placed.astype(np.float32), tints, cloth, ground.astype(np.float32), depth)
