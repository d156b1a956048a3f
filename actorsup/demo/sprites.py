"""Sprites: the moving objects of a scene, drawn as textured, shaded, rounded shapes."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from actorsup.artifacts.images import Image

_TILE = 128
_NEUTRAL = 128
_CORNERS = 7
_FRACTION_BITS = 4

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Sprite:
    """One object that moves through the T frames of a scene.

    Attributes:
        category: COCO category id; 0 for an object of no category (a bush).
        outlines: (T, L, V, 2) float32: the V corners of L convex shapes in each frame, in drawing order;
            x and y in pixels of the frame, possibly outside it.
        colors: (L, 3) uint8 RGB of the shapes.
        texture: (3 * 128, 3 * 128, 4) uint8 RGBA multiplier; 128 changes nothing.
        anchor: (T, 2) float32 point to which the texture is attached.
        depth: Sprites of greater depth hide those of lesser depth.
    """

    category: int
    outlines: NDArray[np.float32]
    colors: NDArray[np.uint8]
    texture: Image
    anchor: NDArray[np.float32]
    depth: float

    @property
    def boxes(self) -> NDArray[np.float32]:
        """Tight boxes (T, 4) float32 xyxy, including hidden parts and parts outside the frame."""
        return np.concatenate([self.outlines.min((1, 2)), self.outlines.max((1, 2))], axis=-1)


def capsules(start: Floats, end: Floats, radii: Floats) -> Floats:
    """Outlines (..., 14, 2) of capsules between two points (..., 2), with two end radii (..., 2)."""
    axis = end - start
    angle = np.arctan2(axis[..., 1], axis[..., 0])[..., None]
    turn = np.linspace(-np.pi / 2, np.pi / 2, _CORNERS)
    around = np.concatenate([angle + turn, angle + np.pi + turn], axis=-1)
    radius = np.repeat(radii[..., ::-1], _CORNERS, axis=-1)
    center = np.repeat(np.stack([end, start], axis=-2), _CORNERS, axis=-2)
    return center + radius[..., None] * np.stack([np.cos(around), np.sin(around)], axis=-1)


def shaded(start: Floats, end: Floats, radii: Floats, colors: Image) -> tuple[Floats, Image]:
    """Draw a lighter streak on each of (T, L) capsules, as if lit from the upper left.

    Returns:
        Outlines (T, 2L, 14, 2) and colors (2L, 3), each capsule followed by its streak.
    """
    light = -0.3 * radii[..., 1:] * np.array([0.6, 0.8])
    streaks = capsules(start + light, end + light, 0.5 * radii)
    outlines = np.stack([capsules(start, end, radii), streaks], axis=2)
    lit = np.clip(colors.astype(float) * 1.2 + 14, 0, 255).astype(np.uint8)
    tints = np.stack([colors, lit], axis=1)
    return outlines.reshape(len(outlines), -1, 2 * _CORNERS, 2), tints.reshape(-1, 3)


def texture(rng: Generator, grain: float, stripes: float) -> Image:
    """Draw a sprite's texture: noise, plus stripes of contrast ``stripes`` if that is not 0."""
    noise = rng.normal(0, grain, (_TILE // 2, _TILE // 2)).astype(np.float32)
    tile = cv2.resize(noise, (_TILE, _TILE), interpolation=cv2.INTER_LINEAR)
    if stripes:
        waves = rng.integers(6, 14) * np.array([rng.choice([0, 1]), 1]) / _TILE
        along = np.arange(_TILE, dtype=np.float32)
        tile += stripes * np.sign(np.sin(2 * np.pi * (waves[0] * along + waves[1] * along[:, None])))
    grey = cv2.convertScaleAbs(_NEUTRAL * (1 + tile))
    multiplier = cv2.merge([grey, grey, grey, np.full_like(grey, _NEUTRAL)])
    return np.asarray(cv2.repeat(multiplier, 3, 3), np.uint8)


def draw(image: Image, sprite: Sprite, frame: int) -> None:
    """Draw a sprite onto an image (H, W, 3) in place, at double resolution averaged down."""
    height, width = image.shape[:2]
    outlines = sprite.outlines[frame]
    low = np.maximum(np.floor(outlines.min((0, 1))).astype(int), 0)
    high = np.minimum(np.ceil(outlines.max((0, 1))).astype(int), (width, height))
    if (high <= low).any():
        return
    size = high - low
    patch = np.zeros((2 * size[1], 2 * size[0], 4), np.uint8)
    # OpenCV's origin is the center of the first pixel, that of boxes its corner
    corners = np.round((2 * (outlines - low) - 0.5) * 2**_FRACTION_BITS).astype(np.int32)
    for shape, color in zip(corners, sprite.colors.tolist(), strict=True):
        cv2.fillConvexPoly(patch, shape, (*color, 255), cv2.LINE_8, _FRACTION_BITS)
    x, y = np.round(2 * (low - sprite.anchor[frame])).astype(int) % _TILE
    cv2.multiply(patch, sprite.texture[y : y + len(patch), x : x + patch.shape[1]], patch, 1 / _NEUTRAL)
    small = cv2.resize(patch, tuple(size.tolist()), interpolation=cv2.INTER_AREA)
    behind = image[low[1] : high[1], low[0] : high[0]]
    uncovered = cv2.merge([255 - small[..., 3]] * 3)
    behind[:] = cv2.add(cv2.multiply(behind, uncovered, scale=1 / 255), small[..., :3])
