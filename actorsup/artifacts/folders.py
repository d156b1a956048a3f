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

    With a provenance, the folder keeps the files of a killed run of the same provenance, so that the
    caller can skip finished files; its ``provenance.json`` holds the provenance.

    Args:
        output: The folder to make; one that is there is replaced.
        provenance: The inputs and settings that it is made from; partial work of another provenance is
            deleted. None: all partial work is deleted.
    """
    partial = output.with_name(f".{output.name}.partial")
    made_by = json.dumps(provenance, sort_keys=True)
    stamp = partial / "provenance.json"
    usable = provenance is not None and stamp.exists() and stamp.read_text(encoding="utf-8") == made_by
    if partial.exists() and not usable:
        shutil.rmtree(partial)
    partial.mkdir(parents=True, exist_ok=True)
    if provenance is not None:
        write_whole(stamp, made_by)
    yield partial
    shutil.rmtree(output, ignore_errors=True)
    os.replace(partial, output)
