"""The types of encoders: a module for each, named as its type, or any network of torchvision."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from actorsup.registry import Registry

if TYPE_CHECKING:  # planning a run imports this module, but not torch
    from actorsup.attention.encoder import Encoder

TORCHVISION = "actorsup.attention.torchvision_trunks"
"""The module of every encoder that is not among ``ENCODERS``."""


@dataclass(frozen=True)
class EncoderType:
    """A type of encoder: how it is built, and what planning a run needs to know of it.

    Attributes:
        build: Builds one with random weights. Packages that take long to import are imported inside.
        put_weights: Puts the weights of a file into one; None reads the trunk's state by its names.
        published: The name of its published weights, None where nobody publishes any.
        check_snippet: Raises ConfigError unless it takes snippets of so many frames in a row.
    """

    build: Callable[[], "Encoder"]
    put_weights: "Callable[[Encoder, Path], None] | None" = None
    published: str | None = None
    check_snippet: Callable[[int], None] = lambda frames: None


ENCODERS: Registry[EncoderType] = Registry(
    "encoder", "actorsup.attention.encoders", group="actorsup.encoders"
)


def encoder_type(name: str) -> EncoderType:
    """The type of an encoder: one of ``ENCODERS``, or a network of torchvision for images or videos.

    Raises:
        ConfigError: There is none of that name.
    """
    if name in ENCODERS:
        return ENCODERS[name]
    # not an import statement: code_digest would include it for encoders of every type
    found: EncoderType = import_module(TORCHVISION).torchvision_type(name)
    return found


def encoder_module(name: str) -> str:
    """The module that defines an encoder; its code decides what the features are."""
    return ENCODERS.module(name) if name in ENCODERS else TORCHVISION
