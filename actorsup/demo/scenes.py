"""Scenes: a moving backdrop, actors who wander over it, and occluders in front of them.

Only the poses depend on the action class: backdrops, paths, sizes, kinds of actors, colors and occluders
are drawn from the same distributions for all classes. An acting actor crosses most of the frame, so that a
box that never moves loses it; the others move less far.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from actorsup.artifacts.images import Image
from actorsup.coco import ID_OF
from actorsup.demo.actors import PERSON, TEDDY_BEAR, Body, actor
from actorsup.demo.settings import DemoSettings
from actorsup.demo.sprites import Floats, Sprite, capsules, draw, shaded, texture

BODIES = (PERSON, TEDDY_BEAR)
ACTORS = tuple(ID_OF[name] for name in ("person", "teddy bear"))
BALL = ID_OF["sports ball"]
JPEG_QUALITY = 95
"""Quality of all of the demo's images and video frames."""

_MARGIN = 40  # pixels by which a backdrop extends beyond the frame
_HEIGHTS = (37.0, 48.0)  # of a standing actor, in pixels of a frame 160 pixels wide
FAR, NEAR = (100.0, 125.0), (20.0, 90.0)
"""Least and greatest distance between first and last position, in pixels of a frame 160 pixels wide."""

_SIDE, _TOP, _BOTTOM = 0.15, 0.46, 0.96  # fractions of the frame: the area for feet
_IN_FRONT = 1e6


@dataclass(frozen=True)
class Backdrop:
    """A wall and the ground in front of it, seen by a panning camera; the ground moves faster (parallax).

    Attributes:
        wall: (H + 80, W + 80, 3) uint8 RGB.
        ground: (H + 80, W + 80, 3) uint8 RGB.
        horizon: Pixel row where they meet when the camera looks straight ahead.
        camera: (T, 2) offset of the camera from straight ahead, in pixels.
    """

    wall: Image
    ground: Image
    horizon: float
    camera: Floats

    def image(self, frame: int) -> Image:
        """Draw the camera's view in a frame: (H, W, 3) uint8 RGB."""
        height, width = self.wall.shape[0] - 2 * _MARGIN, self.wall.shape[1] - 2 * _MARGIN
        straight = np.array([width - 1, height - 1]) / 2 + _MARGIN
        image = cv2.getRectSubPix(self.wall, (width, height), straight + 0.5 * self.camera[frame])
        row = round(self.horizon - 0.75 * float(self.camera[frame, 1]))
        image[row:] = cv2.getRectSubPix(self.ground, (width, height), straight + self.camera[frame])[row:]
        return np.asarray(image, np.uint8)


@dataclass(frozen=True)
class Scene:
    """A backdrop of T frames and the sprites in front of it, in any order."""

    backdrop: Backdrop
    sprites: tuple[Sprite, ...]

    def image(self, frame: int) -> Image:
        """Draw one frame: (H, W, 3) uint8 RGB."""
        image = self.backdrop.image(frame)
        for sprite in sorted(self.sprites, key=lambda sprite: sprite.depth):
            draw(image, sprite, frame)
        return image


def backdrop(rng: Generator, settings: DemoSettings, frames: int) -> Backdrop:
    """Draw a muted, textured backdrop with doors and windows, and the path of a panning camera."""
    size = (settings.width + 2 * _MARGIN, settings.height + 2 * _MARGIN)
    wall, ground = _surface(rng, size, 40), _surface(rng, size, 16)
    for _ in range(rng.integers(4, 10)):
        corner, side = rng.uniform(0, 1, 2) * size, rng.uniform(8, 45, 2)
        x, y = corner.astype(int)
        part = wall[y : y + int(side[1]), x : x + int(side[0])]
        part[:] = cv2.addWeighted(part, 0.55, np.full_like(part, _muted(rng)), 0.45, 0)
    turns = rng.uniform(0, 2 * np.pi, 2) + np.outer(np.arange(frames), rng.uniform(0.04, 0.16, 2))
    pan = np.linspace(-0.5, 0.5, frames)[:, None] * rng.uniform(-50, 50, 2) * (1, 0.2)
    camera = pan + np.sin(turns) * rng.uniform(0, 8, 2) * (1, 0.6)
    return Backdrop(wall, ground, rng.uniform(0.3, 0.5) * settings.height, camera)


def _muted(rng: Generator) -> NDArray:
    return rng.uniform(70, 190) + rng.uniform(-16, 16, 3)


