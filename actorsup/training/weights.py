"""Weights files: download with a checksum, reading that never executes code, and atomic writing."""

import logging
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from actorsup.artifacts.access import raise_if_damaged, retry
from actorsup.artifacts.atomic import replace_atomically, report_write_errors
from actorsup.errors import DataError, access_problem

_LOG = logging.getLogger(__name__)


def fetch_published(model: str, output: str | Path) -> None:
    """Download the default weights that torchvision publishes for a model, and verify their checksum.

    Args:
        model: Name of the model in torchvision's registry, such as ``"ssd300_vgg16"`` or ``"vgg16"``.
        output: Path of the weights file, which appears complete or not at all.

    Raises:
        DataError: The download failed or its checksum is wrong; the message names the URL and the path for a
            manual download.
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
    """Load a file that ``torch.save`` wrote onto the CPU, restricted to tensors and plain Python values.

    Raises:
        DataError: The file is missing or damaged, is not a dictionary, or contains other objects.
    """
    try:
        raise_if_damaged(
            path,
            lambda: ("intact", _damaged_member(path) or "intact"),
            "delete it and run again, or replace it with an intact copy if no rule writes it",
        )
        content = retry(lambda: torch.load(path, map_location="cpu", weights_only=True), path)
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such weights file") from error
    except Exception as error:  # a damaged pickle raises almost any type
        if problem := access_problem(error):
            raise DataError(f"{path}: cannot be read: {problem}") from error
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: not a weights file that can be used safely ({reason})") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds a {type(content).__name__}, wanted a dictionary of tensors")
    return content


def _damaged_member(path: str | Path) -> str | None:
    """Return a member of a file whose checksum is wrong, which PyTorch ignores; None for the old format."""
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        return archive.testzip()


def save_weights(path: str | Path, content: Mapping[str, Any]) -> None:
    """Write a dictionary of tensors and plain Python values to a file that appears complete or not at all.

    Raises:
        DataError: The file cannot be written.
    """
    # a stream instead of a path, because PyTorch does not report a full disk for a path
    with (
        report_write_errors(path),
        replace_atomically(path) as temporary_path,
        open(temporary_path, "wb") as stream,
    ):
        torch.save(dict(content), stream)


def epoch_file(folder: str | Path, epoch: int) -> Path:
    """Return the path of the weights file for the state after an epoch (1-based)."""
    return Path(folder) / f"epoch{epoch:03d}.pt"


def load_state(module: nn.Module, state: Mapping[str, Tensor], path: str | Path) -> None:
    """Load a state dict into a module; names and shapes must match exactly.

    Args:
        module: Module to load the state dict into.
        state: State dict.
        path: Path of the weights file, for the error message.

    Raises:
        DataError: Names or shapes differ, because the weights belong to a different architecture.
    """
    try:
        module.load_state_dict(dict(state))
    except (RuntimeError, AttributeError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: weights of another architecture than {type(module).__name__}; {_shorten(str(error))}"
        ) from error


def _shorten(text: str) -> str:
    return " ".join(text.split())[:300]
