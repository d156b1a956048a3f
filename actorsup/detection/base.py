"""The interface of actor detectors (Section 3.1, actor detection)."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""One frame: (H, W, 3) uint8 RGB."""


@dataclass(frozen=True)
class ImageDetections:
    """The D actors found in one image, best first.

    Attributes:
        boxes: (D, 4) float32 xyxy in pixels of the image, inside it.
        score: (D,) float32 in [0, 1], descending.
        actor: (D,) int16, COCO category id (1-90).
    """

    boxes: NDArray[np.float32]
    score: NDArray[np.float32]
    actor: NDArray[np.int16]


@dataclass(frozen=True)
class Detections:
    """The D detections of one video, ordered by frame, best first within a frame.

    Attributes:
        frame: (D,) int32, 0-based.
        boxes: (D, 4) float32 xyxy in pixels of the source frame.
        score: (D,) float32 in [0, 1].
        actor: (D,) int16, COCO category id (1-90).
    """

    frame: NDArray[np.int32]
    boxes: NDArray[np.float32]
    score: NDArray[np.float32]
    actor: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.frame)

    @classmethod
    def of_images(
        cls, frames: Sequence[int] | NDArray[np.int32], found: Sequence[ImageDetections]
    ) -> "Detections":
        """Detections of a video from those of its images: of the ascending frames ``frames``."""
        counts = [len(one.score) for one in found]
        return cls(
            frame=np.repeat(np.array(frames, np.int32), counts),
            boxes=np.concatenate([np.zeros((0, 4), np.float32), *(one.boxes for one in found)]),
            score=np.concatenate([np.zeros(0, np.float32), *(one.score for one in found)]),
            actor=np.concatenate([np.zeros(0, np.int16), *(one.actor for one in found)]),
        )

    def arrays(self) -> dict[str, NDArray]:
        """The arrays by their name in a detection file."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


class Detector(Protocol):
    """Finds actors in images. It is given images of one video at a time, in batches."""

    def detect(self, images: Sequence[Image]) -> list[ImageDetections]:
        """Detections of the actors of interest in each image, after NMS, at or above the score."""
        ...
