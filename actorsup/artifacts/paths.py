"""Paths in the configuration: expansion of ``~`` and environment variables, and existence checks."""

import os
import re
from pathlib import Path

from actorsup.errors import ConfigError, did_you_mean


def expand_path(path: str, key: str) -> Path:
    """Expand ``~`` and ``${VARIABLE}`` in a path of the configuration.

    Args:
        path: Path as written in the configuration.
        key: Name of the setting, for the error message.

    Raises:
        ConfigError: An environment variable is not set.
    """
    for name in re.findall(r"\$\{?(\w+)\}?", path):
        if name not in os.environ:
            raise ConfigError(
                f"{key}: {path!r} needs the environment variable {name}; set it or write the path"
            )
    return Path(os.path.expandvars(path)).expanduser()


def existing_path(path: str, key: str, remedy: str = "") -> Path:
    """Expand a path of the configuration and check that it exists.

    Args:
        path: Path as written in the configuration.
        key: Name of the setting, for the error message.
        remedy: Advice for the error message, such as "create it".

    Raises:
        ConfigError: The path does not exist. The message suggests the most similar name in the same folder.
    """
    full_path = expand_path(path, key)
    if not full_path.exists():
        siblings = [entry.name for entry in full_path.parent.iterdir()] if full_path.parent.is_dir() else []
        hint = (f"; {remedy}" if remedy else "") + did_you_mean(full_path.name, siblings)
        base = "" if full_path.is_absolute() else f", relative to the working folder {Path.cwd()}"
        raise ConfigError(f"{key}: no such file or folder: {full_path}{base}{hint}")
    return full_path
