"""JSON as other programs write it: read strictly, since much that passes for JSON is none."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from actorsup.errors import reading

_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""How an escape of half a character begins; two of them may be a whole one."""


def load_json(
    path: Path,
    wanted: str = "cannot be read as JSON",
    pairs: Callable[[list[tuple[str, Any]]], dict[str, Any]] | None = None,
) -> Any:
    """A JSON file; NaN and Infinity are no JSON, and half a character is no text.

    Args:
        path: The file.
        wanted: What the message says of one that is none.
        pairs: Makes an object of its keys and values, as ``object_pairs_hook`` of ``json``.

    Raises:
        DataError: It cannot be read.
    """
    with reading(path, wanted):
        text = path.read_text(encoding="utf-8-sig")
        content = json.loads(text, parse_constant=_no_constant, object_pairs_hook=pairs)
        if _HALF.search(text):
            json.dumps(content, ensure_ascii=False).encode()  # tells of the one that has no other half
        return content


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON; leave the key out instead")
