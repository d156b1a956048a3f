"""Square crops around targets: the inputs of the Siamese network."""

from collections.abc import Sequence
from typing import TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from actorsup.artifacts.images import Image

Array = TypeVar("Array", NDArray[np.floating], Tensor)
Colour = Sequence[float]
"""Red, green and blue, 0-255."""


def context_side(size: Array, context: float) -> Array:
    """Return the side of the square around a box with a margin (SiamFC, Equation 15).

    The side is ((w + p) * (h + p)) ** 0.5 with p = ``context`` * (w + h).

    Args:
        size: (..., 2) width and height of boxes, an array or a tensor.
        context: The margin p relative to width plus height.

    Returns:
        (...) sides, in the unit of ``size``.
    """
    width, height = size[..., 0], size[..., 1]
    margin = context * (width + height)
    side: Array = ((width + margin) * (height + margin)) ** 0.5
    return side


def mean_colour(image: Image) -> Colour:
    """Return the mean color of an image, which pads its crops."""
    return cv2.mean(image)[:3]


def crop(
    image: Image, centre: NDArray[np.floating], side: float, padding: Colour, output: NDArray[np.uint8]
) -> None:
    """Cut a square out of an image with subpixel precision and scale it bilinearly.

    Args:
        image: (H, W, 3) uint8.
        centre: (2,) x and y of the square's center in pixels.
        side: Side of the square in pixels.
        padding: Color of the part outside the image.
        output: (S, S, 3) uint8 to write the crop to.
    """
    resample(image, centre - side / 2, side / len(output), padding, output)


def resample(
    image: Image, corner: NDArray[np.floating], ratio: float, padding: Colour, output: NDArray[np.uint8]
) -> None:
    """Cut a rectangle out of an image and scale it, like ``crop``.

    Args:
        image: (H, W, 3) uint8.
        corner: (2,) x and y of the rectangle's upper left corner in pixels.
        ratio: Pixels of the image per pixel of the output.
        padding: Color of the part outside the image.
        output: (h, w, 3) uint8 to write the rectangle to.
    """
    # the center of a pixel is half a pixel from its corner, in the output and in the image
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


def sample_crops(frames: Tensor, centre: Tensor, side: Tensor, padding: Tensor, pixels: int) -> Tensor:
    """Cut many squares at once on the device of the frames, like ``crop``.

    OpenCV, and therefore ``crop``, rounds sample positions to 1/32 of a pixel; this function does not.

    Args:
        frames: (B, 3, H, W) float32, 0-255.
        centre: (B, 2) x and y of the squares' centers in pixels.
        side: (B, K) sides of K squares per frame, pixels.
        padding: (B, 3) color of the part outside the frame.
        pixels: Side of the crops, S.

    Returns:
        (B, K, 3, S, S) float32 with integer values, 0-255.
    """
    inside = torch.arange(pixels, dtype=side.dtype, device=side.device) + 0.5
    corner = centre[:, None] - side[..., None] / 2
    places = corner[:, :, None] + inside[:, None] * (side / pixels)[..., None, None]
    height, width = frames.shape[2:]
    x, y = ((places[..., axis] * 2 / extent - 1).float() for axis, extent in enumerate((width, height)))
    grid = torch.stack(
        [x[:, :, None].expand(-1, -1, pixels, -1), y[..., None].expand(-1, -1, -1, pixels)], -1
    )
    colour = padding[:, :, None, None].float()
    # subtract the color, so that padding with 0 pads with the color
    sampled = functional.grid_sample(
        frames - colour, grid.flatten(1, 2), mode="bilinear", padding_mode="zeros", align_corners=False
    )
    return (sampled + colour).round_().unflatten(2, (side.shape[1], pixels)).transpose(1, 2)
