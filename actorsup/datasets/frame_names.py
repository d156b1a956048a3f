"""Frames of a folder of images, by the names of its files."""

import re
from pathlib import Path

from actorsup.datasets.signatures import IMAGE_SUFFIXES


def image_files(folder: Path) -> list[Path]:
    """Return the image files of a folder, sorted by name with numbers by value: frame2 before frame10.

    Raises:
        OSError: The folder cannot be read.
    """
    visible_paths = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted(
        (path for path in visible_paths if path.suffix.lower() in IMAGE_SUFFIXES), key=natural_sort_key
    )


def natural_sort_key(path: Path) -> tuple[list[tuple[int, int | str]], str]:
    """Return a sort key of a file name that compares numbers in the name by value."""
    parts = re.findall(r"[0-9]+|[^0-9]+", path.name)
    # the name itself orders frame1 and frame01
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts], path.name
