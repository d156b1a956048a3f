"""The overlap of the tubes of a video with its ground truth, computed once for all tables."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actorsup.evaluation.ground_truth import GroundTruthTube, GroundTruthTubes, Label
from actorsup.evaluation.input_warnings import InputWarnings
from actorsup.evaluation.predictions import StoredTubes
from actorsup.evaluation.protocol import DEFAULT_PROTOCOL, EvaluationProtocol
from actorsup.tubes import TubeOverlaps, Tubes, non_maximum_suppression, tube_overlaps

_EDGE = 1.0
"""Pixels that a box may exceed the frame without a warning, for rounding and 1-based corners."""


@dataclass(frozen=True)
class VideoOverlap:
    """The overlaps of P tubes, best first, with Q ground-truth tubes of one video, without boxes.

    Attributes:
        video: Its id.
        truth: Class and actor of the ground-truth tubes.
        iou: (P, Q) float64, tube IoU.
        class_score: (P, C) floating, NaN for no prediction; (P, 0) for proposals.
        temporal: (P, Q) float64, temporal IoU.
        spatial: (P, Q) float64, mean box IoU over the common frames.
    """

    video: str
    truth: Sequence[Label]
    iou: NDArray[np.float64]
    class_score: NDArray[np.floating]
    temporal: NDArray[np.float64]
    spatial: NDArray[np.float64]


def overlaps(
    videos: Iterable[str],
    tubes: Mapping[str, Tubes],
    truth: GroundTruthTubes,
    annotated: Mapping[str, Collection[int]] | None = None,
    protocol: EvaluationProtocol = DEFAULT_PROTOCOL,
) -> list[VideoOverlap]:
    """Compute the overlaps of many videos, sorted by id, with one video's boxes in memory at a time.

    Videos are visited in the order of ``tubes``, so shards are read one after another. Doubtful
    input is logged.

    Args:
        videos: Every video to evaluate, with or without tubes and ground truth.
        tubes: The tubes of each video; no entry for a video that failed or is missing.
        truth: The ground-truth tubes of each video.
        annotated: The annotated frames of each video, if not all are.
        protocol: How to compare tubes.
    """
    selected = set(videos)
    warnings = InputWarnings()
    made = []
    for video in [*(one for one in tubes if one in selected), *(one for one in selected if one not in tubes)]:
        frames = None if annotated is None else annotated.get(video, ())
        predicted, true = tubes.get(video), truth.get(video, [])
        size = tubes.size_of(video) if isinstance(tubes, StoredTubes) and predicted is not None else None
        _check_video(warnings, video, predicted, true, frames, size)
        made.append(overlap(video, predicted, true, frames, protocol))
    warnings.log()
    return sorted(made, key=lambda one: one.video)


def overlap(
    video: str,
    tubes: Tubes | None,
    truth: Sequence[GroundTruthTube],
    annotated: Collection[int] | None = None,
    protocol: EvaluationProtocol = DEFAULT_PROTOCOL,
) -> VideoOverlap:
    """Compute the tube IoU of every tube with every ground-truth tube of a video.

    Args:
        video: Its id.
        tubes: Its tubes; None if it failed or is missing.
        truth: Its ground-truth tubes; frames after the video's last count in the union.
        annotated: The annotated frames, if not all are: both sides are cut to them.
        protocol: How to compare tubes. Scores that its NMS suppresses become NaN.
    """
    labels = tuple(Label(tube.action, tube.actor) for tube in truth)
    if tubes is None:
        none = np.zeros((0, len(truth)))
        return VideoOverlap(video, labels, none, np.zeros((0, 0), np.float32), none, none)
    boxes, others = tubes.boxes, [(tube.frames, tube.boxes) for tube in truth]
    if annotated is not None:
        kept = np.array(sorted(annotated), np.int64)
        boxes = boxes.copy()
        boxes[:, ~np.isin(np.arange(tubes.frames), kept)] = np.nan
        others = [_cut(frames, of, kept) for frames, of in others]
    found = _tube_overlaps(boxes, others, protocol)
    score = np.zeros((len(tubes), 0), np.float32) if tubes.class_score is None else tubes.class_score
    if protocol.nms_iou is not None and score.size:
        # all frames, since NMS does not depend on which frames are annotated
        score = _suppressed(tubes.boxes, score, protocol)
    return VideoOverlap(video, labels, found.iou, score, found.temporal, found.spatial)


def match(
    score: NDArray, iou: NDArray[np.float64], thresholds: NDArray[np.float64], protocol: EvaluationProtocol
) -> NDArray[np.int64]:
    """Match the predictions of a class in a video with ground truth, at many thresholds at once.

    Predictions are matched in the order of their scores, ties in the order of the tubes.

    Args:
        score: (P,) the tubes' scores for the class; NaN is no prediction.
        iou: (P, G) with the G ground-truth tubes of the class.
        thresholds: (T,) IoU thresholds.
        protocol: How to match.

    Returns:
        (T, P) numbers of the matched ground-truth tubes; -1 for a false positive.
    """
    is_matched = np.zeros((len(thresholds), iou.shape[1]), bool)
    matches = np.full((len(thresholds), len(score)), -1)
    lowest = thresholds.min(initial=np.inf)
    for p in np.argsort(-score, kind="stable"):  # NaN comes last
        if np.isnan(score[p]) or not protocol.reaches(iou[p].max(initial=-1.0), lowest):
            continue
        if protocol.matching == "free":
            unmatched = np.where(is_matched, -1.0, iou[p])
            best = unmatched.argmax(1)
            positive = protocol.reaches(unmatched.max(1), thresholds)
        else:
            best = np.full(len(thresholds), iou[p].argmax())
            positive = protocol.reaches(iou[p].max(), thresholds) & ~is_matched[:, best[0]]
        is_matched[positive, best[positive]] = True
        matches[positive, p] = best[positive]
    return matches


def _cut(frames: NDArray, boxes: NDArray, kept: NDArray) -> tuple[NDArray, NDArray]:
    inside = np.isin(frames, kept)
    return frames[inside], boxes[inside]


def _tube_overlaps(
    boxes: NDArray, others: Sequence[tuple[NDArray, NDArray]], protocol: EvaluationProtocol
) -> TubeOverlaps:
    found = tube_overlaps(boxes, others, protocol.box_area == "plus_one")
    if protocol.duration == "frames":
        return found
    first, last = _ends(boxes)
    theirs = np.array([(f[0], f[-1]) if len(f) else (np.inf, -np.inf) for f, _ in others]).reshape(-1, 2)
    both = np.minimum(last[:, None], theirs[:, 1]) - np.maximum(first[:, None], theirs[:, 0])
    either = np.maximum(last[:, None], theirs[:, 1]) - np.minimum(first[:, None], theirs[:, 0])
    temporal = np.divide(np.maximum(both, 0), either, out=np.zeros_like(both), where=either > 0)
    return TubeOverlaps(np.round(temporal * found.spatial, 12), temporal, found.spatial)


def _ends(boxes: NDArray) -> tuple[NDArray, NDArray]:
    """First and last frame of each of P tubes; inf and -inf for a tube without boxes."""
    present = ~np.isnan(boxes).any(-1)
    some = present.any(1)
    first = np.where(some, present.argmax(1) if present.size else 0, np.inf)
    last = np.where(some, present.shape[1] - 1 - (present[:, ::-1].argmax(1) if present.size else 0), -np.inf)
    return first, last


def _suppressed(boxes: NDArray, score: NDArray, protocol: EvaluationProtocol) -> NDArray:
    """Scores after the NMS of each class by ``protocol.nms_iou``: NaN where suppressed."""
    assert protocol.nms_iou is not None
    present = ~np.isnan(boxes).any(-1)
    others = [(np.flatnonzero(here), one[here]) for here, one in zip(present, boxes, strict=True)]
    overlapping = _tube_overlaps(boxes, others, protocol).iou > protocol.nms_iou
    kept = np.array(score)
    for column in kept.T:
        column[~non_maximum_suppression(column, overlapping)] = np.nan
    return kept


def _check_video(
    warnings: InputWarnings,
    video: str,
    tubes: Tubes | None,
    truth: Sequence[GroundTruthTube],
    annotated: Collection[int] | None,
    size: tuple[int, int] | None,
) -> None:
    """Count the doubtful input of one video."""
    if annotated is not None:
        kept = np.array(sorted(annotated), np.int64)
        outside = sum(int((~np.isin(tube.frames, kept)).sum()) for tube in truth)
        warnings.add("boxes of the ground truth do not count: their frames are not annotated", video, outside)
    if tubes is None:
        return
    after = sum(int((tube.frames >= tubes.frames).sum()) for tube in truth)
    warnings.add(
        "boxes of the ground truth are missed: they follow the predictions' last frame", video, after
    )
    if size is not None:
        limit = np.array(size, float) + _EDGE
        for what, boxes in (
            ("ground-truth", [tube.boxes for tube in truth]),
            ("predicted", [tubes.boxes]),
        ):
            count = sum(int(_outside_frame(each, limit).sum()) for each in boxes)
            warnings.add(f"{what} boxes extend beyond the frame and are not clipped", video, count)


def _outside_frame(boxes: NDArray, limit: NDArray) -> NDArray[np.bool_]:
    return np.asarray((boxes[..., :2] < -_EDGE).any(-1) | (boxes[..., 2:] > limit).any(-1))
