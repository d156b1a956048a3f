"""Stills with boxes, in COCO's annotation format, to train detectors on."""

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.images import Image
from actorsup.boxes import area, clip, xywh_to_xyxy
from actorsup.errors import DataError, report_read_errors

_LOG = logging.getLogger(__name__)
_CACHE_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class Still:
    """One image with its boxes.

    Attributes:
        path: The image file.
        boxes: (B, 4) float32 xyxy in pixels of the image.
        category: (B,) int64, category ids of the annotations.
    """

    path: Path
    boxes: NDArray[np.float32]
    category: NDArray[np.int64]


class Stills:
    """The stills of an annotation file; decoded ones are kept while 2 GiB hold them.

    Args:
        images: Folder that the annotations' file names are relative to.
        annotations: JSON in COCO's format. Crowds, and boxes of no area inside their image,
            are left out; the log says how many.

    Attributes:
        stills: The stills, in the order of the file.
        categories: Ids of the categories that the file declares, ascending.

    Raises:
        DataError: The file cannot be read, lacks a key, names an image or a category that is
            not there, or has no image at all.
    """

    def __init__(self, images: Path, annotations: Path) -> None:
        with report_read_errors(annotations, "cannot be read as JSON"):
            content = json.loads(annotations.read_text(encoding="utf-8"))
        with report_read_errors(annotations, "not in COCO's format; this is missing or wrong:"):
            self.categories = sorted(int(category["id"]) for category in content["categories"])
            self.stills = _stills(images, annotations, content, self.categories)
        # a name that no system can hold is that of no file either
        absent = [still.path for still in self.stills if not os.path.isfile(still.path)]
        if absent or not self.stills:
            what = f"{len(absent)} images are missing, such as {absent[0]}" if absent else "names no image"
            raise DataError(f"{annotations}: {what}")
        self._decoded: dict[int, Image] = {}
        self._room = _CACHE_BYTES

    def __len__(self) -> int:
        return len(self.stills)

    def image(self, index: int) -> Image:
        """The image of a still: (H, W, 3) uint8 RGB, to be left as it is.

        Raises:
            DataError: The file is no image.
        """
        if index in self._decoded:
            return self._decoded[index]
        path = self.stills[index].path
        # not cv2.imread, which prints a warning of its own
        bgr = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR) if path.stat().st_size else None
        if bgr is None:
            raise DataError(f"{path}: cannot be decoded as an image; take it out of the annotations")
        image = np.ascontiguousarray(bgr[..., ::-1], np.uint8)
        if image.nbytes <= self._room:
            self._room -= image.nbytes
            self._decoded[index] = image
        return image


def _stills(folder: Path, source: Path, content: dict[str, Any], categories: list[int]) -> list[Still]:
    by_image: dict[Any, list[dict[str, Any]]] = {image["id"]: [] for image in content["images"]}
    for annotation in content["annotations"]:
        if annotation["image_id"] not in by_image:
            raise DataError(f"{source}: an annotation's image_id {annotation['image_id']!r} is no image's id")
        if annotation["category_id"] not in categories:
            raise DataError(
                f"{source}: category_id {annotation['category_id']!r} is not among the categories"
            )
        by_image[annotation["image_id"]].append(annotation)
    stills = []
    left_out = 0
    for image in content["images"]:
        whole = [a for a in by_image[image["id"]] if not a.get("iscrowd")]
        corners = xywh_to_xyxy(np.array([a["bbox"] for a in whole], np.float32).reshape(-1, 4))
        boxes = clip(corners, image["width"], image["height"])
        usable = area(boxes) > 0
        left_out += len(by_image[image["id"]]) - int(usable.sum())
        category = np.array([a["category_id"] for a in whole], np.int64)
        stills.append(Still(folder / image["file_name"], boxes[usable], category[usable]))
    if left_out:
        _LOG.info("%s: %d crowds and boxes of no area left out", source, left_out)
    return stills
