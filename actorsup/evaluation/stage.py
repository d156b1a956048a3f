"""The stage: tables of recall, precision, errors and confidence intervals on the test split."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from actorsup.artifacts.atomic import write_text_atomically
from actorsup.evaluation.bootstrap import INTERVAL_COLUMNS
from actorsup.evaluation.error_analysis import ERROR_COLUMNS
from actorsup.evaluation.frame_level import FRAME_COLUMNS
from actorsup.evaluation.measures import Evaluation
from actorsup.evaluation.predictions import read_predictions, read_proposals
from actorsup.evaluation.settings import EvaluationSettings
from actorsup.evaluation.split import TestSplit
from actorsup.evaluation.tables import (
    ABLATION_COLUMNS,
    ACTOR_COLUMNS,
    EPOCH_COLUMNS,
    MAP_COLUMNS,
    RECALL_COLUMNS,
)

_LOG = logging.getLogger(__name__)

Run = tuple[str, str, int] | tuple[str, str, int, int]
"""A linker, a model, a seed and, for the table by epoch, an epoch."""


def write_recall(split: TestSplit, linkers: Mapping[str, Sequence[Path]], output: Path) -> None:
    """Write the recall of the proposals of every linker.

    Args:
        split: The test split.
        linkers: Tube shards of each linker.
        output: The table to write, columns ``RECALL_COLUMNS``.

    Raises:
        DataError: A file cannot be used, or the split has no ground truth.
    """
    _LOG.info("ground truth of %d videos", len(split.truth))
    parts = []
    for linker, shards in linkers.items():
        table = split.evaluation(read_proposals(shards)).recall(split.settings.iou_thresholds)
        parts.append(table.assign(dataset=split.dataset, linker=linker)[RECALL_COLUMNS])
        _log_values(f"recall, {linker}", table[table["group"] == "all"], "recall")
    write_table(pd.concat(parts), output)


def write_run_table(table: str, split: TestSplit, runs: Mapping[Run, Sequence[Path]], output: Path) -> None:
    """Write one table of scored runs.

    Args:
        table: A key of ``RUN_TABLES``.
        split: The test split.
        runs: Shards of scored tubes of each run.
        output: The table to write.

    Raises:
        DataError: A file cannot be used, or the split has no ground truth.
    """
    columns, measure = RUN_TABLES[table]
    parts = []
    for run, shards in runs.items():
        _LOG.info("%s:", ", ".join(map(str, run)))
        part = measure(split.evaluation(read_predictions(shards)), split.settings)
        parts.append(_of_run(part, run))
    rows = pd.concat(parts)
    if table == "ablation":
        by_seed = rows.groupby(["linker", "model", "iou_threshold"], sort=False)["average_precision"]
        spread = by_seed.agg(mean="mean", deviation="std", lowest="min", highest="max", seeds="count")
        rows = spread.reset_index()
    write_table(rows.assign(dataset=split.dataset)[columns], output)


def write_confidence_intervals(
    split: TestSplit,
    linkers: Mapping[str, Sequence[Path]],
    runs: Mapping[Run, Sequence[Path]],
    output: Path,
    seed: int = 0,
) -> None:
    """Write confidence intervals of the recall of every linker, then of the precision of every run.

    Args:
        split: The test split.
        linkers: As in ``write_recall``.
        runs: As in ``write_run_table``.
        output: The table to write, columns ``INTERVAL_COLUMNS``; model and seed are empty for
            recall, and the number of proposals for precision.
        seed: Seed of the resampling.

    Raises:
        DataError: A file cannot be used, or the split has no ground truth.
    """
    levels, resamples = split.settings.iou_thresholds, split.settings.resamples
    parts = []
    for linker, shards in linkers.items():
        evaluation = split.evaluation(read_proposals(shards))
        table = evaluation.recall_intervals(levels, resamples=resamples, seed=seed)
        parts.append(table.assign(linker=linker, model="", seed=""))
    for run, shards in runs.items():
        evaluation = split.evaluation(read_predictions(shards))
        table = evaluation.precision_intervals(levels, resamples, seed)
        parts.append(_of_run(table, run))
    write_table(pd.concat(parts).assign(dataset=split.dataset)[INTERVAL_COLUMNS], output)


def write_table(table: pd.DataFrame, output: Path) -> None:
    """Write a table as CSV, atomically; fractions with six decimals."""
    write_text_atomically(output, table.to_csv(index=False, lineterminator="\n", float_format="%.6f"))


def _of_run(table: pd.DataFrame, run: Run) -> pd.DataFrame:
    linker, model, seed, *epoch = run
    return table.assign(linker=linker, model=model, seed=seed, epoch=epoch[0] if epoch else None)


def _precision(evaluation: Evaluation, settings: EvaluationSettings) -> pd.DataFrame:
    table = evaluation.average_precision(settings.iou_thresholds)
    _log_values("mAP", table[table["class"] == "mean"], "average_precision")
    return table


def _mean_precision(evaluation: Evaluation, settings: EvaluationSettings) -> pd.DataFrame:
    table = _precision(evaluation, settings)
    return table[table["class"] == "mean"]


RUN_TABLES: Mapping[str, tuple[list[str], Callable[[Evaluation, EvaluationSettings], pd.DataFrame]]] = {
    "map": (MAP_COLUMNS, _precision),
    "ablation": (ABLATION_COLUMNS, _mean_precision),
    "map_by_epoch": (EPOCH_COLUMNS, _mean_precision),
    "errors": (ERROR_COLUMNS, lambda evaluation, settings: evaluation.errors(settings.error_iou)),
    "actor_map": (
        ACTOR_COLUMNS,
        lambda evaluation, settings: evaluation.average_precision(settings.iou_thresholds, by="actor"),
    ),
    "frame_map": (
        FRAME_COLUMNS,
        lambda evaluation, settings: evaluation.frame_average_precision(settings.iou_thresholds),
    ),
}
"""The columns of each table of scored runs, and the measure that fills it."""


def _log_values(what: str, rows: pd.DataFrame, column: str) -> None:
    values = "; ".join(
        " ".join(f"{row[name]}" for name in ("proposals", "iou_threshold") if name in row)
        + f": {row[column]:.3f}"
        for _, row in rows.iterrows()
    )
    _LOG.info("%s: %s", what, values)
