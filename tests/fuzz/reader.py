"""What is fuzzed: a good file to begin with, how to damage it, and what reads it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mutation import Damage, damaged_bytes, damaged_cells, damaged_json


@dataclass(frozen=True)
class Reader:
    """What is fuzzed.

    Attributes:
        suffix: Of its files.
        good: Makes a good file in a folder, and what else the reader needs there.
        damages: What is done to the bytes of a good file.
        read: Reads a file of that folder.
        examples: How many files the tests damage, unless ``FUZZ_EXAMPLES`` says.
    """

    suffix: str
    good: Callable[[Path], None]
    damages: tuple[Damage, ...]
    read: Callable[[Path], object]
    examples: int = 15


def write(name: str, content: str | object) -> Callable[[Path], None]:
    text = content if isinstance(content, str) else json.dumps(content)
    return lambda folder: (folder / name).write_text(text) and None


TEXT = (damaged_cells, damaged_cells, damaged_bytes)
JSON = (damaged_json, damaged_json, damaged_bytes)
