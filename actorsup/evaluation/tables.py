"""Tables of average precision and recall, computed from overlaps."""

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
"""IoU thresholds whose mean is the row ``RANGE``."""

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
    """Compute the average precision of each class, and the mean over classes.

    The average precision of a class without ground truth is NaN, which the mean ignores.

    Args:
        videos: Overlaps of every video to evaluate.
        classes: Class name of each column of ``class_score``. Classes that only the ground truth has also get
            rows.
        protocol: Rules of matching and integration.
        thresholds: IoU thresholds, above 0 and at most 1; the table adds ``0.5:0.95``.

    Returns:
        A table with the columns ``MAP_COLUMNS`` from ``class`` on. ``tubes`` is the number of predictions of
        the class.
    """
    all_thresholds = sorted({*thresholds, *RANGE_THRESHOLDS})
    rows = []
    for ranking in Pool(videos).rankings(classes, all_thresholds, protocol):
        counts = int(ranking.truth.sum()), len(ranking.score)
        values = with_range(all_thresholds, ranking.average_precision(protocol.interpolation), thresholds)
        rows += [(ranking.action, threshold, float(value), *counts) for threshold, value in values.items()]
    return with_means(pd.DataFrame(rows, columns=MAP_COLUMNS[4:]), "ground_truth", "tubes")


def actor_table(
    videos: Sequence[VideoOverlap],
    classes: Sequence[str],
    protocol: EvaluationProtocol = DEFAULT_PROTOCOL,
    thresholds: Sequence[float] = THRESHOLDS,
) -> pd.DataFrame:
    """Compute the average precision of each actor category, as the mean over its classes.

    Predictions are ranked and matched as in ``map_table``. A prediction that matches a ground-truth tube of
    another actor category is ignored: it is neither a true nor a false positive.

    Args:
        videos: Overlaps of every video to evaluate.
        classes: Class name of each column of ``class_score``.
        protocol: Rules of matching and integration.
        thresholds: IoU thresholds, above 0 and at most 1; the table adds ``0.5:0.95``.

    Returns:
        A table with the columns ``ACTOR_COLUMNS`` from ``actor`` on; without rows if no actor is annotated.
    """
    pool = Pool(videos)
    all_thresholds = sorted({*thresholds, *RANGE_THRESHOLDS})
    actors = sorted({label.actor for video in pool.videos for label in video.truth} - {""})
    precisions: dict[str, list[NDArray]] = {actor: [] for actor in actors}
    counts = dict.fromkeys(actors, 0)
    for ranking in pool.rankings(classes, all_thresholds, protocol):
        tubes = [(v, q) for v, numbers in pool.truth.get(ranking.action, {}).items() for q in numbers]
        actor_of = {(v, q): pool.videos[v].truth[q].actor for v, q in tubes}
        video = ranking.video[ranking.true_positives].tolist()
        for actor, count in Counter(actor for actor in actor_of.values() if actor).items():
            counts[actor] += count
            areas = []
            for matched in ranking.matched:
                pairs = zip(video, matched.tolist(), strict=True)
                is_of_actor = np.array([q >= 0 and actor_of[v, q] == actor for v, q in pairs], bool)
                # matches of other actors move the later predictions up in the ranking
                num_ignored = np.cumsum((matched >= 0) & ~is_of_actor)
                ranks = (ranking.true_positives + 1 - num_ignored)[is_of_actor]
                areas.append(area_under_curve(ranks, count, protocol.interpolation))
            precisions[actor].append(np.array(areas))
    rows = []
    for actor in actors:
        values = with_range(all_thresholds, np.mean(precisions[actor], axis=0), thresholds)
        rows += [(actor, threshold, float(value), counts[actor]) for threshold, value in values.items()]
    return pd.DataFrame(rows, columns=ACTOR_COLUMNS[4:])


def with_range(
    all_thresholds: Sequence[float], values: NDArray, thresholds: Sequence[float]
) -> dict[str, NDArray]:
    """Select the values at some IoU thresholds, and add their mean over ``RANGE_THRESHOLDS``.

    Args:
        all_thresholds: All IoU thresholds, T values, which include ``RANGE_THRESHOLDS``.
        values: (T, ...) value at each of these thresholds.
        thresholds: IoU thresholds to select.

    Returns:
        The values by threshold as text, and the mean under the key ``RANGE``.
    """
    value_at = dict(zip(all_thresholds, values, strict=True))
    range_mean = np.mean([value_at[threshold] for threshold in RANGE_THRESHOLDS], axis=0)
    return {f"{threshold:g}": value_at[threshold] for threshold in thresholds} | {RANGE: range_mean}


def with_means(table: pd.DataFrame, *counts: str) -> pd.DataFrame:
    """Append rows of the class ``mean`` to a table of average precision.

    Args:
        table: A table with columns ``class``, ``iou_threshold`` and ``average_precision``.
        counts: Names of the columns that are summed over classes.
    """
    aggregations = {"average_precision": "mean"} | dict.fromkeys(counts, "sum")  # the mean ignores NaN
    means = (
        table.groupby("iou_threshold", sort=False).agg(aggregations).reset_index().assign(**{"class": "mean"})
    )
    return pd.concat([table, means[[*table.columns]]], ignore_index=True)


def recall_table(
    videos: Sequence[VideoOverlap],
    thresholds: Sequence[float] = THRESHOLDS,
    protocol: EvaluationProtocol = DEFAULT_PROTOCOL,
    counts: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Compute the recall of each group of ground-truth tubes, by number of proposals and IoU threshold.

    The groups ``all``, ``class:NAME`` and ``actor:NAME`` are pooled over ground-truth tubes;
    ``class-mean`` is the mean over classes.

    Args:
        videos: Overlaps of every video to evaluate.
        thresholds: IoU thresholds, above 0 and at most 1.
        protocol: Evaluation protocol, which decides whether an IoU equal to the threshold is a match.
        counts: Numbers of proposals per video; by default, those of ``proposal_counts``.

    Returns:
        A table with the columns ``RECALL_COLUMNS`` from ``group`` on.
    """
    groups = recall_groups(videos)
    rows: list[tuple[str, int, str, float, int]] = []
    for count in proposal_counts(videos) if counts is None else counts:
        best_iou = best_overlaps(videos, count)
        for threshold in thresholds:
            is_found = protocol.reaches(best_iou, threshold)
            recalls = {name: _compute_fraction(is_found[mask]) for name, mask in groups.items()}
            class_recalls = [value for name, value in recalls.items() if name.startswith("class:")]
            recalls["class-mean"] = _compute_fraction(np.array(class_recalls))
            rows += [
                (name, count, f"{threshold:g}", value, int(groups.get(name, groups["all"]).sum()))
                for name, value in recalls.items()
            ]
    return pd.DataFrame(rows, columns=RECALL_COLUMNS[2:])


def _compute_fraction(values: NDArray) -> float:
    return float(values.mean()) if len(values) else float("nan")
