"""Rankings of predictions, and their average precision (Gkioxari & Malik 2015; Section 4.1 of the paper).

Precision at rank r is the number of true positives among the r best predictions, divided by r. Recall at
rank r is this number divided by the number of ground-truth tubes. Average precision is the area under
precision as a function of recall.
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
    """The D predictions of one class in V videos, highest score first.

    Predictions with equal scores are ranked by video id and tube index, so that the order of the input does
    not matter.

    Attributes:
        action: Class name.
        video: (D,) int32, index of the video of each prediction.
        tube: (D,) int32, index of the tube in its video.
        row: (D,) int64, index of the tube in the pool.
        score: (D,) floating, score of each prediction.
        true_positives: (K,) int64, ascending 0-based ranks of the predictions that are true positives at any
            threshold.
        matched: (T, K) int32, index, in its video, of the ground-truth tube that each of these predictions
            matches at each threshold; -1 for a false positive.
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
        """Return the average precision (T,) at each threshold; NaN without ground truth."""
        count = int(self.truth.sum())
        return np.array(
            [
                area_under_curve(self.true_positives[row >= 0] + 1, count, interpolation)
                for row in self.matched
            ]
        )


class Pool:
    """The S scored tubes of V videos, which the rankings of all classes share.

    Attributes:
        videos: Overlaps of the videos, sorted by video id.
        video: (S,) int32, index of the video of each tube.
        tube: (S,) int32, index of each tube in its video.
        truth: Indices of the ground-truth tubes by class name and video index.
    """

    def __init__(self, videos: Sequence[VideoOverlap]) -> None:
        self.videos = sorted(videos, key=lambda video: video.video)
        counts = [len(video.class_score) if video.class_score.size else 0 for video in self.videos]
        self._starts = np.cumsum([0, *counts])
        self.video = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        self.tube = (np.arange(len(self.video)) - self._starts[self.video]).astype(np.int32)
        self.truth: dict[str, dict[int, list[int]]] = {}
        for video_index, video in enumerate(self.videos):
            for q, label in enumerate(video.truth):
                self.truth.setdefault(label.action, {}).setdefault(video_index, []).append(q)

    @cached_property
    def best(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Highest IoU (S,) of each tube with a ground-truth tube, and index (S,) of this tube in its video.

        The index is -1 in videos without ground truth.
        """
        best_by_video = [
            (video.iou.max(1), video.iou.argmax(1))
            if video.truth
            else (np.zeros(len(video.iou)), np.full(len(video.iou), -1))
            for video in self.videos
            if video.class_score.size
        ]
        no_tubes = np.zeros(0, np.int64)
        values = np.concatenate([no_tubes.astype(float), *(video_best[0] for video_best in best_by_video)])
        return values, np.concatenate([no_tubes, *(video_best[1] for video_best in best_by_video)])

    def rankings(
        self, classes: Sequence[str], thresholds: Sequence[float], protocol: EvaluationProtocol
    ) -> Iterator[Ranking]:
        """Rank and match the predictions of each class, and of each class that only the ground truth has.

        Args:
            classes: Class name of each column of ``class_score``.
            thresholds: IoU thresholds, T values.
            protocol: Rules of matching.

        Raises:
            DataError: The number of class scores of a video is not the number of classes.
        """
        for video in self.videos:
            check_columns(video.video, video.class_score, classes)
        scores = [video.class_score for video in self.videos if video.class_score.size]
        for column, action in enumerate(classes):
            score = np.concatenate([np.zeros(0), *(video_scores[:, column] for video_scores in scores)])
            yield self._rank(action, score, np.array(thresholds, float), protocol)
        for action in sorted(self.truth.keys() - {*classes}):
            yield self._rank(action, np.full(len(self.video), np.nan), np.array(thresholds, float), protocol)

    def _rank(
        self, action: str, score: NDArray, thresholds: NDArray, protocol: EvaluationProtocol
    ) -> Ranking:
        class_truth = self.truth.get(action, {})
        truth = np.zeros(len(self.videos), np.int64)
        truth[[*class_truth]] = [len(tubes) for tubes in class_truth.values()]
        order = np.argsort(-score, kind="stable")  # ties stay in the order of videos and tubes
        order = order[: np.count_nonzero(~np.isnan(score))]  # NaN, no prediction, comes last
        rows, matched = self._match(score, class_truth, thresholds, protocol)
        rank = np.empty(len(score), np.int64)
        rank[order] = np.arange(len(order))
        by_rank = np.argsort(rank[rows])
        return Ranking(
            action, self.video[order], self.tube[order], order, score[order],
            rank[rows][by_rank], matched[:, by_rank], truth,
        )  # fmt: skip

    def _match(
        self,
        score: NDArray,
        class_truth: Mapping[int, Sequence[int]],
        thresholds: NDArray,
        protocol: EvaluationProtocol,
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Match the predictions of a class.

        Returns:
            Rows (K,) of the tubes that match ground truth at any threshold, and the index (T, K) of the
            matched ground-truth tube at each threshold.
        """
        rows, matched = [np.zeros(0, np.int64)], [np.zeros((len(thresholds), 0), np.int32)]
        for video_index, tubes in class_truth.items():
            start, end = self._starts[video_index : video_index + 2]
            matches = match(score[start:end], self.videos[video_index].iou[:, tubes], thresholds, protocol)
            true_positives = np.flatnonzero((matches >= 0).any(0))
            rows.append(start + true_positives)
            matched.append(
                np.where(matches >= 0, np.array(tubes)[matches], -1)[:, true_positives].astype(np.int32)
            )
        return np.concatenate(rows), np.concatenate(matched, axis=1)


def check_columns(video: str, class_score: NDArray, classes: Sequence[str]) -> None:
    """Check that the scores (P, C) of the tubes of a video have one column per class.

    Raises:
        DataError: The number of columns is not the number of classes.
    """
    if class_score.size and class_score.shape[1] != len(classes):
        raise DataError(
            f"{video}: class_score has {class_score.shape[1]} columns, but there are {len(classes)} classes: "
            f"{', '.join(classes)}"
        )


def area_under_curve(ranks: NDArray, ground_truth: int, interpolation: str) -> float:
    """Compute the area under the precision-recall curve: the average precision.

    Args:
        ranks: (K,) ascending 1-based ranks of the true positives.
        ground_truth: Number of ground-truth tubes.
        interpolation: ``envelope`` or ``trapezoid``, as in ``EvaluationProtocol``.

    Returns:
        Average precision in [0, 1]; NaN without ground truth.
    """
    if not ground_truth:
        return float("nan")
    return float(weighted_area(ranks[None], np.ones((1, len(ranks))), interpolation)[0]) / ground_truth


def weighted_area(ranks: NDArray, multiplicity: NDArray, interpolation: str) -> NDArray[np.float64]:
    """Compute the area (B,) under precision as a function of the number of true positives, in B resamples.

    Recall increases only at true positives, so the area depends only on the precision at true positives.

    Args:
        ranks: (B, K) number of predictions up to and including each of K true positives.
        multiplicity: (B, K) number of copies of each true positive in a resample; 1 without resampling.
        interpolation: ``envelope`` or ``trapezoid``, as in ``EvaluationProtocol``.
    """
    positives = np.cumsum(multiplicity, axis=1)
    if interpolation == "envelope":
        # precision increases over the copies of a true positive, so the envelope is that of the last copy
        precision = divide(positives, ranks)
        envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        return np.asarray((multiplicity * np.where(multiplicity > 0, envelope, 0)).sum(1))
    before, start = positives - multiplicity, ranks - multiplicity
    total = np.zeros(multiplicity.shape)
    for copy in range(1, int(multiplicity.max(initial=0)) + 1):
        precision = (before + copy) / np.maximum(start + copy, 1)
        previous_precision = np.where(
            start + copy - 1 > 0, (before + copy - 1) / np.maximum(start + copy - 1, 1), 1.0
        )
        total += np.where(multiplicity >= copy, (precision + previous_precision) / 2, 0)
    return np.asarray(total.sum(1))


def divide(numerator: NDArray, denominator: NDArray) -> NDArray[np.float64]:
    """Divide, with broadcasting; return NaN where the denominator is 0."""
    denominator = np.broadcast_to(denominator, numerator.shape)
    return np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator > 0)
