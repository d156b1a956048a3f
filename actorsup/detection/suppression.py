"""Non-maximum suppression in numpy, for detections that bring none of their own."""

import numpy as np
from numpy.typing import NDArray

from actorsup.boxes import iou_matrix
from actorsup.detection.base import ImageDetections


def suppress(found: ImageDetections, min_score: float, nms_iou: float) -> ImageDetections:
    """Score threshold and greedy non-maximum suppression by category.

    Args:
        found: D detections of one image in any order; scores need not be sorted.
        min_score: Detections below it are dropped.
        nms_iou: Dropped are detections whose IoU with a better one of their category that
            stays is strictly above it.

    Returns:
        What stays, best first; of equal scores the earlier comes first.
    """
    order = np.argsort(-found.score, kind="stable")
    order = order[found.score[order] >= min_score]
    kept = []
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(best)
        overlap = iou_matrix(found.boxes[best, None], found.boxes[rest])[0]
        order = rest[(overlap <= nms_iou) | (found.actor[rest] != found.actor[best])]
    return take(found, np.array(kept, np.intp))


def take(found: ImageDetections, rows: NDArray) -> ImageDetections:
    """Some of the detections of an image, by index or mask."""
    return ImageDetections(found.boxes[rows], found.score[rows], found.actor[rows])
