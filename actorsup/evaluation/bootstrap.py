"""Confidence intervals by the percentile bootstrap (Efron 1979).

Each resample draws as many videos as there are, with replacement, and repeats the measure; the interval
is from the 2.5th to the 97.5th percentile of the results.
"""

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
    positives: dict[str, _TruePositives] = {}
    for ranking in pool.rankings(classes, levels, protocol):
        if ranking.truth.any():
            values[ranking.action] = ranking.average_precision(protocol.interpolation)
            positives[ranking.action] = _TruePositives.of(ranking)
    if not values:
        return _table([])
    parts: dict[str, list[NDArray]] = {action: [] for action in positives}
    for weights in draws(len(videos), resamples, seed, len(pool.video)):
        for action, each in positives.items():
            parts[action].append(_resampled_precision(each, weights, protocol.interpolation))
    drawn = {action: np.concatenate(batches) for action, batches in parts.items()}
    values["mean"] = np.mean([*values.values()], axis=0)
    drawn["mean"] = _nanmean([*drawn.values()])
    rows = []
    for group, value in values.items():
        at, samples = (with_range(levels, each, thresholds) for each in (value, drawn[group].T))
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
        is_found = np.stack([protocol.reaches(best, threshold) for threshold in thresholds], 1)
        values = {name: is_found[mask].mean(0) for name, mask in groups.items()}
        drawn: dict[str, NDArray] = {}
        for name, mask in groups.items():
            parts = []
            for weights in draws(len(ordered), resamples, seed, len(best)):
                times = weights[:, video_of[mask]].astype(float)
                parts.append(divide(times @ is_found[mask], times.sum(1)[:, None]))
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


class _TruePositives(NamedTuple):
    """The part of a ``Ranking`` that resampling needs.

    Attributes:
        video: (D,) int32, video number of each prediction, up to the last true positive.
        positions: (K,) int64, the predictions that are true positives at any threshold.
        is_positive: (T, K) bool, whether they are at each threshold.
        truth: (V,) int64, number of ground-truth tubes of the class in each video.
    """

    video: NDArray[np.int32]
    positions: NDArray[np.int64]
    is_positive: NDArray[np.bool_]
    truth: NDArray[np.int64]

    @classmethod
    def of(cls, ranking: Ranking) -> Self:
        end = ranking.true_positives.max(initial=-1) + 1
        return cls(ranking.video[:end], ranking.true_positives, ranking.matched >= 0, ranking.truth)


def _resampled_precision(
    positives: _TruePositives, weights: NDArray[np.int32], interpolation: str
) -> NDArray[np.float64]:
    """The average precision (B, T) in B resamples at T thresholds.

    A prediction of a video that is drawn w times occurs w times in a row, so both the true positives and
    all predictions up to a rank are counted with the weights of their videos.
    """
    positions = positives.positions
    areas = np.zeros((len(weights), len(positives.is_positive)))
    if len(positions):
        times = weights[:, positives.video]  # (B, D)
        starts = np.concatenate([[0], positions[:-1] + 1])
        ranks = np.cumsum(np.add.reduceat(times, starts, axis=1), axis=1)
        for t, chosen in enumerate(positives.is_positive):
            areas[:, t] = weighted_area(ranks[:, chosen], times[:, positions[chosen]], interpolation)
    return divide(areas, (weights @ positives.truth)[:, None])


def _nanmean(parts: Sequence[NDArray]) -> NDArray[np.float64]:
    """Mean over the parts, ignoring NaN; NaN, without numpy's warning, if all parts are NaN."""
    stacked = np.stack(parts)
    known = ~np.isnan(stacked)
    return divide(np.where(known, stacked, 0).sum(0), known.sum(0))


def _interval(samples: NDArray) -> tuple[float, float]:
    known = samples[~np.isnan(samples)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.percentile(known, _PERCENTILES)
    return float(low), float(high)
