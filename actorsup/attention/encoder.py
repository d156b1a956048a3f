"""Video encoders, which compute response maps of frames (Section 3.2 of the paper)."""

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
    """Geometry and input normalization of a trunk (the convolutional part of an encoder).

    Attributes:
        channels: Number of channels of the response maps.
        stride: Frame pixels per cell of a response map.
        origin: Distance of the center of the first cell from the left and top edges of the frame, in pixels.
        mean: Mean color of the training images of the trunk, RGB in [0, 1].
        std: Standard deviation of these colors.
        video: Whether the input of the trunk is snippets of frames instead of single frames.
        input_size: Width and height in pixels if the trunk accepts only one frame size; None accepts any
            size.
    """

    channels: int
    stride: float
    origin: float
    mean: Color = IMAGENET_MEAN
    std: Color = IMAGENET_STD
    video: bool = False
    input_size: int | None = None


def response_maps(trunk: nn.Module, images: Tensor) -> Tensor:
    """Run a trunk on images or snippets and return its last response maps."""
    output = trunk(images)
    return output["maps"] if isinstance(output, dict) else output


class Encoder(nn.Module):
    """Encoder of single frames or of snippets of frames.

    Args:
        trunk: Module that maps images (B, 3, H, W) to response maps (B, channels, h, w), or snippets
            (B, 3, T, H, W) to response maps (B, channels, t, h, w).
        info: Geometry and input normalization of the trunk.
    """

    def __init__(self, trunk: nn.Module, info: TrunkInfo) -> None:
        super().__init__()
        self.trunk, self.info = trunk, info

    def forward(self, images: Tensor, snippet: int = 1) -> Tensor:
        """Encode normalized images (N, 3, H, W) as response maps (N, channels, h, w).

        Args:
            images: Normalized frames of consecutive, complete snippets.
            snippet: Number of frames per snippet. An image trunk encodes each frame independently. The
                response maps of a video trunk are interpolated linearly in time to one map per frame.
        """
        if not self.info.video:
            return response_maps(self.trunk, images)
        snippets = images.unflatten(0, (-1, snippet)).transpose(1, 2)  # (B, 3, T, H, W)
        maps = response_maps(self.trunk, snippets)  # (B, channels, t, h, w)
        weights = _time_weights(maps.shape[2], snippet).to(maps)  # (T, t)
        return torch.einsum("bcthw,ft->bfchw", maps, weights).flatten(0, 1)

    def normalize(self, frames: Tensor, pixels: str = "imagenet") -> Tensor:
        """Normalize frames for the trunk.

        Args:
            frames: (N, H, W, 3) uint8 RGB frames.
            pixels: ``imagenet`` to normalize with mean and standard deviation of ``info``, or ``half`` to
                scale to [-0.5, 0.5] (``AttentionSettings.pixels``).

        Returns:
            (N, 3, H, W) float32 images.
        """
        images = frames.permute(0, 3, 1, 2).to(torch.float32, copy=True).div_(255)
        if pixels == "half":
            return images.sub_(0.5)
        mean, std = torch.tensor([self.info.mean, self.info.std], device=frames.device).view(2, 3, 1, 1)
        return images.sub_(mean).div_(std)


def _time_weights(cells: int, frames: int) -> Tensor:
    """Return weights (frames, cells) that interpolate temporal cells linearly at the frame centers."""
    frame_centers = ((torch.arange(frames) + 0.5) * cells / frames - 0.5).clamp(0, cells - 1)
    return (1 - (frame_centers[:, None] - torch.arange(cells)).abs()).clamp(min=0)


def load_trunk(encoder: Encoder, name: str, path: Path, prefix: str = "") -> None:
    """Load a weights file into the trunk of an encoder.

    Args:
        encoder: Encoder to load the weights into.
        name: Name of the encoder, for the error message.
        path: Path of the weights file.
        prefix: Prefix of the parameter names in the file, such as ``"features."``.

    Raises:
        DataError: The file is damaged or belongs to a different architecture.
    """
    content = load_weights(path)
    state = {layer: content.get(prefix + layer) for layer in encoder.trunk.state_dict()}
    tensors = {layer: value for layer, value in state.items() if isinstance(value, Tensor)}
    if missing_layers := [layer for layer in state if layer not in tensors]:
        raise DataError(
            f"{path}: lacks {prefix}{missing_layers[0]}; the encoder {name} starts from weights as "
            "torchvision publishes them, with the same names"
        )
    load_state(encoder.trunk, tensors, path)
