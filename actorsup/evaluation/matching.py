"""Overlap of the tubes of a video with its ground truth: worked out once for every table."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actorsup.evaluation.ground_truth import GroundTruthTube
from actorsup.tubes import Tubes, tube_iou


@dataclass(frozen=True)
class VideoOverlap:
    """One video: P tubes, best first, and Q ground-truth tubes.

    Attributes:
        video: Its id.
        truth: The ground-truth tubes.
        iou: (P, Q) float64, tube IoU.
        class_score: (P, C) float64, NaN where nothing is predicted; (P, 0) for proposals.
    """

    video: str
    truth: Sequence[GroundTruthTube]
    iou: NDArray[np.float64]
    class_score: NDArray[np.float64]


def overlap(
    video: str,
    tubes: Tubes | None,
    truth: Sequence[GroundTruthTube],
    annotated: Collection[int] | None = None,
) -> VideoOverlap:
    """Tube IoU of every tube with every ground-truth tube of a video.

    Args:
        video: Its id.
        tubes: Its tubes; None where there are none, because it failed or is missing.
        truth: Its ground-truth tubes; frames after the video's last count in the union.
        annotated: The frames that are annotated, where not all are: both sides are cut to them.
    """
    if tubes is None:
        return VideoOverlap(video, truth, np.zeros((0, len(truth))), np.zeros((0, 0), np.float32))
    last = max((int(tube.frames[-1]) + 1 for tube in truth if len(tube.frames)), default=0)
    length = max(tubes.frames, last)
    dense = np.full((len(truth), length, 4), np.nan, np.float32)
    for one, tube in zip(dense, truth, strict=True):
        one[tube.frames] = tube.boxes
    missing = np.full((len(tubes), length - tubes.frames, 4), np.nan, np.float32)
    boxes = np.concatenate([tubes.boxes, missing], axis=1)
    if annotated is not None:
        kept = np.array(sorted(frame for frame in annotated if frame < length), int)
        boxes, dense = boxes[:, kept], dense[:, kept]
    score = np.zeros((len(tubes), 0)) if tubes.class_score is None else tubes.class_score
    return VideoOverlap(video, truth, tube_iou(boxes, dense), score)
