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
def whole_folder(output: Path, provenance: Mapping[str, Any]) -> Iterator[Path]:
    """Yield a folder to fill, which becomes ``output`` when the context ends without an error.

    What a killed run of the same making has left is in it already, so that its user can pass
    over what is finished; ``provenance.json`` in it says what made it.

    Args:
        output: The folder to make; one that is there is replaced.
        provenance: What makes it; partial work of another is thrown away.
    """
    partial = output.with_name(f".{output.name}.partial")
    made_by = json.dumps(provenance, sort_keys=True)
    stamp = partial / "provenance.json"
    if partial.exists() and not (stamp.exists() and stamp.read_text(encoding="utf-8") == made_by):
        shutil.rmtree(partial)
    partial.mkdir(parents=True, exist_ok=True)
    write_whole(stamp, made_by)
    yield partial
    shutil.rmtree(output, ignore_errors=True)
    os.replace(partial, output)
