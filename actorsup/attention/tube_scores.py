"""From what the network makes of tubes to scored tubes: cut in time, ranked, freed of duplicates."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from actorsup.attention.scoring_settings import ScoringSettings
from actorsup.attention.trimming import best_spans, over_time
from actorsup.tubes import Tubes, non_maximum_suppression, tube_iou

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TubeLogits:
    """What the network makes of the P tubes of a video.

    Attributes:
        tubes: (P, C) float32, each one's logits; NaN for a tube that is in none of the frames.
        video: (C,) float32, those of the video.
        frames: (P, M, C) float32 in each of M frames, NaN where a tube is absent; None where tubes
            are not to be cut.
        chosen: (M,) those frames, 0-based, ascending.
    """

    tubes: NDArray[np.float32]
    video: NDArray[np.float32]
    frames: NDArray[np.float32] | None
    chosen: NDArray[np.int64]


def scored(tubes: Tubes, logits: TubeLogits, settings: ScoringSettings) -> Tubes:
    """The P tubes of a video with their scores for the C classes, and where it is asked, cuts of them.

    Args:
        tubes: The tubes.
        logits: What the network makes of them.
        settings: What the scores are, and which tubes are predicted.

    Returns:
        Tubes with ``class_logit`` (P, C), each tube's own, and ``class_score``, what average precision
        sorts by; both are NaN, no prediction, for a tube that is in none of the frames. A cut comes
        after all whole tubes, with the class alone that it was made for.
    """
    rivals = _rivals(logits.tubes.astype(np.float64), settings.class_score)
    found = replace(tubes, class_logit=logits.tubes, class_score=_sigmoid(logits.tubes - rivals))
    if settings.trim is not None and len(tubes):
        found = _with_cuts(found, logits, rivals, settings)
    if settings.video_score:
        of_video = logits.video.astype(np.float64)
        if settings.class_score != "class":
            of_video = of_video - _rivals(of_video[None], "tube")[0]
        found = replace(found, class_score=_scores(found) * _sigmoid(of_video))
    if settings.nms_iou is not None:
        found = suppress_tubes(found, settings.nms_iou)
        # a cut is for one class: without it there is nothing to predict
        predicted = (~np.isnan(_scores(found))).any(1)
        found = found.chosen(predicted | (np.arange(len(found)) < len(tubes)))
    return found


def _rivals(logits: Floats, class_score: str) -> Floats:
    """What each logit is up against: its score is the sigmoid of the difference, as in a softmax.

    In double precision: tubes whose scores round to 1 would be ranked by nothing.

    Args:
        logits: (P, C), rows of NaN left out.
        class_score: ``ScoringSettings``.

    Returns:
        (P, C).
    """
    if class_score == "class":
        return np.zeros_like(logits)
    flat = logits if class_score == "tube" else logits.reshape(1, -1)
    rivals = np.full_like(flat, -np.inf)
    for j in range(flat.shape[1]):
        others = np.delete(flat, j, axis=1)
        others = np.where(np.isnan(others), -np.inf, others)
        rivals[:, j] = np.logaddexp.reduce(others, axis=1, initial=-np.inf)
    return rivals.reshape(logits.shape)


def _sigmoid(values: NDArray) -> Floats:
    # of a difference to no rival at all, infinity, it is 1; NaN, no prediction, stays
    with np.errstate(invalid="ignore"):
        return np.exp(-np.logaddexp(0, -values.astype(np.float64)))


def _scores(tubes: Tubes) -> Floats:
    assert tubes.class_score is not None, "the tubes are not scored"
    return tubes.class_score


def _with_cuts(tubes: Tubes, logits: TubeLogits, rivals: Floats, settings: ScoringSettings) -> Tubes:
    """Scored tubes, and after them a cut for each tube and class, unless it is the tube itself.

    A cut's score is the mean of its tube's and of its own: that of the mean of its frames' logits.
    """
    assert logits.frames is not None and settings.trim is not None
    level = np.log(settings.trim / (1 - settings.trim))
    width = round(settings.trim_smooth * tubes.frames)
    whole = _scores(tubes)
    cuts: list[tuple[int, int, int, int, float]] = []
    for p, values in enumerate(logits.frames.astype(np.float64)):
        there = ~np.isnan(values).any(1)
        if not there.any():
            continue
        where = logits.chosen[there]
        odds = values[there] - _rivals(values[there], "class" if settings.class_score == "class" else "tube")
        spans = best_spans(over_time(odds, where, tubes.frames, width) - level)
        curves = over_time(values[there], where, tubes.frames, 1)
        first, end = tubes.interval[p]
        for c, (start, stop) in enumerate(np.clip(spans, first, end)):
            if first < start < stop or start < stop < end:
                cuts.append((p, c, start, stop, float(curves[start:stop, c].mean())))
    if not cuts:
        return tubes
    of = np.array([p for p, *_ in cuts])
    made = tubes.chosen(of)
    boxes, frame_score = made.boxes.copy(), made.frame_score.copy()
    class_logit, class_score = (np.full((len(cuts), whole.shape[1]), np.nan) for _ in range(2))
    interval = np.zeros((len(cuts), 2), np.int32)
    for row, (p, c, start, stop, logit) in enumerate(cuts):
        for array in (boxes[row], frame_score[row]):
            array[:start] = array[stop:] = np.nan
        interval[row] = start, stop
        class_logit[row, c] = logit
        class_score[row, c] = (whole[p, c] + _sigmoid(np.array(logit - rivals[p, c]))) / 2
    return tubes.followed_by(
        replace(
            made,
            boxes=boxes,
            frame_score=frame_score,
            interval=interval,
            class_logit=class_logit.astype(np.float32),
            class_score=class_score,
        )
    )


def suppress_tubes(tubes: Tubes, iou: float) -> Tubes:
    """Non-maximum suppression of scored tubes, for each class by itself.

    Args:
        tubes: P tubes with ``class_score`` (P, C).
        iou: A tube whose tube IoU with a kept one of a higher score is strictly above it is
            suppressed; of equal scores the earlier tube is kept.

    Returns:
        All P tubes; ``class_score`` is NaN, no prediction, where one is suppressed.
    """
    score = _scores(tubes).copy()
    overlaps: dict[bytes, NDArray[np.bool_]] = {}
    for column in score.T:
        predicted = np.flatnonzero(~np.isnan(column))
        # classes without cuts of their own have the same tubes
        which = predicted.tobytes()
        if which not in overlaps:
            overlaps[which] = tube_iou(tubes.boxes[predicted], tubes.boxes[predicted]) > iou
        kept = non_maximum_suppression(column[predicted], overlaps[which])
        column[predicted[~kept]] = np.nan
    return replace(tubes, class_score=score)
