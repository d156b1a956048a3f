"""Evaluation stage: tables of recall, average precision, errors and confidence intervals."""

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
"""Names of the linker and the model, the seed and, in the table by epoch, the epoch."""


def write_recall(split: TestSplit, linkers: Mapping[str, Sequence[Path]], output: Path) -> None:
    """Write the recall of the proposals of every linker.

    Args:
        split: The test split.
        linkers: Tube shards by name of the linker.
        output: Path of the table to write, with columns ``RECALL_COLUMNS``.

    Raises:
        DataError: A file cannot be used, or the split has no ground truth.
    """
    _LOG.info("ground truth of %d videos", len(split.truth))
    tables = []
    for linker, shards in linkers.items():
        table = split.evaluation(read_proposals(shards)).recall(split.settings.iou_thresholds)
        tables.append(table.assign(dataset=split.dataset, linker=linker)[RECALL_COLUMNS])
        _log_values(f"recall, {linker}", table[table["group"] == "all"], "recall")
    write_table(pd.concat(tables), output)


def write_run_table(table: str, split: TestSplit, runs: Mapping[Run, Sequence[Path]], output: Path) -> None:
    """Write one table of scored runs.

    Args:
        table: Name of the table, a key of ``RUN_TABLES``.
        split: The test split.
        runs: Shards of scored tubes by run.
        output: Path of the table to write.

    Raises:
        DataError: A file cannot be used, or the split has no ground truth.
    """
    columns, compute_rows = RUN_TABLES[table]
    tables = []
    for run, shards in runs.items():
        _LOG.info("%s:", ", ".join(map(str, run)))
        run_rows = compute_rows(split.evaluation(read_predictions(shards)), split.settings)
        tables.append(_add_run_columns(run_rows, run))
    rows = pd.concat(tables)
    if table == "ablation":
        seed_groups = rows.groupby(["linker", "model", "iou_threshold"], sort=False)["average_precision"]
        statistics = seed_groups.agg(mean="mean", deviation="std", lowest="min", highest="max", seeds="count")
        rows = statistics.reset_index()
    write_table(rows.assign(dataset=split.dataset)[columns], output)


def write_confidence_intervals(
    split: TestSplit,
    linkers: Mapping[str, Sequence[Path]],
    runs: Mapping[Run, Sequence[Path]],
    output: Path,
    seed: int = 0,
) -> None:
    """Write confidence intervals of the recall of every linker, and of the average precision of every run.

    Args:
        split: The test split.
        linkers: Tube shards by name of the linker.
        runs: Shards of scored tubes by run.
        output: Path of the table to write, with columns ``INTERVAL_COLUMNS``. Rows of recall have no model
            and no seed; rows of average precision have no number of proposals.
        seed: Seed of the random generator.

    Raises:
        DataError: A file cannot be used, or the split has no ground truth.
    """
    thresholds, resamples = split.settings.iou_thresholds, split.settings.resamples
    tables = []
    for linker, shards in linkers.items():
        evaluation = split.evaluation(read_proposals(shards))
        table = evaluation.recall_intervals(thresholds, resamples=resamples, seed=seed)
        tables.append(table.assign(linker=linker, model="", seed=""))
    for run, shards in runs.items():
        evaluation = split.evaluation(read_predictions(shards))
        table = evaluation.precision_intervals(thresholds, resamples, seed)
        tables.append(_add_run_columns(table, run))
    write_table(pd.concat(tables).assign(dataset=split.dataset)[INTERVAL_COLUMNS], output)


def write_table(table: pd.DataFrame, output: Path) -> None:
    """Write a table as CSV, atomically; fractions with six decimals."""
    write_text_atomically(output, table.to_csv(index=False, lineterminator="\n", float_format="%.6f"))


def _add_run_columns(table: pd.DataFrame, run: Run) -> pd.DataFrame:
    linker, model, seed, *epoch = run
    return table.assign(linker=linker, model=model, seed=seed, epoch=epoch[0] if epoch else None)


def _compute_precision(evaluation: Evaluation, settings: EvaluationSettings) -> pd.DataFrame:
    table = evaluation.average_precision(settings.iou_thresholds)
    _log_values("mAP", table[table["class"] == "mean"], "average_precision")
    return table


def _compute_mean_precision(evaluation: Evaluation, settings: EvaluationSettings) -> pd.DataFrame:
    table = _compute_precision(evaluation, settings)
    return table[table["class"] == "mean"]


RUN_TABLES: Mapping[str, tuple[list[str], Callable[[Evaluation, EvaluationSettings], pd.DataFrame]]] = {
    "map": (MAP_COLUMNS, _compute_precision),
    "ablation": (ABLATION_COLUMNS, _compute_mean_precision),
    "map_by_epoch": (EPOCH_COLUMNS, _compute_mean_precision),
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
"""Columns of each table of scored runs, and the function that computes its rows."""


def _log_values(measure: str, rows: pd.DataFrame, column: str) -> None:
    values = "; ".join(
        " ".join(f"{row[name]}" for name in ("proposals", "iou_threshold") if name in row)
        + f": {row[column]:.3f}"
        for _, row in rows.iterrows()
    )
    _LOG.info("%s: %s", measure, values)
