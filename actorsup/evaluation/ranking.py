"""Predictions of a class ranked by score, and the area under their precision-recall curve.

Video level (Gkioxari & Malik 2015; Section 4.1).
"""

from collections.abc import Mapping, Sequence
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
        places: (K,) int64, ascending: the predictions that are right at any threshold.
        matched: (T, K) int32: the ground-truth tube that each of these matches at each threshold, by
            its number in the video; -1: none, the prediction is wrong at this threshold.
        truth: (V,) int64, number of ground-truth tubes of the class in each video.
    """

    action: str
    video: NDArray[np.int32]
    tube: NDArray[np.int32]
    row: NDArray[np.int64]
    score: NDArray[np.floating]
    places: NDArray[np.int64]
    matched: NDArray[np.int32]
    truth: NDArray[np.int64]

    def average_precision(self, interpolation: str) -> NDArray[np.float64]:
        """Return the average precision at each threshold, (T,); NaN without ground truth."""
        count = int(self.truth.sum())
        return np.array(
            [area_under_curve(self.places[row >= 0] + 1, count, interpolation) for row in self.matched]
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

    def columns(self, classes: Sequence[str]) -> dict[str, int]:
        """Return the column of ``class_score`` of each class; -1 for classes only in the ground truth.

        Raises:
            DataError: A video has scores for another number of classes.
        """
        for video in self.videos:
            check_columns(video.video, video.class_score, classes)
        return {name: i for i, name in enumerate(classes)} | dict.fromkeys(
            sorted(self.truth.keys() - {*classes}), -1
        )

    def rank(
        self, column: int, action: str, thresholds: Sequence[float], protocol: EvaluationProtocol
    ) -> Ranking:
        """Rank and match the predictions of a class.

        Args:
            column: The class's column of ``class_score``; -1 if there is none.
            action: The class name.
            thresholds: T IoU thresholds.
            protocol: How to match.
        """
        mine = self.truth.get(action, {})
        truth = np.zeros(len(self.videos), np.int64)
        truth[[*mine]] = [len(tubes) for tubes in mine.values()]
        levels = np.array(thresholds, float)
        if column < 0 or not len(self.video):
            none, rows = np.zeros(0, np.int32), np.zeros(0, np.int64)
            unmatched = none.reshape(len(levels), 0)
            return Ranking(action, none, none, rows, np.zeros(0), rows, unmatched, truth)
        score = np.concatenate([v.class_score[:, column] for v in self.videos if v.class_score.size])
        order = np.argsort(-score, kind="stable")  # ties stay in the order of videos and tubes
        order = order[: np.count_nonzero(~np.isnan(score))]  # NaN, no prediction, comes last
        rows, matched = self._match(score, mine, levels, protocol)
        place = np.empty(len(score), np.int64)
        place[order] = np.arange(len(order))
        by_place = np.argsort(place[rows])
        return Ranking(
            action, self.video[order], self.tube[order], order, score[order],
            place[rows][by_place], matched[:, by_place], truth,
        )  # fmt: skip

    def _match(
        self, score: NDArray, mine: Mapping[int, Sequence[int]], levels: NDArray, protocol: EvaluationProtocol
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The tubes (K,) that match ground truth at any of T thresholds, and which (T, K) at each."""
        rows, matched = [np.zeros(0, np.int64)], [np.zeros((len(levels), 0), np.int32)]
        for number, tubes in mine.items():
            start, end = self._starts[number : number + 2]
            numbers = match(score[start:end], self.videos[number].iou[:, tubes], levels, protocol)
            some = np.flatnonzero((numbers >= 0).any(0))
            rows.append(start + some)
            matched.append(np.where(numbers >= 0, np.array(tubes)[numbers], -1)[:, some].astype(np.int32))
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
        ranks: (K,) ranks of the right predictions, ascending from 1.
        ground_truth: Number of ground-truth tubes.
        interpolation: ``envelope`` or ``trapezoid``, as in ``EvaluationProtocol``.

    Returns:
        In [0, 1]; NaN without ground truth.
    """
    if not ground_truth:
        return float("nan")
    return float(weighted_area(ranks[None], np.ones((1, len(ranks))), interpolation)[0]) / ground_truth


def weighted_area(ranks: NDArray, times: NDArray, interpolation: str) -> NDArray[np.float64]:
    """Return the area (B,) under precision as a function of the number of right predictions.

    Only right predictions add area, so precision is needed only there.

    Args:
        ranks: (B, K) number of predictions up to and including each of K right ones.
        times: (B, K) how often each right prediction occurs.
        interpolation: ``envelope`` or ``trapezoid``.
    """
    right = np.cumsum(times, axis=1)
    if interpolation == "envelope":
        # precision rises within a row of copies of one prediction, so the last copy's precision counts
        precision = divide(right, ranks)
        envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        return np.asarray((times * np.where(times > 0, envelope, 0)).sum(1))
    before, start = right - times, ranks - times
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
