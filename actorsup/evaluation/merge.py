"""All scored tubes of a run in one file, for other programs."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from actorsup.coco import NAME_OF
from actorsup.errors import DataError
from actorsup.storage import ShardReader, ShardWriter
from actorsup.tube_files import PREDICTIONS_SCHEMA, VideoInfo, read_info, read_tubes, write_tubes
from actorsup.tubes import Tubes


def merge_predictions(shards: Iterable[str | Path], output: str | Path) -> None:
    """Write the scored tubes of all shards into one file of the same form, a video at a time.

    Raises:
        DataError: There is no shard, or a shard cannot be read.
    """
    paths = list(shards)
    classes, provenance = _classes(paths, output)
    with ShardWriter(output, PREDICTIONS_SCHEMA, provenance, {"classes": classes}) as writer:
        for path in paths:
            with ShardReader(path, PREDICTIONS_SCHEMA) as shard:
                for video in shard:
                    write_tubes(writer, video, read_info(shard[video]), read_tubes(shard[video]))
                for video, reason in shard.failures.items():
                    writer.fail(video, reason)


def predictions_json(shards: Iterable[str | Path], output: str | Path) -> None:
    """Write the scored tubes of all shards as strict JSON, a video at a time; NaN is left out."""
    temporary = Path(output).with_name(f".{Path(output).name}.tmp")
    paths = list(shards)
    with open(temporary, "w", encoding="utf-8") as stream:
        write_json(_classes(paths, output)[0], _videos(paths), stream)
    temporary.replace(output)


def _classes(paths: list[str | Path], output: str | Path) -> tuple[list[str], dict[str, Any]]:
    """Names of the classes that shards have in common, and what made the first."""
    if not paths:
        raise DataError(f"{output}: there are no videos to predict")
    with ShardReader(paths[0], PREDICTIONS_SCHEMA) as first:
        return [str(name) for name in first.file.attrs["classes"]], first.provenance


def _videos(paths: list[str | Path]) -> Iterator[tuple[str, VideoInfo, Tubes]]:
    for path in paths:
        with ShardReader(path, PREDICTIONS_SCHEMA) as shard:
            for video in shard:
                yield video, read_info(shard[video]), read_tubes(shard[video])


def write_json(
    classes: Sequence[str], videos: Iterable[tuple[str, VideoInfo, Tubes]], stream: TextIO
) -> None:
    """Write the form of ``predictions.json``, a video at a time.

    Args:
        classes: Names of the classes.
        videos: Id, length and size, and scored tubes of each video.
        stream: Where to.
    """
    stream.write('{"classes": ' + json.dumps([*classes]) + ', "videos": {')
    for number, (video, info, tubes) in enumerate(videos):
        entry = json.dumps(_entry(info, tubes, classes), allow_nan=False)
        stream.write(f"{',' if number else ''}\n{json.dumps(video)}: {entry}")
    stream.write("\n}}\n")


def _entry(info: VideoInfo, tubes: Tubes, classes: Sequence[str]) -> dict[str, Any]:
    assert tubes.class_score is not None
    entries = []
    for p in range(len(tubes)):
        first, end = tubes.interval[p].tolist()
        scores = zip(classes, tubes.class_score[p].tolist(), strict=True)
        entries.append(
            {
                "interval": [first, end],
                "boxes": np.round(tubes.boxes[p, first:end].astype(float), 2).tolist(),
                "score": round(float(tubes.score[p]), 6),
                "actor": NAME_OF[int(tubes.actor[p])],
                "class_score": {name: value for name, value in scores if not np.isnan(value)},
            }
        )
    size = {"width": info.width, "height": info.height}
    return {"frames": info.frames, "fps": info.fps, **size, "tubes": entries}
