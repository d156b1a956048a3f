"""Random augmentation of a detector's training images."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actorsup.artifacts.images import Image
from actorsup.detection.settings import DetectorTrainingSettings

Target = dict[str, Tensor]


def augmented(
    image: Image,
    boxes: NDArray[np.float32],
    labels: NDArray[np.int64],
    settings: DetectorTrainingSettings,
    random: np.random.Generator,
) -> tuple[Tensor, Target]:
    """Augment an image and its boxes, in the form that torchvision's detectors are trained with.

    Args:
        image: (H, W, 3) uint8 RGB.
        boxes: (B, 4) xyxy in pixels of the image.
        labels: (B,) classes of the network.
        settings: Probabilities and amounts of the changes.
        random: The random generator.

    Returns:
        The image (3, h, w) float32 in [0, 1], and its target: ``boxes`` and ``labels`` of the boxes whose
        center is inside the crop.
    """
    image, boxes, labels = _cropped(image, boxes, labels, settings.crop, random)
    if random.random() < settings.flip:
        image = image[:, ::-1]
        left, right = image.shape[1] - boxes[:, 2], image.shape[1] - boxes[:, 0]
        boxes = np.stack([left, boxes[:, 1], right, boxes[:, 3]], 1)
    contrast, brightness = random.uniform(-settings.jitter, settings.jitter, 2)
    pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float() / 255
    pixels = ((pixels - 0.5) * (1 + contrast) + 0.5 + brightness).clamp_(0, 1)
    target = {
        "boxes": torch.from_numpy(boxes),
        "labels": torch.from_numpy(labels),
    }
    return pixels, target


def _cropped(
    image: Image,
    boxes: NDArray[np.float32],
    labels: NDArray[np.int64],
    smallest: float,
    random: np.random.Generator,
) -> tuple[Image, NDArray[np.float32], NDArray[np.int64]]:
    """Cut out a random window whose sides are at least ``smallest`` of the image's."""
    height, width = image.shape[:2]
    h, w = (max(1, round(random.uniform(smallest, 1) * side)) for side in (height, width))
    y, x = random.integers(height - h + 1), random.integers(width - w + 1)
    moved = boxes - np.array([x, y, x, y], np.float32)
    centre = (moved[:, :2] + moved[:, 2:]) / 2
    inside = ((centre > 0) & (centre < [w, h])).all(1)
    cut = np.clip(moved[inside], 0, np.array([w, h, w, h], np.float32))
    return image[y : y + h, x : x + w], cut, labels[inside]
