"""The stage: tables of recall and of mean average precision on the test split."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from actorsup.errors import DataError
from actorsup.evaluation.ground_truth import GroundTruthTubes, read_ground_truth, test_videos
from actorsup.evaluation.matching import VideoOverlap, overlap
from actorsup.evaluation.predictions import read_predictions, read_proposals
from actorsup.evaluation.tables import (
    ABLATION_COLUMNS,
    EPOCH_COLUMNS,
    MAP_COLUMNS,
    RECALL_COLUMNS,
    THRESHOLDS,
    map_table,
    recall_table,
)
from actorsup.storage import write_whole
from actorsup.tubes import Tubes

_LOG = logging.getLogger(__name__)

Run = tuple[str, str, int]
"""A linker, a model and a seed."""


def write_recall(
    dataset: str,
    linkers: Mapping[str, Sequence[Path]],
    ground_truth: Path,
    videos: Path,
    output: Path,
    iou_thresholds: Sequence[float] = THRESHOLDS,
) -> None:
    """Write the recall of every linker's proposals on the test split.

    Args:
        dataset: Its name, for the table.
        linkers: Shards of tubes by the linker's name.
        ground_truth: The table of ground truth.
        videos: The run's videos.csv.
        output: The table to write, columns ``RECALL_COLUMNS``.
        iou_thresholds: Above 0 and at most 1.

    Raises:
        DataError: A file cannot be used, or the split has no ground truth.
    """
    names, truth, _ = _test_split(ground_truth, videos)
    parts = []
    for linker, shards in linkers.items():
        found = read_proposals(map(Path, shards))
        table = recall_table(_overlaps(names, found, truth), iou_thresholds)
        parts.append(table.assign(dataset=dataset, linker=linker)[RECALL_COLUMNS])
        _tell(f"recall, {linker}", table[table["group"] == "all"], "recall")
    _write(pd.concat(parts), output)


def write_map(
    dataset: str,
    runs: Mapping[Run, Sequence[Path]],
    ground_truth: Path,
    videos: Path,
    output: Path,
    interpolation: str = "envelope",
    iou_thresholds: Sequence[float] = THRESHOLDS,
) -> None:
    """Write the average precision of every linker, model and seed on the test split.

    Args:
        dataset: Its name, for the table.
        runs: Shards of scored tubes by linker, model and seed.
        ground_truth: The table of ground truth.
        videos: The run's videos.csv.
        output: The table to write, columns ``MAP_COLUMNS``.
        interpolation: ``envelope`` or ``trapezoid``.
        iou_thresholds: Above 0 and at most 1; ``0.5:0.95`` is there beside them.

    Raises:
        DataError: A file cannot be used, or the split has no ground truth.
    """
    parts = [
        table.assign(linker=linker, model=model, seed=seed)
        for (linker, model, seed), table in _map_tables(
            runs, ground_truth, videos, interpolation, iou_thresholds
        )
    ]
    _write(pd.concat(parts).assign(dataset=dataset)[MAP_COLUMNS], output)


def write_ablation(
    dataset: str,
    runs: Mapping[Run, Sequence[Path]],
    ground_truth: Path,
    videos: Path,
    output: Path,
    interpolation: str = "envelope",
    iou_thresholds: Sequence[float] = THRESHOLDS,
) -> None:
    """Write the mAP of every linker and model, and its spread over the seeds.

    Args:
        dataset: Its name, for the table.
        runs: As in ``write_map``.
        ground_truth: As in ``write_map``.
        videos: As in ``write_map``.
        output: The table to write, columns ``ABLATION_COLUMNS``.
        interpolation: As in ``write_map``.
        iou_thresholds: As in ``write_map``.

    Raises:
        DataError: As ``write_map`` says.
    """
    parts = [
        _means(table).assign(linker=linker, model=model)
        for (linker, model, _), table in _map_tables(
            runs, ground_truth, videos, interpolation, iou_thresholds
        )
    ]
    of_seeds = pd.concat(parts).groupby(["linker", "model", "iou_threshold"], sort=False)["average_precision"]
    table = of_seeds.agg(mean="mean", deviation="std", lowest="min", highest="max", seeds="count")
    _write(table.reset_index().assign(dataset=dataset)[ABLATION_COLUMNS], output)


def write_map_by_epoch(
    dataset: str,
    runs: Mapping[tuple[str, str, int, int], Sequence[Path]],
    ground_truth: Path,
    videos: Path,
    output: Path,
    interpolation: str = "envelope",
    iou_thresholds: Sequence[float] = THRESHOLDS,
) -> None:
    """Write the mAP after each epoch of a training.

    Args:
        dataset: Its name, for the table.
        runs: Shards of scored tubes by linker, model, seed and epoch.
        ground_truth: As in ``write_map``.
        videos: As in ``write_map``.
        output: The table to write, columns ``EPOCH_COLUMNS``.
        interpolation: As in ``write_map``.
        iou_thresholds: As in ``write_map``.

    Raises:
        DataError: As ``write_map`` says.
    """
    parts = [
        _means(table).assign(linker=linker, model=model, seed=seed, epoch=epoch)
        for (linker, model, seed, epoch), table in _map_tables(
            runs, ground_truth, videos, interpolation, iou_thresholds
        )
    ]
    _write(pd.concat(parts).assign(dataset=dataset)[EPOCH_COLUMNS], output)


def _map_tables(
    runs: Mapping[Any, Sequence[Path]],
    ground_truth: Path,
    videos: Path,
    interpolation: str,
    iou_thresholds: Sequence[float],
) -> Iterator[tuple[Any, pd.DataFrame]]:
    names, truth, learned = _test_split(ground_truth, videos)
    annotated = {tube.action for name in names for tube in truth.get(name, [])}
    if unlearned := sorted(annotated - learned):
        _LOG.warning("classes to be tested that have no training video: %s", ", ".join(unlearned))
    for run, shards in runs.items():
        found, classes = read_predictions(map(Path, shards))
        table = map_table(_overlaps(names, found, truth), classes, interpolation, iou_thresholds)
        _tell(f"mAP, {', '.join(map(str, run))}", _means(table), "average_precision")
        yield run, table


def _means(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["class"] == "mean"]


def _test_split(ground_truth: Path, videos: Path) -> tuple[list[str], GroundTruthTubes, set[str]]:
    names, learned = test_videos(videos)
    truth = read_ground_truth(ground_truth)
    without = [name for name in names if name not in truth]
    if len(without) == len(names):
        raise DataError(f"{ground_truth}: no video of the test split of {videos} has ground truth")
    _LOG.info("%d test videos, %d of them without ground truth", len(names), len(without))
    return names, truth, learned


def _overlaps(
    names: Sequence[str], found: Mapping[str, Tubes], truth: GroundTruthTubes
) -> list[VideoOverlap]:
    return [overlap(name, found.get(name), truth.get(name, [])) for name in names]


def _tell(what: str, rows: pd.DataFrame, column: str) -> None:
    values = "; ".join(
        " ".join(f"{row[name]}" for name in ("proposals", "iou_threshold") if name in row)
        + f": {row[column]:.3f}"
        for _, row in rows.iterrows()
    )
    _LOG.info("%s: %s", what, values)


def _write(table: pd.DataFrame, output: Path) -> None:
    write_whole(output, table.to_csv(index=False, lineterminator="\n", float_format="%.6f"))
