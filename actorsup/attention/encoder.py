"""Video encoders: frames to response maps (Section 3.2)."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from actorsup.attention.torchvision_trunks import TrunkInfo, response_maps, torchvision_trunk
from actorsup.backbones import IMAGENET_MEAN, IMAGENET_STD, SmallBackbone, vgg16_blocks
from actorsup.errors import DataError
from actorsup.weights import load_weights, put_weights


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
        """Response maps (N, channels, h, w) of normalised images (N, 3, H, W).

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

    def normalise(self, frames: Tensor, pixels: str = "imagenet") -> Tensor:
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


def _vgg16() -> Encoder:
    # conv5_3 after its ReLU, without the last pooling
    return Encoder(vgg16_blocks(5), TrunkInfo(512, 16, 8, IMAGENET_MEAN, IMAGENET_STD))


def _small() -> Encoder:
    trunk = SmallBackbone
    info = TrunkInfo(trunk.channels, trunk.stride, trunk.origin, IMAGENET_MEAN, IMAGENET_STD)
    return Encoder(_folded(trunk()), info)


def _folded(trunk: SmallBackbone) -> nn.Sequential:
    """The same function with each batch normalisation, its statistics frozen, in its convolution.

    The frames of one video are no batch to take statistics of, and without them a step on a CPU
    takes a third less.
    """
    folded = nn.Sequential()
    for block in trunk.eval():
        convolution, normalisation, relu = block.children()
        assert isinstance(convolution, nn.Conv2d) and isinstance(normalisation, nn.BatchNorm2d)
        folded.append(nn.Sequential(fuse_conv_bn_eval(convolution, normalisation), relu))
    # fusing makes constants of the new biases
    return folded.requires_grad_()


ENCODERS: dict[str, Callable[[], Encoder]] = {"vgg16": _vgg16, "small": _small}
"""Encoders of our own, by name; one more is one more entry."""


def build_encoder(name: str) -> Encoder:
    """An encoder with random weights.

    Args:
        name: One of ``ENCODERS``, or a network of torchvision for images or videos.

    Raises:
        ConfigError: There is none of that name.
    """
    if name in ENCODERS:
        return ENCODERS[name]()
    return Encoder(*torchvision_trunk(name, ENCODERS))


def put_encoder_weights(name: str, encoder: Encoder, path: Path) -> None:
    """Start an encoder from what stills or videos taught (Section 4.2).

    Args:
        name: Its name. For ``vgg16`` the file holds VGG16's convolutions as ``features.*``,
            torchvision's names; for ``small`` it is a trained ``small_ssd``, or the state of a
            ``SmallBackbone``; else it is what torchvision publishes of the network.
        encoder: The encoder.
        path: The weights file.

    Raises:
        DataError: The file is damaged or of another architecture.
    """
    content = load_weights(path)
    if name == "small":
        trunk = SmallBackbone()
        put_weights(trunk, _small_state(content, path), path)
        encoder.trunk.load_state_dict(_folded(trunk).state_dict())
        return
    prefix = "features." if name == "vgg16" else ""
    state = {layer: content.get(prefix + layer) for layer in encoder.trunk.state_dict()}
    if lacking := [layer for layer, value in state.items() if not isinstance(value, Tensor)]:
        raise DataError(
            f"{path}: lacks {prefix}{lacking[0]}; the encoder {name} starts from weights as torchvision "
            "publishes them, by their names there"
        )
    put_weights(encoder.trunk, {k: v for k, v in state.items() if v is not None}, path)


def _small_state(content: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    if "architecture" not in content:
        return content
    from actorsup.detection.small import trunk_state

    return trunk_state(path)
