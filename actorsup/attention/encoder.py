"""Video encoders: frames to response maps (Section 3.2)."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from actorsup.errors import DataError
from actorsup.training.backbones import IMAGENET_MEAN, IMAGENET_STD
from actorsup.training.weights import load_state, load_weights

Color = tuple[float, float, float]


@dataclass(frozen=True)
class TrunkInfo:
    """Geometry and input scaling of a trunk.

    Attributes:
        channels: Number of response maps.
        stride: Pixels of the frame per cell of a response map.
        origin: Distance of the center of the first cell from the left and top edges of the frame, in pixels.
        mean: Mean color that the trunk expects, RGB in [0, 1].
        deviation: Standard deviation of the colors.
        video: Whether the trunk sees snippets of frames instead of single frames.
        side: Width and height of the only accepted frame size, in pixels; None accepts any size.
    """

    channels: int
    stride: float
    origin: float
    mean: Color = IMAGENET_MEAN
    deviation: Color = IMAGENET_STD
    video: bool = False
    side: int | None = None


def response_maps(trunk: nn.Module, images: Tensor) -> Tensor:
    """Return the last response maps of a trunk for images or snippets."""
    output = trunk(images)
    return output["maps"] if isinstance(output, dict) else output


class Encoder(nn.Module):
    """A trunk over single frames, or over snippets of frames.

    Args:
        trunk: Images (B, 3, H, W) to (B, channels, h, w), or snippets (B, 3, T, H, W) to
            (B, channels, t, h, w).
        info: Its geometry and input scaling.
    """

    def __init__(self, trunk: nn.Module, info: TrunkInfo) -> None:
        super().__init__()
        self.trunk, self.info = trunk, info

    def forward(self, images: Tensor, snippet: int = 1) -> Tensor:
        """Encode normalized images (N, 3, H, W) as response maps (N, channels, h, w).

        Args:
            images: Complete snippets of frames, one after another.
            snippet: Frames per snippet. An image trunk encodes each frame independently. The maps of a video
                trunk are interpolated linearly in time, so that each frame has one.
        """
        if not self.info.video:
            return response_maps(self.trunk, images)
        snippets = images.unflatten(0, (-1, snippet)).transpose(1, 2)  # (B, 3, T, H, W)
        maps = response_maps(self.trunk, snippets)  # (B, channels, t, h, w)
        weights = _time_weights(maps.shape[2], snippet).to(maps)  # (T, t)
        return torch.einsum("bcthw,ft->bfchw", maps, weights).flatten(0, 1)

    def normalize(self, frames: Tensor, pixels: str = "imagenet") -> Tensor:
        """Scale frames (N, H, W, 3) uint8 RGB for the trunk: (N, 3, H, W) float32.

        Args:
            frames: The frames.
            pixels: ``imagenet`` for the mean and deviation of ``info``, or ``half`` for [-0.5, 0.5]
                (``AttentionSettings.pixels``).
        """
        images = frames.permute(0, 3, 1, 2).to(torch.float32, copy=True).div_(255)
        if pixels == "half":
            return images.sub_(0.5)
        mean, deviation = torch.tensor([self.info.mean, self.info.deviation], device=frames.device).view(
            2, 3, 1, 1
        )
        return images.sub_(mean).div_(deviation)


def _time_weights(cells: int, frames: int) -> Tensor:
    """Return weights (frames, cells) that interpolate equal cells of time at the middles of frames."""
    middle = ((torch.arange(frames) + 0.5) * cells / frames - 0.5).clamp(0, cells - 1)
    return (1 - (middle[:, None] - torch.arange(cells)).abs()).clamp(min=0)


def load_trunk(encoder: Encoder, name: str, path: Path, prefix: str = "") -> None:
    """Load the weights of an encoder's trunk, named in the file as in the trunk, after a prefix.

    Raises:
        DataError: The file is damaged or of another architecture.
    """
    content = load_weights(path)
    state = {layer: content.get(prefix + layer) for layer in encoder.trunk.state_dict()}
    tensors = {layer: value for layer, value in state.items() if isinstance(value, Tensor)}
    if missing := [layer for layer in state if layer not in tensors]:
        raise DataError(
            f"{path}: lacks {prefix}{missing[0]}; the encoder {name} starts from weights as torchvision "
            "publishes them, with the same names"
        )
    load_state(encoder.trunk, tensors, path)
