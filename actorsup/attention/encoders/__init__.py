"""Encoder types: one module for each, named as the type, and every network of torchvision."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from actorsup.registry import Registry

if TYPE_CHECKING:  # planning a run imports this module without torch
    from actorsup.attention.encoder import Encoder

TORCHVISION = "actorsup.attention.torchvision_trunks"
"""The module of every encoder that is not in ``ENCODERS``."""


@dataclass(frozen=True)
class EncoderType:
    """A type of encoder: how to build it, and what planning a run needs to know.

    Attributes:
        build: Builds an encoder with random weights. Import slow packages inside.
        load_state: Loads a weights file into an encoder; None loads the trunk's state by its names.
        published: Name of its published weights; None if there are none.
        check_snippet: Raises ConfigError unless the encoder accepts snippets of this many frames.
    """

    build: Callable[[], "Encoder"]
    load_state: "Callable[[Encoder, Path], None] | None" = None
    published: str | None = None
    check_snippet: Callable[[int], None] = lambda frames: None


ENCODERS: Registry[EncoderType] = Registry(
    "encoder", "actorsup.attention.encoders", group="actorsup.encoders"
)


def encoder_type(name: str) -> EncoderType:
    """Return the type of an encoder: one of ``ENCODERS``, or a torchvision network for images or videos.

    Raises:
        ConfigError: The name is unknown.
    """
    if name in ENCODERS:
        return ENCODERS[name]
    # not an import statement, which code_digest would count for encoders of every type
    torchvision: EncoderType = import_module(TORCHVISION).torchvision_type(name)
    return torchvision


def initialize_encoder(name: str, encoder: "Encoder", path: Path) -> None:
    """Load pretrained weights into an encoder (Section 4.2).

    Args:
        name: Name of the encoder; its type defines the content of the file (``EncoderType.load_state``).
        encoder: The encoder.
        path: The weights file.

    Raises:
        DataError: The file is damaged or of another architecture.
    """
    from actorsup.attention.encoder import load_trunk

    if (load := encoder_type(name).load_state) is None:
        load_trunk(encoder, name, path)
    else:
        load(encoder, path)


def encoder_module(name: str) -> str:
    """Return the module that defines an encoder; its code affects the features."""
    return ENCODERS.module(name) if name in ENCODERS else TORCHVISION
