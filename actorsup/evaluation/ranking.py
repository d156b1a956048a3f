"""Predictions of a class ranked by score, and their average precision (Gkioxari & Malik 2015; Section 4.1).

Precision at rank r is the fraction of true positives among the r best predictions; recall at rank r is their
number divided by the number of ground-truth tubes. Average precision is the area under precision as a
function of recall.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from actorsup.errors import DataError
from actorsup.evaluation.matching import VideoOverlap, match
from actorsup.evaluation.protocol import EvaluationProtocol


@dataclass(frozen=True)
class Ranking:
    """All D predictions of one class, the highest score first.

    Ties are broken by video id, then by tube number, so the order of the input does not matter.

    Attributes:
        action: The class name.
        video: (D,) int32, video number of each prediction.
        tube: (D,) int32, tube number in its video.
        row: (D,) int64, tube number in the pool.
        score: (D,) floating.
        true_positives: (K,) int64, ascending: positions of the predictions that are true positives at any
            threshold.
        matched: (T, K) int32: the ground-truth tube that each of these matches at each threshold, by
            its number in the video; -1 for a false positive at this threshold.
        truth: (V,) int64, number of ground-truth tubes of the class in each video.
    """

    action: str
    video: NDArray[np.int32]
    tube: NDArray[np.int32]
    row: NDArray[np.int64]
    score: NDArray[np.floating]
    true_positives: NDArray[np.int64]
    matched: NDArray[np.int32]
    truth: NDArray[np.int64]

    def average_precision(self, interpolation: str) -> NDArray[np.float64]:
        """Return the average precision at each threshold, (T,); NaN without ground truth."""
        count = int(self.truth.sum())
        return np.array(
            [
                area_under_curve(self.true_positives[row >= 0] + 1, count, interpolation)
                for row in self.matched
            ]
        )


class Pool:
    """The tubes of all videos in one list, shared by the rankings of all classes.

    Attributes:
        videos: Sorted by id.
        video: (S,) int32, video number of each of all S tubes.
        tube: (S,) int32, its number in its video.
        truth: For each class with ground truth: the numbers of its ground-truth tubes, by video number.
    """

    def __init__(self, videos: Sequence[VideoOverlap]) -> None:
        self.videos = sorted(videos, key=lambda video: video.video)
        counts = [len(video.class_score) if video.class_score.size else 0 for video in self.videos]
        self._starts = np.cumsum([0, *counts])
        self.video = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        self.tube = (np.arange(len(self.video)) - self._starts[self.video]).astype(np.int32)
        self.truth: dict[str, dict[int, list[int]]] = {}
        for number, video in enumerate(self.videos):
            for q, label in enumerate(video.truth):
                self.truth.setdefault(label.action, {}).setdefault(number, []).append(q)

    @cached_property
    def best(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """(S,) best IoU of each tube with any ground truth of its video, and (S,) the number of that tube."""
        parts = [
            (video.iou.max(1), video.iou.argmax(1))
            if video.truth
            else (np.zeros(len(video.iou)), np.full(len(video.iou), -1))
            for video in self.videos
            if video.class_score.size
        ]
        none = np.zeros(0, np.int64)
        values = np.concatenate([none.astype(float), *(part[0] for part in parts)])
        return values, np.concatenate([none, *(part[1] for part in parts)])

    def rankings(
        self, classes: Sequence[str], thresholds: Sequence[float], protocol: EvaluationProtocol
    ) -> Iterator[Ranking]:
        """Rank and match the predictions of each class, including classes only in the ground truth.

        Args:
            classes: Names of the columns of ``class_score``.
            thresholds: T IoU thresholds.
            protocol: How to match.

        Raises:
            DataError: A video has scores for another number of classes.
        """
        for video in self.videos:
            check_columns(video.video, video.class_score, classes)
        scores = [video.class_score for video in self.videos if video.class_score.size]
        for column, action in enumerate(classes):
            score = np.concatenate([np.zeros(0), *(each[:, column] for each in scores)])
            yield self._rank(action, score, np.array(thresholds, float), protocol)
        for action in sorted(self.truth.keys() - {*classes}):
            yield self._rank(action, np.full(len(self.video), np.nan), np.array(thresholds, float), protocol)

    def _rank(self, action: str, score: NDArray, levels: NDArray, protocol: EvaluationProtocol) -> Ranking:
        mine = self.truth.get(action, {})
        truth = np.zeros(len(self.videos), np.int64)
        truth[[*mine]] = [len(tubes) for tubes in mine.values()]
        order = np.argsort(-score, kind="stable")  # ties stay in the order of videos and tubes
        order = order[: np.count_nonzero(~np.isnan(score))]  # NaN, no prediction, comes last
        rows, matched = self._match(score, mine, levels, protocol)
        rank = np.empty(len(score), np.int64)
        rank[order] = np.arange(len(order))
        by_rank = np.argsort(rank[rows])
        return Ranking(
            action, self.video[order], self.tube[order], order, score[order],
            rank[rows][by_rank], matched[:, by_rank], truth,
        )  # fmt: skip

    def _match(
        self, score: NDArray, mine: Mapping[int, Sequence[int]], levels: NDArray, protocol: EvaluationProtocol
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The rows (K,) that match ground truth at any threshold, and the tubes (T, K) they match at each."""
        rows, matched = [np.zeros(0, np.int64)], [np.zeros((len(levels), 0), np.int32)]
        for number, tubes in mine.items():
            start, end = self._starts[number : number + 2]
            numbers = match(score[start:end], self.videos[number].iou[:, tubes], levels, protocol)
            found = np.flatnonzero((numbers >= 0).any(0))
            rows.append(start + found)
            matched.append(np.where(numbers >= 0, np.array(tubes)[numbers], -1)[:, found].astype(np.int32))
        return np.concatenate(rows), np.concatenate(matched, axis=1)


