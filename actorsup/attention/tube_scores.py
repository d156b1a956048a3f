"""Scored tubes from logits: class scores, trimming in time, non-maximum suppression."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from actorsup.attention.scoring_settings import ScoringSettings
from actorsup.attention.trimming import best_spans, over_time
from actorsup.tubes import Tubes, non_maximum_suppression, tube_iou

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TubeLogits:
    """Logits of the P tubes of a video for C classes.

    Attributes:
        tubes: (P, C) float32; NaN for a tube that is in none of the sampled frames.
        video: (C,) float32 logits of the video.
        frames: (P, M, C) float32 logits in each of M frames, NaN where a tube is absent; None without
            trimming.
        sampled: (M,) 0-based indices of these frames, ascending.
    """

    tubes: NDArray[np.float32]
    video: NDArray[np.float32]
    frames: NDArray[np.float32] | None
    sampled: NDArray[np.int64]


def score_tubes(tubes: Tubes, logits: TubeLogits, settings: ScoringSettings) -> Tubes:
    """Score the P tubes of a video for the C classes, and add trimmed tubes if the settings ask for them.

    Args:
        tubes: The tubes.
        logits: Their logits.
        settings: How tubes are scored and which are predicted.

    Returns:
        Tubes with ``class_logit`` (P, C) and ``class_score`` (P, C), which average precision sorts by. Both
        are NaN, no prediction, for a tube that is in none of the sampled frames. Trimmed tubes follow all
        complete tubes; each is predicted only for the class that it was trimmed for.
    """
    rest = _rest(logits.tubes.astype(np.float64), settings.class_score)
    found = replace(tubes, class_logit=logits.tubes, class_score=_sigmoid(logits.tubes - rest))
    if settings.trim is not None and len(tubes):
        found = _with_trimmed(found, logits, rest, settings)
    if settings.video_score:
        video = logits.video.astype(np.float64)
        if settings.class_score != "class":
            video = video - _rest(video[None], "tube")[0]
        found = replace(found, class_score=_scores(found) * _sigmoid(video))
    if settings.nms_iou is not None:
        found = suppress_tubes(found, settings.nms_iou)
        # a suppressed trimmed tube has no other class that it could be predicted for
        predicted = (~np.isnan(_scores(found))).any(1)
        found = found.chosen(predicted | (np.arange(len(found)) < len(tubes)))
    return found


def _rest(logits: Floats, class_score: str) -> Floats:
    """Return the log-sum-exp of the other logits of a softmax: a score is sigmoid(logit - rest).

    The direct softmax rounds high scores to 1, which leaves them without an order.

    Args:
        logits: (P, C); rows of NaN are ignored.
        class_score: ``ScoringSettings.class_score``, which says what the softmax is over.

    Returns:
        (P, C), 0 for ``class``.
    """
    if class_score == "class":
        return np.zeros_like(logits)
    flat = logits if class_score == "tube" else logits.reshape(1, -1)
    flat = np.where(np.isnan(flat), -np.inf, flat)
    columns = (np.delete(flat, j, axis=1) for j in range(flat.shape[1]))
    rest = [np.logaddexp.reduce(others, axis=1, initial=-np.inf) for others in columns]
    return np.array(rest).T.reshape(logits.shape)


def _sigmoid(values: NDArray) -> Floats:
    # infinity, with no other logit, gives 1; NaN, no prediction, stays NaN
    with np.errstate(invalid="ignore"):
        return np.exp(-np.logaddexp(0, -values.astype(np.float64)))


def _scores(tubes: Tubes) -> Floats:
    assert tubes.class_score is not None, "the tubes are not scored"
    return tubes.class_score


def _with_trimmed(tubes: Tubes, logits: TubeLogits, rest: Floats, settings: ScoringSettings) -> Tubes:
    """Append a trimmed tube for each tube and class, unless trimming would change nothing.

    Its score is the mean of the scores of the complete tube and of the mean logit of its frames.
    """
    assert logits.frames is not None and settings.trim is not None
    level = np.log(settings.trim / (1 - settings.trim))
    width = round(settings.trim_smooth * tubes.frames)
    spans: list[tuple[int, int, int, int]] = []
    mean_logits: list[float] = []
    for p, values in enumerate(logits.frames.astype(np.float64)):
        present = ~np.isnan(values).any(1)
        if not present.any():
            continue
        values, at = values[present], logits.sampled[present]
        odds = values - _rest(values, "class" if settings.class_score == "class" else "tube")
        best = best_spans(over_time(odds, at, tubes.frames, width) - level)
        curves = over_time(values, at, tubes.frames, 1)
        first, end = tubes.interval[p]
        for c, (start, stop) in enumerate(np.clip(best, first, end)):
            if first < start < stop or start < stop < end:
                spans.append((p, c, start, stop))
                mean_logits.append(float(curves[start:stop, c].mean()))
    if not spans:
        return tubes
    tube, column, start, stop = np.array(spans).T
    logit, rows, frame = np.array(mean_logits), np.arange(len(spans)), np.arange(tubes.frames)
    class_logit, class_score = (np.full((len(spans), rest.shape[1]), np.nan) for _ in range(2))
    class_logit[rows, column] = logit
    class_score[rows, column] = (_scores(tubes)[tube, column] + _sigmoid(logit - rest[tube, column])) / 2
    trimmed = replace(tubes.chosen(tube), class_logit=class_logit.astype(np.float32), class_score=class_score)
    outside = (frame < start[:, None]) | (frame >= stop[:, None])
    trimmed.boxes[outside] = trimmed.frame_score[outside] = np.nan
    trimmed.interval[:] = np.stack([start, stop], axis=1)
    return tubes.followed_by(trimmed)


def suppress_tubes(tubes: Tubes, iou: float) -> Tubes:
    """Apply non-maximum suppression to scored tubes, independently for each class.

    Args:
        tubes: P tubes with ``class_score`` (P, C).
        iou: A tube is suppressed if its tube IoU with a kept tube of a higher score is strictly above this
            value; of equal scores, the earlier tube is kept.

    Returns:
        All P tubes; ``class_score`` is NaN, no prediction, where a tube is suppressed.
    """
    score = _scores(tubes).copy()
    overlaps: dict[bytes, NDArray[np.bool_]] = {}
    for column in score.T:
        predicted = np.flatnonzero(~np.isnan(column))
        # classes without trimmed tubes share the overlaps
        key = predicted.tobytes()
        if key not in overlaps:
            overlaps[key] = tube_iou(tubes.boxes[predicted], tubes.boxes[predicted]) > iou
        kept = non_maximum_suppression(column[predicted], overlaps[key])
        column[predicted[~kept]] = np.nan
    return replace(tubes, class_score=score)
