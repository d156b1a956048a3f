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
    levels = sorted({*thresholds, *RANGE_THRESHOLDS})
    rows = []
    for ranking in Pool(videos).rankings(classes, levels, protocol):
        counts = int(ranking.truth.sum()), len(ranking.score)
        values = with_range(levels, ranking.average_precision(protocol.interpolation), thresholds)
        rows += [(ranking.action, threshold, float(value), *counts) for threshold, value in values.items()]
    return with_means(pd.DataFrame(rows, columns=MAP_COLUMNS[4:]), "ground_truth", "tubes")


def actor_table(
    videos: Sequence[VideoOverlap],
    classes: Sequence[str],
    protocol: EvaluationProtocol = DEFAULT_PROTOCOL,
    thresholds: Sequence[float] = THRESHOLDS,
) -> pd.DataFrame:
    """Compute the average precision on the ground truth of each actor, as the mean over its classes.

    Predictions are ranked and matched as in ``map_table``. A prediction that matches a ground-truth
    tube of another actor is neither a true nor a false positive.

    Returns:
        Columns ``ACTOR_COLUMNS`` from ``actor`` on; no rows if no actor is annotated.
    """
    pool = Pool(videos)
    levels = sorted({*thresholds, *RANGE_THRESHOLDS})
    actors = sorted({label.actor for video in pool.videos for label in video.truth} - {""})
    precisions: dict[str, list[NDArray]] = {actor: [] for actor in actors}
    counts = dict.fromkeys(actors, 0)
    for ranking in pool.rankings(classes, levels, protocol):
        tubes = [(v, q) for v, numbers in pool.truth.get(ranking.action, {}).items() for q in numbers]
        actor_of = {(v, q): pool.videos[v].truth[q].actor for v, q in tubes}
        video = ranking.video[ranking.true_positives].tolist()
        for actor, count in Counter(actor for actor in actor_of.values() if actor).items():
            counts[actor] += count
            areas = []
            for matched in ranking.matched:
                pairs = zip(video, matched.tolist(), strict=True)
                mine = np.array([q >= 0 and actor_of[v, q] == actor for v, q in pairs], bool)
                ignored = np.cumsum((matched >= 0) & ~mine)  # matches of other actors: later ranks move up
                ranks = (ranking.true_positives + 1 - ignored)[mine]
                areas.append(area_under_curve(ranks, count, protocol.interpolation))
            precisions[actor].append(np.array(areas))
    rows = []
    for actor in actors:
        values = with_range(levels, np.mean(precisions[actor], axis=0), thresholds)
        rows += [(actor, threshold, float(value), counts[actor]) for threshold, value in values.items()]
    return pd.DataFrame(rows, columns=ACTOR_COLUMNS[4:])


def with_range(levels: Sequence[float], values: NDArray, thresholds: Sequence[float]) -> dict[str, NDArray]:
    """Return values at some thresholds, by the threshold's text, and their mean over ``RANGE``.

    Args:
        levels: All T thresholds.
        values: (T, ...) values at these.
        thresholds: Some of them.
    """
    at = dict(zip(levels, values, strict=True))
    of_range = np.mean([at[threshold] for threshold in RANGE_THRESHOLDS], axis=0)
    return {f"{threshold:g}": at[threshold] for threshold in thresholds} | {RANGE: of_range}


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
            is_found = protocol.reaches(best, threshold)
            recalls = {name: _fraction(is_found[mask]) for name, mask in groups.items()}
            by_class = [value for name, value in recalls.items() if name.startswith("class:")]
            recalls["class-mean"] = _fraction(np.array(by_class))
            rows += [
                (name, count, f"{threshold:g}", value, int(groups.get(name, groups["all"]).sum()))
                for name, value in recalls.items()
            ]
    return pd.DataFrame(rows, columns=RECALL_COLUMNS[2:])


def _fraction(values: NDArray) -> float:
    return float(values.mean()) if len(values) else float("nan")
