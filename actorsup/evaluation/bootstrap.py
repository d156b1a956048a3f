"""Confidence intervals: the videos are drawn again and again, with replacement (Efron 1979)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.evaluation.matching import VideoOverlap
from actorsup.evaluation.proposals import best_overlaps, members, proposal_counts
from actorsup.evaluation.protocol import THRESHOLDS, EvaluationProtocol
from actorsup.evaluation.ranking import Pool, Ranking, divided, weighted_area
from actorsup.evaluation.tables import RANGE_THRESHOLDS, of_thresholds

INTERVAL_COLUMNS = [
    "dataset", "linker", "model", "seed", "measure", "group", "proposals", "iou_threshold",
    "value", "low", "high", "resamples",
]  # fmt: skip
_PERCENTILES = (2.5, 97.5)
_AT_ONCE = 4_000_000
"""Numbers that are held at once, of resamples times predictions of a class."""


def precision_intervals(
    videos: Sequence[VideoOverlap],
    classes: Sequence[str],
    rules: EvaluationProtocol | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Percentile intervals (95 %) of the average precision of each class, and of their mean.

    In a resample a video that is drawn twice counts as two videos, and a class without ground
    truth is left out of the mean.

    Args:
        videos: Every video to evaluate.
        classes: Names of the columns of ``class_score``.
        rules: How they are evaluated; default: ``EvaluationProtocol()``.
        thresholds: As in ``map_table``.
        resamples: How many times as many videos are drawn as there are.
        seed: Of the drawing; the same videos are drawn for every class and table.

    Returns:
        Columns ``INTERVAL_COLUMNS`` from ``measure`` on; ``group`` is a class or ``mean``, and
        ``low`` and ``high`` are NaN for a class without ground truth.
    """
    rules = rules or EvaluationProtocol()
    pool = Pool(videos)
    levels = sorted({*thresholds, *RANGE_THRESHOLDS})
    values: dict[str, NDArray] = {}
    ranked: dict[str, _Right] = {}
    for action, column in pool.columns(classes).items():
        if action in pool.truth:
            ranking = pool.rank(column, action, levels, rules)
            values[action] = ranking.average_precision(rules.interpolation)
            ranked[action] = _Right.of(ranking)
    if not values:
        return _table([])
    parts: dict[str, list[NDArray]] = {action: [] for action in ranked}
    for weights in draws(len(videos), resamples, seed, len(pool.video)):
        for action, right in ranked.items():
            parts[action].append(_resampled_areas(right, weights, rules.interpolation))
    drawn = {action: np.concatenate(each) for action, each in parts.items()}
    values["mean"] = np.mean([*values.values()], axis=0)
    drawn["mean"] = _nanmean([*drawn.values()])
    rows = []
    for group, value in values.items():
        at = of_thresholds(dict(zip(levels, value, strict=True)), thresholds)
        of_draws = of_thresholds(dict(zip(levels, drawn[group].T, strict=True)), thresholds)
        rows += [
            ("average_precision", group, None, name, float(at[name]), *_interval(of_draws[name]), resamples)
            for name in at
        ]
    return _table(rows)


