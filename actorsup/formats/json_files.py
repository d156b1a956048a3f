"""Strict reading of JSON from other programs."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from actorsup.errors import report_read_errors

_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""The start of an escaped surrogate; two of them may form one character."""


def load_json(
    path: Path,
    wanted: str = "cannot be read as JSON",
    pairs: Callable[[list[tuple[str, Any]]], dict[str, Any]] | None = None,
) -> Any:
    """Read a JSON file; NaN, Infinity and unpaired surrogates are errors.

    Args:
        path: The file.
        wanted: The problem to name in the error message.
        pairs: The ``object_pairs_hook`` of ``json``.

    Raises:
        DataError: The file cannot be read.
    """
    with report_read_errors(path, wanted):
        text = path.read_text(encoding="utf-8-sig")
        content = json.loads(text, parse_constant=_no_constant, object_pairs_hook=pairs)
        if _HALF.search(text):
            json.dumps(content, ensure_ascii=False).encode()  # raises for an unpaired surrogate
        return content


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON; omit the key instead")
