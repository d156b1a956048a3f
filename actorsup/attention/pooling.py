"""Actor-of-interest pooling (Section 3.2, Equation 1)."""

import torch
from torch import Tensor


def actor_pooling(
    features: Tensor, boxes: Tensor, stride: float, grid: int, origin: float | None = None
) -> Tensor:
    """Bilinear samples on a grid inside every box, in each frame by itself.

    Sample i of ``grid`` lies at x1 + (i + 1/2)(x2 - x1) / grid in the frame, which is
    (x - origin) / stride on the feature map: x / stride - 1/2 for VGG16; outside the map features are zero.
    The samples are one matrix product a frame, deterministic on every device.

    Args:
        features: (N, C, H, W), U of Equation 1, of N frames.
        boxes: (P, N, 4) xyxy in pixels of the frames that were encoded; NaN is an absent frame.
        stride: Pixels of a frame for each cell of the features.
        grid: Samples along each side, X = Y.
        origin: Where the middle of the first cell lies in the frame, pixels from its left and top
            edge; None is half a stride.

    Returns:
        (N, P, X * Y, C), X along the width, before the average over time; zero in an absent frame.
    """
    frames, channels, height, width = features.shape
    tubes = len(boxes)
    samples = (
        grid_samples(boxes.transpose(0, 1), grid) - (stride / 2 if origin is None else origin)
    ) / stride
    # k(i' - x) and k(j' - y) of Equation 1; of NaN, the comparison makes 0
    across, down = (_kernel(where, cells) for where, cells in zip(samples, (width, height), strict=True))
    weights = torch.einsum("npxw,npyh->npxyhw", across, down).reshape(frames, -1, height * width)
    cells = features.permute(0, 2, 3, 1).reshape(frames, height * width, channels)
    return torch.bmm(weights.to(cells), cells).view(frames, tubes, grid * grid, channels)


def grid_samples(boxes: Tensor, grid: int) -> Tensor:
    """Where boxes are sampled: (..., 4) xyxy to (2, ..., grid), x and y in their pixels."""
    middle = (torch.arange(grid).to(boxes) + 0.5) / grid
    low, high = boxes[..., None, :2], boxes[..., None, 2:]
    return (low + middle[:, None] * (high - low)).movedim(-1, 0)


def _kernel(where: Tensor, cells: int) -> Tensor:
    """k(d) = max(0, 1 - |d|) of samples (..., X) at each of so many cells: (..., X, cells)."""
    distance = (where[..., None] - torch.arange(cells).to(where)).abs()
    return torch.where(distance < 1, 1 - distance, 0)
