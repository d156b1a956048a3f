"""The demo's videos: one actor in each does an action; the others do nothing of interest."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from actorsup.boxes import clip
from actorsup.coco import NAME_OF
from actorsup.demo.files import whole_folder
from actorsup.demo.poses import ACTIONS, IDLING, cycle
from actorsup.demo.scenes import BODIES, FAR, NEAR, Scene, backdrop, ball, occluders, wanderer
from actorsup.demo.settings import DemoSettings, demo_records
from actorsup.demo.sprites import Sprite
from actorsup.errors import DataError
from actorsup.logs import progress
from actorsup.storage import write_whole

STREAM = 1
"""First key, after the seed, of the videos' random numbers."""

_QUALITY = 95


@dataclass(frozen=True)
class DemoVideo:
    """One video before it is drawn.

    Attributes:
        video: Its id.
        label: Its action class.
        split: ``"train"`` or ``"test"``.
        scene: What is drawn.
        acting: The one actor who does the action, from the first frame to the last.
        idling: The other actors.
    """

    video: str
    label: str
    split: str
    scene: Scene
    acting: Sprite
    idling: tuple[Sprite, ...]


def demo_videos(settings: DemoSettings) -> Iterator[DemoVideo]:
    """The videos in the order of ``demo_records``; in each split both kinds do every class equally."""
    done: defaultdict[tuple[str, str], int] = defaultdict(int)
    for index, (video, label, split) in enumerate(demo_records(settings)):
        rng = np.random.default_rng([settings.seed, STREAM, index])
        body = done[label, split] % len(BODIES)
        done[label, split] += 1
        scene, acting, idling = _scene(rng, settings, label, body)
        yield DemoVideo(video, label, split, scene, acting, idling)


def _scene(
    rng: np.random.Generator, settings: DemoSettings, label: str, body: int
) -> tuple[Scene, Sprite, tuple[Sprite, ...]]:
    frames = settings.frames
    behind = backdrop(rng, settings, frames)
    acting = wanderer(rng, settings, BODIES[body], cycle(rng, ACTIONS[label], frames), FAR)
    idling: tuple[Sprite, ...] = ()
    for _ in range(rng.integers(3, 5)):
        poses = cycle(rng, IDLING[rng.choice(list(IDLING))], frames)
        idling += (wanderer(rng, settings, BODIES[rng.integers(2)], poses, NEAR, (acting, *idling)),)
    sprites = (acting, *idling, ball(rng, settings, frames), *occluders(rng, settings, frames))
    return Scene(behind, sprites), acting, idling


def make_videos(root: Path, settings: DemoSettings) -> None:
    """Write the videos and their tables: ``videos/*.avi``, ``ground_truth.csv``, ``videos.csv``.

    ``ground_truth.csv`` holds tight boxes of the acting actor, cut to the frame, hidden parts
    included; it is for evaluation. ``videos.csv`` (``video,label,split``) is written last.

    Raises:
        DataError: OpenCV cannot write videos here.
    """
    labels, boxes = ["video,label,split"], ["video,tube,class,frame,x1,y1,x2,y2,actor"]
    count = settings.train + settings.test
    with whole_folder(root / "videos") as folder:
        for made in progress(demo_videos(settings), count, "videos"):
            _write_video(folder / f"{Path(made.video).name}.avi", made.scene, settings)
            labels.append(f"{made.video},{made.label},{made.split}")
            boxes += _box_lines(made, settings)
    write_whole(root / "ground_truth.csv", "\n".join(boxes) + "\n")
    write_whole(root / "videos.csv", "\n".join(labels) + "\n")


def _box_lines(made: DemoVideo, settings: DemoSettings) -> list[str]:
    head, actor = f"{made.video},0,{made.label}", NAME_OF[made.acting.category]
    inside = clip(made.acting.boxes, settings.width, settings.height)
    return [
        f"{head},{frame},{x1:.2f},{y1:.2f},{x2:.2f},{y2:.2f},{actor}"
        for frame, (x1, y1, x2, y2) in enumerate(inside)
    ]


def _write_video(path: Path, scene: Scene, settings: DemoSettings) -> None:
    size = (settings.width, settings.height)
    code = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path.absolute()), cv2.CAP_OPENCV_MJPEG, code, settings.fps, size)
    if not writer.isOpened():
        raise DataError(f"{path}: OpenCV cannot write a video there; is the folder writable?")
    writer.set(cv2.VIDEOWRITER_PROP_QUALITY, _QUALITY)
    for frame in range(settings.frames):
        writer.write(np.ascontiguousarray(scene.image(frame)[..., ::-1]))
    writer.release()
