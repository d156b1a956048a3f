"""Folders that are written whole or not at all, and go on where a killed run left them."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from actorsup.artifacts.atomic import write_whole


@contextmanager
def whole_folder(output: Path, provenance: Mapping[str, Any] | None = None) -> Iterator[Path]:
    """Yield a folder to fill, which becomes ``output`` when the context ends without an error.

    With a provenance, the folder already holds what a killed run with the same provenance left, so that
    the caller can skip finished files; ``provenance.json`` in it records the provenance.

    Args:
        output: The folder to make; an existing one is replaced.
        provenance: What makes the folder. Partial work with another provenance is deleted; without one,
            all partial work.
    """
    partial = output.with_name(f".{output.name}.partial")
    made_by = None if provenance is None else json.dumps(provenance, sort_keys=True)
    stamp = partial / "provenance.json"
    if made_by is None or not (stamp.exists() and stamp.read_text(encoding="utf-8") == made_by):
        shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True, exist_ok=True)
    if made_by is not None:
        write_whole(stamp, made_by)
    yield partial
    shutil.rmtree(output, ignore_errors=True)
    os.replace(partial, output)
