"""The demo's videos: one or two actors perform an action while the other actors idle."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator

from actorsup.artifacts.atomic import write_text_atomically
from actorsup.artifacts.folders import replace_folder
from actorsup.boxes import clip
from actorsup.coco import NAME_OF
from actorsup.demo.actors import Body
from actorsup.demo.poses import ACTIONS, IDLING, cycle, spell
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
from actorsup.demo.settings import FILLS, DemoSettings, demo_records
from actorsup.demo.sprites import Sprite
from actorsup.errors import DataError
from actorsup.logs import progress

STREAM = 1
"""Key of the videos' random generator, after the seed."""


@dataclass(frozen=True)
class Acting:
    """An actor performing an action.

    Attributes:
        action: Class of the action.
        sprite: The actor, in all frames of the video.
        interval: First frame of the action, and one past its last frame; the actor idles outside it.
    """

    action: str
    sprite: Sprite
    interval: tuple[int, int]


@dataclass(frozen=True)
class DemoVideo:
    """One video before drawing.

    Attributes:
        video: Video id.
        labels: Action classes.
        split: ``"train"`` or ``"test"``.
        scene: The scene to draw.
        acting: The actors performing the actions, in the order of ``labels``.
        idling: The other actors.
    """

    video: str
    labels: tuple[str, ...]
    split: str
    scene: Scene
    acting: tuple[Acting, ...]
    idling: tuple[Sprite, ...]


def demo_videos(settings: DemoSettings) -> Iterator[DemoVideo]:
    """Yield the videos in the order of ``demo_records``; kinds of actors alternate per split and class."""
    done: defaultdict[tuple[str, str], int] = defaultdict(int)
    for index, (video, labels, split) in enumerate(demo_records(settings)):
        rng = np.random.default_rng([settings.seed, STREAM, index])
        kind = done[labels[0], split] % len(BODIES)
        done[labels[0], split] += 1
        scene, acting, idling = _scene(rng, settings, labels, BODIES[kind])
        yield DemoVideo(video, labels, split, scene, acting, idling)


def _scene(
    rng: Generator, settings: DemoSettings, labels: tuple[str, ...], body: Body
) -> tuple[Scene, tuple[Acting, ...], tuple[Sprite, ...]]:
    frames = settings.frames
    behind = backdrop(rng, settings, frames)
    acting: list[Acting] = []
    for action in labels:
        interval = _interval(rng, frames) if settings.untrimmed else (0, frames)
        angles = cycle(rng, ACTIONS[action], frames)
        if settings.untrimmed:
            angles = spell(angles, cycle(rng, IDLING[rng.choice(list(IDLING))], frames), interval)
        others = tuple(one.sprite for one in acting)
        kind = BODIES[rng.integers(2)] if acting else body
        acting.append(Acting(action, wanderer(rng, settings, kind, angles, FAR, others), interval))
    actors = tuple(one.sprite for one in acting)
    idling: tuple[Sprite, ...] = ()
    for _ in range(rng.integers(3, 5)):
        poses = cycle(rng, IDLING[rng.choice(list(IDLING))], frames)
        idling += (wanderer(rng, settings, BODIES[rng.integers(2)], poses, NEAR, (*actors, *idling)),)
    sprites = (*actors, *idling, ball(rng, settings, frames), *occluders(rng, settings, frames))
    return Scene(behind, sprites), tuple(acting), idling


def _interval(rng: Generator, frames: int) -> tuple[int, int]:
    """Draw an action's first frame and one past its last, with a length distributed as in ``FILLS``."""
    shares = np.array(FILLS) / sum(FILLS)
    fill = min(1.0, (rng.choice(len(FILLS), p=shares) + rng.random()) / (len(FILLS) - 1))
    length = max(1, round(fill * frames))
    first = int(rng.integers(frames - length + 1))
    return first, first + length


def make_videos(root: Path, settings: DemoSettings) -> None:
    """Write the videos and their tables: ``videos/*.avi``, ``ground_truth.csv``, ``videos.csv``.

    ``ground_truth.csv``, for evaluation, holds tight boxes of the acting actors during their action,
    clipped to the frame, hidden parts included. ``videos.csv`` (``video,label,split``) is written last.

    Raises:
        DataError: OpenCV cannot write a video.
    """
    labels, boxes = ["video,label,split"], ["video,tube,class,frame,x1,y1,x2,y2,actor"]
    count = settings.train + settings.test
    with replace_folder(root / "videos") as folder:
        for made in progress(demo_videos(settings), count, "videos"):
            _write_video(folder / f"{Path(made.video).name}.avi", made.scene, settings)
            labels.append(f"{made.video},{'|'.join(made.labels)},{made.split}")
            boxes += _box_lines(made, settings)
    write_text_atomically(root / "ground_truth.csv", "\n".join(boxes) + "\n")
    write_text_atomically(root / "videos.csv", "\n".join(labels) + "\n")


def _box_lines(made: DemoVideo, settings: DemoSettings) -> list[str]:
    lines = []
    for tube, acting in enumerate(made.acting):
        head, actor = f"{made.video},{tube},{acting.action}", NAME_OF[acting.sprite.category]
        inside = clip(acting.sprite.boxes, settings.width, settings.height)
        for frame in range(*acting.interval):
            box = ",".join(f"{value:.2f}" for value in inside[frame])
            lines.append(f"{head},{frame},{box},{actor}")
    return lines


def _write_video(path: Path, scene: Scene, settings: DemoSettings) -> None:
    size = (settings.width, settings.height)
    code = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path.absolute()), cv2.CAP_OPENCV_MJPEG, code, settings.fps, size)
    if not writer.isOpened():
        raise DataError(f"{path}: OpenCV cannot write this video; check that the folder is writable")
    writer.set(cv2.VIDEOWRITER_PROP_QUALITY, JPEG_QUALITY)
    for frame in range(settings.frames):
        writer.write(np.ascontiguousarray(scene.image(frame)[..., ::-1]))
    writer.release()
