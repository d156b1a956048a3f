"""Average precision of scored tubes, video level (Gkioxari & Malik 2015; Section 4.1)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actorsup.errors import ConfigError
from actorsup.evaluation.matching import VideoOverlap

INTERPOLATIONS = ("envelope", "trapezoid")


@dataclass(frozen=True)
class ClassPredictions:
    """All tubes that are predicted to be of one class, the highest score first.

    Attributes:
        iou: For each tube, its IoU with the ground-truth tubes of this class in its video.
        truth: For each tube, the numbers of these ground-truth tubes.
        ground_truth: Number of ground-truth tubes of the class in all videos.
    """

    iou: list[NDArray[np.float64]]
    truth: list[NDArray[np.int64]]
    ground_truth: int


def class_predictions(videos: Sequence[VideoOverlap], column: int, action: str) -> ClassPredictions:
    """The tubes of all videos in the order of their score for one class.

    Ties are broken by the video's id, then by the number of the tube, so that the order of the
    input does not matter. NaN is no prediction.

    Args:
        videos: Every video to evaluate, those without tubes too.
        column: The class's column of ``class_score``; -1 where nothing is predicted of it.
        action: The class's name.
    """
    rows: list[tuple[float, NDArray[np.float64], NDArray[np.int64]]] = []
    count = 0
    for video in sorted(videos, key=lambda video: video.video):
        mine = np.array([tube.action == action for tube in video.truth], bool)
        numbers = count + np.arange(mine.sum())
        count += len(numbers)
        if column < 0 or not video.class_score.size:
            continue
        score = video.class_score[:, column]
        rows += [(-score[p], video.iou[p, mine], numbers) for p in np.flatnonzero(~np.isnan(score))]
    rows.sort(key=lambda row: row[0])  # stable: ties stay in the order of videos and tubes
    return ClassPredictions([row[1] for row in rows], [row[2] for row in rows], count)


def true_positives(predictions: ClassPredictions, threshold: float) -> NDArray[np.bool_]:
    """Which tubes are right: (D,) bool, in the order of their score.

    A tube is right if, among the ground-truth tubes of its class and video that no tube before
    it has taken, the best IoU is at least ``threshold``; it takes that one.
    """
    taken = np.zeros(predictions.ground_truth, bool)
    right = np.zeros(len(predictions.iou), bool)
    for index, (iou, truth) in enumerate(zip(predictions.iou, predictions.truth, strict=True)):
        free = np.where(taken[truth], -1.0, iou)
        if len(free) and free.max() >= threshold:
            taken[truth[free.argmax()]] = True
            right[index] = True
    return right


def average_precision(right: NDArray[np.bool_], ground_truth: int, interpolation: str = "envelope") -> float:
    """Area under the curve of precision against recall.

    Args:
        right: (D,) bool, which predictions are right, the highest score first.
        ground_truth: Number of ground-truth tubes.
        interpolation: ``envelope``, precision made monotone and the area under the steps (PASCAL
            VOC 2010); ``trapezoid``, no envelope, trapezoids (Kalogeiton et al. 2017).

    Returns:
        In [0, 1]; NaN without ground truth.

    Raises:
        ConfigError: There is no such interpolation.
    """
    if interpolation not in INTERPOLATIONS:
        raise ConfigError(f"interpolation: {interpolation!r}; allowed: {', '.join(INTERPOLATIONS)}")
    if not ground_truth:
        return float("nan")
    found = np.cumsum(right)
    recall = np.concatenate([[0.0], found / ground_truth])
    precision = np.concatenate([[1.0], found / np.arange(1, len(right) + 1)])
    if interpolation == "trapezoid":
        return float(np.trapezoid(precision, recall))
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall) * envelope[1:]))
