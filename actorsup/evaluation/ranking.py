"""Predictions of a class in the order of their scores, and the area under their curve.

Video level (Gkioxari & Malik 2015; Section 4.1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from actorsup.errors import ConfigError, DataError
from actorsup.evaluation.matching import VideoOverlap, match
from actorsup.evaluation.protocol import INTERPOLATIONS, EvaluationProtocol


@dataclass(frozen=True)
class Ranking:
    """All predictions of one class, the highest score first.

    Ties are broken by the video's id, then by the number of the tube, so that the order of the
    input does not matter. NaN is no prediction.

    Attributes:
        action: The class's name.
        video: (D,) int32, number of the video of each.
        tube: (D,) int32, number of the tube in its video.
        row: (D,) int64, number of the tube among all of the pool.
        score: (D,) floating.
        places: (K,) int64, ascending: the predictions that are right at any threshold.
        taken: (T, K) int32: the ground-truth tube that each of these takes at each threshold, by its
            number among all of its video; -1: none, the prediction is wrong there.
        truth: (V,) int64, number of ground-truth tubes of the class in each video.
    """

    action: str
    video: NDArray[np.int32]
    tube: NDArray[np.int32]
    row: NDArray[np.int64]
    score: NDArray[np.floating]
    places: NDArray[np.int64]
    taken: NDArray[np.int32]
    truth: NDArray[np.int64]

    def average_precision(self, interpolation: str) -> NDArray[np.float64]:
        """(T,): the average precision at each threshold; NaN without ground truth."""
        count = int(self.truth.sum())
        return np.array([area_of(self.places[t >= 0] + 1, count, interpolation) for t in self.taken])


class Pool:
    """The predictions of all videos, one after the other: what is the same for every class.

    Attributes:
        videos: Sorted by id.
        video: (S,) int32, number of the video of each of all S tubes.
        tube: (S,) int32, its number in its video.
        truth: Of each class of the ground truth, the videos that have it, by their number, and the
            numbers of its ground-truth tubes there.
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
        """Of each of all tubes, its best IoU with any ground truth of its video, and with which."""
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
        """Column of ``class_score`` of each class; -1 for those that only the ground truth has.

        Raises:
            DataError: A video has scores of another number of classes.
        """
        for video in self.videos:
            check_columns(video.video, video.class_score, classes)
        return {name: i for i, name in enumerate(classes)} | dict.fromkeys(
            sorted(self.truth.keys() - {*classes}), -1
        )

    def rank(
        self, column: int, action: str, thresholds: Sequence[float], rules: EvaluationProtocol
    ) -> Ranking:
        """Rank and match the predictions of a class.

        Args:
            column: The class's column of ``class_score``; -1 where nothing is predicted of it.
            action: The class's name.
            thresholds: T IoU thresholds.
            rules: How predictions are matched.
        """
        mine = self.truth.get(action, {})
        truth = np.zeros(len(self.videos), np.int64)
        truth[[*mine]] = [len(tubes) for tubes in mine.values()]
        levels = np.array(thresholds, float)
        if column < 0 or not len(self.video):
            none, rows = np.zeros(0, np.int32), np.zeros(0, np.int64)
            return Ranking(
                action, none, none, rows, np.zeros(0), rows, none[:0].reshape(len(levels), 0), truth
            )
        score = np.concatenate([v.class_score[:, column] for v in self.videos if v.class_score.size])
        order = np.argsort(-score, kind="stable")  # ties stay in the order of videos and tubes
        order = order[: np.count_nonzero(~np.isnan(score))]  # NaN comes last
        rows, taken = self._matched(score, mine, levels, rules)
        place = np.empty(len(score), np.int64)
        place[order] = np.arange(len(order))
        by_place = np.argsort(place[rows])
        return Ranking(
            action, self.video[order], self.tube[order], order, score[order],
            place[rows][by_place], taken[:, by_place], truth,
        )  # fmt: skip

    def _matched(
        self, score: NDArray, mine: Mapping[int, Sequence[int]], levels: NDArray, rules: EvaluationProtocol
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The tubes (K,) that take ground truth at any of T thresholds, and which (T, K) at each."""
        rows, taken = [np.zeros(0, np.int64)], [np.zeros((len(levels), 0), np.int32)]
        for number, tubes in mine.items():
            start, end = self._starts[number : number + 2]
            found = match(score[start:end], self.videos[number].iou[:, tubes], levels, rules)
            some = np.flatnonzero((found >= 0).any(0))
            rows.append(start + some)
            taken.append(np.where(found >= 0, np.array(tubes)[found], -1)[:, some].astype(np.int32))
        return np.concatenate(rows), np.concatenate(taken, axis=1)


def check_columns(video: str, class_score: NDArray, classes: Sequence[str]) -> None:
    """Whether the scores (P, C) of a video's tubes are of these classes, as far as their number tells.

    Raises:
        DataError: They are not.
    """
    if class_score.size and class_score.shape[1] != len(classes):
        raise DataError(
            f"{video}: class_score has {class_score.shape[1]} columns, but there are {len(classes)} classes: "
            f"{', '.join(classes)}"
        )


def area_under_curve(
    right: NDArray[np.bool_], ground_truth: int, interpolation: str = "envelope"
) -> NDArray[np.float64]:
    """Area under the curve of precision against recall: the average precision.

    Args:
        right: (..., D) bool, which predictions are right, the highest score first.
        ground_truth: Number of ground-truth tubes.
        interpolation: ``envelope`` or ``trapezoid``, as in ``EvaluationProtocol``.

    Returns:
        (...) in [0, 1]; NaN without ground truth.

    Raises:
        ConfigError: There is no such interpolation.
    """
    if interpolation not in INTERPOLATIONS:
        raise ConfigError(f"interpolation: {interpolation!r}; allowed: {', '.join(INTERPOLATIONS)}")
    if not ground_truth:
        return np.full(right.shape[:-1], np.nan)
    areas = np.zeros(right.shape[:-1])
    for index in np.ndindex(areas.shape):
        areas[index] = area_of(np.flatnonzero(right[index]) + 1, ground_truth, interpolation)
    return areas


def area_of(ahead: NDArray, ground_truth: int, interpolation: str) -> float:
    """The same, of the ranks (K,) of the right predictions, ascending from 1 on."""
    if not ground_truth:
        return float("nan")
    return float(weighted_area(ahead[None], np.ones((1, len(ahead))), interpolation)[0]) / ground_truth


def weighted_area(ahead: NDArray, times: NDArray, interpolation: str) -> NDArray[np.float64]:
    """Area under the curve of precision against the number found: (B,).

    Only right predictions add to it, so precision is needed at these alone.

    Args:
        ahead: (B, K) number of predictions down to and with each of K right ones.
        times: (B, K) how often each is there.
        interpolation: ``envelope`` or ``trapezoid``.
    """
    found = np.cumsum(times, axis=1)
    if interpolation == "envelope":
        # of those in a row, each is at least as precise as the one before, so the last one's counts
        precision = divided(found, ahead)
        envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        return np.asarray((times * np.where(times > 0, envelope, 0)).sum(1))
    before, start = found - times, ahead - times
    total = np.zeros(times.shape)
    for nth in range(1, int(times.max(initial=0)) + 1):
        here = (before + nth) / np.maximum(start + nth, 1)
        last = np.where(start + nth - 1 > 0, (before + nth - 1) / np.maximum(start + nth - 1, 1), 1.0)
        total += np.where(times >= nth, (here + last) / 2, 0)
    return np.asarray(total.sum(1))


def divided(part: NDArray, whole: NDArray) -> NDArray[np.float64]:
    """A ratio, broadcast; NaN where the whole is nothing."""
    whole = np.broadcast_to(whole, part.shape)
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
