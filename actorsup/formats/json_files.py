"""Read JSON of other programs strictly."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from actorsup.errors import report_read_errors

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""Start of an escaped surrogate; a pair of surrogates encodes one character."""


def load_json(
    path: Path,
    problem: str = "cannot be read as JSON",
    object_pairs_hook: Callable[[list[tuple[str, Any]]], dict[str, Any]] | None = None,
) -> Any:
    """Read a JSON file, rejecting NaN, Infinity and unpaired surrogates.

    Args:
        path: Path of the file.
        problem: Description of the problem in the error message.
        object_pairs_hook: Function that converts the key-value pairs of an object, as in ``json.loads``.

    Raises:
        DataError: The file is missing, damaged or not strict JSON.
    """
    with report_read_errors(path, problem):
        text = path.read_text(encoding="utf-8-sig")
        content = json.loads(text, parse_constant=_reject_constant, object_pairs_hook=object_pairs_hook)
        if _SURROGATE.search(text):
            json.dumps(content, ensure_ascii=False).encode()  # raises for an unpaired surrogate
        return content


def _reject_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON; omit the key instead")
