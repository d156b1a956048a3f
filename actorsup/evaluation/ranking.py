"""Predictions of a class in the order of their scores, and the area under their curve.

Video level (Gkioxari & Malik 2015; Section 4.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from actorsup.errors import ConfigError, DataError
from actorsup.evaluation.matching import VideoOverlap, match
from actorsup.evaluation.rules import INTERPOLATIONS, Rules


@dataclass(frozen=True)
class Ranking:
    """All predictions of one class, the highest score first.

    Ties are broken by the video's id, then by the number of the tube, so that the order of the
    input does not matter. NaN is no prediction.

    Attributes:
        action: The class's name.
        video: (D,) int64, number of the video of each.
        tube: (D,) int64, number of the tube in its video.
        row: (D,) int64, number of the tube among all of the pool.
        score: (D,) floating.
        taken: (T, D) int32: the ground-truth tube that it takes at each threshold, by its number
            among all of the video; -1: none, the prediction is wrong.
        truth: (V,) int64, number of ground-truth tubes of the class in each video.
    """

    action: str
    video: NDArray[np.int64]
    tube: NDArray[np.int64]
    row: NDArray[np.int64]
    score: NDArray[np.floating]
    taken: NDArray[np.int32]
    truth: NDArray[np.int64]

    @property
    def right(self) -> NDArray[np.bool_]:
        """(T, D): which predictions are right."""
        return np.asarray(self.taken >= 0)


class Pool:
    """The predictions of all videos, one after the other: what is the same for every class.

    Attributes:
        videos: Sorted by id.
        video: (S,) int64, number of the video of each of all S tubes.
        tube: (S,) int64, its number in its video.
        truth: Of each class of the ground truth, the videos that have it, by their number, and the
            numbers of its ground-truth tubes there.
    """

    def __init__(self, videos: Sequence[VideoOverlap]) -> None:
        self.videos = sorted(videos, key=lambda video: video.video)
        counts = [len(video.class_score) if video.class_score.size else 0 for video in self.videos]
        self._starts = np.cumsum([0, *counts])
        self.video = np.repeat(np.arange(len(counts)), counts)
        self.tube = np.arange(len(self.video)) - self._starts[self.video]
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

    def rank(self, column: int, action: str, thresholds: Sequence[float], rules: Rules) -> Ranking:
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
            none = np.zeros(0, np.int64)
            return Ranking(action, none, none, none, np.zeros(0), np.zeros((len(levels), 0), np.int32), truth)
        score = np.concatenate([v.class_score[:, column] for v in self.videos if v.class_score.size])
        taken = np.full((len(levels), len(score)), -1, np.int32)
        for number, tubes in mine.items():
            start, end = self._starts[number : number + 2]
            found = match(score[start:end], self.videos[number].iou[:, tubes], levels, rules)
            taken[:, start:end] = np.where(found >= 0, np.array(tubes)[found], -1)
        order = np.argsort(-score, kind="stable")  # ties stay in the order of videos and tubes
        order = order[: np.count_nonzero(~np.isnan(score))]  # NaN comes last
        return Ranking(
            action, self.video[order], self.tube[order], order, score[order], taken[:, order], truth
        )


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
        interpolation: ``envelope`` or ``trapezoid``, as in ``Rules``.

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
        ahead = np.flatnonzero(right[index])[None] + 1
        areas[index] = weighted_area(ahead, np.ones_like(ahead), interpolation)[0] / ground_truth
    return areas


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
