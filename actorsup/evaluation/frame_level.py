"""Frame mAP: mean average precision of the boxes in all frames."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.boxes import paired_iou
from actorsup.evaluation.ground_truth import GroundTruthTube, GroundTruthTubes
from actorsup.evaluation.matching import frame_array
from actorsup.evaluation.protocol import DEFAULT_PROTOCOL, EvaluationProtocol
from actorsup.evaluation.ranking import check_columns, weighted_area
from actorsup.evaluation.tables import with_means
from actorsup.tubes import IOU_DECIMALS, Tubes

FRAME_COLUMNS = [
    "dataset", "linker", "model", "seed", "class", "iou_threshold", "average_precision", "ground_truth",
    "boxes",
]  # fmt: skip


@dataclass(frozen=True)
class _VideoMatches:
    """Matches of the boxes of one video.

    Attributes:
        score: (P, C) floating, scores of the tubes.
        length: (P,) int64, number of boxes of each tube.
        true_positives: True positives of each class with ground truth at each threshold: tube indices, and
            positions among the boxes of the tube, in descending order of the scores.
        truth: Number of ground-truth boxes of each class.
    """

    score: NDArray[np.floating]
    length: NDArray[np.int64]
    true_positives: Mapping[str, Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]]
    truth: Mapping[str, int]


def frame_table(
    videos: Iterable[str],
    tubes: Mapping[str, Tubes],
    truth: GroundTruthTubes,
    classes: Sequence[str],
    annotated: Mapping[str, Collection[int] | None] | None = None,
    protocol: EvaluationProtocol = DEFAULT_PROTOCOL,
    thresholds: Sequence[float] = (0.5,),
) -> pd.DataFrame:
    """Compute the average precision of each class over the boxes of all frames, and the mean over classes.

    Every box of a tube is a detection with the score of the tube for the class. Every frame, with or without
    ground truth, is an image in the sense of PASCAL VOC and COCO. Boxes with equal scores are ranked by
    video, tube and frame. ``protocol.nms_iou`` applies to tubes and has no effect on this table.

    Args:
        videos: Ids of the videos to evaluate.
        tubes: Scored tubes by video id; a video that failed or is missing has no entry.
        truth: Ground-truth tubes by video id.
        classes: Class name of each column of ``class_score``.
        annotated: Annotated frames (0-based) by video id; other frames are ignored. None if every frame is
            annotated.
        protocol: Rules of matching and integration.
        thresholds: IoU thresholds of boxes, above 0 and at most 1.

    Returns:
        A table with the columns ``FRAME_COLUMNS`` from ``class`` on.

    Raises:
        DataError: The number of class scores of a video is not the number of classes.
    """
    matches: list[_VideoMatches] = []
    for video in sorted(videos):
        annotated_frames = None if annotated is None else annotated.get(video, ())
        video_tubes = tubes.get(video)
        if video_tubes is not None and video_tubes.class_score is not None:
            check_columns(video, video_tubes.class_score, classes)
        matches.append(
            _match_video(video_tubes, truth.get(video, []), classes, annotated_frames, thresholds, protocol)
        )
    truth_classes = {name for video in matches for name in video.truth}
    columns = {name: i for i, name in enumerate(classes)} | dict.fromkeys(
        sorted(truth_classes - {*classes}), -1
    )
    rows = [
        (name, f"{threshold:g}", *_evaluate_class(matches, name, column, threshold_index, protocol))
        for name, column in columns.items()
        for threshold_index, threshold in enumerate(thresholds)
    ]
    return with_means(pd.DataFrame(rows, columns=FRAME_COLUMNS[4:]), "ground_truth", "boxes")


def _match_video(
    tubes: Tubes | None,
    truth: Sequence[GroundTruthTube],
    classes: Sequence[str],
    annotated: Collection[int] | None,
    thresholds: Sequence[float],
    protocol: EvaluationProtocol,
) -> _VideoMatches:
    min_length = max((int(tube.frames[-1]) + 1 for tube in truth if len(tube.frames)), default=0)
    counts: dict[str, int] = {}
    for tube in truth:
        frames = (
            tube.frames if annotated is None else tube.frames[np.isin(tube.frames, frame_array(annotated))]
        )
        counts[tube.action] = counts.get(tube.action, 0) + len(frames)
    if tubes is None or tubes.class_score is None or not tubes.class_score.size:
        return _VideoMatches(np.zeros((0, len(classes))), np.zeros(0, int), {}, counts)
    is_annotated = np.ones(tubes.frames, bool)
    if annotated is not None:
        is_annotated = np.isin(np.arange(tubes.frames), frame_array(annotated))
    boxes = tubes.boxes[:, is_annotated]
    is_present = np.asarray(~np.isnan(boxes).any(-1))
    positives = {}
    for column, name in enumerate(classes):
        class_truth = [tube for tube in truth if tube.action == name]
        if class_truth:
            true_boxes = np.full((len(class_truth), max(min_length, tubes.frames), 4), np.nan, np.float32)
            for tube_boxes, tube in zip(true_boxes, class_truth, strict=True):
                tube_boxes[tube.frames] = tube.boxes
            true_boxes = true_boxes[:, : tubes.frames][:, is_annotated]
            positives[name] = _match_boxes(
                tubes.class_score[:, column], boxes, is_present, true_boxes, thresholds, protocol
            )
    return _VideoMatches(tubes.class_score, is_present.sum(1), positives, counts)


def _match_boxes(
    score: NDArray,
    boxes: NDArray,
    is_present: NDArray[np.bool_],
    true_boxes: NDArray,
    thresholds: Sequence[float],
    protocol: EvaluationProtocol,
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Match the boxes (P, N, 4) of tubes with the ground truth (G, N, 4) of a class in every frame.

    Returns:
        Tube index of each true positive, and its position among the boxes of the tube, at each threshold.
    """
    margin = np.array([0, 0, 1, 1]) * (protocol.box_area == "plus_one")
    iou = np.stack(
        [paired_iou(boxes + margin, boxes_of_tube + margin) for boxes_of_tube in true_boxes.astype(float)], -1
    )
    iou = np.where(np.isnan(iou), -1.0, np.round(iou, IOU_DECIMALS))  # (P, N, G)
    position = np.cumsum(is_present, axis=1) - 1
    matched = np.zeros((len(thresholds), *iou.shape[1:]), bool)
    frames = np.arange(iou.shape[1])
    pairs: list[list[tuple[int, NDArray[np.int64]]]] = [[] for _ in thresholds]
    order = np.argsort(-score, kind="stable")
    for tube_index in order[: np.count_nonzero(~np.isnan(score))].tolist():
        for t, threshold in enumerate(thresholds):
            unmatched_iou = np.where(matched[t], -1.0, iou[tube_index])
            best = (unmatched_iou if protocol.matching == "free" else iou[tube_index]).argmax(1)
            positive_frames = np.flatnonzero(protocol.reaches(unmatched_iou[frames, best], threshold))
            matched[t, positive_frames, best[positive_frames]] = True
            pairs[t].append((tube_index, position[tube_index, positive_frames]))
    return [
        (
            np.concatenate(
                [
                    np.zeros(0, int),
                    *(np.full(len(positions), tube_index) for tube_index, positions in threshold_pairs),
                ]
            ),
            np.concatenate([np.zeros(0, int), *(positions for _, positions in threshold_pairs)]),
        )
        for threshold_pairs in pairs
    ]