def check_columns(video: str, class_score: NDArray, classes: Sequence[str]) -> None:
    """Check that the scores (P, C) of a video's tubes have one column for each class.

    Raises:
        DataError: They do not.
    """
    if class_score.size and class_score.shape[1] != len(classes):
        raise DataError(
            f"{video}: class_score has {class_score.shape[1]} columns, but there are {len(classes)} classes: "
            f"{', '.join(classes)}"
        )


def area_under_curve(ranks: NDArray, ground_truth: int, interpolation: str) -> float:
    """Return the area under the precision-recall curve: the average precision.

    Args:
        ranks: (K,) ranks of the true positives, ascending from 1.
        ground_truth: Number of ground-truth tubes.
        interpolation: ``envelope`` or ``trapezoid``, as in ``EvaluationProtocol``.

    Returns:
        In [0, 1]; NaN without ground truth.
    """
    if not ground_truth:
        return float("nan")
    return float(weighted_area(ranks[None], np.ones((1, len(ranks))), interpolation)[0]) / ground_truth


def weighted_area(ranks: NDArray, times: NDArray, interpolation: str) -> NDArray[np.float64]:
    """Return the area (B,) under precision as a function of the number of true positives.

    Recall rises only at true positives, so precision is needed only there.

    Args:
        ranks: (B, K) number of predictions up to and including each of K true positives.
        times: (B, K) how often each true positive occurs; 1 without resampling.
        interpolation: ``envelope`` or ``trapezoid``.
    """
    positives = np.cumsum(times, axis=1)
    if interpolation == "envelope":
        # precision rises over the copies of a prediction, so the envelope takes it from the last copy
        precision = divide(positives, ranks)
        envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        return np.asarray((times * np.where(times > 0, envelope, 0)).sum(1))
    before, start = positives - times, ranks - times
    total = np.zeros(times.shape)
    for nth in range(1, int(times.max(initial=0)) + 1):
        here = (before + nth) / np.maximum(start + nth, 1)
        last = np.where(start + nth - 1 > 0, (before + nth - 1) / np.maximum(start + nth - 1, 1), 1.0)
        total += np.where(times >= nth, (here + last) / 2, 0)
    return np.asarray(total.sum(1))


def divide(part: NDArray, whole: NDArray) -> NDArray[np.float64]:
    """Return the ratio, broadcast; NaN where the denominator is 0."""
    whole = np.broadcast_to(whole, part.shape)
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
