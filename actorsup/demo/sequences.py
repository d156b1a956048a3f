"""Tracking sequences of one actor each, in GOT-10k's published layout, to train the Siamese network."""

from pathlib import Path

import numpy as np
from numpy.random import Generator

from actorsup.artifacts.folders import replace_folder
from actorsup.artifacts.images import encode_jpeg
from actorsup.boxes import clip, xyxy_to_xywh
from actorsup.demo.poses import IDLING, cycle, random_pose
from actorsup.demo.scenes import (
    BODIES,
    FAR,
    JPEG_QUALITY,
    NEAR,
    Scene,
    backdrop,
    ball,
    occluders,
    wanderer,
)
from actorsup.demo.settings import DemoSettings
from actorsup.demo.sprites import Sprite
from actorsup.logs import progress

STREAM = 3
"""Key of the sequences' random generator, after the seed."""
HELD_OUT = 6
"""Number of held-out sequences, which measure the training."""


def sequence_scene(rng: Generator, settings: DemoSettings) -> tuple[Scene, Sprite]:
    """Draw a scene and its tracked actor, who moves back and forth between two random poses."""
    frames = settings.sequence_frames
    poses = cycle(rng, (random_pose(rng), random_pose(rng)), frames)
    tracked = wanderer(rng, settings, BODIES[rng.integers(2)], poses, FAR)
    sprites: tuple[Sprite, ...] = (tracked,)
    for _ in range(rng.integers(2, 5)):
        poses = cycle(rng, IDLING[rng.choice(list(IDLING))], frames)
        sprites += (wanderer(rng, settings, BODIES[rng.integers(2)], poses, NEAR, sprites),)
    sprites += (ball(rng, settings, frames), *occluders(rng, settings, frames))
    return Scene(backdrop(rng, settings, frames), sprites), tracked


def make_sequences(root: Path, settings: DemoSettings, held_out: bool = False) -> None:
    """Write one folder per sequence (``00000001.jpg``, ..., ``groundtruth.txt``), and ``list.txt``.

    Each line of ``groundtruth.txt`` is the box ``x,y,w,h`` of a frame in pixels, clipped to the frame.

    Args:
        root: The folder to make.
        settings: Number and size of the sequences.
        held_out: Make the held-out sequences instead of the training sequences.
    """
    count = settings.sequences
    numbers = range(count, count + HELD_OUT) if held_out else range(count)
    names = [f"demo_{index + 1:06d}" for index in numbers]
    with replace_folder(root) as folder:
        for index, name in zip(numbers, progress(names, len(names), "sequences"), strict=True):
            rng = np.random.default_rng([settings.seed, STREAM, index])
            scene, tracked = sequence_scene(rng, settings)
            (folder / name).mkdir()
            for frame in range(settings.sequence_frames):
                (folder / name / f"{frame + 1:08d}.jpg").write_bytes(
                    encode_jpeg(scene.image(frame), JPEG_QUALITY)
                )
            boxes = xyxy_to_xywh(clip(tracked.boxes, settings.width, settings.height))
            lines = [",".join(f"{value:.4f}" for value in box) for box in boxes]
            (folder / name / "groundtruth.txt").write_text("\n".join(lines) + "\n")
        (folder / "list.txt").write_text("\n".join(names) + "\n")
