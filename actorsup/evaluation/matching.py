"""Overlap of the tubes of a video with its ground truth: worked out once for every table."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actorsup.evaluation.ground_truth import GroundTruthTube, GroundTruthTubes, Label
from actorsup.evaluation.input_warnings import InputWarnings
from actorsup.evaluation.predictions import SizedTubes
from actorsup.evaluation.protocol import EvaluationProtocol
from actorsup.tubes import TubeOverlaps, Tubes, tube_overlaps

_EDGE = 1.0
"""Pixels that a box may reach out of the frame untold: what rounding and 1-based corners make."""


@dataclass(frozen=True)
class VideoOverlap:
    """One video: P tubes, best first, and Q ground-truth tubes. Boxes are not kept.

    Attributes:
        video: Its id.
        truth: Class and actor of the ground-truth tubes.
        iou: (P, Q) float64, tube IoU.
        class_score: (P, C) floating, NaN where nothing is predicted; (P, 0) for proposals.
        temporal: (P, Q) float64, temporal IoU.
        spatial: (P, Q) float64, mean box IoU over the frames that both have.
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
    rules: EvaluationProtocol | None = None,
) -> list[VideoOverlap]:
    """The overlaps of many videos, sorted by their id, one video's boxes in memory at a time.

    Tubes are taken in the order of ``tubes``, so that shards are read one after the other. What
    is odd about the input is counted and told in the log.

    Args:
        videos: Every video to evaluate, those without tubes or without ground truth too.
        tubes: The tubes of each video; no entry where it failed or is missing.
        truth: The ground-truth tubes of each video.
        annotated: The annotated frames of each video, where not all are.
        rules: How tubes are compared; default: ``EvaluationProtocol()``.
    """
    wanted = set(videos)
    findings = InputWarnings()
    made = []
    for video in [*(one for one in tubes if one in wanted), *(one for one in wanted if one not in tubes)]:
        frames = None if annotated is None else annotated.get(video, ())
        found = tubes.get(video)
        mine = truth.get(video, [])
        size = tubes.size_of(video) if isinstance(tubes, SizedTubes) and found is not None else None
        _check_video(findings, video, found, mine, frames, size)
        made.append(overlap(video, found, mine, frames, rules))
    findings.log()
    return sorted(made, key=lambda one: one.video)


def overlap(
    video: str,
    tubes: Tubes | None,
    truth: Sequence[GroundTruthTube],
    annotated: Collection[int] | None = None,
    rules: EvaluationProtocol | None = None,
) -> VideoOverlap:
    """Tube IoU of every tube with every ground-truth tube of a video.

    Args:
        video: Its id.
        tubes: Its tubes; None where there are none, because it failed or is missing.
        truth: Its ground-truth tubes; frames after the video's last count in the union.
        annotated: The frames that are annotated, where not all are: both sides are cut to them.
        rules: How tubes are compared; default: ``EvaluationProtocol()``. Tubes that its NMS drops for a class
            are not predicted for it.
    """
    rules = rules or EvaluationProtocol()
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
    found = _compared(boxes, others, rules)
    score = np.zeros((len(tubes), 0), np.float32) if tubes.class_score is None else tubes.class_score
    if rules.nms_iou is not None and score.size:
        # which tubes are predicted does not depend on the frames that happen to be annotated
        score = _suppressed(tubes.boxes, score, rules)
    return VideoOverlap(video, labels, found.iou, score, found.temporal, found.spatial)


def match(
    score: NDArray, iou: NDArray[np.float64], thresholds: NDArray[np.float64], rules: EvaluationProtocol
) -> NDArray[np.int64]:
    """Which ground-truth tube each prediction of a class in a video takes, at many thresholds at once.

    In the order of their scores, ties in that of the tubes, as ``rules.matching`` says.

    Args:
        score: (P,) the tubes' scores for the class; NaN is no prediction.
        iou: (P, G) with the G ground-truth tubes of the class.
        thresholds: (T,) IoU thresholds.
        rules: How they are matched.

    Returns:
        (T, P): from 0 on, or -1 for a wrong prediction.
    """
    taken = np.zeros((len(thresholds), iou.shape[1]), bool)
    matched = np.full((len(thresholds), len(score)), -1)
    lowest = thresholds.min(initial=np.inf)
    for p in np.argsort(-score, kind="stable"):  # NaN comes last
        if np.isnan(score[p]) or not rules.reaches(iou[p].max(initial=-1.0), lowest):
            continue
        if rules.matching == "free":
            free = np.where(taken, -1.0, iou[p])
            best = free.argmax(1)
            right = rules.reaches(free.max(1), thresholds)
        else:
            best = np.full(len(thresholds), iou[p].argmax())
            right = rules.reaches(iou[p].max(), thresholds) & ~taken[:, best[0]]
        taken[right, best[right]] = True
        matched[right, p] = best[right]
    return matched


