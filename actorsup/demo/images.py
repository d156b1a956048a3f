"""Images with boxes for training the detector, in COCO format: the videos' kinds of actors, in any pose.

They carry no action label, and share no pose, backdrop or clothing with the videos.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator

from actorsup.artifacts.atomic import write_text_atomically
from actorsup.artifacts.folders import replace_folder
from actorsup.artifacts.images import encode_jpeg
from actorsup.boxes import area, clip, xyxy_to_xywh
from actorsup.coco import NAME_OF
from actorsup.demo.poses import IDLING, cycle, random_pose
from actorsup.demo.scenes import (
    ACTORS,
    BALL,
    BODIES,
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

STREAM = 2
"""Key of the images' random generator, after the seed."""

_SUPERCATEGORY = {"person": "person", "teddy bear": "indoor", "sports ball": "sports"}


def image_scene(rng: Generator, settings: DemoSettings) -> Scene:
    """Draw a one-frame scene of two to six actors, each in a random pose (probability 2/3) or idle."""
    sprites: tuple[Sprite, ...] = ()
    for _ in range(rng.integers(2, 7)):
        if rng.random() < 2 / 3:
            angles = np.array([random_pose(rng)])
        else:
            angles = cycle(rng, IDLING[rng.choice(list(IDLING))], 1)
        sprites += (wanderer(rng, settings, BODIES[rng.integers(2)], angles, NEAR, sprites),)
    if rng.random() < 0.6:
        sprites += (ball(rng, settings, 1),)
    if rng.random() < 0.6:
        sprites += occluders(rng, settings, 1)
    return Scene(backdrop(rng, settings, 1), sprites)


def make_images(root: Path, settings: DemoSettings) -> None:
    """Write ``images/*.jpg`` and, last, ``annotations.json``; boxes are clipped to the image."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    with replace_folder(root / "images") as folder:
        for index in progress(range(settings.stills), settings.stills, "images"):
            scene = image_scene(np.random.default_rng([settings.seed, STREAM, index]), settings)
            name = f"{index:06d}.jpg"
            (folder / name).write_bytes(encode_jpeg(scene.image(0), JPEG_QUALITY))
            size = {"width": settings.width, "height": settings.height}
            images.append({"id": index + 1, "file_name": name, **size})
            annotations += _annotations(scene, index + 1, len(annotations) + 1, settings)
    categories = [
        {"id": c, "name": NAME_OF[c], "supercategory": _SUPERCATEGORY[NAME_OF[c]]}
        for c in sorted((*ACTORS, BALL))
    ]
    content = {"images": images, "annotations": annotations, "categories": categories}
    write_text_atomically(root / "annotations.json", json.dumps(content))


def _annotations(scene: Scene, image: int, first: int, settings: DemoSettings) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for sprite in scene.sprites:
        box = clip(sprite.boxes[0], settings.width, settings.height).astype(float)
        if sprite.category and area(box) > 0:
            x, y, width, height = np.round(xyxy_to_xywh(box), 2).tolist()
            rows.append(
                {
                    "id": first + len(rows),
                    "image_id": image,
                    "category_id": sprite.category,
                    "bbox": [x, y, width, height],
                    "area": round(width * height, 2),
                    "iscrowd": 0,
                }
            )
    return rows
