"""Overlaps of tubes with ground-truth tubes, and the matching of predictions."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actorsup.evaluation.ground_truth import GroundTruthTube, GroundTruthTubes
from actorsup.evaluation.input_warnings import InputWarnings
from actorsup.evaluation.predictions import StoredTubes
from actorsup.evaluation.protocol import DEFAULT_PROTOCOL, EvaluationProtocol
from actorsup.formats.box_store import Label
from actorsup.tubes import TubeOverlaps, Tubes, non_maximum_suppression, tube_overlaps

_FRAME_MARGIN = 1.0
"""Number of pixels by which a box may exceed the frame without a warning (rounding, 1-based corners)."""


@dataclass(frozen=True)
class VideoOverlap:
    """Overlaps of the P tubes of one video, highest score first, with its Q ground-truth tubes.

    Attributes:
        video: Video id.
        truth: Class and actor category of each ground-truth tube.
        iou: (P, Q) float64, tube IoU.
        class_score: (P, C) floating, class scores of the tubes; NaN for no prediction. (P, 0) for proposals.
        temporal: (P, Q) float64, temporal IoU.
        spatial: (P, Q) float64, mean box IoU over the frames in which both tubes have a box.
        is_judged: (P,) bool, False for a tube that lies entirely in frames that are not annotated, so that it
            is neither right nor wrong; its class scores are NaN. None if all tubes are judged.
    """

    video: str
    truth: Sequence[Label]
    iou: NDArray[np.float64]
    class_score: NDArray[np.floating]
    temporal: NDArray[np.float64]
    spatial: NDArray[np.float64]
    is_judged: NDArray[np.bool_] | None = None

    @property
    def judged_iou(self) -> NDArray[np.float64]:
        """(P', Q) float64, tube IoU of the judged tubes."""
        return self.iou if self.is_judged is None else self.iou[self.is_judged]


def overlaps(
    videos: Iterable[str],
    tubes: Mapping[str, Tubes],
    truth: GroundTruthTubes,
    annotated: Mapping[str, Collection[int] | None] | None = None,
    protocol: EvaluationProtocol = DEFAULT_PROTOCOL,
) -> list[VideoOverlap]:
    """Compute the overlaps of the tubes of many videos with the ground truth.

    Boxes are read for one video at a time, in the order of ``tubes``, so that shards are read one after
    another. Suspicious input is logged.

    Args:
        videos: Ids of the videos to evaluate, with or without tubes and ground truth.
        tubes: Tubes by video id; a video that failed or is missing has no entry.
        truth: Ground-truth tubes by video id.
        annotated: Annotated frames (0-based) by video id; None if every frame is annotated.
        protocol: Rules of comparing tubes.

    Returns:
        The overlaps of each video, sorted by video id.
    """
    video_ids = set(videos)
    warnings = InputWarnings()
    results = []
    for video_id in [
        *(video_id for video_id in tubes if video_id in video_ids),
        *(video_id for video_id in video_ids if video_id not in tubes),
    ]:
        annotated_frames = None if annotated is None else annotated.get(video_id, ())
        video_tubes, video_truth = tubes.get(video_id), truth.get(video_id, [])
        frame_size = (
            tubes.size_of(video_id) if isinstance(tubes, StoredTubes) and video_tubes is not None else None
        )
        _check_video(warnings, video_id, video_tubes, video_truth, annotated_frames, frame_size)
        results.append(overlap(video_id, video_tubes, video_truth, annotated_frames, protocol))
    warnings.log()
    return sorted(results, key=lambda result: result.video)


def overlap(
    video: str,
    tubes: Tubes | None,
    truth: Sequence[GroundTruthTube],
    annotated: Collection[int] | None = None,
    protocol: EvaluationProtocol = DEFAULT_PROTOCOL,
) -> VideoOverlap:
    """Compute the overlap of every tube of a video with every ground-truth tube.

    Args:
        video: Video id.
        tubes: Tubes of the video; None if it failed or is missing.
        truth: Ground-truth tubes of the video; their boxes after the last frame of ``tubes`` count in the
            union.
        annotated: Annotated frames (0-based), to which all tubes are restricted; None if every frame is
            annotated.
        protocol: Rules of comparing tubes. Class scores that its NMS suppresses become NaN.
    """
    if annotated is not None:
        # as for predictions, a tube outside of the annotated frames is neither found nor missed
        truth = [tube for tube in truth if np.isin(tube.frames, frame_array(annotated)).any()]
    labels = tuple(Label(tube.action, tube.actor) for tube in truth)
    if tubes is None:
        no_overlaps = np.zeros((0, len(truth)))
        return VideoOverlap(
            video, labels, no_overlaps, np.zeros((0, 0), np.float32), no_overlaps, no_overlaps
        )
    boxes, others = tubes.boxes, [(tube.frames, tube.boxes) for tube in truth]
    is_judged = None
    if annotated is not None:
        annotated_frames = frame_array(annotated)
        boxes = boxes.copy()
        boxes[:, ~np.isin(np.arange(tubes.frames), annotated_frames)] = np.nan
        others = [_restrict(frames, tube_boxes, annotated_frames) for frames, tube_boxes in others]
        is_judged = ~_has_box(tubes.boxes) | _has_box(boxes)
    result = _compute_overlaps(boxes, others, protocol)
    score = np.zeros((len(tubes), 0), np.float32) if tubes.class_score is None else tubes.class_score
    if protocol.nms_iou is not None and score.size:
        # NMS uses the boxes of all frames, because predictions do not depend on the annotation
        score = _suppress(tubes.boxes, score, protocol)
    if is_judged is not None and not is_judged.all():
        score = np.where(is_judged[:, None], score, np.nan)
    return VideoOverlap(video, labels, result.iou, score, result.temporal, result.spatial, is_judged)


def match(
    score: NDArray, iou: NDArray[np.float64], thresholds: NDArray[np.float64], protocol: EvaluationProtocol
) -> NDArray[np.int64]:
    """Match the predictions of a class in a video with the ground truth, at T thresholds.

    Predictions are matched in descending order of their scores; equal scores keep the order of the tubes.

    Args:
        score: (P,) scores of the tubes for the class; NaN for no prediction.
        iou: (P, G) IoU of each tube with each of the G ground-truth tubes of the class.
        thresholds: (T,) IoU thresholds.
        protocol: Rules of matching.

    Returns:
        (T, P) int64, index of the matched ground-truth tube at each threshold; -1 for a false positive or no
        prediction.
    """
    is_matched = np.zeros((len(thresholds), iou.shape[1]), bool)
    matches = np.full((len(thresholds), len(score)), -1)
    min_threshold = thresholds.min(initial=np.inf)
    for p in np.argsort(-score, kind="stable"):  # NaN comes last
        if np.isnan(score[p]) or not protocol.reaches(iou[p].max(initial=-1.0), min_threshold):
            continue
        if protocol.matching == "free":
            unmatched = np.where(is_matched, -1.0, iou[p])
            best = unmatched.argmax(1)
            is_positive = protocol.reaches(unmatched.max(1), thresholds)
        else:
            best = np.full(len(thresholds), iou[p].argmax())
            is_positive = protocol.reaches(iou[p].max(), thresholds) & ~is_matched[:, best[0]]
        is_matched[is_positive, best[is_positive]] = True
        matches[is_positive, p] = best[is_positive]
    return matches


def frame_array(frames: Collection[int]) -> NDArray[np.int64]:
    """Return the frames of a collection or an array as an array."""
    return np.asarray(frames if isinstance(frames, np.ndarray) else [*frames], np.int64)


def _has_box(boxes: NDArray) -> NDArray[np.bool_]:
    return ~np.isnan(boxes).any(-1).all(1)


def _restrict(frames: NDArray, boxes: NDArray, annotated_frames: NDArray) -> tuple[NDArray, NDArray]:
    is_annotated = np.isin(frames, annotated_frames)
    return frames[is_annotated], boxes[is_annotated]


def _compute_overlaps(
    boxes: NDArray, others: Sequence[tuple[NDArray, NDArray]], protocol: EvaluationProtocol
) -> TubeOverlaps:
    result = tube_overlaps(boxes, others, protocol.box_area == "plus_one")
    if protocol.duration == "frames":
        return result
    first_frame, last_frame = _find_ends(boxes)
    other_ends = np.array([(f[0], f[-1]) if len(f) else (np.inf, -np.inf) for f, _ in others]).reshape(-1, 2)
    intersection = np.minimum(last_frame[:, None], other_ends[:, 1]) - np.maximum(
        first_frame[:, None], other_ends[:, 0]
    )
    union = np.maximum(last_frame[:, None], other_ends[:, 1]) - np.minimum(
        first_frame[:, None], other_ends[:, 0]
    )
    temporal = np.divide(np.maximum(intersection, 0), union, out=np.zeros_like(intersection), where=union > 0)
    return TubeOverlaps(np.round(temporal * result.spatial, 12), temporal, result.spatial)


def _find_ends(boxes: NDArray) -> tuple[NDArray, NDArray]:
    """Return the first and the last frame of each of P tubes; inf and -inf for a tube without boxes."""
    is_present = ~np.isnan(boxes).any(-1)
    has_boxes = is_present.any(1)
    first_frame = np.where(has_boxes, is_present.argmax(1) if is_present.size else 0, np.inf)
    last_frame = np.where(
        has_boxes,
        is_present.shape[1] - 1 - (is_present[:, ::-1].argmax(1) if is_present.size else 0),
        -np.inf,
    )
    return first_frame, last_frame


def _suppress(boxes: NDArray, score: NDArray, protocol: EvaluationProtocol) -> NDArray:
    """Apply per-class NMS at ``protocol.nms_iou``; return the scores with NaN for suppressed predictions."""
    assert protocol.nms_iou is not None
    is_present = ~np.isnan(boxes).any(-1)
    others = [
        (np.flatnonzero(has_box), tube_boxes[has_box])
        for has_box, tube_boxes in zip(is_present, boxes, strict=True)
    ]
    overlapping = _compute_overlaps(boxes, others, protocol).iou > protocol.nms_iou
    result = np.array(score)
    for column in result.T:
        column[~non_maximum_suppression(column, overlapping)] = np.nan
    return result


def _check_video(
    warnings: InputWarnings,
    video: str,
    tubes: Tubes | None,
    truth: Sequence[GroundTruthTube],
    annotated: Collection[int] | None,
    frame_size: tuple[int, int] | None,
) -> None:
    """Count the suspicious input of one video."""
    if annotated is not None:
        annotated_frames = frame_array(annotated)
        num_ignored = sum(int((~np.isin(tube.frames, annotated_frames)).sum()) for tube in truth)
        warnings.add(
            "boxes of the ground truth do not count: their frames are not annotated", video, num_ignored
        )
    if tubes is None:
        return
    num_missed = sum(int((tube.frames >= tubes.frames).sum()) for tube in truth)
    warnings.add(
        "boxes of the ground truth are missed: they follow the predictions' last frame", video, num_missed
    )
    if frame_size is not None:
        max_corner = np.array(frame_size, float) + _FRAME_MARGIN
        for source, boxes in (
            ("ground-truth", [tube.boxes for tube in truth]),
            ("predicted", [tubes.boxes]),
        ):
            count = sum(int(_exceeds_frame(tube_boxes, max_corner).sum()) for tube_boxes in boxes)
            warnings.add(f"{source} boxes extend beyond the frame and are not clipped", video, count)


def _exceeds_frame(boxes: NDArray, max_corner: NDArray) -> NDArray[np.bool_]:
    return np.asarray((boxes[..., :2] < -_FRAME_MARGIN).any(-1) | (boxes[..., 2:] > max_corner).any(-1))
