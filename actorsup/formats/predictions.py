"""Read shards of scored tubes as labeled tubes, and merge shards into one file."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import h5py
import numpy as np

from actorsup.artifacts.atomic import open_text_atomically
from actorsup.artifacts.shards import ShardReader, ShardWriter
from actorsup.artifacts.tube_files import (
    PREDICTIONS_SCHEMA,
    read_info,
    read_tubes,
    read_video_logit,
    write_tubes,
)
from actorsup.coco import NAME_OF
from actorsup.errors import REBUILD, DataError, report_read_errors
from actorsup.formats.labeled import LabeledTube, LabeledVideo, make_tube
from actorsup.formats.predictions_json import ScoredVideo, write_predictions_json
from actorsup.tubes import Tubes

_NO_SHARD = f"not a shard of scored tubes; {REBUILD}"


def classes_of_shards(shards: Sequence[str | Path]) -> list[str]:
    """Return the class names in the first shard.

    Raises:
        DataError: ``shards`` is empty, or the first shard has no valid class names.
    """
    if not shards:
        raise DataError("there are no videos to predict, so there is nothing to export")
    path = shards[0]
    with ShardReader(path, PREDICTIONS_SCHEMA) as shard, report_read_errors(path, _NO_SHARD):
        value = shard.file.attrs.get("classes")
        if not isinstance(value, np.ndarray) or value.ndim != 1:
            found = "empty" if isinstance(value, h5py.Empty) else repr(value)
            raise DataError(f"{path}: attribute 'classes' is {found}; wanted names")
        names = [str(name) for name in value]
        "".join(names).encode()  # raises an error if a name is not valid text
    if len({*names}) < len(names):
        raise DataError(f"{path}: attribute 'classes' names a class twice: {', '.join(names)}")
    return names


def merge_predictions(shards: Iterable[str | Path], output: str | Path) -> None:
    """Write the scored tubes of all shards into one shard, one video at a time.

    Raises:
        DataError: ``shards`` is empty, or a shard cannot be read.
    """
    paths = list(shards)
    if not paths:
        raise DataError(f"{output}: there are no videos to predict")
    with ShardReader(paths[0], PREDICTIONS_SCHEMA) as first:
        provenance, classes = first.provenance, list(first.file.attrs["classes"])
    with ShardWriter(output, PREDICTIONS_SCHEMA, provenance, {"classes": classes}) as writer:
        for path in paths:
            with ShardReader(path, PREDICTIONS_SCHEMA) as shard:
                for video in shard:
                    group = shard[video]
                    write_tubes(writer, video, read_info(group), read_tubes(group), read_video_logit(group))
                for video, reason in shard.failures.items():
                    writer.fail(video, reason)


def predictions_json(shards: Iterable[str | Path], output: str | Path) -> None:
    """Write the scored tubes of all shards as ``predictions.json``, one video at a time."""
    paths = list(shards)
    with open_text_atomically(Path(output)) as stream:
        write_predictions_json(_scored_videos(paths), stream, classes_of_shards(paths))


def _scored_videos(shards: Iterable[str | Path]) -> Iterator[ScoredVideo]:
    for path in shards:
        with ShardReader(path, PREDICTIONS_SCHEMA) as shard:
            classes = [str(name) for name in shard.file.attrs["classes"]]
            for video in shard:
                group = shard[video]
                yield ScoredVideo.from_tubes(video, read_info(group), read_tubes(group), classes)


def read_shards(shards: Iterable[str | Path]) -> Iterator[LabeledVideo]:
    """Yield the videos of shards of scored tubes, with tubes labeled with their highest-scoring class.

    Tubes without a score for any class are left out.

    Raises:
        DataError: A shard cannot be read.
    """
    for path in shards:
        classes = classes_of_shards([path])
        with ShardReader(path, PREDICTIONS_SCHEMA) as shard:
            for video in shard:
                with report_read_errors(path, f"{video}: {_NO_SHARD}"):
                    tubes = _labeled_tubes(f"{path}: {video}", read_tubes(shard[video]), classes)
                yield LabeledVideo(video, read_info(shard[video]), tubes)


def _labeled_tubes(location: str, tubes: Tubes, classes: Sequence[str]) -> tuple[LabeledTube, ...]:
    if tubes.class_score is None:
        return ()
    labeled = []
    for p in np.flatnonzero(~np.isnan(tubes.class_score).all(1)).tolist():
        best_class = int(np.nanargmax(tubes.class_score[p]))
        frames = np.flatnonzero(~np.isnan(tubes.boxes[p]).any(1))
        labeled.append(
            make_tube(
                f"{location}: tube {p}", str(p), classes[best_class], frames.tolist(), tubes.boxes[p, frames],
                actor=NAME_OF.get(int(tubes.actor[p]), ""), score=float(tubes.class_score[p, best_class]),
            )
        )  # fmt: skip
    return tuple(labeled)