def recall_intervals(
    videos: Sequence[VideoOverlap],
    thresholds: Sequence[float] = THRESHOLDS,
    rules: EvaluationProtocol | None = None,
    counts: Sequence[int] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Percentile intervals (95 %) of the recall of proposals; arguments as in ``recall_table``."""
    rules = rules or EvaluationProtocol()
    ordered = sorted(videos, key=lambda video: video.video)
    groups = members(ordered)
    video_of = np.repeat(np.arange(len(ordered)), [len(video.truth) for video in ordered])
    rows: list[tuple[object, ...]] = []
    if not len(video_of):
        return _table([])
    for count in proposal_counts(ordered) if counts is None else counts:
        best = best_overlaps(ordered, count)
        right = np.stack([rules.reaches(best, threshold) for threshold in thresholds], 1)
        value = {name: right[mine].mean(0) for name, mine in groups.items()}
        drawn: dict[str, NDArray] = {}
        for name, mine in groups.items():
            parts = []
            for weights in draws(len(ordered), resamples, seed, len(best)):
                of_truth = weights[:, video_of[mine]].astype(float)
                parts.append(divided(of_truth @ right[mine], of_truth.sum(1)[:, None]))
            drawn[name] = np.concatenate(parts)
        by_class = [name for name in groups if name.startswith("class:")]
        value["class-mean"] = np.mean([value[name] for name in by_class], axis=0)
        drawn["class-mean"] = _nanmean([drawn[name] for name in by_class])
        rows += [
            (
                "recall",
                name,
                count,
                f"{threshold:g}",
                float(value[name][t]),
                *_interval(drawn[name][:, t]),
                resamples,
            )
            for name in value
            for t, threshold in enumerate(thresholds)
        ]
    return _table(rows)


def _table(rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=INTERVAL_COLUMNS[4:])
    # precision has no number of proposals
    return table.astype({"proposals": "Int64", "value": float, "low": float, "high": float})


def draws(videos: int, resamples: int, seed: int, width: int) -> Iterator[NDArray[np.int32]]:
    """How often each video is drawn in each resample, some resamples (B, V) at a time.

    The same for every ``width``, the number of things that will be held for each resample.
    """
    random = np.random.default_rng(seed)
    at_once = max(1, _AT_ONCE // max(videos, width, 1))
    for start in range(0, resamples, at_once):
        count = min(at_once, resamples - start)
        yield random.multinomial(videos, np.full(videos, 1 / videos), size=count).astype(np.int32)


@dataclass(frozen=True)
class _Right:
    """What is needed of a ranking: the right predictions, and which videos' stand before them.

    Attributes:
        video: (D,) int32, video of each prediction, down to the last that is right at any threshold.
        places: (K,) int64, of the predictions that are right at any threshold.
        right: (T, K) bool, at which they are.
        truth: (V,) int64, ground-truth tubes of the class in each video.
    """

    video: NDArray[np.int32]
    places: NDArray[np.int64]
    right: NDArray[np.bool_]
    truth: NDArray[np.int64]

    @classmethod
    def of(cls, ranking: Ranking) -> "_Right":
        last = int(ranking.places[-1]) + 1 if len(ranking.places) else 0
        return cls(ranking.video[:last], ranking.places, ranking.taken >= 0, ranking.truth)


def _resampled_areas(ranked: _Right, weights: NDArray[np.int32], interpolation: str) -> NDArray[np.float64]:
    """The average precision in B resamples at T thresholds: (B, T).

    Precision at each right prediction is the number of right ones down to it, of all down to it,
    both weighted by how often their videos are drawn. A prediction of a video that is drawn w times
    stands there w times in a row.
    """
    areas = np.zeros((len(weights), len(ranked.right)))
    if len(ranked.places):
        times = weights[:, ranked.video]  # (B, D)
        starts = np.concatenate([[0], ranked.places[:-1] + 1])
        ahead = np.cumsum(np.add.reduceat(times, starts, axis=1), axis=1)
        for t, right in enumerate(ranked.right):
            areas[:, t] = weighted_area(ahead[:, right], times[:, ranked.places[right]], interpolation)
    return divided(areas, (weights @ ranked.truth)[:, None])


def _nanmean(parts: Sequence[NDArray]) -> NDArray[np.float64]:
    """Mean over the parts, of those that are numbers; NaN where none is."""
    stacked = np.stack(parts)
    there = ~np.isnan(stacked)
    return divided(np.where(there, stacked, 0).sum(0), there.sum(0))


def _interval(drawn: NDArray) -> tuple[float, float]:
    known = drawn[~np.isnan(drawn)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.percentile(known, _PERCENTILES)
    return float(low), float(high)
