"""The stage: tables of recall, precision, errors and intervals on the test split."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from actorsup.artifacts.atomic import write_whole
from actorsup.evaluation.bootstrap import INTERVAL_COLUMNS, precision_intervals, recall_intervals
from actorsup.evaluation.error_analysis import ERROR_COLUMNS, errors_table
from actorsup.evaluation.frame_level import FRAME_COLUMNS, frame_table
from actorsup.evaluation.matching import VideoOverlap
from actorsup.evaluation.predictions import Predictions, read_predictions, read_proposals
from actorsup.evaluation.split import TestSplit, tell_classes, tell_scores
from actorsup.evaluation.tables import (
    ABLATION_COLUMNS,
    ACTOR_COLUMNS,
    EPOCH_COLUMNS,
    MAP_COLUMNS,
    RECALL_COLUMNS,
    actor_table,
    map_table,
    recall_table,
)

_LOG = logging.getLogger(__name__)

Run = tuple[str, str, int]
"""A linker, a model and a seed."""


def write_recall(split: TestSplit, linkers: Mapping[str, Sequence[Path]], output: Path) -> None:
    """Write the recall of every linker's proposals on the test split.

    Args:
        split: What they are evaluated on.
        linkers: Shards of tubes by the linker's name.
        output: The table to write, columns ``RECALL_COLUMNS``.

    Raises:
        DataError: A file cannot be used, or the split has no ground truth.
    """
    _LOG.info("ground truth of %d videos", len(split.truth))
    parts = []
    for linker, shards in linkers.items():
        found = split.compared(read_proposals(shards))
        table = recall_table(found, split.settings.iou_thresholds, split.settings.rules)
        parts.append(table.assign(dataset=split.dataset, linker=linker)[RECALL_COLUMNS])
        _tell(f"recall, {linker}", table[table["group"] == "all"], "recall")
    write_table(pd.concat(parts), output)


def write_map(split: TestSplit, runs: Mapping[Run, Sequence[Path]], output: Path) -> None:
    """Write the average precision of every linker, model and seed on the test split.

    Args:
        split: What they are evaluated on.
        runs: Shards of scored tubes by linker, model and seed.
        output: The table to write, columns ``MAP_COLUMNS``.

    Raises:
        DataError: A file cannot be used, or the split has no ground truth.
    """
    _write_runs(split, _map_tables(split, runs), MAP_COLUMNS, output)


def write_ablation(split: TestSplit, runs: Mapping[Run, Sequence[Path]], output: Path) -> None:
    """Write the mAP of every linker and model, and its spread over the seeds.

    Args:
        split: What they are evaluated on.
        runs: As in ``write_map``.
        output: The table to write, columns ``ABLATION_COLUMNS``.

    Raises:
        DataError: As ``write_map`` says.
    """
    parts = [
        _means(table).assign(linker=linker, model=model)
        for (linker, model, _), table in _map_tables(split, runs)
    ]
    of_seeds = pd.concat(parts).groupby(["linker", "model", "iou_threshold"], sort=False)["average_precision"]
    table = of_seeds.agg(mean="mean", deviation="std", lowest="min", highest="max", seeds="count")
    write_table(table.reset_index().assign(dataset=split.dataset)[ABLATION_COLUMNS], output)


def write_map_by_epoch(
    split: TestSplit, runs: Mapping[tuple[str, str, int, int], Sequence[Path]], output: Path
) -> None:
    """Write the mAP after each epoch of a training.

    Args:
        split: What they are evaluated on.
        runs: Shards of scored tubes by linker, model, seed and epoch.
        output: The table to write, columns ``EPOCH_COLUMNS``.

    Raises:
        DataError: As ``write_map`` says.
    """
    parts = [
        _means(table).assign(linker=linker, model=model, seed=seed, epoch=epoch)
        for (linker, model, seed, epoch), table in _map_tables(split, runs)
    ]
    write_table(pd.concat(parts).assign(dataset=split.dataset)[EPOCH_COLUMNS], output)


def write_errors(split: TestSplit, runs: Mapping[Run, Sequence[Path]], output: Path) -> None:
    """Write how many predictions of every run are right, or in which way wrong.

    Args:
        split: What they are evaluated on.
        runs: As in ``write_map``.
        output: The table to write, columns ``ERROR_COLUMNS``.

    Raises:
        DataError: As ``write_map`` says.
    """
    rules, iou = split.settings.rules, split.settings.error_iou
    tables = (
        (run, errors_table(found, classes, iou, rules)) for run, found, classes in _compared(split, runs)
    )
    _write_runs(split, tables, ERROR_COLUMNS, output)


def write_actor_map(split: TestSplit, runs: Mapping[Run, Sequence[Path]], output: Path) -> None:
    """Write the average precision of every run for each actor; arguments and errors as in ``write_map``.

    The columns are ``ACTOR_COLUMNS``; there are no rows where no actor is annotated.
    """
    rules, levels = split.settings.rules, split.settings.iou_thresholds
    tables = (
        (run, actor_table(found, classes, rules, levels)) for run, found, classes in _compared(split, runs)
    )
    _write_runs(split, tables, ACTOR_COLUMNS, output)


def write_frame_map(split: TestSplit, runs: Mapping[Run, Sequence[Path]], output: Path) -> None:
    """Write the average precision of the boxes of all frames, of every run.

    Arguments and errors as in ``write_map``; the columns are ``FRAME_COLUMNS``.
    """
    rules, levels = split.settings.rules, split.settings.iou_thresholds
    tables = (
        (run, frame_table(split.names, made.videos, split.truth, made.classes, split.frames, rules, levels))
        for run, made in _predictions(split, runs)
    )
    _write_runs(split, tables, FRAME_COLUMNS, output)


RUN_TABLES: Mapping[str, Callable[[TestSplit, Mapping[Any, Sequence[Path]], Path], None]] = {
    "map": write_map,
    "ablation": write_ablation,
    "map_by_epoch": write_map_by_epoch,
    "errors": write_errors,
    "actor_map": write_actor_map,
    "frame_map": write_frame_map,
}
"""What writes a table of scored runs, by the table's name."""


