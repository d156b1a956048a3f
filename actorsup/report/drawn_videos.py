"""Videos with their tubes drawn into the frames."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from actorsup.artifacts.folders import replace_folder
from actorsup.artifacts.shards import ShardReader
from actorsup.artifacts.tube_files import PREDICTIONS_SCHEMA
from actorsup.evaluation.ground_truth import read_ground_truth
from actorsup.formats.conventions import EXACT
from actorsup.frames.store import FrameStore, Image, VideoFrames
from actorsup.logs import progress
from actorsup.report.pictures import DrawnTube, draw_boxes, find_frames, tubes_to_draw, write_label
from actorsup.report.webm import write_webm

_MIN_SIDE = 480
"""Smaller frames are enlarged to this many pixels, so that labels are legible."""


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
        frames: Frame stores of the videos.
        predictions: Shards of scored tubes.
        ground_truth: The ground-truth table, or None.
        output: The folder to make, with ``<id>.webm`` for each video; an id may contain subfolders.
        max_side: Longest side in pixels.
        provenance: Provenance of the folder.

    Raises:
        DataError: A shard or the table cannot be used.
    """
    truth = {} if ground_truth is None else read_ground_truth(ground_truth, conventions=EXACT)
    with replace_folder(output, provenance) as folder, ExitStack() as stack:
        stores = [stack.enter_context(FrameStore(path)) for path in frames]
        shards = [stack.enter_context(ShardReader(path, PREDICTIONS_SCHEMA)) for path in predictions]
        jobs = [(shard, video) for shard in shards for video in shard]
        for shard, video in progress(jobs, len(jobs), "drawing videos"):
            path = folder / f"{video}.webm"
            if path.exists():
                continue
            images, annotated = find_frames(stores, video), truth.get(video, [])
            true, best = tubes_to_draw(shard, video, annotated, max(1, len(annotated)))
            path.parent.mkdir(parents=True, exist_ok=True)
            write_webm(path, _frames(images, [*best, *true]), images.fps, max_side, images.times)


def _frames(images: VideoFrames, tubes: Sequence[DrawnTube]) -> Iterator[Image]:
    zoom = max(1.0, _MIN_SIDE / max(images.width, images.height))
    size = (round(images.width * zoom), round(images.height * zoom))
    for index in range(len(images)):
        image = np.asarray(cv2.resize(images.shown(index), size, interpolation=cv2.INTER_CUBIC), np.uint8)
        for tube, box in zip(tubes, draw_boxes(image, images, tubes, index), strict=True):
            if box:
                write_label(image, tube, box)
        yield image
