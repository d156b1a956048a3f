"""Confidence intervals by a bootstrap: resample the videos with replacement (Efron 1979)."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.evaluation.matching import VideoOverlap
from actorsup.evaluation.proposals import best_overlaps, proposal_counts, recall_groups
from actorsup.evaluation.protocol import DEFAULT_PROTOCOL, THRESHOLDS, EvaluationProtocol
from actorsup.evaluation.ranking import Pool, Ranking, divide, weighted_area
from actorsup.evaluation.tables import RANGE_THRESHOLDS, with_range

INTERVAL_COLUMNS = [
    "dataset", "linker", "model", "seed", "measure", "group", "proposals", "iou_threshold",
    "value", "low", "high", "resamples",
]  # fmt: skip
_PERCENTILES = (2.5, 97.5)
_BATCH = 4_000_000
"""Numbers in memory at once: resamples times predictions of a class."""


def precision_intervals(
    videos: Sequence[VideoOverlap],
    classes: Sequence[str],
    protocol: EvaluationProtocol = DEFAULT_PROTOCOL,
    thresholds: Sequence[float] = THRESHOLDS,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compute 95 % percentile intervals of the average precision of each class and of their mean.

    A video that is drawn twice counts as two videos. In each resample, the mean leaves out the
    classes without ground truth.

    Args:
        videos: Every video to evaluate.
        classes: Names of the columns of ``class_score``.
        protocol: How to match and integrate.
        thresholds: As in ``map_table``.
        resamples: Number of resamples.
        seed: Seed of the resampling; every class and table uses the same draws.

    Returns:
        Columns ``INTERVAL_COLUMNS`` from ``measure`` on; ``group`` is a class or ``mean``, and
        ``low`` and ``high`` are NaN for a class without ground truth.
    """
    pool = Pool(videos)
    levels = sorted({*thresholds, *RANGE_THRESHOLDS})
    values: dict[str, NDArray] = {}
    right: dict[str, _RightPredictions] = {}
    for action, column in pool.columns(classes).items():
        if action in pool.truth:
            ranking = pool.rank(column, action, levels, protocol)
            values[action] = ranking.average_precision(protocol.interpolation)
            right[action] = _RightPredictions.of(ranking)
    if not values:
        return _table([])
    parts: dict[str, list[NDArray]] = {action: [] for action in right}
    for weights in draws(len(videos), resamples, seed, len(pool.video)):
        for action, predictions in right.items():
            parts[action].append(_resampled_areas(predictions, weights, protocol.interpolation))
    drawn = {action: np.concatenate(each) for action, each in parts.items()}
    values["mean"] = np.mean([*values.values()], axis=0)
    drawn["mean"] = _nanmean([*drawn.values()])
    rows = []
    for group, value in values.items():
        at = with_range(dict(zip(levels, value, strict=True)), thresholds)
        samples = with_range(dict(zip(levels, drawn[group].T, strict=True)), thresholds)
        rows += [
            ("average_precision", group, None, name, float(at[name]), *_interval(samples[name]), resamples)
            for name in at
        ]
    return _table(rows)


