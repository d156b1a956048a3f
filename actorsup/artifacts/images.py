"""Images in memory and as JPEG files."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""One image: (H, W, 3) uint8 RGB."""


def write_jpeg(path: Path, image: Image, quality: int) -> None:
    """Write an RGB image as JPEG of quality 1 to 100."""
    import cv2  # planning a run imports this module

    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    path.write_bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())
