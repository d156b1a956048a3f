"""Confidence intervals by the percentile bootstrap (Efron 1979).

Each resample draws V of the V videos with replacement, and the measure is computed on it. The interval
extends from the 2.5th to the 97.5th percentile of these values.
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
_MAX_VALUES = 4_000_000
"""Maximum number of values in memory at once: resamples times predictions of a class."""


def precision_intervals(
    videos: Sequence[VideoOverlap],
    classes: Sequence[str],
    protocol: EvaluationProtocol = DEFAULT_PROTOCOL,
    thresholds: Sequence[float] = THRESHOLDS,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compute 95 % confidence intervals of the average precision of each class, and of the mean over classes.

    A video that is drawn twice counts as two videos. In each resample, the mean leaves out the
    classes without ground truth.

    Args:
        videos: Overlaps of every video to evaluate.
        classes: Class name of each column of ``class_score``.
        protocol: Rules of matching and integration.
        thresholds: IoU thresholds, above 0 and at most 1; the table adds ``0.5:0.95``.
        resamples: Number of resamples.
        seed: Seed of the random generator; the same seed and number of videos give the same resamples.

    Returns:
        A table with the columns ``INTERVAL_COLUMNS`` from ``measure`` on. ``group`` is the name of a class
        with ground truth, or ``mean``.
    """
    pool = Pool(videos)
    levels = sorted({*thresholds, *RANGE_THRESHOLDS})
    values: dict[str, NDArray] = {}
    positives: dict[str, _TruePositives] = {}
    for ranking in pool.rankings(classes, levels, protocol):
        if ranking.truth.any():
            values[ranking.action] = ranking.average_precision(protocol.interpolation)
            positives[ranking.action] = _TruePositives.from_ranking(ranking)
    if not values:
        return _make_table([])
    batches: dict[str, list[NDArray]] = {action: [] for action in positives}
    for weights in draw_resamples(len(videos), resamples, seed, len(pool.video)):
        for action, class_positives in positives.items():
            batches[action].append(_resample_precision(class_positives, weights, protocol.interpolation))
    resampled = {action: np.concatenate(batch_list) for action, batch_list in batches.items()}
    values["mean"] = np.mean([*values.values()], axis=0)
    resampled["mean"] = average_without_nan([*resampled.values()])
    rows = []
    for group, point_values in values.items():
        value_at, samples = (
            with_range(levels, class_positives, thresholds)
            for class_positives in (point_values, resampled[group].T)
        )
        rows += [
            (
                "average_precision",
                group,
                None,
                name,
                float(value_at[name]),
                *percentile_interval(samples[name]),
                resamples,
            )
            for name in value_at
        ]
    return _make_table(rows)


