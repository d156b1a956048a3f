"""Where a target likely goes, guessed from detections alone: which seeds a video will want next."""

import numpy as np
from numpy.typing import NDArray

from actorsup.boxes import paired_iou
from actorsup.detection.base import Detections

_SAME = 0.4
"""IoU of two detections of frames in a row from which on they are taken for one target's."""


class GreedyTracks:
    """Chains of detections that overlap from frame to frame, in the form of the seed's box.

    Args:
        detections: Of a video.
        frames: How many it has.
    """

    def __init__(self, detections: Detections, frames: int) -> None:
        self._detections, self._frames = detections, frames
        self._boxes = detections.boxes.astype(np.float64)
        # detections are ordered by frame: those of frame f stand from first[f] to first[f + 1]
        self._first = np.searchsorted(detections.frame, np.arange(frames + 1))
        self._known: dict[int, NDArray[np.float32]] = {}

    def boxes(self, index: int) -> NDArray[np.float32]:
        """(N, 4) xyxy of the likely track of a detection, by its index."""
        if index not in self._known:
            seed = int(self._detections.frame[index])
            boxes = np.tile(self._boxes[index], (self._frames, 1))
            self._follow(boxes, range(seed + 1, self._frames))
            self._follow(boxes, range(seed - 1, -1, -1))
            self._known[index] = _of_one_form(boxes, seed).astype(np.float32)
        return self._known[index]

    def _follow(self, boxes: NDArray[np.float64], frames: range) -> None:
        """Take the best overlapping detection in each of ``frames``, or stay."""
        for frame in frames:
            here = self._boxes[self._first[frame] : self._first[frame + 1]]
            before = boxes[frame - frames.step]
            boxes[frame] = before
            if len(here):
                iou = paired_iou(here, before)
                best = int(iou.argmax())
                if iou[best] >= _SAME:
                    boxes[frame] = here[best]


def _of_one_form(boxes: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Boxes of the same middle and area in the aspect ratio of the seed's: a Siamese track's form."""
    middle, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    area = np.sqrt(size.prod(1, keepdims=True))
    half = area / np.sqrt(size[seed].prod()) * size[seed] / 2
    return np.concatenate([middle - half, middle + half], axis=1)
