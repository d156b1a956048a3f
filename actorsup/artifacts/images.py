"""Type of an RGB image, and JPEG encoding."""

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""RGB image: (H, W, 3) uint8."""


def encode_jpeg(image: Image, quality: int = 95) -> bytes:
    """Return the bytes of a JPEG file of an image; ``quality`` is between 1 and 100."""
    import cv2  # not at the top: the workflow imports this module before any job runs

    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