def _cut(frames: NDArray, boxes: NDArray, kept: NDArray) -> tuple[NDArray, NDArray]:
    inside = np.isin(frames, kept)
    return frames[inside], boxes[inside]


def _compared(
    boxes: NDArray, others: Sequence[tuple[NDArray, NDArray]], rules: EvaluationProtocol
) -> TubeOverlaps:
    found = tube_overlaps(boxes, others, rules.box_area == "plus_one")
    if rules.duration == "frames":
        return found
    first, last = _ends(boxes)
    theirs = np.array([(f[0], f[-1]) if len(f) else (np.inf, -np.inf) for f, _ in others]).reshape(-1, 2)
    both = np.minimum(last[:, None], theirs[:, 1]) - np.maximum(first[:, None], theirs[:, 0])
    either = np.maximum(last[:, None], theirs[:, 1]) - np.minimum(first[:, None], theirs[:, 0])
    temporal = np.divide(np.maximum(both, 0), either, out=np.zeros_like(both), where=either > 0)
    return TubeOverlaps(np.round(temporal * found.spatial, 12), temporal, found.spatial)


def _ends(boxes: NDArray) -> tuple[NDArray, NDArray]:
    """First and last frame of each of P tubes; infinite the wrong way round where it has none."""
    there = ~np.isnan(boxes).any(-1)
    some = there.any(1)
    first = np.where(some, there.argmax(1) if there.size else 0, np.inf)
    last = np.where(some, there.shape[1] - 1 - (there[:, ::-1].argmax(1) if there.size else 0), -np.inf)
    return first, last


def _suppressed(boxes: NDArray, score: NDArray, rules: EvaluationProtocol) -> NDArray:
    """Scores with NaN where a better tube of the class overlaps by more than ``rules.nms_iou``."""
    assert rules.nms_iou is not None
    present = ~np.isnan(boxes).any(-1)
    others = [(np.flatnonzero(here), one[here]) for here, one in zip(present, boxes, strict=True)]
    near = _compared(boxes, others, rules).iou > rules.nms_iou
    kept = np.array(score)
    for column in kept.T:
        order = np.argsort(-column, kind="stable")
        for rank, p in enumerate(order, 1):
            if not np.isnan(column[p]):
                later = order[rank:]
                column[later[near[p, later]]] = np.nan
    return kept


def _check_video(
    findings: InputWarnings,
    video: str,
    tubes: Tubes | None,
    truth: Sequence[GroundTruthTube],
    annotated: Collection[int] | None,
    size: tuple[int, int] | None,
) -> None:
    """Count what is odd about one video."""
    if annotated is not None:
        kept = np.array(sorted(annotated), np.int64)
        outside = sum(int((~np.isin(tube.frames, kept)).sum()) for tube in truth)
        findings.add(
            "boxes of the ground truth lie in frames that are not annotated and do not count", video, outside
        )
    if tubes is None:
        return
    after = sum(int((tube.frames >= tubes.frames).sum()) for tube in truth)
    findings.add(
        "boxes of the ground truth lie after the last frame of the predictions, and count as not found",
        video, after,
    )  # fmt: skip
    if size is not None:
        limit = np.array(size, float) + _EDGE
        true = sum(int(_reaches_out(tube.boxes, limit).sum()) for tube in truth)
        findings.add(
            "boxes of the ground truth reach out of the frame and are taken as they are", video, true
        )
        made = int(_reaches_out(tubes.boxes, limit).sum())
        findings.add("predicted boxes reach out of the frame and are taken as they are", video, made)


def _reaches_out(boxes: NDArray, limit: NDArray) -> NDArray[np.bool_]:
    return np.asarray((boxes[..., :2] < -_EDGE).any(-1) | (boxes[..., 2:] > limit).any(-1))
