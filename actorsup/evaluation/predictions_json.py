"""The scored tubes of ``predictions.json``, as the evaluation compares them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from actorsup.coco import ID_OF
from actorsup.errors import DataError
from actorsup.evaluation.tube_checks import check_size, check_tubes
from actorsup.formats.predictions_json import ScoredVideo, read_predictions_json
from actorsup.tubes import Tubes


class JsonPredictions(NamedTuple):
    """What a file holds: scored tubes by video, names of the classes, width and height of videos."""

    videos: Mapping[str, Tubes]
    classes: list[str]
    sizes: Mapping[str, tuple[int, int]]


def read_json(path: Path) -> JsonPredictions:
    """A file of the form of ``predictions.json``.

    Raises:
        DataError: It cannot be used; the message names the video, the tube and the field.
    """
    classes, videos = read_predictions_json(path)
    found, sizes = {}, {}
    for video in videos:
        try:
            found[video.video] = _tubes(video, classes)
        except (ValueError, OverflowError) as error:
            raise DataError(f"{path}: {video.video}: not of the form of predictions.json: {error}") from error
        if video.info.width and video.info.height:
            sizes[video.video] = (video.info.width, video.info.height)
    return JsonPredictions(found, classes, sizes)


def _tubes(video: ScoredVideo, classes: Sequence[str]) -> Tubes:
    count, frames = len(video.tubes), video.info.frames
    check_size(count, frames)
    boxes = np.full((count, frames, 4), np.nan, np.float32)
    score = np.full((count, len(classes)), np.nan)
    for p, tube in enumerate(video.tubes):
        boxes[p, slice(*tube.interval)] = tube.boxes
        score[p] = [tube.class_score.get(name, np.nan) for name in classes]
    interval = np.array([tube.interval for tube in video.tubes], np.int32).reshape(-1, 2)
    proposal = np.array([tube.score for tube in video.tubes])
    tubes = Tubes(
        boxes=boxes,
        score=proposal.astype(np.float32),
        actor=np.array([ID_OF.get(tube.actor, 0) for tube in video.tubes], np.int16),
        seed_frame=interval[:, 0],
        frame_score=np.where(np.isnan(boxes[..., 0]), np.nan, 1).astype(np.float32),
        interval=interval,
        class_score=score,
    )
    check_tubes(tubes, frames, classes)
    # the best proposals first, as recall takes them
    return tubes.chosen(np.argsort(-proposal, kind="stable"))
