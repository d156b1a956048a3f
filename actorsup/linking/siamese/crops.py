"""Square crops around targets, as the Siamese network takes them."""

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
    """Side of the square that takes in boxes and a margin (SiamFC, Equation 15).

    Args:
        size: (..., 2) width and height of boxes, an array or a tensor.
        context: Margin p on both sides together, of the mean side: ((w + p)(h + p)) ** 0.5 where
            p is ``context`` * (w + h).

    Returns:
        (...) sides, in the unit of ``size``.
    """
    width, height = size[..., 0], size[..., 1]
    margin = context * (width + height)
    side: Array = ((width + margin) * (height + margin)) ** 0.5
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


def sample_crops(frames: Tensor, centre: Tensor, side: Tensor, padding: Tensor, pixels: int) -> Tensor:
    """The same as ``crop`` for many squares at once, where the frames are.

    ``crop`` places its samples to 1/32 of a pixel, as OpenCV does; this does not.

    Args:
        frames: (B, 3, H, W) float32, 0-255.
        centre: (B, 2) x and y of the squares' middles in pixels.
        side: (B, K) their sizes, K in each frame, pixels.
        padding: (B, 3) the colour outside the frame.
        pixels: Side of the crops, S.

    Returns:
        (B, K, 3, S, S) float32 of whole numbers, 0-255.
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
    # a frame less the colour, padded with 0
    sampled = functional.grid_sample(
        frames - colour, grid.flatten(1, 2), mode="bilinear", padding_mode="zeros", align_corners=False
    )
    return (sampled + colour).round_().unflatten(2, (side.shape[1], pixels)).transpose(1, 2)
