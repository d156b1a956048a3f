"""Actor-of-interest pooling (Section 3.2, Equation 1)."""

import torch
from torch import Tensor
from torch.nn import functional


def actor_pooling(
    features: Tensor, boxes: Tensor, stride: int, grid: int, origin: float | None = None
) -> Tensor:
    """Bilinear samples on a grid inside every box, averaged over time.

    Sample i of ``grid`` lies at x1 + (i + 1/2)(x2 - x1) / grid in the frame, which is
    (x - origin) / stride on the feature map: x / stride - 1/2 for VGG16; outside the map features are zero.

    Args:
        features: (N, C, H, W), U of Equation 1, of N frames.
        boxes: (P, N, 4) xyxy in pixels of the frames that were encoded; NaN is an absent frame,
            left out of the average.
        stride: Pixels of a frame for each cell of the features.
        grid: Samples along each side, X = Y.
        origin: Where the middle of the first cell lies in the frame, pixels from its left and top
            edge; None is half a stride.

    Returns:
        (P, C, X, Y), X along the width; zero for a tube that is in no frame.
    """
    frames, channels, height, width = features.shape
    tubes = len(boxes)
    present = ~boxes.isnan().any(2)
    share = present.to(features) / present.sum(1, keepdim=True).clamp(min=1)
    # PyTorch's coordinates go from -1 to 1 over the whole map, whose first cell has half a stride
    # before its middle
    size = torch.tensor([width, height], device=boxes.device) * stride
    edge = 0.0 if origin is None else origin - stride / 2
    samples = (grid_samples(boxes.nan_to_num(), grid) - edge) / size * 2 - 1
    samples = samples.transpose(0, 1).reshape(frames, tubes, grid * grid, 2)
    # its bilinear kernel is k(i' - x) k(j' - y) of Equation 1
    values = functional.grid_sample(features, samples, padding_mode="zeros", align_corners=False)
    return torch.einsum("ncps,pn->pcs", values, share).view(tubes, channels, grid, grid)


def grid_samples(boxes: Tensor, grid: int) -> Tensor:
    """Where boxes are sampled: (..., 4) xyxy to (..., grid, grid, 2) x and y, in their pixels."""
    middle = (torch.arange(grid).to(boxes) + 0.5) / grid
    low, high = boxes[..., None, :2], boxes[..., None, 2:]
    x, y = (low + middle[:, None] * (high - low)).unbind(-1)
    x, y = x[..., :, None], y[..., None, :]
    return torch.stack(torch.broadcast_tensors(x, y), dim=-1)
