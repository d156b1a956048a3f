"""Actor-of-interest pooling (Section 3.2, Equation 1).

``grid_sample`` gives the same values, but 3 to 8 times slower for VGG16; ``roi_align`` differs at borders.
"""

import torch
from torch import Tensor
from torch.nn import functional


def actor_pooling(
    features: Tensor,
    boxes: Tensor,
    stride: float,
    grid: int,
    origin: float | None = None,
    average: bool = False,
) -> Tensor:
    """Bilinear samples on a grid inside every box, in each frame by itself or averaged over time.

    Sample i of ``grid`` lies at x1 + (i + 1/2)(x2 - x1) / grid in the frame, which is
    (x - origin) / stride on the feature map: x / stride - 1/2 for VGG16; outside the map features are zero.
    Each is the weighted sum of the four cells around it, and over time of as many in each frame.

    Args:
        features: (N, C, H, W), U of Equation 1, of N frames.
        boxes: (P, N, 4) xyxy in pixels of the frames that were encoded; NaN is an absent frame.
        stride: Pixels of a frame for each cell of the features.
        grid: Samples along each side, X = Y.
        origin: Where the middle of the first cell lies in the frame, pixels from its left and top
            edge; None is half a stride.
        average: Whether the mean over the frames that a tube is in is wanted alone.

    Returns:
        (P, N, X * Y, C), X along the width, zero in an absent frame; or (P, 1, X * Y, C).
    """
    frames, channels, height, width = features.shape
    x, y = (grid_samples(boxes, grid) - (stride / 2 if origin is None else origin)) / stride
    (across, k_across), (down, k_down) = _kernel(x, width), _kernel(y, height)
    if average:
        present = (~boxes.isnan().any(2)).sum(1).clamp(min=1)
        k_down = k_down / present[:, None, None, None]
    first = torch.arange(frames, device=features.device)[:, None, None] * (height * width)
    # (P, N, X, Y, 2, 2): columns and rows of the cells around each sample
    which = across[:, :, :, None, :, None] + (first + down * width)[:, :, None, :, None, :]
    shares = k_across[:, :, :, None, :, None] * k_down[:, :, None, :, None, :]
    if average:
        which, shares = which.movedim(1, 3), shares.movedim(1, 3)
    times = 1 if average else frames
    if not len(boxes):
        return features.new_zeros(0, times, grid * grid, channels)
    samples, around = len(boxes) * times * grid * grid, 4 * frames // times
    cells = features.permute(0, 2, 3, 1).reshape(-1, channels)
    pooled = functional.embedding_bag(
        which.reshape(samples, around),
        cells,
        mode="sum",
        per_sample_weights=shares.reshape(samples, around).to(cells),
    )
    return pooled.view(len(boxes), times, grid * grid, channels)


def grid_samples(boxes: Tensor, grid: int) -> Tensor:
    """Where boxes are sampled: (..., 4) xyxy to (2, ..., grid), x and y in their pixels."""
    middle = (torch.arange(grid).to(boxes) + 0.5) / grid
    low, high = boxes[..., None, :2], boxes[..., None, 2:]
    return (low + middle[:, None] * (high - low)).movedim(-1, 0)


def _kernel(where: Tensor, cells: int) -> tuple[Tensor, Tensor]:
    """Cells i where k(i - x) of Equation 1, k(d) = max(0, 1 - |d|), is not zero for samples x.

    Args:
        where: (...) samples along an axis of the map; NaN is none.
        cells: Of the axis.

    Returns:
        (..., 2) int64 the two cells around each sample, and (..., 2) k of them, 0 outside the map.
    """
    low = where.floor()
    around = torch.stack([low, low + 1], dim=-1)
    inside = (around >= 0) & (around < cells)
    # of NaN, the comparisons make 0
    shares = torch.where(inside, 1 - (around - where[..., None]).abs(), 0)
    return torch.where(inside, around, 0).long(), shares
