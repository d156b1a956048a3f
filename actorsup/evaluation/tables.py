"""The tables: functions from ground truth and tubes to a pandas frame."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd

from actorsup.evaluation.average_precision import average_precision, class_predictions, true_positives
from actorsup.evaluation.ground_truth import GroundTruthTube
from actorsup.evaluation.matching import VideoOverlap
from actorsup.evaluation.recall import best_overlaps, proposal_counts

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.75)
"""IoU thresholds of both tables, unless others are asked for."""

RANGE = "0.5:0.95"
_RANGE_THRESHOLDS = tuple(np.round(np.arange(0.50, 0.951, 0.05), 2).tolist())

MAP_COLUMNS = [
    "dataset", "linker", "model", "seed", "class",
    "iou_threshold", "average_precision", "ground_truth", "tubes",
]  # fmt: skip
ABLATION_COLUMNS = [
    "dataset", "linker", "model", "iou_threshold", "mean", "deviation", "lowest", "highest", "seeds",
]  # fmt: skip
EPOCH_COLUMNS = ["dataset", "linker", "model", "seed", "epoch", "iou_threshold", "average_precision"]
RECALL_COLUMNS = ["dataset", "linker", "group", "proposals", "iou_threshold", "recall", "ground_truth"]


def map_table(
    videos: Sequence[VideoOverlap],
    classes: Sequence[str],
    interpolation: str = "envelope",
    thresholds: Sequence[float] = THRESHOLDS,
) -> pd.DataFrame:
    """Average precision of each class and, as class ``mean``, over those that have ground truth.

    Args:
        videos: Every video to evaluate.
        classes: Names of the columns of ``class_score``; classes of the ground truth that are
            not among them are rows of their own.
        interpolation: ``envelope`` or ``trapezoid``.
        thresholds: IoU thresholds, above 0 and at most 1; ``0.5:0.95`` is there beside them.

    Returns:
        Columns ``MAP_COLUMNS`` from ``class`` on. ``tubes`` counts the predictions of the class.
    """
    annotated = {tube.action for video in videos for tube in video.truth}
    names = [*classes, *sorted(annotated - set(classes))]
    rows = []
    for name in names:
        predicted = class_predictions(videos, classes.index(name) if name in classes else -1, name)
        at = {
            threshold: average_precision(
                true_positives(predicted, threshold), predicted.ground_truth, interpolation
            )
            for threshold in {*thresholds, *_RANGE_THRESHOLDS}
        }
        values = {f"{threshold:g}": at[threshold] for threshold in thresholds}
        values[RANGE] = float(np.mean([at[threshold] for threshold in _RANGE_THRESHOLDS]))
        rows += [
            {
                "class": name,
                "iou_threshold": threshold,
                "average_precision": value,
                "ground_truth": predicted.ground_truth,
                "tubes": len(predicted.iou),
            }
            for threshold, value in values.items()
        ]
    table = pd.DataFrame(rows, columns=MAP_COLUMNS[4:])
    return pd.concat([table, _mean_rows(table)], ignore_index=True)


def _mean_rows(table: pd.DataFrame) -> pd.DataFrame:
    means = table.groupby("iou_threshold", sort=False).agg(
        average_precision=("average_precision", "mean"),  # NaN, a class without ground truth, is left out
        ground_truth=("ground_truth", "sum"),
        tubes=("tubes", "sum"),
    )
    return means.reset_index().assign(**{"class": "mean"})[MAP_COLUMNS[4:]]


def recall_table(videos: Sequence[VideoOverlap], thresholds: Sequence[float] = THRESHOLDS) -> pd.DataFrame:
    """Recall at each number of proposals and threshold, for all, each class, each actor.

    The groups ``all``, ``class:NAME`` and ``actor:NAME`` are pooled over ground-truth tubes;
    ``class-mean`` is the mean over classes. Columns ``RECALL_COLUMNS`` from ``group`` on.
    """
    truth = [tube for video in videos for tube in video.truth]
    groups = {"all": np.ones(len(truth), bool)}
    groups |= _members("class", truth, lambda tube: tube.action)
    groups |= _members("actor", truth, lambda tube: tube.actor)
    rows: list[tuple[str, int, str, float, int]] = []
    for count in proposal_counts(videos):
        best = best_overlaps(videos, count)
        for threshold in thresholds:
            found = {name: _fraction(best[members] >= threshold) for name, members in groups.items()}
            by_class = [value for name, value in found.items() if name.startswith("class:")]
            found["class-mean"] = _fraction(np.array(by_class))
            rows += [
                (name, count, f"{threshold:g}", value, int(groups.get(name, groups["all"]).sum()))
                for name, value in found.items()
            ]
    return pd.DataFrame(rows, columns=RECALL_COLUMNS[2:])


def _members(
    kind: str, truth: Sequence[GroundTruthTube], name_of: Callable[[GroundTruthTube], str]
) -> dict[str, np.ndarray]:
    names: Iterable[str] = sorted({name_of(tube) for tube in truth} - {""})
    return {f"{kind}:{name}": np.array([name_of(tube) == name for tube in truth]) for name in names}


def _fraction(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
