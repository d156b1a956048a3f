"""All scored tubes of a run in one file, for other programs."""

import json
from collections.abc import Iterable
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
    temporary = Path(output).with_name(f".{Path(output).name}.tmp")
    with open(temporary, "w", encoding="utf-8") as stream:
        _write_json(list(shards), stream)
    temporary.replace(output)


def _write_json(shards: list[str | Path], stream: TextIO) -> None:
    separator = ""
    for number, path in enumerate(shards):
        with ShardReader(path, PREDICTIONS_SCHEMA) as shard:
            classes = [str(name) for name in shard.file.attrs["classes"]]
            if number == 0:
                stream.write('{"classes": ' + json.dumps(classes) + ', "videos": {')
            for video in shard:
                entry = _entry(read_info(shard[video]), read_tubes(shard[video]), classes)
                stream.write(f"{separator}\n{json.dumps(video)}: {json.dumps(entry, allow_nan=False)}")
                separator = ","
    stream.write("\n}}\n")


def _entry(info: VideoInfo, tubes: Tubes, classes: list[str]) -> dict[str, Any]:
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