def _evaluate_class(
    videos: Sequence[_VideoMatches],
    name: str,
    column: int,
    threshold_index: int,
    protocol: EvaluationProtocol,
) -> tuple[float, int, int]:
    """Return the average precision of a class, and its numbers of ground-truth and predicted boxes."""
    num_true = sum(video.truth.get(name, 0) for video in videos)
    if column < 0:
        return (0.0 if num_true else float("nan")), num_true, 0
    score = np.concatenate([np.zeros(0), *(video.score[:, column] for video in videos)])
    length = np.concatenate([np.zeros(0, int), *(video.length for video in videos)])
    order = np.argsort(-score, kind="stable")[: np.count_nonzero(~np.isnan(score))]
    ends = np.cumsum(length[order])
    num_better = np.zeros(len(score), int)  # number of boxes that rank above the boxes of each tube
    num_better[order] = ends - length[order]
    offsets = np.cumsum([0, *(len(video.score) for video in videos)])
    ranks = [np.zeros(0, int)]
    for offset, video in zip(offsets, videos, strict=False):
        if name in video.true_positives:
            tube, position = video.true_positives[name][threshold_index]
            ranks.append(num_better[offset + tube] + position + 1)
    sorted_ranks = np.sort(np.concatenate(ranks))[None]
    area = weighted_area(sorted_ranks, np.ones_like(sorted_ranks), protocol.interpolation)[0]
    return (float(area / num_true) if num_true else float("nan")), num_true, int(ends[-1]) if len(ends) else 0
