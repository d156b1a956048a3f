"""Box arithmetic in numpy.

Boxes are (x1, y1, x2, y2) in continuous pixel coordinates: the area is (x2 - x1) * (y2 - y1), with no "+1".
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


def area(boxes: Array) -> Array:
    """Compute the areas of boxes (..., 4) in square pixels; a box with a negative side has area 0."""
    width, height = boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1]
    return np.maximum(width, 0) * np.maximum(height, 0)


def paired_iou(a: Array, b: Array) -> Array:
    """Compute the intersection over union (IoU) of the boxes ``a`` (..., 4) and ``b`` (..., 4), broadcast.

    The IoU is 0 where the union has no area, and NaN where either box is NaN.
    """
    # compute x and y separately, because numpy is slow along a last axis of size two
    width = np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
    height = np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
    intersection = np.maximum(width, 0) * np.maximum(height, 0)
    union = area(a) + area(b) - intersection
    return np.divide(intersection, union, out=np.zeros_like(union), where=union != 0)


def iou_matrix(a: Array, b: Array) -> Array:
    """Compute the IoU (A, B) of every box of ``a`` (A, 4) with every box of ``b`` (B, 4)."""
    return paired_iou(a[:, None], b[None])


def clip(boxes: Array, width: float, height: float) -> Array:
    """Clip boxes (..., 4) to the frame [0, width] x [0, height]; keep NaN."""
    limits = np.array([width, height, width, height], boxes.dtype)
    return np.clip(boxes, 0, limits)


def xywh_to_xyxy(boxes: Array) -> Array:
    """Convert boxes (..., 4) from (x, y, width, height) to (x1, y1, x2, y2), with no "+1"."""
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def xyxy_to_xywh(boxes: Array) -> Array:
    """Convert boxes (..., 4) from (x1, y1, x2, y2) to (x, y, width, height), with no "+1"."""
    return np.concatenate([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], axis=-1)


def scale(boxes: Array, x_factor: float, y_factor: float) -> Array:
    """Multiply the x coordinates of boxes (..., 4) by ``x_factor`` and the y coordinates by ``y_factor``."""
    return boxes * np.array([x_factor, y_factor, x_factor, y_factor], boxes.dtype)
