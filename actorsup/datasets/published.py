"""Resolve the paths of a published data set and its annotations."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from actorsup.artifacts.paths import existing_path, expand_path


def published_paths(name: str, section: Mapping[str, Any]) -> dict[str, Path]:
    """Return the paths ``root`` and, if the section sets it, ``annotations`` of a published data set.

    Args:
        name: Name of the section of ``datasets:``.
        section: Settings of the section.

    Raises:
        ConfigError: The root or the annotations do not exist.
    """
    root = existing_path(section["root"], f"datasets.{name}.root")
    if section.get("annotations") is None:
        return {"root": root}
    key = f"datasets.{name}.annotations"
    # a relative path is below the root
    annotations = existing_path(str(root / expand_path(section["annotations"], key)), key)
    return {"root": root, "annotations": annotations.absolute()}