def recall_intervals(
    videos: Sequence[VideoOverlap],
    thresholds: Sequence[float] = THRESHOLDS,
    protocol: EvaluationProtocol = DEFAULT_PROTOCOL,
    counts: Sequence[int] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compute 95 % confidence intervals of the recall of proposals.

    Args:
        videos: Overlaps of every video to evaluate.
        thresholds: IoU thresholds, above 0 and at most 1.
        protocol: Evaluation protocol, which decides whether an IoU equal to the threshold is a match.
        counts: Numbers of proposals per video; by default, those of ``proposal_counts``.
        resamples: Number of resamples.
        seed: Seed of the random generator; the same seed and number of videos give the same resamples.

    Returns:
        A table with the columns ``INTERVAL_COLUMNS`` from ``measure`` on. ``group`` is ``all``,
        ``class:NAME``, ``actor:NAME`` or ``class-mean``.
    """
    sorted_videos = sorted(videos, key=lambda video: video.video)
    groups = recall_groups(sorted_videos)
    video_index = np.repeat(np.arange(len(sorted_videos)), [len(video.truth) for video in sorted_videos])
    rows: list[tuple[object, ...]] = []
    if not len(video_index):
        return _make_table([])
    for count in proposal_counts(sorted_videos) if counts is None else counts:
        best_iou = best_overlaps(sorted_videos, count)
        is_found = np.stack([protocol.reaches(best_iou, threshold) for threshold in thresholds], 1)
        values = {name: is_found[mask].mean(0) for name, mask in groups.items()}
        resampled: dict[str, NDArray] = {}
        for name, mask in groups.items():
            batches = []
            for weights in draw_resamples(len(sorted_videos), resamples, seed, len(best_iou)):
                num_draws = weights[:, video_index[mask]].astype(float)
                batches.append(divide(num_draws @ is_found[mask], num_draws.sum(1)[:, None]))
            resampled[name] = np.concatenate(batches)
        class_groups = [name for name in groups if name.startswith("class:")]
        values["class-mean"] = np.mean([values[name] for name in class_groups], axis=0)
        resampled["class-mean"] = average_without_nan([resampled[name] for name in class_groups])
        for name, point_values in values.items():
            for threshold, point_value, samples in zip(
                thresholds, point_values, resampled[name].T, strict=True
            ):
                interval = percentile_interval(samples)
                rows.append(
                    ("recall", name, count, f"{threshold:g}", float(point_value), *interval, resamples)
                )
    return _make_table(rows)


def _make_table(rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=INTERVAL_COLUMNS[4:])
    # Int64 can be missing: rows of average precision have no number of proposals
    return table.astype({"proposals": "Int64", "value": float, "low": float, "high": float})


def draw_resamples(num_videos: int, resamples: int, seed: int, width: int) -> Iterator[NDArray[np.int32]]:
    """Yield batches of B resamples: arrays (B, V) of the number of times that each video is drawn.

    Args:
        num_videos: Number of videos, V.
        resamples: Total number of resamples.
        seed: Seed of the random generator.
        width: Number of values that the caller keeps in memory per resample; it affects only B.
    """
    generator = np.random.default_rng(seed)
    batch_size = max(1, _MAX_VALUES // max(num_videos, width, 1))
    for start in range(0, resamples, batch_size):
        count = min(batch_size, resamples - start)
        yield generator.multinomial(num_videos, np.full(num_videos, 1 / num_videos), size=count).astype(
            np.int32
        )


class _TruePositives(NamedTuple):
    """True positives of a ``Ranking``, which resampling weights by video.

    Attributes:
        video: (D,) int32, index of the video of each prediction up to the last true positive.
        positions: (K,) int64, ranks (0-based) of the predictions that are true positives at any threshold.
        is_positive: (T, K) bool, whether each of these predictions is a true positive at each threshold.
        truth: (V,) int64, number of ground-truth tubes of the class in each video.
    """

    video: NDArray[np.int32]
    positions: NDArray[np.int64]
    is_positive: NDArray[np.bool_]
    truth: NDArray[np.int64]

    @classmethod
    def from_ranking(cls, ranking: Ranking) -> Self:
        end = ranking.true_positives.max(initial=-1) + 1
        return cls(ranking.video[:end], ranking.true_positives, ranking.matched >= 0, ranking.truth)


def _resample_precision(
    positives: _TruePositives, weights: NDArray[np.int32], interpolation: str
) -> NDArray[np.float64]:
    """Compute the average precision (B, T) in B resamples at T thresholds.

    A prediction in a video that is drawn w times counts as w consecutive predictions, so true positives and
    ranks are sums of the weights of videos.
    """
    positions = positives.positions
    areas = np.zeros((len(weights), len(positives.is_positive)))
    if len(positions):
        num_draws = weights[:, positives.video]  # (B, D)
        starts = np.concatenate([[0], positions[:-1] + 1])
        ranks = np.cumsum(np.add.reduceat(num_draws, starts, axis=1), axis=1)
        for t, is_positive in enumerate(positives.is_positive):
            areas[:, t] = weighted_area(
                ranks[:, is_positive], num_draws[:, positions[is_positive]], interpolation
            )
    return divide(areas, (weights @ positives.truth)[:, None])


def average_without_nan(arrays: Sequence[NDArray]) -> NDArray[np.float64]:
    """Return the mean over arrays that ignores NaN; NaN where all values are NaN."""
    stacked = np.stack(arrays)
    is_known = ~np.isnan(stacked)
    return divide(np.where(is_known, stacked, 0).sum(0), is_known.sum(0))


def percentile_interval(samples: NDArray) -> tuple[float, float]:
    """Return the 2.5th and the 97.5th percentile of values in resamples, which may be NaN; NaN if all are."""
    valid_samples = samples[~np.isnan(samples)]
    if not len(valid_samples):
        return float("nan"), float("nan")
    low, high = np.percentile(valid_samples, _PERCENTILES)
    return float(low), float(high)
