"""Square crops around targets, as the Siamese network takes them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from actorsup.detection.base import Image

Colour = tuple[float, ...]
"""Red, green and blue, 0-255."""


def context_side(size: NDArray[np.floating], context: float) -> NDArray[np.floating]:
    """Side of the square that takes in boxes and a margin (SiamFC, Equation 15).

    Args:
        size: (..., 2) width and height of boxes.
        context: Margin p on both sides together, of the mean side: ((w + p)(h + p)) ** 0.5 where
            p is ``context`` * (w + h).

    Returns:
        (...) sides, in the unit of ``size``.
    """
    margin = context * size.sum(-1, keepdims=True)
    side: NDArray[np.floating] = np.sqrt((size + margin).prod(-1))
    return side


def mean_colour(image: Image) -> Colour:
    """The mean of an image (H, W, 3), which crops are padded with."""
    return cv2.mean(image)[:3]


def crop(
    image: Image, centre: NDArray[np.floating], side: float, padding: Colour, output: NDArray[np.uint8]
) -> None:
    """Cut a square out of an image, at a fraction of a pixel, and scale it bilinearly.

    Args:
        image: (H, W, 3) uint8.
        centre: (2,) x and y of the square's middle in pixels.
        side: Of the square, pixels; where it leaves the image it is padded.
        padding: The colour outside the image.
        output: (S, S, 3) uint8, filled with the crop.
    """
    resample(image, centre - side / 2, side / len(output), padding, output)


def resample(
    image: Image, corner: NDArray[np.floating], ratio: float, padding: Colour, output: NDArray[np.uint8]
) -> None:
    """Cut a rectangle out of an image and scale it, as ``crop``.

    Args:
        image: (H, W, 3) uint8.
        corner: (2,) x and y of the rectangle's upper left corner in pixels.
        ratio: Pixels of the image for each one of the output.
        padding: The colour outside the image.
        output: (h, w, 3) uint8, filled with the rectangle.
    """
    # a pixel's middle lies half a pixel from its corner, in the output as in the image
    middle = corner + ratio / 2 - 0.5
    matrix = np.array([[ratio, 0, middle[0]], [0, ratio, middle[1]]])
    height, width = output.shape[:2]
    cv2.warpAffine(
        image,
        matrix,
        (width, height),
        dst=output,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=padding,
    )