def recall_intervals(
    videos: Sequence[VideoOverlap],
    thresholds: Sequence[float] = THRESHOLDS,
    protocol: EvaluationProtocol = DEFAULT_PROTOCOL,
    counts: Sequence[int] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compute 95 % percentile intervals of the recall of proposals; arguments as in ``recall_table``."""
    ordered = sorted(videos, key=lambda video: video.video)
    groups = recall_groups(ordered)
    video_of = np.repeat(np.arange(len(ordered)), [len(video.truth) for video in ordered])
    rows: list[tuple[object, ...]] = []
    if not len(video_of):
        return _table([])
    for count in proposal_counts(ordered) if counts is None else counts:
        best = best_overlaps(ordered, count)
        right = np.stack([protocol.reaches(best, threshold) for threshold in thresholds], 1)
        values = {name: right[mask].mean(0) for name, mask in groups.items()}
        drawn: dict[str, NDArray] = {}
        for name, mask in groups.items():
            parts = []
            for weights in draws(len(ordered), resamples, seed, len(best)):
                times = weights[:, video_of[mask]].astype(float)
                parts.append(divide(times @ right[mask], times.sum(1)[:, None]))
            drawn[name] = np.concatenate(parts)
        by_class = [name for name in groups if name.startswith("class:")]
        values["class-mean"] = np.mean([values[name] for name in by_class], axis=0)
        drawn["class-mean"] = _nanmean([drawn[name] for name in by_class])
        for name, value in values.items():
            for threshold, at, samples in zip(thresholds, value, drawn[name].T, strict=True):
                interval = _interval(samples)
                rows.append(("recall", name, count, f"{threshold:g}", float(at), *interval, resamples))
    return _table(rows)


def _table(rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=INTERVAL_COLUMNS[4:])
    # Int64, because precision has no number of proposals
    return table.astype({"proposals": "Int64", "value": float, "low": float, "high": float})


def draws(videos: int, resamples: int, seed: int, width: int) -> Iterator[NDArray[np.int32]]:
    """Yield batches (B, V) of how often each video is drawn in each resample.

    Args:
        videos: Number of videos, V.
        resamples: Number of resamples in all batches together.
        seed: Seed of the random generator.
        width: How many numbers the caller holds for each resample; it changes only the batch size.
    """
    random = np.random.default_rng(seed)
    batch = max(1, _BATCH // max(videos, width, 1))
    for start in range(0, resamples, batch):
        count = min(batch, resamples - start)
        yield random.multinomial(videos, np.full(videos, 1 / videos), size=count).astype(np.int32)


class _RightPredictions(NamedTuple):
    """The part of a ``Ranking`` that resampling needs.

    Attributes:
        video: (D,) int32, video number of each prediction, up to the last right one.
        places: (K,) int64, the predictions that are right at any threshold.
        right: (T, K) bool, the thresholds at which they are.
        truth: (V,) int64, number of ground-truth tubes of the class in each video.
    """

    video: NDArray[np.int32]
    places: NDArray[np.int64]
    right: NDArray[np.bool_]
    truth: NDArray[np.int64]

    @classmethod
    def of(cls, ranking: Ranking) -> Self:
        last = int(ranking.places[-1]) + 1 if len(ranking.places) else 0
        return cls(ranking.video[:last], ranking.places, ranking.matched >= 0, ranking.truth)


def _resampled_areas(
    predictions: _RightPredictions, weights: NDArray[np.int32], interpolation: str
) -> NDArray[np.float64]:
    """The average precision (B, T) in B resamples at T thresholds.

    A prediction of a video that is drawn w times occurs w times in a row. Precision at a right
    prediction is the number of right ones up to it over the number of all up to it, both so weighted.
    """
    places = predictions.places
    areas = np.zeros((len(weights), len(predictions.right)))
    if len(places):
        times = weights[:, predictions.video]  # (B, D)
        starts = np.concatenate([[0], places[:-1] + 1])
        ranks = np.cumsum(np.add.reduceat(times, starts, axis=1), axis=1)
        for t, right in enumerate(predictions.right):
            areas[:, t] = weighted_area(ranks[:, right], times[:, places[right]], interpolation)
    return divide(areas, (weights @ predictions.truth)[:, None])


def _nanmean(parts: Sequence[NDArray]) -> NDArray[np.float64]:
    """Mean over the parts that are numbers; NaN without a warning where there is none."""
    stacked = np.stack(parts)
    known = ~np.isnan(stacked)
    return divide(np.where(known, stacked, 0).sum(0), known.sum(0))


def _interval(samples: NDArray) -> tuple[float, float]:
    known = samples[~np.isnan(samples)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.percentile(known, _PERCENTILES)
    return float(low), float(high)
