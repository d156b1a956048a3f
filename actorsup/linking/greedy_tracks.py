"""A cheap prediction of a target's track from detections: which seeds a video will probably need next."""

import numpy as np
from numpy.typing import NDArray

from actorsup.boxes import paired_iou
from actorsup.detection.base import Detections

_SAME = 0.4
"""Minimum IoU between detections of consecutive frames that belong to the same target."""


class GreedyTracks:
    """Chains detections that overlap from frame to frame.

    Args:
        detections: The detections of one video.
        frames: The number of its frames, N.
    """

    def __init__(self, detections: Detections, frames: int) -> None:
        self._detections, self._frames = detections, frames
        self._boxes = detections.boxes.astype(np.float64)
        # detections are ordered by frame: those of frame f are first[f] to first[f + 1]
        self._first = np.searchsorted(detections.frame, np.arange(frames + 1))
        self._tracks: dict[int, NDArray[np.float32]] = {}

    def boxes(self, index: int) -> NDArray[np.float32]:
        """Return the predicted track of a detection, (N, 4) xyxy, in the seed's aspect ratio.

        A Siamese track keeps the aspect ratio of its seed. Chained boxes are changed to that ratio; their
        center and area stay.
        """
        if index not in self._tracks:
            seed = int(self._detections.frame[index])
            boxes = np.tile(self._boxes[index], (self._frames, 1))
            self._follow(boxes, range(seed + 1, self._frames))
            self._follow(boxes, range(seed - 1, -1, -1))
            center, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
            side = np.sqrt(size.prod(1, keepdims=True))
            half = side / np.sqrt(size[seed].prod()) * size[seed] / 2
            self._tracks[index] = np.concatenate([center - half, center + half], axis=1).astype(np.float32)
        return self._tracks[index]

    def _follow(self, boxes: NDArray[np.float64], frames: range) -> None:
        """Set each of ``frames`` to its detection that overlaps the box before it most, or to that box."""
        for frame in frames:
            boxes[frame] = boxes[frame - frames.step]
            candidates = self._boxes[self._first[frame] : self._first[frame + 1]]
            if len(candidates):
                iou = paired_iou(candidates, boxes[frame])
                if iou.max() >= _SAME:
                    boxes[frame] = candidates[iou.argmax()]
