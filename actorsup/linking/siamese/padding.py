"""Features of images of which much is padding, without computing what padding makes."""

from itertools import pairwise

import torch
from torch import Tensor, nn

Box = tuple[int, int, int, int]
"""x1, y1, x2, y2 in pixels or cells, half-open."""


class OverPadding:
    """A trunk that is told where its images are padding of one colour each.

    After each pooling a cell that saw padding alone is known: it is the same for all of them. So each
    part of the trunk is run on what saw anything else, and once on a patch of nothing but padding.
    The features are those of the trunk, to the rounding of its convolutions.

    Args:
        trunk: Layers of valid convolutions, ReLUs and poolings, with square kernels.
    """

    def __init__(self, trunk: nn.Sequential) -> None:
        ends = [number + 1 for number, layer in enumerate(trunk) if isinstance(layer, nn.MaxPool2d)]
        bounds = [0, *ends, len(trunk)]
        self._parts = [trunk[start:end] for start, end in pairwise(bounds)]
        self._windows = [_window(part) for part in self._parts]

    def __call__(self, images: Tensor, inside: Box) -> Tensor:
        """Features (B, C, h, w) of normalized images (B, 3, S, S).

        Args:
            images: Each is of one colour outside ``inside``.
            inside: Pixels.
        """
        x1, y1, x2, y2 = inside
        if x1 > 0 or y1 > 0:
            padding = images[:, :, :1, :1]
        elif y2 < images.shape[2] or x2 < images.shape[3]:
            padding = images[:, :, -1:, -1:]
        else:
            padding = images[:, :, :0, :0]
        for part, (kernel, stride) in zip(self._parts[:-1], self._windows, strict=False):
            if not padding.numel():
                images = part(images)
                continue
            padding = part(padding.expand(-1, -1, kernel, kernel))
            images, inside = _part(part, kernel, stride, images, padding, inside)
        features: Tensor = self._parts[-1](images)
        return features


def _part(
    part: nn.Module, kernel: int, stride: int, images: Tensor, padding: Tensor, inside: Box
) -> tuple[Tensor, Box]:
    """What a part makes of images (B, C, H, W), and which cells of it saw anything but padding.

    ``padding`` (B, C', 1, 1) is what it makes of padding.
    """
    height, width = ((extent - kernel) // stride + 1 for extent in images.shape[2:])
    x1, x2 = _seeing(inside[0], inside[2], kernel, stride, width)
    y1, y2 = _seeing(inside[1], inside[3], kernel, stride, height)
    found = padding.expand(-1, -1, height, width).contiguous(memory_format=torch.channels_last)
    if x1 < x2 and y1 < y2:
        rows = slice(stride * y1, stride * (y2 - 1) + kernel)
        columns = slice(stride * x1, stride * (x2 - 1) + kernel)
        found[:, :, y1:y2, x1:x2] = part(images[:, :, rows, columns])
    return found, (x1, y1, x2, y2)


def _seeing(start: int, end: int, kernel: int, stride: int, cells: int) -> tuple[int, int]:
    """The cells whose windows reach into [start, end), along one axis."""
    if start >= end:
        return 0, 0
    first = max(0, -((kernel - 1 - start) // stride))
    return first, min(cells, (end - 1) // stride + 1)


def _window(layers: nn.Sequential) -> tuple[int, int]:
    """Side and stride of what one cell sees of the input."""
    kernel, stride = 1, 1
    for layer in layers:
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            side, step = (
                value if isinstance(value, int) else value[0] for value in (layer.kernel_size, layer.stride)
            )
            kernel, stride = kernel + (side - 1) * stride, stride * step
    return kernel, stride
