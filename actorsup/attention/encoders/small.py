"""Encoder ``small``: the trunk of the detector ``small_ssd``, for small frames and CPUs."""

from pathlib import Path
from typing import TYPE_CHECKING

from actorsup.attention.encoders import EncoderType

if TYPE_CHECKING:
    from torch import nn

    from actorsup.attention.encoder import Encoder
    from actorsup.training.backbones import SmallBackbone


def _build() -> "Encoder":
    from actorsup.attention.encoder import Encoder, TrunkInfo
    from actorsup.training.backbones import SmallBackbone

    trunk = SmallBackbone()
    return Encoder(_fold_batch_norm(trunk), TrunkInfo(trunk.channels, trunk.stride, trunk.origin))


def _fold_batch_norm(trunk: "SmallBackbone") -> "nn.Sequential":
    """Fold each batch normalization, with frozen statistics, into its convolution.

    The frames of one video are not a representative batch for the statistics of batch normalization, and a
    training step on a CPU takes a third less time without batch normalization.
    """
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    folded_trunk = nn.Sequential()
    for block in trunk.eval():
        convolution, normalization, relu = block.children()
        assert isinstance(convolution, nn.Conv2d) and isinstance(normalization, nn.BatchNorm2d)
        folded_trunk.append(nn.Sequential(fuse_conv_bn_eval(convolution, normalization), relu))
    # the fused biases do not require gradients yet
    return folded_trunk.requires_grad_()


def _load_weights(encoder: "Encoder", path: Path) -> None:
    """Load the trunk of a trained ``small_ssd`` detector, or the state dict of a ``SmallBackbone``."""
    from actorsup.training.backbones import SmallBackbone
    from actorsup.training.weights import load_state, load_weights

    trunk, state = SmallBackbone(), load_weights(path)
    if "architecture" in state:
        from actorsup.detection.small import trunk_state

        state = trunk_state(path)
    load_state(trunk, state, path)
    encoder.trunk.load_state_dict(_fold_batch_norm(trunk).state_dict())


TYPE = EncoderType(_build, _load_weights)
