"""The encoder ``vgg16``: conv5_3 of VGG16, after its ReLU and without the last pooling (Section 4.2)."""

from pathlib import Path
from typing import TYPE_CHECKING

from actorsup.attention.encoders import EncoderType

if TYPE_CHECKING:
    from actorsup.attention.encoder import Encoder


def _build() -> "Encoder":
    from actorsup.attention.encoder import Encoder, TrunkInfo
    from actorsup.training.backbones import IMAGENET_MEAN, IMAGENET_STD, vgg16_blocks

    return Encoder(vgg16_blocks(5), TrunkInfo(512, 16, 8, IMAGENET_MEAN, IMAGENET_STD))


def _put_weights(encoder: "Encoder", path: Path) -> None:
    """Put VGG16's convolutions, ``features.*`` in torchvision's names, into the encoder."""
    from actorsup.attention.encoder import put_state

    put_state(encoder, "vgg16", path, prefix="features.")


TYPE = EncoderType(_build, _put_weights, published="vgg16")
