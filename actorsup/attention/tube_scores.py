"""Class scores of tubes from logits, temporal trimming and non-maximum suppression."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from actorsup.attention.scoring_settings import ScoringSettings
from actorsup.attention.trimming import find_best_intervals, interpolate_over_time
from actorsup.tubes import Tubes, non_maximum_suppression, tube_iou

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TubeLogits:
    """Logits of the P tubes of a video for C classes.

    Attributes:
        tubes: (P, C) float32 logits of the tubes; NaN for a tube that is absent from all sampled frames.
        video: (C,) float32 logits of the video, as in training; NaN without a tube that counts.
        frames: (P, M, C) float32 logits of the tubes in each of M sampled frames, NaN where a tube is absent;
            None if tubes are not trimmed.
        frame_indices: (M,) int64 ascending 0-based indices of the sampled frames.
    """

    tubes: NDArray[np.float32]
    video: NDArray[np.float32]
    frames: NDArray[np.float32] | None
    frame_indices: NDArray[np.int64]


def score_tubes(tubes: Tubes, logits: TubeLogits, settings: ScoringSettings) -> Tubes:
    """Score the P tubes of a video for C classes, and add trimmed tubes if ``settings.trim`` is set.

    Args:
        tubes: Tubes of the video.
        logits: Logits of the tubes.
        settings: Settings of the scoring and selection of tubes.

    Returns:
        Tubes with ``class_logit`` and ``class_score``, both (P, C); average precision ranks by the score. NaN
        means no prediction, for example for a tube that is absent from all sampled frames. Trimmed tubes
        follow the complete tubes; each is predicted only for the class that it was trimmed for.
    """
    competing_logits = _competing_logits(logits.tubes.astype(np.float64), settings.class_score)
    scored_tubes = replace(
        tubes, class_logit=logits.tubes, class_score=_sigmoid(logits.tubes - competing_logits)
    )
    if settings.trim is not None and len(tubes):
        scored_tubes = _append_trimmed(scored_tubes, logits, competing_logits, settings)
    if settings.video_score:
        video = logits.video.astype(np.float64)
        if settings.class_score != "class":
            video = video - _competing_logits(video[None], "tube")[0]
        scored_tubes = replace(scored_tubes, class_score=_class_scores(scored_tubes) * _sigmoid(video))
    if settings.nms_iou is not None:
        scored_tubes = suppress_tubes(scored_tubes, settings.nms_iou)
        # remove suppressed trimmed tubes, which have no predicted class left
        is_predicted = (~np.isnan(_class_scores(scored_tubes))).any(1)
        scored_tubes = scored_tubes.chosen(is_predicted | (np.arange(len(scored_tubes)) < len(tubes)))
    return scored_tubes


def _competing_logits(logits: Floats, class_score: str) -> Floats:
    """Return, for each logit, the log-sum-exp of all other logits of the same softmax.

    A softmax score equals sigmoid(logit - competing logit). Computing the softmax directly would round high
    scores to 1, which makes them indistinguishable.

    Args:
        logits: (P, C) logits; rows of NaN are ignored.
        class_score: ``ScoringSettings.class_score``, which determines the set of logits in one softmax.

    Returns:
        (P, C) competing logits; 0 if ``class_score`` is ``class``.
    """
    if class_score == "class":
        return np.zeros_like(logits)
    flat_logits = logits if class_score == "tube" else logits.reshape(1, -1)
    flat_logits = np.where(np.isnan(flat_logits), -np.inf, flat_logits)
    columns = (np.delete(flat_logits, j, axis=1) for j in range(flat_logits.shape[1]))
    competing_logits = [
        np.logaddexp.reduce(other_logits, axis=1, initial=-np.inf) for other_logits in columns
    ]
    return np.array(competing_logits).T.reshape(logits.shape)


def _sigmoid(values: NDArray) -> Floats:
    # infinity (no competing logit) gives 1, and NaN (no prediction) stays NaN
    with np.errstate(invalid="ignore"):
        return np.exp(-np.logaddexp(0, -values.astype(np.float64)))


def _class_scores(tubes: Tubes) -> Floats:
    assert tubes.class_score is not None, "the tubes are not scored"
    return tubes.class_score


def _append_trimmed(
    tubes: Tubes, logits: TubeLogits, competing_logits: Floats, settings: ScoringSettings
) -> Tubes:
    """Append a trimmed tube for each tube and class whose best interval is shorter than the tube.

    The score of a trimmed tube is the mean of two scores: the score of the complete tube, and the score of
    the mean logit of the frames of the trimmed tube.
    """
    assert logits.frames is not None and settings.trim is not None
    threshold = np.log(settings.trim / (1 - settings.trim))
    window = round(settings.trim_smooth * tubes.frames)
    intervals: list[tuple[int, int, int, int]] = []
    mean_logits: list[float] = []
    for p, values in enumerate(logits.frames.astype(np.float64)):
        is_present = ~np.isnan(values).any(1)
        if not is_present.any():
            continue
        values, frame_indices = values[is_present], logits.frame_indices[is_present]
        log_odds = values - _competing_logits(values, "class" if settings.class_score == "class" else "tube")
        best_intervals = find_best_intervals(
            interpolate_over_time(log_odds, frame_indices, tubes.frames, window) - threshold
        )
        curves = interpolate_over_time(values, frame_indices, tubes.frames, 1)
        first, end = tubes.interval[p]
        for c, (start, stop) in enumerate(np.clip(best_intervals, first, end)):
            if first < start < stop or start < stop < end:
                intervals.append((p, c, start, stop))
                mean_logits.append(float(curves[start:stop, c].mean()))
    if not intervals:
        return tubes
    tube, column, start, stop = np.array(intervals).T
    logit, rows, frame = np.array(mean_logits), np.arange(len(intervals)), np.arange(tubes.frames)
    class_logit, class_score = (
        np.full((len(intervals), competing_logits.shape[1]), np.nan) for _ in range(2)
    )
    class_logit[rows, column] = logit
    class_score[rows, column] = (
        _class_scores(tubes)[tube, column] + _sigmoid(logit - competing_logits[tube, column])
    ) / 2
    trimmed_tubes = replace(
        tubes.chosen(tube), class_logit=class_logit.astype(np.float32), class_score=class_score
    )
    is_outside = (frame < start[:, None]) | (frame >= stop[:, None])
    trimmed_tubes.boxes[is_outside] = trimmed_tubes.frame_score[is_outside] = np.nan
    trimmed_tubes.interval[:] = np.stack([start, stop], axis=1)
    return tubes.followed_by(trimmed_tubes)


def suppress_tubes(tubes: Tubes, iou: float) -> Tubes:
    """Apply non-maximum suppression to scored tubes, independently for each class.

    Args:
        tubes: P tubes with ``class_score`` (P, C).
        iou: Tube IoU threshold: a tube is suppressed if its tube IoU with a higher-scoring kept tube exceeds
            this value. Of two tubes with equal scores, the earlier tube is kept.

    Returns:
        All P tubes; the ``class_score`` of a suppressed tube is NaN (no prediction).
    """
    score = _class_scores(tubes).copy()
    overlaps: dict[bytes, NDArray[np.bool_]] = {}
    for column in score.T:
        predicted_indices = np.flatnonzero(~np.isnan(column))
        # classes that predict the same tubes share the overlaps
        key = predicted_indices.tobytes()
        if key not in overlaps:
            overlaps[key] = tube_iou(tubes.boxes[predicted_indices], tubes.boxes[predicted_indices]) > iou
        is_kept = non_maximum_suppression(column[predicted_indices], overlaps[key])
        column[predicted_indices[~is_kept]] = np.nan
    return replace(tubes, class_score=score)