def write_intervals(
    split: TestSplit,
    linkers: Mapping[str, Sequence[Path]],
    runs: Mapping[Run, Sequence[Path]],
    output: Path,
    seed: int = 0,
) -> None:
    """Write confidence intervals of both tables, recall first.

    Args:
        split: What they are evaluated on.
        linkers: As in ``write_recall``.
        runs: As in ``write_map``.
        output: The table to write, columns ``INTERVAL_COLUMNS``; model and seed are empty for
            recall, and the number of proposals for precision.
        seed: Of the drawing of videos.

    Raises:
        DataError: As ``write_map`` says.
    """
    settings = split.settings
    rules, levels, resamples = settings.rules, settings.iou_thresholds, settings.resamples
    parts = []
    for linker, shards in linkers.items():
        found = split.compared(read_proposals(shards))
        table = recall_intervals(found, levels, rules, resamples=resamples, seed=seed)
        parts.append(table.assign(linker=linker, model="", seed=""))
    for (linker, model, run_seed), found, classes in _compared(split, runs):
        table = precision_intervals(found, classes, rules, levels, resamples, seed)
        parts.append(table.assign(linker=linker, model=model, seed=run_seed))
    table = pd.concat(parts).assign(dataset=split.dataset)
    write_table(table[INTERVAL_COLUMNS], output)


def write_table(table: pd.DataFrame, output: Path) -> None:
    """Write a table whole or not at all; fractions with six decimals."""
    write_whole(output, table.to_csv(index=False, lineterminator="\n", float_format="%.6f"))


def _write_runs(
    split: TestSplit, tables: Iterable[tuple[Run, pd.DataFrame]], columns: Sequence[str], output: Path
) -> None:
    parts = [table.assign(linker=linker, model=model, seed=seed) for (linker, model, seed), table in tables]
    write_table(pd.concat(parts).assign(dataset=split.dataset)[list(columns)], output)


def _predictions(split: TestSplit, runs: Mapping[Any, Iterable[Path]]) -> Iterator[tuple[Any, Predictions]]:
    """The scored tubes of each run, and its classes."""
    truth = split.truth.classes(split.names)
    for run, shards in runs.items():
        predictions = read_predictions(shards)
        _LOG.info("%s:", ", ".join(map(str, run)))
        tell_classes(truth, predictions.classes)
        yield run, predictions


def _compared(
    split: TestSplit, runs: Mapping[Any, Iterable[Path]]
) -> Iterator[tuple[Any, list[VideoOverlap], Sequence[str]]]:
    """The overlaps of each run, and its classes."""
    for run, predictions in _predictions(split, runs):
        found = split.compared(predictions.videos)
        tell_scores(found)
        yield run, found, predictions.classes


def _map_tables(split: TestSplit, runs: Mapping[Any, Iterable[Path]]) -> Iterator[tuple[Any, pd.DataFrame]]:
    for run, found, classes in _compared(split, runs):
        table = map_table(found, classes, split.settings.rules, split.settings.iou_thresholds)
        _tell(f"mAP, {', '.join(map(str, run))}", _means(table), "average_precision")
        yield run, table


def _means(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["class"] == "mean"]


def _tell(what: str, rows: pd.DataFrame, column: str) -> None:
    values = "; ".join(
        " ".join(f"{row[name]}" for name in ("proposals", "iou_threshold") if name in row)
        + f": {row[column]:.3f}"
        for _, row in rows.iterrows()
    )
    _LOG.info("%s: %s", what, values)
