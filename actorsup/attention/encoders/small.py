"""The encoder ``small``: the trunk of ``small_ssd``, for small frames and CPUs."""

from pathlib import Path
from typing import TYPE_CHECKING

from actorsup.attention.encoders import EncoderType

if TYPE_CHECKING:
    from torch import Tensor, nn

    from actorsup.attention.encoder import Encoder
    from actorsup.training.backbones import SmallBackbone


def _build() -> "Encoder":
    from actorsup.attention.encoder import Encoder, TrunkInfo
    from actorsup.training.backbones import IMAGENET_MEAN, IMAGENET_STD, SmallBackbone

    trunk = SmallBackbone
    info = TrunkInfo(trunk.channels, trunk.stride, trunk.origin, IMAGENET_MEAN, IMAGENET_STD)
    return Encoder(_folded(trunk()), info)


def _folded(trunk: "SmallBackbone") -> "nn.Sequential":
    """The same function with each batch normalization, its statistics frozen, in its convolution.

    The frames of one video are no batch to take statistics of, and without them a step on a CPU
    takes a third less.
    """
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    folded = nn.Sequential()
    for block in trunk.eval():
        convolution, normalization, relu = block.children()
        assert isinstance(convolution, nn.Conv2d) and isinstance(normalization, nn.BatchNorm2d)
        folded.append(nn.Sequential(fuse_conv_bn_eval(convolution, normalization), relu))
    # fusing makes constants of the new biases
    return folded.requires_grad_()


def _put_weights(encoder: "Encoder", path: Path) -> None:
    """Put the trunk of a trained ``small_ssd``, or the state of a ``SmallBackbone``, into the encoder."""
    from actorsup.training.backbones import SmallBackbone
    from actorsup.training.weights import load_weights, put_weights

    trunk = SmallBackbone()
    put_weights(trunk, _state(load_weights(path), path), path)
    encoder.trunk.load_state_dict(_folded(trunk).state_dict())


def _state(content: "dict[str, Tensor]", path: Path) -> "dict[str, Tensor]":
    if "architecture" not in content:
        return content
    from actorsup.detection.small import trunk_state

    return trunk_state(path)


TYPE = EncoderType(_build, _put_weights)
