"""A reader to fuzz."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mutation import Damage, damaged_bytes, damaged_cells, damaged_dialect, damaged_json

from actorsup.errors import ActorsupError


@dataclass(frozen=True)
class Reader:
    """A reader to fuzz, with a valid file and ways to damage it.

    Attributes:
        suffix: Suffix of its files.
        good: Creates a valid file in a folder, and the other files that the reader needs.
        damages: Functions that damage the bytes of a valid file.
        read: Reads a file of that folder.
        examples: Number of files that the tests damage; ``FUZZ_EXAMPLES`` overrides it.
    """

    suffix: str
    good: Callable[[Path], None]
    damages: tuple[Damage, ...]
    read: Callable[[Path], object]
    examples: int = 15


def tried(*readings: Callable[[], object]) -> None:
    """Run every reader of a file; raise the error if all fail with documented ones."""
    errors = []
    for reading in readings:
        try:
            reading()
        except ActorsupError as error:
            assert str(error).strip()
            errors.append(error)
    if errors and len(errors) == len(readings):
        raise errors[-1]


def write(name: str, content: str | object) -> Callable[[Path], None]:
    text = content if isinstance(content, str) else json.dumps(content)
    return lambda folder: (folder / name).write_text(text) and None


def separated(by: str) -> tuple[Damage, ...]:
    """Return damages of a text whose lines have a separator."""
    cells = partial(damaged_cells, separator=by)
    return cells, cells, damaged_bytes


TEXT = (damaged_cells, damaged_cells, damaged_dialect, damaged_bytes)
JSON = (damaged_json, damaged_json, damaged_bytes)
