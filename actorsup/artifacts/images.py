"""Images in memory and as JPEG files."""

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""One image: (H, W, 3) uint8 RGB."""


def encode_jpeg(image: Image, quality: int = 95) -> bytes:
    """Encode an image as a JPEG file of quality 1 to 100."""
    import cv2  # planning a run imports this module

    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
