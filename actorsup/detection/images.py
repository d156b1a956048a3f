"""Images with boxes in COCO's annotation format, to train detectors on."""

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


class ImageCache:
    """Reads image files and keeps the first ones in memory.

    Args:
        limit: Maximum number of bytes to keep.
    """

    def __init__(self, limit: int) -> None:
        self._room = limit
        self._kept: dict[Path, Image] = {}

    def read(self, path: Path) -> Image:
        """Return the image of a file, (H, W, 3) uint8 RGB; do not change it.

        Raises:
            DataError: The file is missing or not an image.
        """
        if path in self._kept:
            return self._kept[path]
        # cv2.imread would print a warning of its own
        found = os.path.isfile(path) and path.stat().st_size
        bgr = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR) if found else None
        if bgr is None:
            raise DataError(f"{path}: missing or not an image; replace it, or remove it from its data set")
        image = np.ascontiguousarray(bgr[..., ::-1], np.uint8)
        if image.nbytes <= self._room:
            self._room -= image.nbytes
            self._kept[path] = image
        return image


@dataclass(frozen=True)
class AnnotatedImage:
    """One image with its boxes.

    Attributes:
        path: The image file.
        boxes: (B, 4) float32 xyxy in pixels of the image.
        category: (B,) int64 category ids of the annotations.
    """

    path: Path
    boxes: NDArray[np.float32]
    category: NDArray[np.int64]


class AnnotatedImages:
    """The images of an annotation file; decoded images are kept in memory up to 2 GiB.

    Args:
        images: The folder that file names in the annotations are relative to.
        annotations: A JSON file in COCO's format. Crowds, and boxes without area inside their image, are
            skipped; the log gives their number.

    Attributes:
        images: The images, in the order of the file.
        categories: Ids of the categories that the file declares, ascending.

    Raises:
        DataError: The file cannot be read, lacks a key, refers to a missing image or an unknown category, or
            contains no image.
    """

    def __init__(self, images: Path, annotations: Path) -> None:
        with report_read_errors(annotations, "cannot be read as JSON"):
            content = json.loads(annotations.read_text(encoding="utf-8"))
        with report_read_errors(annotations, "not in COCO's format; this is missing or wrong:"):
            self.categories = sorted(int(category["id"]) for category in content["categories"])
            self.images = _annotated(images, annotations, content, self.categories)
        # os.path.isfile is also False for names that the system does not allow
        absent = [image.path for image in self.images if not os.path.isfile(image.path)]
        if absent or not self.images:
            what = f"{len(absent)} images are missing, such as {absent[0]}" if absent else "names no image"
            raise DataError(f"{annotations}: {what}")
        self._cache = ImageCache(_CACHE_BYTES)

    def __len__(self) -> int:
        return len(self.images)

    def image(self, index: int) -> Image:
        """Return an image, (H, W, 3) uint8 RGB; do not change it.

        Raises:
            DataError: The file is not an image.
        """
        return self._cache.read(self.images[index].path)


def _annotated(
    folder: Path, source: Path, content: dict[str, Any], categories: list[int]
) -> list[AnnotatedImage]:
    by_image: dict[Any, list[dict[str, Any]]] = {image["id"]: [] for image in content["images"]}
    for annotation in content["annotations"]:
        if annotation["image_id"] not in by_image:
            raise DataError(
                f"{source}: an annotation has the image_id {annotation['image_id']!r}, which no image has"
            )
        if annotation["category_id"] not in categories:
            raise DataError(
                f"{source}: category_id {annotation['category_id']!r} is not among the categories"
            )
        by_image[annotation["image_id"]].append(annotation)
    images = []
    for image in content["images"]:
        whole = [a for a in by_image[image["id"]] if not a.get("iscrowd")]
        corners = xywh_to_xyxy(np.array([a["bbox"] for a in whole], np.float32).reshape(-1, 4))
        boxes = clip(corners, image["width"], image["height"])
        usable = area(boxes) > 0
        category = np.array([a["category_id"] for a in whole], np.int64)
        images.append(AnnotatedImage(folder / image["file_name"], boxes[usable], category[usable]))
    if skipped := len(content["annotations"]) - sum(len(image.boxes) for image in images):
        _LOG.info("%s: skipped %d crowds and boxes without area", source, skipped)
    return images
