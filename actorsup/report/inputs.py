"""The input files of a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class ReportInputs:
    """The input files of a page; a file that the data set lacks is None or empty.

    Attributes:
        videos: videos.csv.
        failures: failures.csv.
        galleries: The folders of the galleries, one for each shard.
        stages: One shard of each stage, by the stage's name, for its provenance.
        map: The table of average precision.
        recall: The table of recall.
        corloc: The table of CorLoc and class accuracy.
        errors: The table of kinds of errors.
        intervals: The table of confidence intervals.
        records: Snakemake's benchmark records, from ``cost.find_records``.
        ablations: The existing tables of ablations.
        curves: The training curve of each linker, model and seed.
        published: The paper's name of the data set, if it has published figures.
    """

    videos: Path
    failures: Path
    galleries: Sequence[Path]
    stages: Mapping[str, Path]
    map: Path | None = None
    recall: Path | None = None
    corloc: Path | None = None
    errors: Path | None = None
    intervals: Path | None = None
    records: Sequence[str] = field(default=())
    ablations: Sequence[Path] = field(default=())
    curves: Mapping[tuple[str, str, int], Path] = field(default_factory=dict)
    published: str | None = None


def read_table(path: Path) -> pd.DataFrame:
    """Read a table of results; thresholds stay text."""
    return pd.read_csv(
        path, dtype={"iou_threshold": str, "class": str, "group": str}, keep_default_na=False, na_values=[""]
    )
