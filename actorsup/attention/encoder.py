"""Video encoders: frames to response maps (Section 3.2)."""

from collections.abc import Callable
from pathlib import Path

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from actorsup.backbones import SmallBackbone, vgg16_blocks
from actorsup.errors import DataError
from actorsup.weights import load_weights, put_weights


class Encoder(nn.Module):
    """A convolutional trunk over single frames.

    Args:
        trunk: (B, 3, H, W) normalised to (B, channels, H / stride, W / stride).
        stride: Pixels for each cell of the response maps.
        channels: Number of response maps.
        origin: Where the middle of the first cell lies in the frame, pixels from its left and top
            edge.
    """

    def __init__(self, trunk: nn.Sequential, stride: int, channels: int, origin: float) -> None:
        super().__init__()
        self.trunk, self.stride, self.channels, self.origin = trunk, stride, channels, origin

    def forward(self, images: Tensor) -> Tensor:
        """Response maps (B, channels, H / stride, W / stride) of normalised images (B, 3, H, W)."""
        return self.trunk(images)


def _vgg16() -> Encoder:
    # conv5_3 after its ReLU, without the last pooling
    return Encoder(vgg16_blocks(5), stride=16, channels=512, origin=8)


def _small() -> Encoder:
    trunk = SmallBackbone
    return Encoder(_folded(trunk()), trunk.stride, trunk.channels, trunk.origin)


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
"""What builds an encoder with random weights, by its name in a section of ``models:``."""


def put_encoder_weights(name: str, encoder: Encoder, path: Path) -> None:
    """Start an encoder from what stills taught (Section 4.2).

    Args:
        name: Its name. For ``vgg16`` the file holds VGG16's convolutions as ``features.*``,
            torchvision's names; for ``small`` it is a trained ``small_ssd``, or the state of a
            ``SmallBackbone``.
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
    state = {layer: content.get(f"features.{layer}") for layer in encoder.trunk.state_dict()}
    if lacking := [layer for layer, value in state.items() if not isinstance(value, Tensor)]:
        raise DataError(
            f"{path}: lacks features.{lacking[0]}; the encoder {name} starts from VGG16's features.*, "
            "as torchvision publishes them"
        )
    put_weights(encoder.trunk, {k: v for k, v in state.items() if v is not None}, path)


def _small_state(content: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    if "architecture" not in content:
        return content
    from actorsup.detection.small import trunk_state

    return trunk_state(path)
