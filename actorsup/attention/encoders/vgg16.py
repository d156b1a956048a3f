"""Encoder ``vgg16``: VGG16 up to the ReLU of conv5_3, before the last pooling (Section 4.2 of the paper)."""

from pathlib import Path
from typing import TYPE_CHECKING

from actorsup.attention.encoders import EncoderType

if TYPE_CHECKING:
    from actorsup.attention.encoder import Encoder


def _build() -> "Encoder":
    from actorsup.attention.encoder import Encoder, TrunkInfo
    from actorsup.training.backbones import vgg16_blocks

    return Encoder(vgg16_blocks(5), TrunkInfo(channels=512, stride=16, origin=8))


def _load_weights(encoder: "Encoder", path: Path) -> None:
    """Load the convolutions of torchvision's VGG16, whose names start with ``features.``."""
    from actorsup.attention.encoder import load_trunk

    load_trunk(encoder, "vgg16", path, prefix="features.")


TYPE = EncoderType(_build, _load_weights, published="vgg16")
