"""Tubes: boxes of one actor through the frames of a video, many to a video."""

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


def tube_iou(a: NDArray, b: NDArray) -> NDArray:
    """Spatiotemporal IoU of tubes a (P, N, 4) with tubes b (Q, N, 4): (P, Q) float64.

    The sum of the box IoU over the frames that both have, divided by the number of frames
    that either has (NaN boxes are absent frames); 0 where neither has any. Source: Jain et
    al. 2014; the form of Saha et al. 2016 and Kalogeiton et al. 2017.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    in_a, in_b = ~np.isnan(a).any(-1), ~np.isnan(b).any(-1)
    union = in_a.sum(1)[:, None] + in_b.sum(1)[None] - in_a.astype(float) @ in_b.T.astype(float)
    total = np.zeros((len(a), len(b)))
    for q in range(len(b)):  # one ground-truth tube at a time keeps memory at P x N
        total[:, q] = np.nansum(paired_iou(a, b[q][None]), axis=1)
    return np.divide(total, union, out=np.zeros_like(total), where=union > 0)
