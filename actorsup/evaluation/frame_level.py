"""Frame mAP: average precision of the boxes of every frame, usually at an IoU threshold of 0.5."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.boxes import paired_iou
from actorsup.evaluation.ground_truth import GroundTruthTube, GroundTruthTubes
from actorsup.evaluation.protocol import DEFAULT_PROTOCOL, EvaluationProtocol
from actorsup.evaluation.ranking import check_columns, weighted_area
from actorsup.evaluation.tables import with_means
from actorsup.tubes import IOU_DECIMALS, Tubes

FRAME_COLUMNS = [
    "dataset", "linker", "model", "seed", "class", "iou_threshold", "average_precision", "ground_truth",
    "boxes",
]  # fmt: skip


@dataclass(frozen=True)
class _Video:
    """Matches of one video, without its boxes.

    Attributes:
        score: (P, C).
        length: (P,) int64, number of boxes of each tube.
        true_positives: By class with ground truth and by threshold: tube numbers of the true positives, and
            their positions among the tube's boxes, in the order of the scores.
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
    annotated: Mapping[str, Collection[int]] | None = None,
    protocol: EvaluationProtocol = DEFAULT_PROTOCOL,
    thresholds: Sequence[float] = (0.5,),
) -> pd.DataFrame:
    """Compute the average precision of each class over the boxes of all frames, and their mean.

    Every box of a tube is a detection with the tube's score for the class. Every frame, with or
    without ground truth, is an image in the sense of PASCAL VOC and COCO. Ties are broken by video,
    tube, frame. ``protocol.nms_iou`` is for tubes and has no effect.

    Args:
        videos: Every video to evaluate.
        tubes: The scored tubes of each video; no entry for a video that failed or is missing.
        truth: The ground-truth tubes of each video.
        classes: Names of the columns of ``class_score``.
        annotated: The annotated frames of each video, if not all are: only these count.
        protocol: How to match boxes.
        thresholds: IoU thresholds of boxes.

    Returns:
        Columns ``FRAME_COLUMNS`` from ``class`` on.
    """
    kept: list[_Video] = []
    for video in sorted(videos):
        frames = None if annotated is None else annotated.get(video, ())
        scored = tubes.get(video)
        if scored is not None and scored.class_score is not None:
            check_columns(video, scored.class_score, classes)
        kept.append(_video(scored, truth.get(video, []), classes, frames, thresholds, protocol))
    known = {name for video in kept for name in video.truth}
    names = {name: i for i, name in enumerate(classes)} | dict.fromkeys(sorted(known - {*classes}), -1)
    rows = [
        (name, f"{threshold:g}", *_of_class(kept, name, column, t, protocol))
        for name, column in names.items()
        for t, threshold in enumerate(thresholds)
    ]
    return with_means(pd.DataFrame(rows, columns=FRAME_COLUMNS[4:]), "ground_truth", "boxes")


def _video(
    tubes: Tubes | None,
    truth: Sequence[GroundTruthTube],
    classes: Sequence[str],
    annotated: Collection[int] | None,
    thresholds: Sequence[float],
    protocol: EvaluationProtocol,
) -> _Video:
    last = max((int(tube.frames[-1]) + 1 for tube in truth if len(tube.frames)), default=0)
    counts: dict[str, int] = {}
    for tube in truth:
        inside = tube.frames if annotated is None else tube.frames[np.isin(tube.frames, sorted(annotated))]
        counts[tube.action] = counts.get(tube.action, 0) + len(inside)
    if tubes is None or tubes.class_score is None or not tubes.class_score.size:
        return _Video(np.zeros((0, len(classes))), np.zeros(0, int), {}, counts)
    counted = np.ones(tubes.frames, bool)
    if annotated is not None:
        counted = np.isin(np.arange(tubes.frames), sorted(annotated))
    boxes = tubes.boxes[:, counted]
    there = np.asarray(~np.isnan(boxes).any(-1))
    positives = {}
    for column, name in enumerate(classes):
        mine = [tube for tube in truth if tube.action == name]
        if mine:
            true = np.full((len(mine), max(last, tubes.frames), 4), np.nan, np.float32)
            for one, tube in zip(true, mine, strict=True):
                one[tube.frames] = tube.boxes
            true = true[:, : tubes.frames][:, counted]
            positives[name] = _true_positives(
                tubes.class_score[:, column], boxes, there, true, thresholds, protocol
            )
    return _Video(tubes.class_score, there.sum(1), positives, counts)


def _true_positives(
    score: NDArray,
    boxes: NDArray,
    there: NDArray[np.bool_],
    true: NDArray,
    thresholds: Sequence[float],
    protocol: EvaluationProtocol,
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Match the boxes of tubes (P, N, 4) with the ground truth (G, N, 4) of a class, in all frames."""
    wider = np.array([0, 0, 1, 1]) * (protocol.box_area == "plus_one")
    iou = np.stack([paired_iou(boxes + wider, one + wider) for one in true.astype(float)], -1)
    iou = np.where(np.isnan(iou), -1.0, np.round(iou, IOU_DECIMALS))  # (P, N, G)
    position = np.cumsum(there, axis=1) - 1
    matched = np.zeros((len(thresholds), *iou.shape[1:]), bool)
    frames = np.arange(iou.shape[1])
    pairs: list[list[tuple[int, NDArray[np.int64]]]] = [[] for _ in thresholds]
    order = np.argsort(-score, kind="stable")
    for p in order[: np.count_nonzero(~np.isnan(score))].tolist():
        for t, threshold in enumerate(thresholds):
            free = np.where(matched[t], -1.0, iou[p])
            best = (free if protocol.matching == "free" else iou[p]).argmax(1)
            positive = np.flatnonzero(protocol.reaches(free[frames, best], threshold))
            matched[t, positive, best[positive]] = True
            pairs[t].append((p, position[p, positive]))
    return [
        (
            np.concatenate([np.zeros(0, int), *(np.full(len(positions), p) for p, positions in each)]),
            np.concatenate([np.zeros(0, int), *(positions for _, positions in each)]),
        )
        for each in pairs
    ]


def _of_class(
    videos: Sequence[_Video], name: str, column: int, threshold: int, protocol: EvaluationProtocol
) -> tuple[float, int, int]:
    """The average precision of a class, its number of ground-truth boxes and of predicted boxes."""
    truth = sum(video.truth.get(name, 0) for video in videos)
    if column < 0:
        return (0.0 if truth else float("nan")), truth, 0
    score = np.concatenate([np.zeros(0), *(video.score[:, column] for video in videos)])
    length = np.concatenate([np.zeros(0, int), *(video.length for video in videos)])
    order = np.argsort(-score, kind="stable")[: np.count_nonzero(~np.isnan(score))]
    ends = np.cumsum(length[order])
    before = np.zeros(len(score), int)  # boxes that rank above each tube's
    before[order] = ends - length[order]
    offsets = np.cumsum([0, *(len(video.score) for video in videos)])
    ranks = [np.zeros(0, int)]
    for offset, video in zip(offsets, videos, strict=False):
        if name in video.true_positives:
            tube, position = video.true_positives[name][threshold]
            ranks.append(before[offset + tube] + position + 1)
    ranked = np.sort(np.concatenate(ranks))[None]
    area = weighted_area(ranked, np.ones_like(ranked), protocol.interpolation)[0]
    return (float(area / truth) if truth else float("nan")), truth, int(ends[-1]) if len(ends) else 0
