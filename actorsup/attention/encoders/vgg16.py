"""The encoder ``vgg16``: conv5_3 of VGG16, after its ReLU and without the last pooling (Section 4.2)."""

from pathlib import Path
from typing import TYPE_CHECKING

from actorsup.attention.encoders import EncoderType

if TYPE_CHECKING:
    from actorsup.attention.encoder import Encoder


def _build() -> "Encoder":
    from actorsup.attention.encoder import Encoder, TrunkInfo
    from actorsup.training.backbones import vgg16_blocks

    return Encoder(vgg16_blocks(5), TrunkInfo(channels=512, stride=16, origin=8))


def _load(encoder: "Encoder", path: Path) -> None:
    """Load the convolutions of VGG16, which torchvision names ``features.*``."""
    from actorsup.attention.encoder import load_trunk

    load_trunk(encoder, "vgg16", path, prefix="features.")


TYPE = EncoderType(_build, _load, published="vgg16")
