"""Tubes: boxes of one actor through the frames of a video, many to a video."""

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
        score: (P,) float32; of the seed's detection, or the path's mean; descending.
        actor: (P,) int16, COCO category id (1-90).
        seed_frame: (P,) int32, 0-based.
        frame_score: (P, N) float32 in [0, 1]; NaN outside ``interval``.
        interval: (P, 2) int32, first frame and one past the last.
        class_logit: (P, C) float32, scores before softmax; None before scoring.
        class_score: (P, C) float64, what average precision sorts by; NaN is no prediction.
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
        """No tubes, over ``frames`` frames: a normal case, not an error."""
        return cls(
            boxes=np.zeros((0, frames, 4), np.float32),
            score=np.zeros(0, np.float32),
            actor=np.zeros(0, np.int16),
            seed_frame=np.zeros(0, np.int32),
            frame_score=np.zeros((0, frames), np.float32),
            interval=np.zeros((0, 2), np.int32),
        )

    def first(self, count: int) -> "Tubes":
        """The ``count`` best tubes."""
        return replace(self, **{name: array[:count] for name, array in self.arrays().items()})

    def chosen(self, which: NDArray) -> "Tubes":
        """Some of the tubes: an index array or a mask of them."""
        return replace(self, **{name: array[which] for name, array in self.arrays().items()})

    def followed_by(self, others: "Tubes") -> "Tubes":
        """These tubes and, after them, others of the same video."""
        more = others.arrays()
        return replace(
            self, **{name: np.concatenate([array, more[name]]) for name, array in self.arrays().items()}
        )

    def arrays(self) -> dict[str, NDArray]:
        """The arrays that are there, by their name in a tube file."""
        present = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: array for name, array in present.items() if array is not None}


@dataclass(frozen=True)
class TubeOverlaps:
    """How P tubes overlap Q others; the IoU is the product of the two other factors.

    Attributes:
        iou: (P, Q) float64, spatiotemporal IoU.
        temporal: (P, Q) float64, frames that both have among those that either has.
        spatial: (P, Q) float64, mean box IoU over the frames that both have; 0 where there are none.
    """

    iou: NDArray[np.float64]
    temporal: NDArray[np.float64]
    spatial: NDArray[np.float64]


DECIMALS = 12
"""IoUs are rounded to it, so that one that equals a threshold on paper equals it in float64 too."""


def tube_iou(a: NDArray, b: NDArray) -> NDArray[np.float64]:
    """Spatiotemporal IoU of tubes a (P, N, 4) with tubes b (Q, N, 4): (P, Q) float64.

    The sum of the box IoU over the frames that both have, divided by the number of frames
    that either has (NaN boxes are absent frames); 0 where neither has any. Source: Jain et
    al. 2014; the form of Saha et al. 2016 and Kalogeiton et al. 2017.
    """
    return tube_overlaps(np.asarray(a), [_present(boxes) for boxes in np.asarray(b)]).iou


def tube_overlaps(
    tubes: NDArray, others: Sequence[tuple[NDArray, NDArray]], plus_one: bool = False
) -> TubeOverlaps:
    """The same, and its two factors, with tubes of which only the frames that they have are given.

    Args:
        tubes: (P, N, 4) xyxy in pixels; NaN where a tube has no box.
        others: Of each of Q tubes its M frames, 0-based and ascending, and their boxes (M, 4).
            Frames from N on count among those that either has.
        plus_one: Box areas are (x2 - x1 + 1) * (y2 - y1 + 1), as some public evaluators have it.
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
        overlapping: (P, P) whether two tubes overlap too much. Of two such tubes the one with the
            higher score is kept, in a tie the earlier one.
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
    """Frames in a row as a slice, which copies nothing."""
    if len(frames) and frames[-1] - frames[0] + 1 == len(frames):
        return slice(int(frames[0]), int(frames[-1]) + 1)
    return frames


def _corners(boxes: NDArray, plus_one: bool) -> NDArray[np.float64]:
    wide = np.asarray(boxes, np.float64)
    return wide + np.array([0, 0, 1, 1]) if plus_one else wide


def _ratio(part: NDArray, whole: NDArray) -> NDArray[np.float64]:
    return np.round(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0), DECIMALS)
