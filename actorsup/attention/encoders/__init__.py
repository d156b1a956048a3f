"""Encoder types: one module per type, with the name of the type, and all networks of torchvision."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from actorsup.registry import Registry

if TYPE_CHECKING:  # the workflow imports this module without PyTorch, before any job runs
    from actorsup.attention.encoder import Encoder

TORCHVISION = "actorsup.attention.torchvision_trunks"
"""Name of the module of the encoders that are not in ``ENCODERS``."""


@dataclass(frozen=True)
class EncoderType:
    """Encoder type: functions that build an encoder and load its weights, and properties for the job graph.

    Attributes:
        build: Function that builds an encoder with random weights; it must import slow packages itself.
        load_state: Function that loads a weights file into an encoder; None uses ``load_trunk``, for files
            with the parameter names of the trunk.
        published: Name of the torchvision model whose published weights initialize the encoder; None if the
            encoder has no published weights.
        check_snippet: Function that raises ConfigError if the encoder does not accept a snippet length, in
            frames.
    """

    build: Callable[[], "Encoder"]
    load_state: "Callable[[Encoder, Path], None] | None" = None
    published: str | None = None
    check_snippet: Callable[[int], None] = lambda frames: None


ENCODERS: Registry[EncoderType] = Registry(
    "encoder", "actorsup.attention.encoders", group="actorsup.encoders"
)


def encoder_type(name: str) -> EncoderType:
    """Return the encoder type of a name in ``ENCODERS``, or of a torchvision network for images or videos.

    Raises:
        ConfigError: The name is unknown.
    """
    if name in ENCODERS:
        return ENCODERS[name]
    # an import statement would add this module to the code digest of every encoder type
    torchvision: EncoderType = import_module(TORCHVISION).torchvision_type(name)
    return torchvision


def initialize_encoder(name: str, encoder: "Encoder", path: Path) -> None:
    """Load pretrained weights into an encoder (Section 4.2 of the paper).

    Args:
        name: Name of the encoder, which determines the format of the file (``EncoderType.load_state``).
        encoder: Encoder to load the weights into.
        path: Path of the weights file.

    Raises:
        DataError: The file is damaged or belongs to a different architecture.
    """
    from actorsup.attention.encoder import load_trunk

    if (load := encoder_type(name).load_state) is None:
        load_trunk(encoder, name, path)
    else:
        load(encoder, path)


def encoder_module(name: str) -> str:
    """Return the name of the module that defines an encoder, for the code digest."""
    return ENCODERS.module(name) if name in ENCODERS else TORCHVISION
