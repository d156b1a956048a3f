"""Scored tubes as labeled ones: each by the class that scores best; and back."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np

from actorsup.artifacts.shards import ShardReader
from actorsup.artifacts.tube_files import PREDICTIONS_SCHEMA, read_info, read_tubes
from actorsup.coco import NAME_OF
from actorsup.errors import DataError, reading
from actorsup.formats.labeled import LOG_SIZES, LabeledTube, LabeledVideo, checked_tube
from actorsup.formats.predictions_json import (
    ScoredTube,
    ScoredVideo,
    read_predictions_json,
    write_predictions_json,
)
from actorsup.tubes import Tubes

_NO_SHARD = "not of the form of a shard of scored tubes; make it again"


def classes_of_shards(shards: Sequence[str | Path]) -> list[str]:
    """The names of the classes of the first shard.

    Raises:
        DataError: There is no shard, or it cannot be read.
    """
    if not shards:
        raise DataError("there are no videos to predict, so that there is nothing to export")
    with ShardReader(shards[0], PREDICTIONS_SCHEMA) as shard, reading(shards[0], _NO_SHARD):
        classes = [str(name) for name in shard.file.attrs["classes"]]
        "".join(classes).encode()  # what is no text cannot be written either
        return classes


def read_shards(shards: Iterable[str | Path]) -> Iterator[LabeledVideo]:
    """The tubes of shards of scored tubes, or of ``predictions.h5``, a video at a time.

    A tube that has no prediction of any class is left out.

    Raises:
        DataError: A shard cannot be read.
    """
    for path in shards:
        classes = classes_of_shards([path])
        with ShardReader(path, PREDICTIONS_SCHEMA) as shard:
            for video in shard:
                with reading(path, f"{video}: {_NO_SHARD}"):
                    found = _labelled_tubes(f"{path}: {video}", read_tubes(shard[video]), classes)
                yield LabeledVideo(video, read_info(shard[video]), found)


def _labelled_tubes(where: str, tubes: Tubes, classes: Sequence[str]) -> tuple[LabeledTube, ...]:
    if tubes.class_score is None:
        return ()
    found = []
    for p in np.flatnonzero(~np.isnan(tubes.class_score).all(1)).tolist():
        best = int(np.nanargmax(tubes.class_score[p]))
        frames = np.flatnonzero(~np.isnan(tubes.boxes[p]).any(1))
        found.append(
            checked_tube(
                f"{where}: tube {p}",
                str(p),
                classes[best],
                frames.tolist(),
                tubes.boxes[p, frames],
                actor=NAME_OF.get(int(tubes.actor[p]), ""),
                score=float(tubes.class_score[p, best]),
            )
        )
    return tuple(found)


def videos_of_predictions(path: Path) -> tuple[list[LabeledVideo], list[str]]:
    """The tubes of a ``predictions.json``, and the names of its classes.

    A tube that has no prediction of any class is left out.

    Raises:
        DataError: It is not of that form.
    """
    classes, videos = read_predictions_json(path)
    return [_labelled(path, video) for video in videos], classes


def _labelled(path: Path, video: ScoredVideo) -> LabeledVideo:
    found = []
    for p, tube in enumerate(video.tubes):
        if tube.class_score:
            best = max(tube.class_score, key=lambda name: tube.class_score[name])
            found.append(
                checked_tube(
                    f"{path}: {video.video}: tube {p}",
                    str(p),
                    best,
                    range(*tube.interval),
                    tube.boxes,
                    video.info.frames,
                    actor=tube.actor,
                    score=tube.class_score[best],
                )
            )
    return LabeledVideo(video.video, video.info, tuple(found))


def write_predictions(
    videos: Iterable[LabeledVideo], stream: TextIO, classes: Sequence[str], where: str
) -> None:
    """Write the form of ``predictions.json``: a tube's class with its score; 1 where it has none.

    Raises:
        DataError: The number of frames of a video is not known, or a tube has gaps, for which
            that form has no place.
    """
    write_predictions_json((_scored(where, video) for video in videos), stream, classes)


def _scored(where: str, video: LabeledVideo) -> ScoredVideo:
    if video.info.frames <= 0:
        raise DataError(f"{where}: the number of frames of {video.video!r} is not known; {LOG_SIZES}")
    found = []
    for tube in video.tubes:
        if not len(tube.frames):
            continue
        first, end = int(tube.frames[0]), int(tube.frames[-1]) + 1
        if end - first != len(tube.frames):
            raise DataError(
                f"{where}: {video.video}: tube {tube.name}: has no box in some frames between {first} and "
                f"{end - 1}, for which predictions.json has no place; write it as ground truth (.csv)"
            )
        score = 1.0 if tube.score is None else tube.score
        found.append(ScoredTube((first, end), tube.boxes, score, tube.actor, {tube.action: score}))
    return ScoredVideo(video.video, video.info, tuple(found))
