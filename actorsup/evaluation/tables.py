"""The tables: functions from ground truth and tubes to a pandas frame."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.evaluation.matching import VideoOverlap
from actorsup.evaluation.proposals import best_overlaps, members, proposal_counts
from actorsup.evaluation.protocol import THRESHOLDS, EvaluationProtocol
from actorsup.evaluation.ranking import Pool, area_of

RANGE = "0.5:0.95"
RANGE_THRESHOLDS: tuple[float, ...] = tuple(np.round(np.arange(0.50, 0.951, 0.05), 2).tolist())
"""The IoU thresholds that it is the mean over."""

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
    rules: EvaluationProtocol | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
) -> pd.DataFrame:
    """Average precision of each class and, as class ``mean``, over those that have ground truth.

    Args:
        videos: Every video to evaluate.
        classes: Names of the columns of ``class_score``; classes of the ground truth that are
            not among them are rows of their own.
        rules: How they are evaluated; default: ``EvaluationProtocol()``.
        thresholds: IoU thresholds, above 0 and at most 1; ``0.5:0.95`` is there beside them.

    Returns:
        Columns ``MAP_COLUMNS`` from ``class`` on. ``tubes`` counts the predictions of the class.
    """
    rules = rules or EvaluationProtocol()
    pool = Pool(videos)
    levels = sorted({*thresholds, *RANGE_THRESHOLDS})
    rows = []
    for name, column in pool.columns(classes).items():
        ranking = pool.rank(column, name, levels, rules)
        count = int(ranking.truth.sum())
        precision = ranking.average_precision(rules.interpolation)
        values = of_thresholds(dict(zip(levels, precision, strict=True)), thresholds)
        rows += [
            (name, threshold, float(value), count, len(ranking.score)) for threshold, value in values.items()
        ]
    table = pd.DataFrame(rows, columns=MAP_COLUMNS[4:])
    return pd.concat([table, _mean_rows(table)], ignore_index=True)


def actor_table(
    videos: Sequence[VideoOverlap],
    classes: Sequence[str],
    rules: EvaluationProtocol | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
) -> pd.DataFrame:
    """Average precision over the ground truth of each actor, as the mean over its classes.

    Predictions are ranked and matched as in ``map_table``; those that take a ground-truth tube of
    another actor are neither right nor wrong, and are left out.

    Returns:
        Columns ``ACTOR_COLUMNS`` from ``actor`` on; no rows where no actor is annotated.
    """
    rules = rules or EvaluationProtocol()
    pool = Pool(videos)
    levels = sorted({*thresholds, *RANGE_THRESHOLDS})
    actors = sorted({label.actor for video in pool.videos for label in video.truth} - {""})
    found: dict[str, list[NDArray]] = {actor: [] for actor in actors}
    counts = dict.fromkeys(actors, 0)
    for name, column in pool.columns(classes).items():
        ranking = pool.rank(column, name, levels, rules)
        truth = pool.truth.get(name, {})
        labels = {(v, q): pool.videos[v].truth[q] for v, tubes in truth.items() for q in tubes}
        of_actor = Counter(label.actor for label in labels.values() if label.actor)
        for actor, count in of_actor.items():
            counts[actor] += count
            areas = []
            for taken in ranking.taken:
                pairs = zip(ranking.video[ranking.places].tolist(), taken.tolist(), strict=True)
                right = np.array([q >= 0 and labels[v, q].actor == actor for v, q in pairs], bool)
                others = np.cumsum((taken >= 0) & ~right)  # left out, so that what follows moves up
                areas.append(area_of((ranking.places + 1 - others)[right], count, rules.interpolation))
            found[actor].append(np.array(areas))
    rows = []
    for actor in actors:
        at = dict(zip(levels, np.mean(found[actor], axis=0), strict=True))
        rows += [(actor, t, float(v), counts[actor]) for t, v in of_thresholds(at, thresholds).items()]
    return pd.DataFrame(rows, columns=ACTOR_COLUMNS[4:])


def of_thresholds(at: dict[float, NDArray], thresholds: Sequence[float]) -> dict[str, NDArray]:
    """Values by the threshold as tables write it, and their mean over those of ``RANGE``."""
    return {f"{threshold:g}": at[threshold] for threshold in thresholds} | {
        RANGE: np.mean([at[threshold] for threshold in RANGE_THRESHOLDS], axis=0)
    }


def _mean_rows(table: pd.DataFrame) -> pd.DataFrame:
    means = table.groupby("iou_threshold", sort=False).agg(
        average_precision=("average_precision", "mean"),  # NaN, a class without ground truth, is left out
        ground_truth=("ground_truth", "sum"),
        tubes=("tubes", "sum"),
    )
    return means.reset_index().assign(**{"class": "mean"})[MAP_COLUMNS[4:]]


def recall_table(
    videos: Sequence[VideoOverlap],
    thresholds: Sequence[float] = THRESHOLDS,
    rules: EvaluationProtocol | None = None,
    counts: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Recall at each number of proposals and threshold, for all, each class, each actor.

    The groups ``all``, ``class:NAME`` and ``actor:NAME`` are pooled over ground-truth tubes;
    ``class-mean`` is the mean over classes.

    Args:
        videos: Every video to evaluate.
        thresholds: IoU thresholds, above 0 and at most 1.
        rules: Whether the threshold itself is enough; default: it is.
        counts: Numbers of proposals; default: 1, 2, 5, 10, ... up to the most of a video.

    Returns:
        Columns ``RECALL_COLUMNS`` from ``group`` on.
    """
    rules = rules or EvaluationProtocol()
    groups = members(videos)
    rows: list[tuple[str, int, str, float, int]] = []
    for count in proposal_counts(videos) if counts is None else counts:
        best = best_overlaps(videos, count)
        for threshold in thresholds:
            right = rules.reaches(best, threshold)
            found = {name: _fraction(right[mine]) for name, mine in groups.items()}
            by_class = [value for name, value in found.items() if name.startswith("class:")]
            found["class-mean"] = _fraction(np.array(by_class))
            rows += [
                (name, count, f"{threshold:g}", value, int(groups.get(name, groups["all"]).sum()))
                for name, value in found.items()
            ]
    return pd.DataFrame(rows, columns=RECALL_COLUMNS[2:])


def _fraction(values: NDArray) -> float:
    return float(values.mean()) if len(values) else float("nan")
