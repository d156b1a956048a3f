"""A small run, made by the library, for tests of the page, with unusual names of videos and classes."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from actorsup.artifacts.shards import ShardWriter
from actorsup.artifacts.tube_files import PREDICTIONS_SCHEMA, TUBES_SCHEMA, VideoInfo, write_tubes
from actorsup.datasets.base import VideoRecord
from actorsup.detection.base import Detections
from actorsup.frames.settings import FrameSettings
from actorsup.frames.stage import decode_videos
from actorsup.report.gallery import Shards
from actorsup.tubes import Tubes

FRAMES, WIDTH, HEIGHT = 12, 96, 64
NASTY = "</script><img src=x onerror=alert(1)>"
CLASSES = [NASTY, 'pour "tea" — naïve']
VIDEOS = ["kitchen/it's <b>odd</b>", "kitchen/wrong", "yard/nothing predicted"]


def square(frame: int) -> list[float]:
    return [4 + 5.0 * frame, 10 + 2.0 * frame, 24 + 5.0 * frame, 34 + 2.0 * frame]


def tubes(offset: float, scores: list[list[float]]) -> Tubes:
    """One tube for each row of scores: the first on the square, each other one further away."""
    count = len(scores)
    boxes = np.array(
        [[np.array(square(f)) + offset + 40 * p for f in range(FRAMES)] for p in range(count)], np.float32
    ).reshape(count, FRAMES, 4)
    return Tubes(
        boxes=np.clip(boxes, 0, [WIDTH, HEIGHT, WIDTH, HEIGHT]).astype(np.float32),
        score=np.linspace(0.9, 0.5, count).astype(np.float32),
        actor=np.ones(count, np.int16),
        seed_frame=np.full(count, 3, np.int32),
        frame_score=np.ones((count, FRAMES), np.float32),
        interval=np.tile(np.array([0, FRAMES], np.int32), (count, 1)),
        class_logit=np.zeros((count, 2), np.float32),
        class_score=np.array(scores, np.float64).reshape(count, 2),
    )


def write_videos(folder: Path) -> None:
    """A bright square that moves by 5 and 2 pixels a frame, as folders of images."""
    import cv2

    for video in VIDEOS:
        where = folder / video
        where.mkdir(parents=True)
        for frame in range(FRAMES):
            image = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
            x1, y1, x2, y2 = map(int, square(frame))
            image[y1:y2, x1:x2] = (40, 220, 250)
            cv2.imwrite(str(where / f"{frame:03d}.png"), image)


def make_run(folder: Path) -> tuple[Shards, Path]:
    """The shards of a run over three videos, and the table of its ground truth."""
    write_videos(folder / "videos")
    records = [VideoRecord(video, folder / "videos" / video, "test", (CLASSES[0],)) for video in VIDEOS]
    shards = Shards(*(folder / f"{name}.h5" for name in ("frames", "detections", "tubes", "predictions")))
    decode_videos(records, shards.frames, FrameSettings(), {"stage": "decode_frames"})
    info = VideoInfo(FRAMES, 25.0, WIDTH, HEIGHT)
    scored = {
        VIDEOS[0]: tubes(0, [[0.8, 0.1], [0.2, 0.1]]),
        VIDEOS[1]: tubes(0, [[0.1, 0.7]]),
        VIDEOS[2]: tubes(0, []),
    }
    with (
        ShardWriter(shards.tubes, TUBES_SCHEMA, {"stage": "link_actors"}) as made,
        ShardWriter(
            shards.predictions, PREDICTIONS_SCHEMA, {"stage": "score_tubes"}, {"classes": CLASSES}
        ) as predicted,
        ShardWriter(shards.detections, "detections/1", {"stage": "detect_actors"}) as found,
    ):
        for video, each in scored.items():
            write_tubes(predicted, video, info, each, np.zeros(2, np.float32))
            write_tubes(made, video, info, each)
            frames = np.arange(FRAMES, dtype=np.int32)
            detections = Detections(
                frames,
                np.array([square(f) for f in frames], np.float32),
                np.full(FRAMES, 0.75, np.float32),
                np.ones(FRAMES, np.int16),
            )
            size = {"width": WIDTH, "height": HEIGHT}
            found.add(video, detections.arrays(), {"frames": FRAMES, "fps": 25.0, **size})
    rows = [
        (video, 0, CLASSES[0], frame, *square(frame), "person") for video in VIDEOS for frame in range(FRAMES)
    ]
    table = folder / "ground_truth.csv"
    columns = ["video", "tube", "class", "frame", "x1", "y1", "x2", "y2", "actor"]
    pd.DataFrame(rows, columns=columns).to_csv(table, index=False)
    return shards, table


def details_of(script: Path) -> dict:
    """The data that the script of a video passes to the page."""
    text = script.read_text(encoding="utf-8")
    return json.loads(text[text.index(", ") + 2 : text.rindex(");")])
