"""Tubes (the boxes of one actor through a video), their overlap, and non-maximum suppression."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from actorsup.boxes import paired_iou


@dataclass(frozen=True)
class Tubes:
    """The P tubes of one video of N frames, highest score first.

    Attributes:
        boxes: (P, N, 4) float32, box of each frame (xyxy, pixels of the source frame); NaN outside
            ``interval``.
        score: (P,) float32, descending: score of the seed detection, or mean score of a Viterbi path.
        actor: (P,) int16, COCO category id (1-90).
        seed_frame: (P,) int32, 0-based frame of the seed detection.
        frame_score: (P, N) float32, score of each frame in [0, 1]; NaN outside ``interval``.
        interval: (P, 2) int32, first frame, and the frame after the last.
        class_logit: (P, C) float32, class scores before the softmax; None for tubes without class scores.
        class_score: (P, C) float64, class scores that average precision ranks by; NaN means no prediction.
    """

    boxes: NDArray[np.float32]
    score: NDArray[np.float32]
    actor: NDArray[np.int16]
    seed_frame: NDArray[np.int32]
    frame_score: NDArray[np.float32]
    interval: NDArray[np.int32]
    class_logit: NDArray[np.float32] | None = None
    class_score: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def frames(self) -> int:
        """Number of frames of the video, N."""
        return self.boxes.shape[1]

    @classmethod
    def empty(cls, frames: int) -> "Tubes":
        """Return an empty set of tubes for a video of ``frames`` frames."""
        return cls(
            boxes=np.zeros((0, frames, 4), np.float32),
            score=np.zeros(0, np.float32),
            actor=np.zeros(0, np.int16),
            seed_frame=np.zeros(0, np.int32),
            frame_score=np.zeros((0, frames), np.float32),
            interval=np.zeros((0, 2), np.int32),
        )

    def first(self, count: int) -> "Tubes":
        """Return the first ``count`` tubes, which have the highest scores."""
        return replace(self, **{name: array[:count] for name, array in self.arrays().items()})

    def chosen(self, indices: NDArray) -> "Tubes":
        """Select tubes by an array of indices or a boolean mask (P,)."""
        return replace(self, **{name: array[indices] for name, array in self.arrays().items()})

    def followed_by(self, others: "Tubes") -> "Tubes":
        """Append other tubes of the same video."""
        other_arrays = others.arrays()
        return replace(
            self,
            **{name: np.concatenate([array, other_arrays[name]]) for name, array in self.arrays().items()},
        )

    def arrays(self) -> dict[str, NDArray]:
        """Return the arrays that are not None, keyed by attribute name (also the name in a tube file)."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: array for name, array in values.items() if array is not None}


@dataclass(frozen=True)
class TubeOverlaps:
    """Overlaps of P tubes with Q other tubes; ``iou`` is the product of ``temporal`` and ``spatial``.

    Attributes:
        iou: (P, Q) float64, spatiotemporal IoU.
        temporal: (P, Q) float64, temporal IoU: number of frames in which both tubes have a box, divided by
            the number of frames in which either tube has a box.
        spatial: (P, Q) float64, mean box IoU over the frames in which both tubes have a box; 0 without such
            frames.
    """

    iou: NDArray[np.float64]
    temporal: NDArray[np.float64]
    spatial: NDArray[np.float64]


IOU_DECIMALS = 12
"""Number of decimals of IoUs, so that an IoU that equals a threshold exactly also equals it in float64."""


def tube_iou(a: NDArray, b: NDArray) -> NDArray[np.float64]:
    """Compute the spatiotemporal IoU (P, Q) of the tubes ``a`` (P, N, 4) with the tubes ``b`` (Q, N, 4).

    The spatiotemporal IoU is the sum of the box IoUs over the frames in which both tubes have a box, divided
    by the number of frames in which either tube has a box; it is 0 for two empty tubes. A box of NaN is
    absent. The definition is by Jain et al. 2014, as used by Saha et al. 2016 and Kalogeiton et al. 2017.
    """
    return tube_overlaps(np.asarray(a), [_frames_with_boxes(boxes) for boxes in np.asarray(b)]).iou


def tube_overlaps(
    tubes: NDArray, others: Sequence[tuple[NDArray, NDArray]], plus_one: bool = False
) -> TubeOverlaps:
    """Compute the spatiotemporal IoU of P tubes with Q other tubes, and its temporal and spatial factors.

    Args:
        tubes: (P, N, 4) boxes, xyxy in pixels; NaN where a tube has no box.
        others: Frames (M,), 0-based and ascending, and boxes (M, 4) of each of the Q other tubes. Frames
            after the last of ``tubes`` count in the union.
        plus_one: Whether box areas are (x2 - x1 + 1) * (y2 - y1 + 1), as in some public evaluators.
    """
    is_present = ~np.isnan(tubes).any(-1)
    iou_sum = np.zeros((len(tubes), len(others)))
    common_length = np.zeros_like(iou_sum)
    for q, (frames, boxes) in enumerate(others):  # a loop over q limits the memory to P x N values
        is_in_video = frames < tubes.shape[1]
        indices = _to_slice(frames[is_in_video])
        is_common = is_present[:, indices]
        iou = paired_iou(_to_float64(tubes[:, indices], plus_one), _to_float64(boxes[is_in_video], plus_one))
        iou_sum[:, q] = np.sum(iou, axis=1, where=is_common)
        common_length[:, q] = is_common.sum(1)
    lengths = np.array([len(frames) for frames, _ in others], float)
    union_length = is_present.sum(1)[:, None] + lengths - common_length
    return TubeOverlaps(
        _divide(iou_sum, union_length), _divide(common_length, union_length), _divide(iou_sum, common_length)
    )


def non_maximum_suppression(score: NDArray, overlapping: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask (P,) of the tubes that greedy non-maximum suppression keeps.

    Args:
        score: (P,) scores for one class. A tube whose score is NaN is not kept.
        overlapping: (P, P) bool, whether two tubes overlap too much to keep both. The tube with the higher
            score is kept, or the earlier tube if the scores are equal.
    """
    is_kept = ~np.isnan(score)
    order = np.argsort(-score, kind="stable")
    for rank, p in enumerate(order, 1):
        if is_kept[p]:
            lower_ranked = order[rank:]
            is_kept[lower_ranked[overlapping[p, lower_ranked]]] = False
    return is_kept


def _frames_with_boxes(boxes: NDArray) -> tuple[NDArray, NDArray]:
    frames = np.flatnonzero(~np.isnan(boxes).any(-1))
    return frames, boxes[frames]


def _to_slice(frames: NDArray) -> NDArray | slice:
    """Convert consecutive frames to a slice, which indexes without a copy; return other frames unchanged."""
    if len(frames) and frames[-1] - frames[0] + 1 == len(frames):
        return slice(int(frames[0]), int(frames[-1]) + 1)
    return frames


def _to_float64(boxes: NDArray, plus_one: bool) -> NDArray[np.float64]:
    corners = np.asarray(boxes, np.float64)
    return corners + np.array([0, 0, 1, 1]) if plus_one else corners


def _divide(numerator: NDArray, denominator: NDArray) -> NDArray[np.float64]:
    return np.round(
        np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0), IOU_DECIMALS
    )
