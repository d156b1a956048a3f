"""Weights files: published ones with their checksum, and safe reading that never executes code."""

import logging
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from actorsup.artifacts.atomic import replace_atomically, report_write_errors
from actorsup.errors import DataError

_LOG = logging.getLogger(__name__)


def fetch_published(model: str, output: str | Path) -> None:
    """Fetch the weights of a model that torchvision publishes, and check their checksum.

    Args:
        model: Name in the registry of torchvision, such as ``"ssd300_vgg16"`` or ``"vgg16"``.
        output: The file to write, complete or not at all.

    Raises:
        DataError: The download failed, or its checksum differs; the message says which file to put where.
    """
    from torchvision.models import get_model_weights

    url = get_model_weights(model).DEFAULT.url
    digest = re.search(r"-([0-9a-f]{8,})\.pth$", url)
    assert digest, f"torchvision names no digest for {model}"
    _LOG.info("fetching %s", url)
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(url, str(output), hash_prefix=digest[1], progress=False)
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"weights of {model} could not be fetched ({error}); put {url} at {output}, "
            "or name a file of your own as the section's weights: in config.yaml"
        ) from error


def load_weights(path: str | Path) -> dict[str, Any]:
    """Read a file of ``torch.save`` onto the CPU: tensors and plain values only.

    Raises:
        DataError: The file is missing, damaged, or contains code.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:  # PyTorch ignores its checksums
                if damaged := archive.testzip():
                    raise ValueError(f"damaged, {damaged} and its checksum differ; delete it and run again")
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such weights file") from error
    except Exception as error:  # a damaged pickle raises almost any type
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: not a weights file that can be used safely ({reason})") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds a {type(content).__name__}, wanted a dictionary of tensors")
    return content


def save_weights(path: str | Path, content: Mapping[str, Any]) -> None:
    """Write tensors and plain values for ``load_weights``, complete or not at all."""
    # given a path instead of a stream, PyTorch does not report a full disk
    with report_write_errors(path), replace_atomically(path) as temporary, open(temporary, "wb") as stream:
        torch.save(dict(content), stream)


def epoch_file(folder: str | Path, epoch: int) -> Path:
    """Return the path of the weights after an epoch, counted from 1."""
    return Path(folder) / f"epoch{epoch:03d}.pt"


def load_state(module: nn.Module, state: Mapping[str, Tensor], path: str | Path) -> None:
    """Load weights into a module, all of them and no others.

    Raises:
        DataError: Names or shapes differ, because the weights are of another architecture.
    """
    try:
        module.load_state_dict(dict(state))
    except (RuntimeError, AttributeError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: weights of another architecture than {type(module).__name__}; {_shorten(str(error))}"
        ) from error


def _shorten(text: str) -> str:
    return " ".join(text.split())[:300]
