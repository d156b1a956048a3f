"""The table of videos that could not be used: at which stage, and why."""

import csv
import io
import logging
from collections.abc import Iterable, Mapping, Sequence
from glob import escape
from pathlib import Path

from actorsup.artifacts.atomic import write_text_atomically
from actorsup.artifacts.shards import ShardReader
from actorsup.datasets.entries import escape_name
from actorsup.formats.video_ids import VIDEO_SUFFIXES

_LOG = logging.getLogger(__name__)
FAILURE_COLUMNS = ["video", "stage", "reason"]


def write_failures(
    shards: Mapping[str, Iterable[str | Path]],
    missing: Iterable[Sequence[str]],
    output: str | Path,
    unusable: Iterable[Sequence[str]] = (),
    unused: str = "",
) -> None:
    """Write failures.csv: a line for each video that a stage could not use.

    Args:
        shards: The shards of each stage (``frames``, ``detections``, ``tubes``, ``predictions``).
        missing: Id and expected path of each listed video that is missing.
        output: The table to write.
        unusable: Id of each entry of the folder that looks like a video but cannot be used, and why.
        unused: Summary of the files of the folder that are not used, for the log.

    Raises:
        DataError: A shard cannot be read.
    """
    if unused:
        _LOG.info("%s", unused)
    rows = [(video, "manifest", reason) for video, reason in unusable]
    explained = {video for video, *_ in rows}
    rows += [(video, "manifest", _absence(Path(path))) for video, path in missing if video not in explained]
    for stage, paths in shards.items():
        for path in paths:
            with ShardReader(path, f"{stage}/1") as shard:
                rows += [(video, stage, reason) for video, reason in shard.failures.items()]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([FAILURE_COLUMNS, *sorted(set(rows))])
    write_text_atomically(output, text.getvalue())


def _absence(path: Path) -> str:
    if path.is_dir():
        return f"no video: {path} is a folder without images"
    stem = path.with_suffix("") if path.suffix.lower() in VIDEO_SUFFIXES else path
    others = sorted(escape_name(one.name) for one in stem.parent.glob(f"{escape(stem.name)}.*"))
    if others:
        return f"no video: {path.parent / others[0]} is not a video, by its suffix or its first bytes"
    return f"no such video: {path}"
