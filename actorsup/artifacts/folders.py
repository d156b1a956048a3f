"""Folders that appear complete or not at all, and resume the work of a killed run."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from actorsup.artifacts.atomic import write_text_atomically


@contextmanager
def replace_folder(output: Path, provenance: Mapping[str, Any] | None = None) -> Iterator[Path]:
    """Yield a folder to fill, and rename it to ``output`` if the context ends without an error.

    Args:
        output: The folder to create or replace.
        provenance: Its origin, written to ``provenance.json`` in the folder. The yielded folder already
            contains the partial work of a killed run with the same provenance. None always starts afresh
            and writes no such file.
    """
    partial = output.with_name(f".{output.name}.partial")
    if provenance is None:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    else:
        resume_folder(partial, json.dumps(provenance, sort_keys=True))
    yield partial
    shutil.rmtree(output, ignore_errors=True)
    os.replace(partial, output)


def resume_folder(folder: Path, provenance: str) -> None:
    """Create a folder for partial work; content from another provenance is deleted first."""
    stamp = folder / "provenance.json"
    if folder.exists() and not (stamp.exists() and stamp.read_text(encoding="utf-8") == provenance):
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_text_atomically(stamp, provenance)
