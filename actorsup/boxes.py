"""Box arithmetic in numpy.

Boxes are xyxy in pixels, continuous: the area is (x2 - x1) * (y2 - y1), with no "+1".
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


def area(boxes: Array) -> Array:
    """Return the areas of boxes (..., 4) xyxy in square pixels; 0 if a side is negative."""
    width, height = boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1]
    return np.maximum(width, 0) * np.maximum(height, 0)


def paired_iou(a: Array, b: Array) -> Array:
    """Return the intersection over union of boxes (..., 4) with boxes (..., 4), broadcast.

    0 where the union has no area; NaN where either box is NaN.
    """
    # one coordinate at a time, because numpy is slow along a last axis of size two
    width = np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
    height = np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
    intersection = np.maximum(width, 0) * np.maximum(height, 0)
    union = area(a) + area(b) - intersection
    return np.divide(intersection, union, out=np.zeros_like(union), where=union != 0)


def iou_matrix(a: Array, b: Array) -> Array:
    """Return the intersection over union (A, B) of every box of a (A, 4) with every box of b (B, 4)."""
    return paired_iou(a[:, None], b[None])


def clip(boxes: Array, width: float, height: float) -> Array:
    """Clip boxes (..., 4) to the frame [0, width] x [0, height]; NaN stays NaN."""
    limit = np.array([width, height, width, height], boxes.dtype)
    return np.clip(boxes, 0, limit)


def xywh_to_xyxy(boxes: Array) -> Array:
    """Convert corner and size (..., 4) to two corners (..., 4), without a pixel added or subtracted."""
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def xyxy_to_xywh(boxes: Array) -> Array:
    """Convert two corners (..., 4) to corner and size (..., 4)."""
    return np.concatenate([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], axis=-1)


def scale(boxes: Array, x: float, y: float) -> Array:
    """Multiply the x coordinates of boxes (..., 4) by ``x`` and the y coordinates by ``y``."""
    return boxes * np.array([x, y, x, y], boxes.dtype)
