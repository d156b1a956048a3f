"""The tables of precision and recall: functions from overlaps to pandas frames."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.evaluation.matching import VideoOverlap
from actorsup.evaluation.proposals import best_overlaps, proposal_counts, recall_groups
from actorsup.evaluation.protocol import DEFAULT_PROTOCOL, THRESHOLDS, EvaluationProtocol
from actorsup.evaluation.ranking import Pool, area_under_curve

RANGE = "0.5:0.95"
RANGE_THRESHOLDS: tuple[float, ...] = tuple(np.round(np.arange(0.50, 0.951, 0.05), 2).tolist())
"""The IoU thresholds that ``RANGE`` averages."""

MAP_COLUMNS = [
    "dataset", "linker", "model", "seed", "class",
    "iou_threshold", "average_precision", "ground_truth", "tubes",
]  # fmt: skip
ABLATION_COLUMNS = [
    "dataset", "linker", "model", "iou_threshold", "mean", "deviation", "lowest", "highest", "seeds",
]  # fmt: skip
EPOCH_COLUMNS = ["dataset", "linker", "model", "seed", "epoch", "iou_threshold", "average_precision"]
ACTOR_COLUMNS = [
    "dataset", "linker", "model", "seed", "actor", "iou_threshold", "average_precision", "ground_truth",
]  # fmt: skip
RECALL_COLUMNS = ["dataset", "linker", "group", "proposals", "iou_threshold", "recall", "ground_truth"]


def map_table(
    videos: Sequence[VideoOverlap],
    classes: Sequence[str],
    protocol: EvaluationProtocol = DEFAULT_PROTOCOL,
    thresholds: Sequence[float] = THRESHOLDS,
) -> pd.DataFrame:
    """Compute the average precision of each class and their mean.

    A class without ground truth has NaN and does not count in the mean.

    Args:
        videos: Every video to evaluate.
        classes: Names of the columns of ``class_score``; other classes of the ground truth get rows too.
        protocol: How to match and integrate.
        thresholds: IoU thresholds, above 0 and at most 1; the table adds ``0.5:0.95``.

    Returns:
        Columns ``MAP_COLUMNS`` from ``class`` on. ``tubes`` counts the predictions of the class.
    """
    pool = Pool(videos)
    levels = sorted({*thresholds, *RANGE_THRESHOLDS})
    rows = []
    for name, column in pool.columns(classes).items():
        ranking = pool.rank(column, name, levels, protocol)
        count = int(ranking.truth.sum())
        precision = ranking.average_precision(protocol.interpolation)
        values = with_range(dict(zip(levels, precision, strict=True)), thresholds)
        rows += [
            (name, threshold, float(value), count, len(ranking.score)) for threshold, value in values.items()
        ]
    return with_means(pd.DataFrame(rows, columns=MAP_COLUMNS[4:]), "ground_truth", "tubes")


def actor_table(
    videos: Sequence[VideoOverlap],
    classes: Sequence[str],
    protocol: EvaluationProtocol = DEFAULT_PROTOCOL,
    thresholds: Sequence[float] = THRESHOLDS,
) -> pd.DataFrame:
    """Compute the average precision on the ground truth of each actor, as the mean over its classes.

    Predictions are ranked and matched as in ``map_table``. A prediction that matches a ground-truth
    tube of another actor counts neither as right nor as wrong.

    Returns:
        Columns ``ACTOR_COLUMNS`` from ``actor`` on; no rows if no actor is annotated.
    """
    pool = Pool(videos)
    levels = sorted({*thresholds, *RANGE_THRESHOLDS})
    actors = sorted({label.actor for video in pool.videos for label in video.truth} - {""})
    precisions: dict[str, list[NDArray]] = {actor: [] for actor in actors}
    counts = dict.fromkeys(actors, 0)
    for name, column in pool.columns(classes).items():
        ranking = pool.rank(column, name, levels, protocol)
        truth = pool.truth.get(name, {})
        labels = {(v, q): pool.videos[v].truth[q] for v, tubes in truth.items() for q in tubes}
        by_actor = Counter(label.actor for label in labels.values() if label.actor)
        for actor, count in by_actor.items():
            counts[actor] += count
            areas = []
            for matched in ranking.matched:
                pairs = zip(ranking.video[ranking.places].tolist(), matched.tolist(), strict=True)
                right = np.array([q >= 0 and labels[v, q].actor == actor for v, q in pairs], bool)
                others = np.cumsum((matched >= 0) & ~right)  # do not count, so later ranks move up
                ranks = (ranking.places + 1 - others)[right]
                areas.append(area_under_curve(ranks, count, protocol.interpolation))
            precisions[actor].append(np.array(areas))
    rows = []
    for actor in actors:
        at = dict(zip(levels, np.mean(precisions[actor], axis=0), strict=True))
        rows += [(actor, t, float(v), counts[actor]) for t, v in with_range(at, thresholds).items()]
    return pd.DataFrame(rows, columns=ACTOR_COLUMNS[4:])


def with_range(values: dict[float, NDArray], thresholds: Sequence[float]) -> dict[str, NDArray]:
    """Return the values at some thresholds, by the threshold's text, and their mean over ``RANGE``."""
    return {f"{threshold:g}": values[threshold] for threshold in thresholds} | {
        RANGE: np.mean([values[threshold] for threshold in RANGE_THRESHOLDS], axis=0)
    }


def with_means(table: pd.DataFrame, *counts: str) -> pd.DataFrame:
    """Append rows of class ``mean``: the mean average precision, and sums of the columns ``counts``."""
    how = {"average_precision": "mean"} | dict.fromkeys(counts, "sum")  # the mean ignores NaN
    means = table.groupby("iou_threshold", sort=False).agg(how).reset_index().assign(**{"class": "mean"})
    return pd.concat([table, means[[*table.columns]]], ignore_index=True)


def recall_table(
    videos: Sequence[VideoOverlap],
    thresholds: Sequence[float] = THRESHOLDS,
    protocol: EvaluationProtocol = DEFAULT_PROTOCOL,
    counts: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Compute the recall at each number of proposals and threshold, for each group.

    The groups ``all``, ``class:NAME`` and ``actor:NAME`` are pooled over ground-truth tubes;
    ``class-mean`` is the mean over classes.

    Args:
        videos: Every video to evaluate.
        thresholds: IoU thresholds, above 0 and at most 1.
        protocol: Whether an IoU that equals the threshold is enough.
        counts: Numbers of proposals; default: 1, 2, 5, 10, ... up to the most of a video.

    Returns:
        Columns ``RECALL_COLUMNS`` from ``group`` on.
    """
    groups = recall_groups(videos)
    rows: list[tuple[str, int, str, float, int]] = []
    for count in proposal_counts(videos) if counts is None else counts:
        best = best_overlaps(videos, count)
        for threshold in thresholds:
            right = protocol.reaches(best, threshold)
            recalls = {name: _fraction(right[mask]) for name, mask in groups.items()}
            by_class = [value for name, value in recalls.items() if name.startswith("class:")]
            recalls["class-mean"] = _fraction(np.array(by_class))
            rows += [
                (name, count, f"{threshold:g}", value, int(groups.get(name, groups["all"]).sum()))
                for name, value in recalls.items()
            ]
    return pd.DataFrame(rows, columns=RECALL_COLUMNS[2:])


def _fraction(values: NDArray) -> float:
    return float(values.mean()) if len(values) else float("nan")
