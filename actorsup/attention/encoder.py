"""Video encoders: frames to response maps (Section 3.2)."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from actorsup.attention.encoders import encoder_type
from actorsup.errors import DataError
from actorsup.training.backbones import IMAGENET_MEAN, IMAGENET_STD
from actorsup.training.weights import load_weights, put_weights

Colours = tuple[float, float, float]


@dataclass(frozen=True)
class TrunkInfo:
    """What there is to know of a trunk.

    Attributes:
        channels: Number of response maps.
        stride: Pixels for each of their cells.
        origin: Where the middle of the first cell lies in the frame, pixels from its left and top
            edge.
        mean: Of a pixel's colours, RGB in [0, 1], that the trunk expects.
        deviation: Their standard deviation.
        of_video: Whether it sees snippets of frames rather than single ones.
        side: Width and height of the only frames that it takes, in pixels; None takes any.
    """

    channels: int
    stride: float
    origin: float
    mean: Colours = IMAGENET_MEAN
    deviation: Colours = IMAGENET_STD
    of_video: bool = False
    side: int | None = None


def response_maps(trunk: nn.Module, images: Tensor) -> Tensor:
    """The last response maps of a trunk for images or snippets."""
    found = trunk(images)
    return found["maps"] if isinstance(found, dict) else found


class Encoder(nn.Module):
    """A trunk over single frames, or over snippets of them.

    Args:
        trunk: Images (B, 3, H, W) to (B, channels, h, w); or snippets (B, 3, T, H, W) to
            (B, channels, t, h, w).
        info: What there is to know of it.
    """

    def __init__(self, trunk: nn.Module, info: TrunkInfo) -> None:
        super().__init__()
        self.trunk, self.info = trunk, info

    def forward(self, images: Tensor, snippet: int = 1) -> Tensor:
        """Response maps (N, channels, h, w) of normalized images (N, 3, H, W).

        Args:
            images: Whole snippets of frames, one after another.
            snippet: Frames of each. A trunk for images sees each frame alone; what one for videos
                makes of a snippet is interpolated linearly in time, so that there is a map a frame.
        """
        if not self.info.of_video:
            return response_maps(self.trunk, images)
        frames = images.unflatten(0, (-1, snippet)).transpose(1, 2)
        maps = response_maps(self.trunk, frames)
        weights = _between(maps.shape[2], snippet).to(maps)
        return torch.einsum("bcthw,ft->bfchw", maps, weights).flatten(0, 1)

    def normalize(self, frames: Tensor, pixels: str = "imagenet") -> Tensor:
        """Frames (N, H, W, 3) uint8 RGB to (N, 3, H, W) float32, as the trunk takes them.

        Args:
            frames: The frames.
            pixels: ``imagenet``, or ``half`` for [-0.5, 0.5] (``AttentionSettings.pixels``).
        """
        images = frames.permute(0, 3, 1, 2).to(torch.float32, copy=True).div_(255)
        if pixels == "half":
            return images.sub_(0.5)
        mean, deviation = (
            torch.tensor(values, device=frames.device).view(3, 1, 1)
            for values in (self.info.mean, self.info.deviation)
        )
        return images.sub_(mean).div_(deviation)


def _between(cells: int, frames: int) -> Tensor:
    """Linear interpolation of so many equal cells of time at the middles of frames: (frames, cells)."""
    middle = ((torch.arange(frames) + 0.5) * cells / frames - 0.5).clamp(0, cells - 1)
    return (1 - (middle[:, None] - torch.arange(cells)).abs()).clamp(min=0)


def build_encoder(name: str) -> Encoder:
    """An encoder with random weights; its name and errors are those of ``encoder_type``."""
    return encoder_type(name).build()


def put_encoder_weights(name: str, encoder: Encoder, path: Path) -> None:
    """Start an encoder from what stills or videos taught (Section 4.2).

    Args:
        name: Its name; its type says what the file holds (``EncoderType.put_weights``).
        encoder: The encoder.
        path: The weights file.

    Raises:
        DataError: The file is damaged or of another architecture.
    """
    kind = encoder_type(name)
    if kind.put_weights is None:
        put_state(encoder, name, path)
    else:
        kind.put_weights(encoder, path)


def put_state(encoder: Encoder, name: str, path: Path, prefix: str = "") -> None:
    """Put the state of a trunk, by its names after a prefix, into an encoder.

    Raises:
        DataError: The file is damaged or of another architecture.
    """
    content = load_weights(path)
    state = {layer: content.get(prefix + layer) for layer in encoder.trunk.state_dict()}
    if lacking := [layer for layer, value in state.items() if not isinstance(value, Tensor)]:
        raise DataError(
            f"{path}: lacks {prefix}{lacking[0]}; the encoder {name} starts from weights as torchvision "
            "publishes them, by their names there"
        )
    put_weights(encoder.trunk, {k: v for k, v in state.items() if v is not None}, path)
