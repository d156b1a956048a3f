"""Which videos could not be used, at which stage, and why."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from actorsup.storage import ShardReader, write_whole

FAILURE_COLUMNS = ["video", "stage", "reason"]
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
    rows = [(video, "manifest", f"no such video: {path}") for video, path in missing]
    for stage, paths in shards.items():
        for path in paths:
            with ShardReader(path, _SCHEMAS[stage]) as shard:
                rows += [(video, stage, reason) for video, reason in shard.failures.items()]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(FAILURE_COLUMNS)
    writer.writerows(sorted(set(rows)))
    write_whole(output, text.getvalue())
