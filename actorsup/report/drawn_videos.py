"""Videos with their tubes drawn in, for a talk or a colleague."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from actorsup.artifacts.folders import whole_folder
from actorsup.artifacts.shards import ShardReader
from actorsup.artifacts.tube_files import PREDICTIONS_SCHEMA, read_tubes
from actorsup.errors import DataError
from actorsup.frames.store import FrameStore, Image, VideoFrames
from actorsup.logs import progress
from actorsup.report.pictures import DrawnTube, best_tubes, draw_boxes, true_tubes, write_label
from actorsup.report.webm import write_webm

_LEAST_SIDE = 480
"""A smaller frame is enlarged to it, so that words can be read in it, pixels."""


def draw_videos(
    frames: Sequence[Path],
    predictions: Sequence[Path],
    ground_truth: Path | None,
    output: Path,
    max_side: int,
    provenance: Mapping[str, Any],
) -> None:
    """Write each scored video with its best tubes drawn in, as many as it has ground-truth tubes.

    A video without ground truth shows its best tube. Predictions are solid, with class and score;
    ground truth is dashed.

    Args:
        frames: Frame stores that hold the videos.
        predictions: Shards of scored tubes.
        ground_truth: The table of ground truth, or None.
        output: The folder to make: ``<id>.webm`` of each video, with folders where ids have them.
        max_side: Longest side in pixels.
        provenance: What makes it.

    Raises:
        DataError: A shard or the table cannot be used.
    """
    boxes = None if ground_truth is None else pd.read_csv(ground_truth, dtype={"video": str, "class": str})
    with whole_folder(output, provenance) as folder, ExitStack() as stack:
        stores = [stack.enter_context(FrameStore(path)) for path in frames]
        shards = [stack.enter_context(ShardReader(path, PREDICTIONS_SCHEMA)) for path in predictions]
        jobs = [(shard, video) for shard in shards for video in shard]
        for shard, video in progress(jobs, len(jobs), "drawing videos"):
            path = folder / f"{video}.webm"
            if path.exists():
                continue
            images = next((store[video] for store in stores if video in store), None)
            if images is None:
                raise DataError(f"{video}: in none of the frame stores; make the tubes again")
            classes = [str(name) for name in shard.file.attrs["classes"]]
            tubes = read_tubes(shard[video])
            true = [] if boxes is None else true_tubes(boxes[boxes["video"] == video], tubes.frames)
            path.parent.mkdir(parents=True, exist_ok=True)
            drawn = [*best_tubes(tubes, classes, max(1, len(true))), *true]
            write_webm(path, _drawn(images, drawn), images.fps, max_side)


def _drawn(images: VideoFrames, tubes: Sequence[DrawnTube]) -> Iterator[Image]:
    zoom = max(1.0, _LEAST_SIDE / max(images.width, images.height))
    size = (round(images.width * zoom), round(images.height * zoom))
    for index in range(len(images)):
        image = np.asarray(cv2.resize(images[index], size, interpolation=cv2.INTER_CUBIC), np.uint8)
        for tube, box in zip(tubes, draw_boxes(image, images, tubes, index), strict=True):
            if box:
                write_label(image, tube, box)
        yield image
