"""ONNX detectors of the YOLOX family (Ge et al. 2021) through OpenCV's DNN module."""

import re
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.images import Image
from actorsup.boxes import clip
from actorsup.coco import CONTIGUOUS
from actorsup.detection.base import DetectorType, ImageDetections
from actorsup.detection.settings import DetectorSettings, NetworkSection
from actorsup.detection.suppression import suppress
from actorsup.errors import ConfigError, DataError

_STRIDES = (8, 16, 32)
_PAD = 114


class YoloxDetector:
    """A YOLOX network whose output is not decoded: (1, A, 5 + 80).

    One image at a time: published files fix their batch at 1.

    Args:
        path: The ONNX file.
        actors: COCO category ids (1-90) of the actors of interest.
        settings: Score threshold and IoU of the suppression.

    Raises:
        DataError: The file is not ONNX, or not such a network.
    """

    def __init__(self, path: Path, actors: Sequence[int], settings: DetectorSettings) -> None:
        try:
            self._net = cv2.dnn.readNetFromONNX(str(path))
        except cv2.error as error:
            raise DataError(f"{path}: OpenCV cannot read it as ONNX ({error.err or error})") from error
        self._height, self._width = _input_size(self._net, path)
        self._cells = _cells(self._height, self._width)
        self._columns = [5 + CONTIGUOUS.index(actor) for actor in actors]
        self._actors = np.array(actors, np.int16)
        self._settings = settings
        output = self._forward(np.zeros((self._height, self._width, 3), np.uint8))
        if output.shape != (len(self._cells), 5 + len(CONTIGUOUS)):
            raise DataError(
                f"{path}: the output is {output.shape}, wanted {(len(self._cells), 5 + len(CONTIGUOUS))}: "
                "YOLOX for COCO, exported without its decoding"
            )

    def detect(self, images: Sequence[Image]) -> list[ImageDetections]:
        """Detections of the actors of interest in each image."""
        return [self._detect(image) for image in images]

    def _detect(self, image: Image) -> ImageDetections:
        height, width = image.shape[:2]
        ratio = min(self._height / height, self._width / width)
        output = self._forward(self._letterbox(image, ratio))
        score = output[:, 4:5] * output[:, self._columns]
        anchor, column = np.nonzero(score >= self._settings.min_score)
        boxes = decode(output[anchor, :4], self._cells[anchor]) / np.float32(ratio)
        found = ImageDetections(clip(boxes, width, height), score[anchor, column], self._actors[column])
        return suppress(found, self._settings.min_score, self._settings.nms_iou)

    def _letterbox(self, image: Image, ratio: float) -> Image:
        height, width = image.shape[:2]
        padded = np.full((self._height, self._width, 3), _PAD, np.uint8)
        # both sides are cut, not rounded, as in YOLOX's own preprocessing
        small = cv2.resize(image, (int(width * ratio), int(height * ratio)))
        padded[: small.shape[0], : small.shape[1]] = small
        return padded

    def _forward(self, padded: Image) -> NDArray[np.float32]:
        """Padded image, RGB, to the network's output (A, 5 + 80); it wants BGR in 0-255."""
        self._net.setInput(np.ascontiguousarray(padded[..., ::-1].transpose(2, 0, 1)[None], np.float32))
        return self._net.forward()[0]


def decode(output: NDArray[np.float32], cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Boxes (A, 4) xyxy in pixels of the input from outputs (A, 4) and cells (A, 3).

    The centre is (xy + cell) * stride, the size exp(wh) * stride.
    """
    stride = cells[:, 2:]
    centre = (output[:, :2] + cells[:, :2]) * stride
    half = np.exp(output[:, 2:]) * stride / 2
    return np.concatenate([centre - half, centre + half], 1)


def _cells(height: int, width: int) -> NDArray[np.float32]:
    """Column, row and stride of every cell, (A, 3), in the order of the output."""
    levels = []
    for stride in _STRIDES:
        y, x = np.mgrid[: height // stride, : width // stride]
        levels.append(np.stack([x, y, np.full_like(x, stride)], -1).reshape(-1, 3))
    return np.concatenate(levels).astype(np.float32)


def _input_size(net: cv2.dnn.Net, path: Path) -> tuple[int, int]:
    """Height and width of the network's input."""
    size = re.search(r"\[1 x 3 x (\d+) x (\d+)\]", net.dump())
    if not size:
        raise DataError(f"{path}: its input is not one image of a fixed size; export it with batch 1")
    return int(size[1]), int(size[2])


def _build(
    settings: DetectorSettings, actors: Sequence[int], weights: Path | None, device: str
) -> YoloxDetector:
    if weights is None:
        raise ConfigError("weights: a detector of the type yolox needs an ONNX file")
    return YoloxDetector(weights, actors, settings)


TYPE = DetectorType(_build, NetworkSection)
