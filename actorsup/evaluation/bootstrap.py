"""Confidence intervals: the videos are drawn again and again, with replacement (Efron 1979)."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.evaluation.matching import VideoOverlap
from actorsup.evaluation.proposals import best_overlaps, members, proposal_counts
from actorsup.evaluation.ranking import Ranking, area_under_curve, divided, rank, weighted_area
from actorsup.evaluation.rules import Rules
from actorsup.evaluation.settings import THRESHOLDS
from actorsup.evaluation.tables import RANGE_THRESHOLDS, columns_of, of_thresholds

INTERVAL_COLUMNS = [
    "dataset", "linker", "model", "seed", "measure", "group", "proposals", "iou_threshold",
    "value", "low", "high", "resamples",
]  # fmt: skip
_PERCENTILES = (2.5, 97.5)
_AT_ONCE = 4_000_000
"""Numbers that are held at once, of resamples times predictions."""


def precision_intervals(
    videos: Sequence[VideoOverlap],
    classes: Sequence[str],
    rules: Rules | None = None,
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
        rules: How they are evaluated; default: ``Rules()``.
        thresholds: As in ``map_table``.
        resamples: How many times as many videos are drawn as there are.
        seed: Of the drawing; the same videos are drawn for every class and table.

    Returns:
        Columns ``INTERVAL_COLUMNS`` from ``measure`` on; ``group`` is a class or ``mean``, and
        ``low`` and ``high`` are NaN for a class without ground truth.
    """
    rules = rules or Rules()
    ordered = sorted(videos, key=lambda video: video.video)
    levels = sorted({*thresholds, *RANGE_THRESHOLDS})
    values: dict[str, NDArray] = {}
    drawn: dict[str, NDArray] = {}
    for action, column in columns_of(ordered, classes).items():
        ranking = rank(ordered, column, action, levels, rules)
        truth = int(ranking.truth.sum())
        if truth:
            values[action] = area_under_curve(ranking.right, truth, rules.interpolation)
            drawn[action] = np.concatenate(
                [
                    _resampled_areas(ranking, weights, rules.interpolation)
                    for weights in draws(len(ordered), resamples, seed, len(ranking.score))
                ]
            )
    if not values:
        return pd.DataFrame(columns=INTERVAL_COLUMNS[4:])
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
    return pd.DataFrame(rows, columns=INTERVAL_COLUMNS[4:])


def recall_intervals(
    videos: Sequence[VideoOverlap],
    thresholds: Sequence[float] = THRESHOLDS,
    rules: Rules | None = None,
    counts: Sequence[int] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Percentile intervals (95 %) of the recall of proposals; arguments as in ``recall_table``."""
    rules = rules or Rules()
    ordered = sorted(videos, key=lambda video: video.video)
    groups = members(ordered)
    video_of = np.repeat(np.arange(len(ordered)), [len(video.truth) for video in ordered])
    rows: list[tuple[object, ...]] = []
    if not len(video_of):
        return pd.DataFrame(columns=INTERVAL_COLUMNS[4:])
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
    return pd.DataFrame(rows, columns=INTERVAL_COLUMNS[4:])


def draws(videos: int, resamples: int, seed: int, width: int) -> Iterator[NDArray[np.int64]]:
    """How often each video is drawn in each resample, some resamples (B, V) at a time.

    The same for every ``width``, the number of things that will be held for each resample.
    """
    random = np.random.default_rng(seed)
    at_once = max(1, _AT_ONCE // max(videos, width, 1))
    for start in range(0, resamples, at_once):
        count = min(at_once, resamples - start)
        yield random.multinomial(videos, np.full(videos, 1 / videos), size=count)


def _resampled_areas(ranking: Ranking, weights: NDArray[np.int64], interpolation: str) -> NDArray[np.float64]:
    """The average precision in B resamples at T thresholds: (B, T).

    Only right predictions raise the recall, so precision is worked out at these alone: the number
    of predictions down to each, and of right ones, both weighted by how often their videos are
    drawn. A prediction of a video drawn w times stands there w times in a row.
    """
    truth = (weights * ranking.truth).sum(1)
    areas = np.zeros((len(weights), len(ranking.taken)))
    places = np.flatnonzero(ranking.right.any(0))
    if len(places):
        times = weights[:, ranking.video]  # (B, D)
        starts = np.concatenate([[0], places[:-1] + 1])
        ahead = np.cumsum(np.add.reduceat(times[:, : places[-1] + 1], starts, axis=1), axis=1)
        for t, right in enumerate(ranking.right[:, places]):
            areas[:, t] = weighted_area(ahead[:, right], times[:, places[right]], interpolation)
    return divided(areas, truth[:, None])


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
