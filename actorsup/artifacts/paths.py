"""Paths in the configuration: ``~``, environment variables, and existence checks."""

import os
import re
from pathlib import Path

from actorsup.errors import ConfigError, did_you_mean


def expand_path(path: str, key: str) -> Path:
    """Expand ``~`` and ``${VARIABLE}`` in a path of the configuration.

    Raises:
        ConfigError: A variable is not set.
    """
    for name in re.findall(r"\$\{?(\w+)\}?", path):
        if name not in os.environ:
            raise ConfigError(
                f"{key}: {path!r} needs the environment variable {name}; set it or write the path"
            )
    return Path(os.path.expandvars(path)).expanduser()


def existing_path(path: str, key: str, remedy: str = "") -> Path:
    """Expand a path of the configuration that must exist.

    Args:
        path: The value in the configuration.
        key: The setting, for the message.
        remedy: What to do if the path does not exist.

    Raises:
        ConfigError: The path does not exist; the message suggests the nearest name in its folder.
    """
    found = expand_path(path, key)
    if not found.exists():
        siblings = [entry.name for entry in found.parent.iterdir()] if found.parent.is_dir() else []
        hint = (f"; {remedy}" if remedy else "") + did_you_mean(found.name, siblings)
        raise ConfigError(f"{key}: no such file or folder: {found}{hint}")
    return found
