"""MATLAB files read in a process apart: SciPy's reader crashes on damaged ones."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from actorsup.datasets import matlab_child
from actorsup.errors import DataError, report_read_errors

_SECONDS = 300


def read_matlab(path: Path, name: str, wanted: str) -> Any:
    """A variable of a MATLAB file of version 4 to 7.

    Args:
        path: The file.
        name: The variable.
        wanted: What the message says of a file that is none.

    Returns:
        Structures as a list of dictionaries, text as text, a number alone as a number, more of them
        as lists of rows.

    Raises:
        DataError: The file cannot be read, has no such variable, or makes the reader crash or hang.
    """
    with report_read_errors(path, "cannot be read"), open(path, "rb"):
        pass  # whether it is there is told by its own words
    # -P: no module beside it takes the place of another
    command = [sys.executable, "-P", matlab_child.__file__, str(path), name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise DataError(f"{path}: {wanted} (not read after {_SECONDS} seconds)") from error
    if done.returncode:
        told = done.stderr.strip().splitlines()
        reason = (
            told[-1][:300] if told and done.returncode > 0 else f"its reader ended with {done.returncode}"
        )
        raise DataError(f"{path}: {wanted} ({reason})")
    with report_read_errors(path, wanted):
        return json.loads(done.stdout)
