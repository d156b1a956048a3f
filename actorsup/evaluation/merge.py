"""All scored tubes of a run in one file, for other programs."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from actorsup.artifacts.atomic import writing_text
from actorsup.artifacts.shards import ShardReader, ShardWriter
from actorsup.artifacts.tube_files import PREDICTIONS_SCHEMA, VideoInfo, read_info, read_tubes, write_tubes
from actorsup.coco import NAME_OF
from actorsup.errors import DataError
from actorsup.formats.predictions import classes_of_shards
from actorsup.formats.predictions_json import ScoredTube, ScoredVideo, write_predictions_json
from actorsup.tubes import Tubes


def merge_predictions(shards: Iterable[str | Path], output: str | Path) -> None:
    """Write the scored tubes of all shards into one file of the same form, a video at a time.

    Raises:
        DataError: There is no shard, or a shard cannot be read.
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
                    write_tubes(writer, video, read_info(shard[video]), read_tubes(shard[video]))
                for video, reason in shard.failures.items():
                    writer.fail(video, reason)


def predictions_json(shards: Iterable[str | Path], output: str | Path) -> None:
    """Write the scored tubes of all shards as strict JSON, a video at a time; NaN is left out."""
    paths = list(shards)
    with writing_text(Path(output)) as stream:
        write_predictions_json(_scored(paths), stream, classes_of_shards(paths))


def _scored(shards: Iterable[str | Path]) -> Iterator[ScoredVideo]:
    for path in shards:
        with ShardReader(path, PREDICTIONS_SCHEMA) as shard:
            classes = [str(name) for name in shard.file.attrs["classes"]]
            for video in shard:
                yield scored_video(video, read_info(shard[video]), read_tubes(shard[video]), classes)


def scored_video(video: str, info: VideoInfo, tubes: Tubes, classes: Sequence[str]) -> ScoredVideo:
    """A video's scored tubes as ``predictions.json`` holds them; NaN scores are left out."""
    return ScoredVideo(video, info, tuple(_tube(tubes, p, classes) for p in range(len(tubes))))


def _tube(tubes: Tubes, p: int, classes: Sequence[str]) -> ScoredTube:
    assert tubes.class_score is not None
    first, end = tubes.interval[p].tolist()
    scores = zip(classes, tubes.class_score[p].tolist(), strict=True)
    return ScoredTube(
        interval=(first, end),
        boxes=tubes.boxes[p, first:end].astype(np.float64),
        score=round(float(tubes.score[p]), 6),
        actor=NAME_OF[int(tubes.actor[p])],
        class_score={name: value for name, value in scores if not np.isnan(value)},
    )