def _surface(rng: Generator, size: tuple[int, int], coarsest: int) -> Image:
    """Smooth multi-scale noise between two muted colors: (H, W, 3) uint8."""
    mix = np.full(size[::-1], 128, np.float32)
    for cell in (coarsest, coarsest // 2, coarsest // 4, 2):
        noise = rng.normal(0, 35, (size[1] // cell + 2, size[0] // cell + 2)).astype(np.float32)
        mix += cv2.resize(noise, size, interpolation=cv2.INTER_LINEAR)
    first = _muted(rng)
    second = first + rng.choice([-1, 1]) * rng.uniform(15, 40) + rng.uniform(-10, 10, 3)
    tones = first + np.linspace(0, 1, 256)[:, None] * (second - first)
    grey = cv2.merge([cv2.convertScaleAbs(mix)] * 3)
    return np.asarray(cv2.LUT(grey, np.clip(tones, 0, 255).astype(np.uint8)[None]), np.uint8)


def path(rng: Generator, settings: DemoSettings, frames: int, travel: tuple[float, float]) -> Floats:
    """Draw the curved path of an actor's feet, (frames, 2) in pixels, of a length within ``travel``."""
    scale = settings.width / 160
    low = np.array([_SIDE * settings.width, _TOP * settings.height])
    high = np.array([(1 - _SIDE) * settings.width, _BOTTOM * settings.height])
    usable = np.zeros(1, bool)
    while not usable.any():
        start, end = rng.uniform(low, high, (2, 256, 2))
        length = np.linalg.norm(end - start, axis=1) / scale
        usable = (travel[0] <= length) & (length <= travel[1])
    first, last = start[usable.argmax()], end[usable.argmax()]
    bend = (first + last) / 2 + rng.normal(0, 15 * scale, 2)
    time = np.linspace(0, 1, frames)[:, None]
    time = time + rng.uniform(-0.3, 0.3) * np.sin(2 * np.pi * time) / (2 * np.pi)
    return np.clip((1 - time) ** 2 * first + 2 * time * (1 - time) * bend + time**2 * last, low, high)


def wanderer(
    rng: Generator,
    settings: DemoSettings,
    body: Body,
    angles: Floats,
    travel: tuple[float, float],
    others: tuple[Sprite, ...] = (),
) -> Sprite:
    """Create an actor in poses (T, 10) on a random path that mostly avoids the other actors' positions."""
    for _ in range(60):
        feet = path(rng, settings, len(angles), travel)
        near = [np.linalg.norm(feet - other.anchor, axis=1) < 20 * settings.width / 160 for other in others]
        if all(together.mean() <= 0.15 for together in near):
            break
    nearness = (feet[:, 1] / settings.height - _TOP) / (_BOTTOM - _TOP)
    heights = rng.uniform(*_HEIGHTS) * settings.width / 160 * (0.88 + 0.24 * nearness)
    return actor(rng, body, angles, feet, heights)


def occluders(rng: Generator, settings: DemoSettings, frames: int) -> tuple[Sprite, ...]:
    """Create a bar, and possibly a bush, that pass in front of everything."""
    bar = _bar(rng, settings, frames)
    return (bar, _bush(rng, settings, frames)) if rng.random() < 0.5 else (bar,)


def ball(rng: Generator, settings: DemoSettings, frames: int) -> Sprite:
    """Create a rolling ball, which is not an actor."""
    center = path(rng, settings, frames, NEAR) - (0, rng.uniform(0, 30))
    radius = np.full((1, 1, 2), rng.uniform(4, 7.5) * settings.width / 160)
    colors = rng.integers(60, 256, (1, 3)).astype(np.uint8)
    outlines, tints = shaded(center[:, None], center[:, None], radius, colors)
    return _sprite(BALL, outlines, tints, texture(rng, 0.05, 0.3), center, float(center[:, 1].mean()))


def _bar(rng: Generator, settings: DemoSettings, frames: int) -> Sprite:
    x = _crossing(rng, settings, frames)
    top = np.stack([x, np.full(frames, -20.0)], axis=-1)[:, None]
    foot = top + np.array([rng.uniform(-25, 25), settings.height + 40])
    radii = np.full((1, 1, 2), rng.uniform(1.5, 3.5) * settings.width / 160)
    outlines, tints = shaded(top, foot, radii, _muted(rng)[None].astype(np.uint8))
    return _sprite(0, outlines, tints, texture(rng, 0.15, 0.0), top[:, 0], 2 * _IN_FRONT)


def _bush(rng: Generator, settings: DemoSettings, frames: int) -> Sprite:
    x = _crossing(rng, settings, frames)
    root = np.stack([x, np.full(frames, rng.uniform(0.9, 1.05) * settings.height)], axis=-1)
    leaves = rng.normal(0, 1, (12, 2)) * (11, 6) * settings.width / 160
    radii = rng.uniform(4, 8, (12, 1)).repeat(2, axis=1) * settings.width / 160
    centers = root[:, None] + leaves
    green = np.array([70, 105, 60]) * rng.uniform(0.6, 1.4, (12, 1))
    outlines = capsules(centers, centers + 0.1, radii[None])
    return _sprite(0, outlines, green.astype(np.uint8), texture(rng, 0.3, 0.0), root, _IN_FRONT)


def _crossing(rng: Generator, settings: DemoSettings, frames: int) -> Floats:
    """Horizontal positions (frames,) of an object that passes at a random speed."""
    middle = rng.uniform(0.1, 0.9) * settings.width
    return middle + np.linspace(-0.5, 0.5, frames) * rng.uniform(-1, 1) * settings.width


def _sprite(
    category: int, outlines: Floats, colors: Image, cloth: Image, anchor: Floats, depth: float
) -> Sprite:
    return Sprite(category, outlines.astype(np.float32), colors, cloth, anchor.astype(np.float32), depth)
