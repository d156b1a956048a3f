"""Which videos could not be used, at which stage, and why."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from glob import escape
from pathlib import Path

from actorsup.artifacts.atomic import write_whole
from actorsup.artifacts.shards import ShardReader
from actorsup.formats.video_ids import VIDEO_SUFFIXES

FAILURE_COLUMNS = ["video", "stage", "reason"]
_KINDS = sorted(VIDEO_SUFFIXES)
_SCHEMAS = {
    "frames": "frames/1",
    "detections": "detections/1",
    "tubes": "tubes/1",
    "predictions": "predictions/1",
}


def write_failures(
    shards: Mapping[str, Iterable[str | Path]], missing: Iterable[Sequence[str]], output: str | Path
) -> None:
    """Write failures.csv: a header, and a line for each video that a stage could not use.

    Args:
        shards: The shards of each stage (``frames``, ``detections``, ``tubes``, ``predictions``).
        missing: Id of each video that the lists name and the folder lacks, and where it was sought.
        output: The table to write.

    Raises:
        DataError: A shard cannot be read.
    """
    rows = [(video, "manifest", _absence(Path(path))) for video, path in missing]
    for stage, paths in shards.items():
        for path in paths:
            with ShardReader(path, _SCHEMAS[stage]) as shard:
                rows += [(video, stage, reason) for video, reason in shard.failures.items()]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(FAILURE_COLUMNS)
    writer.writerows(sorted(set(rows)))
    write_whole(output, text.getvalue())


def _absence(path: Path) -> str:
    """Why there is no video at a path, as far as the folder tells."""
    if path.is_dir():
        return f"no video: {path} is a folder without images"
    stem = path.with_suffix("") if path.suffix.lower() in VIDEO_SUFFIXES else path
    others = sorted(one.name for one in stem.parent.glob(f"{escape(stem.name)}.*"))
    if others:
        return f"no video: {path.parent / others[0]} is of no kind that is read here ({', '.join(_KINDS)})"
    return f"no such video: {path}"
