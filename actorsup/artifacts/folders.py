"""Output folders that appear complete or not at all; a rerun resumes the partial folder of a killed run."""

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
    """Yield a temporary folder, and rename it to ``output`` if the context ends without an error.

    Args:
        output: Path of the folder to create or replace.
        provenance: Provenance of the folder, written to ``provenance.json`` in the folder. If a killed run
            left a partial folder with the same provenance, that folder is yielded with its files. With None,
            the yielded folder is always empty and no ``provenance.json`` is written.
    """
    partial_folder = output.with_name(f".{output.name}.partial")
    if provenance is None:
        shutil.rmtree(partial_folder, ignore_errors=True)
        partial_folder.mkdir(parents=True)
    else:
        resume_folder(partial_folder, json.dumps(provenance, sort_keys=True))
    yield partial_folder
    shutil.rmtree(output, ignore_errors=True)
    os.replace(partial_folder, output)


def resume_folder(folder: Path, provenance: str) -> None:
    """Create a folder for partial results; if it exists with a different provenance, empty it first."""
    provenance_file = folder / "provenance.json"
    is_same = provenance_file.exists() and provenance_file.read_text(encoding="utf-8") == provenance
    if folder.exists() and not is_same:
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_text_atomically(provenance_file, provenance)
