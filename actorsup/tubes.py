"""Tubes: the boxes of one actor through the frames of a video; their overlap and suppression."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from actorsup.boxes import paired_iou


@dataclass(frozen=True)
class Tubes:
    """The P tubes of one video of N frames, best first.

    Attributes:
        boxes: (P, N, 4) float32 xyxy, pixels of the source frame; NaN outside ``interval``.
        score: (P,) float32, descending: score of the seed detection, or mean score of a Viterbi path.
        actor: (P,) int16, COCO category id (1-90).
        seed_frame: (P,) int32, 0-based.
        frame_score: (P, N) float32 in [0, 1]; NaN outside ``interval``.
        interval: (P, 2) int32, first frame and one past the last.
        class_logit: (P, C) float32, scores before softmax; None before scoring.
        class_score: (P, C) float64, the scores that average precision ranks by; NaN is no prediction.
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
        """Return no tubes in a video of ``frames`` frames, which is a normal case."""
        return cls(
            boxes=np.zeros((0, frames, 4), np.float32),
            score=np.zeros(0, np.float32),
            actor=np.zeros(0, np.int16),
            seed_frame=np.zeros(0, np.int32),
            frame_score=np.zeros((0, frames), np.float32),
            interval=np.zeros((0, 2), np.int32),
        )

    def first(self, count: int) -> "Tubes":
        """Return the ``count`` best tubes."""
        return replace(self, **{name: array[:count] for name, array in self.arrays().items()})

    def chosen(self, which: NDArray) -> "Tubes":
        """Return the tubes at an index array or a mask."""
        return replace(self, **{name: array[which] for name, array in self.arrays().items()})

    def followed_by(self, others: "Tubes") -> "Tubes":
        """Append other tubes of the same video."""
        more = others.arrays()
        return replace(
            self, **{name: np.concatenate([array, more[name]]) for name, array in self.arrays().items()}
        )

    def arrays(self) -> dict[str, NDArray]:
        """Return the arrays that are not None, by their name in a tube file."""
        present = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: array for name, array in present.items() if array is not None}


@dataclass(frozen=True)
class TubeOverlaps:
    """Overlaps of P tubes with Q others; the IoU is the product of temporal and spatial overlap.

    Attributes:
        iou: (P, Q) float64, spatiotemporal IoU.
        temporal: (P, Q) float64, number of frames with a box in both, over those with a box in either.
        spatial: (P, Q) float64, mean box IoU over the common frames; 0 without any.
    """

    iou: NDArray[np.float64]
    temporal: NDArray[np.float64]
    spatial: NDArray[np.float64]


DECIMALS = 12
"""Decimals of tube IoUs, so that an IoU that equals a threshold exactly also equals it in float64."""


def tube_iou(a: NDArray, b: NDArray) -> NDArray[np.float64]:
    """Return the spatiotemporal IoU (P, Q) of tubes a (P, N, 4) with tubes b (Q, N, 4).

    The sum of the box IoU over the frames with a box in both tubes, divided by the number of frames with a
    box in either (NaN is no box); 0 if both are empty. Source: Jain et al. 2014, in the form of Saha et al.
    2016 and Kalogeiton et al. 2017.
    """
    return tube_overlaps(np.asarray(a), [_present(boxes) for boxes in np.asarray(b)]).iou


def tube_overlaps(
    tubes: NDArray, others: Sequence[tuple[NDArray, NDArray]], plus_one: bool = False
) -> TubeOverlaps:
    """Return the spatiotemporal IoU of tubes with others, and its two factors.

    Args:
        tubes: (P, N, 4) xyxy in pixels; NaN where a tube has no box.
        others: For each of Q tubes its M frames, 0-based and ascending, and their boxes (M, 4). Frames
            from N on count in the union.
        plus_one: Box areas are (x2 - x1 + 1) * (y2 - y1 + 1), as in some public evaluators.
    """
    there = ~np.isnan(tubes).any(-1)
    total = np.zeros((len(tubes), len(others)))
    both = np.zeros_like(total)
    for q, (frames, boxes) in enumerate(others):  # one at a time keeps memory at P x N
        inside = frames < tubes.shape[1]
        which = _as_slice(frames[inside])
        common = there[:, which]
        iou = paired_iou(_corners(tubes[:, which], plus_one), _corners(boxes[inside], plus_one))
        total[:, q] = np.sum(iou, axis=1, where=common)
        both[:, q] = common.sum(1)
    lengths = np.array([len(frames) for frames, _ in others], float)
    either = there.sum(1)[:, None] + lengths - both
    return TubeOverlaps(_ratio(total, either), _ratio(both, either), _ratio(total, both))


def non_maximum_suppression(score: NDArray, overlapping: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which of P tubes greedy non-maximum suppression keeps.

    Args:
        score: (P,) scores for one class; NaN is no prediction, and is not kept.
        overlapping: (P, P) whether two tubes overlap too much. Of such a pair the higher score is kept, or
            the earlier tube in a tie.
    """
    kept = ~np.isnan(score)
    order = np.argsort(-score, kind="stable")
    for rank, p in enumerate(order, 1):
        if kept[p]:
            later = order[rank:]
            kept[later[overlapping[p, later]]] = False
    return kept


def _present(boxes: NDArray) -> tuple[NDArray, NDArray]:
    frames = np.flatnonzero(~np.isnan(boxes).any(-1))
    return frames, boxes[frames]


def _as_slice(frames: NDArray) -> NDArray | slice:
    """Consecutive frames as a slice, which indexes without a copy."""
    if len(frames) and frames[-1] - frames[0] + 1 == len(frames):
        return slice(int(frames[0]), int(frames[-1]) + 1)
    return frames


def _corners(boxes: NDArray, plus_one: bool) -> NDArray[np.float64]:
    wide = np.asarray(boxes, np.float64)
    return wide + np.array([0, 0, 1, 1]) if plus_one else wide


def _ratio(part: NDArray, whole: NDArray) -> NDArray[np.float64]:
    return np.round(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0), DECIMALS)
