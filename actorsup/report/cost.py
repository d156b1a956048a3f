"""The cost of a data set by stage, summed from Snakemake's ``benchmark:`` records.

Records are in ``benchmarks/results/{dataset}/{rule}/``; those of trained detectors and linkers, which data
sets share, are in ``benchmarks/results/weights/{rule}/{name}.tsv``.
"""

import csv
import io
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from actorsup.artifacts.atomic import write_text_atomically
from actorsup.artifacts.provenance import settings_digest
from actorsup.errors import REBUILD, DataError, report_read_errors

RECORDS = Path("benchmarks/results")
COST_COLUMNS = [
    "stage", "jobs", "videos", "wall_seconds", "cpu_seconds", "peak_memory_mb", "bytes_written",
    "wall_seconds_per_video", "cpu_seconds_per_video", "bytes_written_per_video",
]  # fmt: skip
_TRAINED_BY = {"detectors": "train_detector", "linkers": "train_siamese"}
_ORDER = (
    "make_demo_videos", "make_demo_images", "make_demo_sequences", "train_detector",
    "train_siamese", "decode_frames", "detect_actors", "link_actors", "train_attention", "score_tubes",
    "score_training_videos",
)  # fmt: skip
"""Stages in the order of the data; all others follow by name."""
_MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Record:
    """The cost of one job.

    Attributes:
        wall: Wall-clock time in seconds.
        cpu: CPU time in seconds, summed over cores.
        memory: Peak resident memory in MiB.
        written: Bytes written to disk; a file that is merged from parts counts twice.
    """

    wall: float
    cpu: float
    memory: float
    written: float


def find_records(dataset: str, weights: Iterable[str] = ()) -> list[str]:
    """List the existing records of a data set, and of the training of the networks that it uses.

    Args:
        dataset: Its name.
        weights: The weights that it uses. Training counts for those that a rule made
            (``results/weights/{detectors,linkers}/{name}.pt``).
    """
    found = list((RECORDS / dataset).rglob("*.tsv"))
    for path in map(Path, weights):
        if (rule := _TRAINED_BY.get(path.parent.name)) and path.parts[:2] == ("results", "weights"):
            found.append(RECORDS / "weights" / rule / f"{path.stem}.tsv")
    return sorted({path.as_posix() for path in found if path.is_file()})


def records_digest(paths: Iterable[str]) -> str:
    """Return a digest of the paths and modification times of records."""
    return settings_digest([(path, os.stat(path).st_mtime_ns) for path in paths])


def stage_of(path: str | Path) -> str:
    """Return the rule of a record."""
    return Path(path).relative_to(RECORDS).parts[1].removesuffix(".tsv")


def read_record(path: str | Path) -> list[Record]:
    """Read a file of records: one for each repetition of its job.

    Values that Snakemake could not measure, because the job was too short, count as 0.

    Raises:
        DataError: The file cannot be read, or is not a benchmark record.
    """
    with report_read_errors(path, f"not a benchmark record of Snakemake; {REBUILD}"):
        with open(path, encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t"))
        if not rows:
            raise ValueError("no line")
        return [
            Record(
                wall=float(row["s"]),
                cpu=_measured(row["cpu_time"]),
                memory=_measured(row["max_rss"]),
                written=_measured(row["io_out"]) * _MEBIBYTE,
            )
            for row in rows
        ]


def _measured(text: str) -> float:
    """A number, or 0 where Snakemake wrote NA or a dash."""
    value = 0.0 if text in ("NA", "-", "") else float(text)
    return value if math.isfinite(value) else 0.0


def cost_lines(paths: Iterable[str | Path], videos: int) -> list[list[str | int]]:
    """Return a line for each stage, in the order of the data, and one for ``all``; columns ``COST_COLUMNS``.

    A restarted job has only the record of its last start. Wall time is summed over jobs; peak memory is
    that of the largest job.

    Args:
        paths: Records from ``find_records``; without records there are no lines.
        videos: Number of videos of the data set, for the cost per video.

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
    """Write the lines of ``cost_lines`` as cost.csv.

    Raises:
        DataError: A record cannot be read, or none exists.
    """
    lines = cost_lines(paths, videos)
    if not lines:
        raise DataError(f"{RECORDS}: no record of this data set; run it first, then ask for its cost")
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COST_COLUMNS, *lines])
    write_text_atomically(output, text.getvalue())


def _line(stage: str, records: list[Record], videos: int) -> list[str | int]:
    wall, cpu, written = (sum(getattr(r, name) for r in records) for name in ("wall", "cpu", "written"))
    each = max(videos, 1)
    numbers = f"{wall:.2f} {cpu:.2f} {max((r.memory for r in records), default=0):.1f} {written:.0f}".split()
    rates = f"{wall / each:.4f} {cpu / each:.4f} {written / each:.0f}".split()
    return [stage, len(records), videos, *numbers, *rates]
