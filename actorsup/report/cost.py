"""What a data set has cost, stage by stage: Snakemake's ``benchmark:`` records, summed.

The record of a job lies in ``benchmarks/results/{dataset}/{rule}/...tsv``; those of networks
that are trained for many data sets in ``benchmarks/results/weights/{rule}/{name}.tsv``.
"""

import csv
import io
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from actorsup.artifacts.atomic import write_whole
from actorsup.artifacts.provenance import settings_digest
from actorsup.errors import DataError

RECORDS = Path("benchmarks/results")
COST_COLUMNS = [
    "stage", "jobs", "videos", "wall_seconds", "cpu_seconds", "peak_memory_mb", "bytes_written",
    "wall_seconds_per_video", "cpu_seconds_per_video", "bytes_written_per_video",
]  # fmt: skip
_TRAINED_BY = {"detectors": "train_detector", "linkers": "train_siamese"}
_ORDER = (
    "make_demo_videos", "make_demo_images", "make_demo_sequences", "train_detector",
    "train_siamese", "decode_frames", "detect_actors", "link_actors", "train_attention", "score_tubes",
)  # fmt: skip
"""Stages in the order of the data; those that are not here follow by name."""
_MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Record:
    """What one job took.

    Attributes:
        wall: Seconds from its start to its end.
        cpu: Seconds of all its cores together.
        memory: Most memory that it held at once, MiB (resident).
        written: Bytes handed to the disk; a file that is gathered from parts counts twice.
    """

    wall: float
    cpu: float
    memory: float
    written: float


def find_records(dataset: str, weights: Iterable[str] = ()) -> list[str]:
    """The records that there are of a data set, and of the networks that were trained for it.

    Args:
        dataset: Its name.
        weights: The weights that it uses; of those that a rule trained
            (``results/weights/{detectors,linkers}/{name}.pt``) the training is counted.
    """
    found = list((RECORDS / dataset).rglob("*.tsv"))
    for path in map(Path, weights):
        if (rule := _TRAINED_BY.get(path.parent.name)) and path.parts[:2] == ("results", "weights"):
            found.append(RECORDS / "weights" / rule / f"{path.stem}.tsv")
    return sorted({path.as_posix() for path in found if path.is_file()})


def records_digest(paths: Iterable[str]) -> str:
    """Digest of which records there are, and when they were written."""
    return settings_digest([(path, os.stat(path).st_mtime_ns) for path in paths])


def stage_of(path: str | Path) -> str:
    """The rule that a record is of."""
    return Path(path).relative_to(RECORDS).parts[1].removesuffix(".tsv")


def read_record(path: str | Path) -> list[Record]:
    """The jobs of one file of records: one, or as many as the job was repeated.

    What Snakemake could not measure, since the job was over too soon, counts as nothing.

    Raises:
        DataError: The file cannot be read, or holds none of Snakemake's records.
    """
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t"))
        if not rows:
            raise ValueError("it holds no line")
        return [
            Record(
                float(row["s"]),
                _measured(row["cpu_time"]),
                _measured(row["max_rss"]),
                _measured(row["io_out"]) * _MEBIBYTE,
            )
            for row in rows
        ]
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise DataError(
            f"{path}: no benchmark record of Snakemake ({error!r}); delete it and ask again"
        ) from error


def _measured(text: str) -> float:
    """A number, or 0 where Snakemake wrote NA or a dash."""
    value = 0.0 if text in ("NA", "-", "") else float(text)
    return value if math.isfinite(value) else 0.0


def cost_lines(paths: Iterable[str | Path], videos: int) -> list[list[str | int]]:
    """A line for each stage, in the order of the data, and ``all``; columns ``COST_COLUMNS``.

    A job that was started again has the record of its last start alone. Peak memory is that of the
    largest job. Wall time is summed over jobs, as if one ran after the other.

    Args:
        paths: Records, as ``find_records`` has them; without any there is no line.
        videos: How many videos the data set has; what a stage costs for each is over all of them.

    Raises:
        DataError: A record cannot be read.
    """
    stages: dict[str, list[Record]] = {}
    for path in paths:
        stages.setdefault(stage_of(path), []).extend(read_record(path))
    order = {stage: index for index, stage in enumerate(_ORDER)}
    ordered = sorted(stages, key=lambda name: (order.get(name, len(order)), name))
    lines = [_line(stage, stages[stage], videos) for stage in ordered]
    every = [record for records in stages.values() for record in records]
    return [*lines, _line("all", every, videos)] if lines else []


def write_cost(paths: Iterable[str | Path], videos: int, output: str | Path) -> None:
    """Write cost.csv, the lines of ``cost_lines`` under their header.

    Raises:
        DataError: A record cannot be read, or there is none.
    """
    lines = cost_lines(paths, videos)
    if not lines:
        raise DataError(
            f"{RECORDS}: no record of this data set is there; run it first, then ask for its cost"
        )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([COST_COLUMNS, *lines])
    write_whole(output, text.getvalue())


def _line(stage: str, records: list[Record], videos: int) -> list[str | int]:
    wall, cpu, written = (sum(getattr(r, name) for r in records) for name in ("wall", "cpu", "written"))
    each = max(videos, 1)
    numbers = f"{wall:.2f} {cpu:.2f} {max((r.memory for r in records), default=0):.1f} {written:.0f}".split()
    rates = f"{wall / each:.4f} {cpu / each:.4f} {written / each:.0f}".split()
    return [stage, len(records), videos, *numbers, *rates]
