"""Predictions of a class in the order of their scores, and the area under their curve.

Video level (Gkioxari & Malik 2015; Section 4.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actorsup.errors import ConfigError
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
        score: (D,) floating.
        taken: (T, D) int64: the ground-truth tube that it takes at each threshold, by its number
            among all of the video; -1: none, the prediction is wrong.
        truth: (V,) int64, number of ground-truth tubes of the class in each video.
    """

    action: str
    video: NDArray[np.int64]
    tube: NDArray[np.int64]
    score: NDArray[np.floating]
    taken: NDArray[np.int64]
    truth: NDArray[np.int64]

    @property
    def right(self) -> NDArray[np.bool_]:
        """(T, D): which predictions are right."""
        return np.asarray(self.taken >= 0)


def rank(
    videos: Sequence[VideoOverlap], column: int, action: str, thresholds: Sequence[float], rules: Rules
) -> Ranking:
    """Rank and match the predictions of a class.

    Args:
        videos: Every video to evaluate, sorted by id, those without tubes too.
        column: The class's column of ``class_score``; -1 where nothing is predicted of it.
        action: The class's name.
        thresholds: T IoU thresholds.
        rules: How predictions are matched.
    """
    levels = np.array(thresholds, float)
    scores, taken, counts = [np.zeros(0, np.float32)], [np.zeros((len(levels), 0), int)], []
    truth = np.zeros(len(videos), np.int64)
    for number, video in enumerate(videos):
        mine = [q for q, label in enumerate(video.truth) if label.action == action]
        truth[number] = len(mine)
        score = video.class_score[:, column] if column >= 0 and video.class_score.size else scores[0]
        counts.append(len(score))
        if not len(score):
            continue
        scores.append(score)
        if mine:
            found = match(score, video.iou[:, mine], levels, rules)
            taken.append(np.where(found >= 0, np.array(mine)[found], -1))
        else:
            taken.append(np.full((len(levels), len(score)), -1))
    score, video_of = np.concatenate(scores), np.repeat(np.arange(len(videos)), counts)
    tube_of = np.concatenate([np.zeros(0, int), *(np.arange(count) for count in counts)])
    order = np.argsort(-score, kind="stable")  # ties stay in the order of videos and tubes
    order = order[: np.count_nonzero(~np.isnan(score))]  # NaN comes last
    matched = np.concatenate(taken, axis=1)[:, order]
    return Ranking(action, video_of[order], tube_of[order], score[order], matched, truth)


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
    found = np.cumsum(right, axis=-1)
    ends = np.ones((*right.shape[:-1], 1))
    recall = np.concatenate([0 * ends, found / ground_truth], axis=-1)
    precision = np.concatenate([ends, found / np.arange(1, right.shape[-1] + 1)], axis=-1)
    if interpolation == "trapezoid":
        return np.asarray(np.trapezoid(precision, recall, axis=-1))
    envelope = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
    return np.asarray(np.sum(np.diff(recall, axis=-1) * envelope[..., 1:], axis=-1))


def weighted_area(ahead: NDArray, times: NDArray, interpolation: str) -> NDArray[np.float64]:
    """Area under the curve of precision against the number found: (B,).

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
