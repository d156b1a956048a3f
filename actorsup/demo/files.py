"""Files that the demo makes: images, and folders that appear whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from actorsup.demo.sprites import Image

_QUALITY = 95


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which takes the place of ``path`` when the context ends without error."""
    partial = path.with_name(f".{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    yield partial
    shutil.rmtree(path, ignore_errors=True)
    os.replace(partial, path)


def write_jpeg(path: Path, image: Image) -> None:
    """Write an image (H, W, 3) uint8 RGB."""
    encoded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
    path.write_bytes(encoded.tobytes())
