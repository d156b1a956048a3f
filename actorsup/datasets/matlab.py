"""Read MATLAB files in a separate process, since SciPy's reader crashes on damaged ones."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from actorsup.datasets import matlab_child
from actorsup.errors import DataError, report_read_errors

_SECONDS = 300


def read_matlab(path: Path, name: str, wanted: str) -> Any:
    """Read a variable of a MATLAB file of version 4 to 7.

    Args:
        path: The file.
        name: The variable.
        wanted: The problem to name in the error message of an invalid file.

    Returns:
        Structures as a list of dictionaries, text as text, a single number as a number, several numbers as
        a list of rows.

    Raises:
        DataError: The file cannot be read, has no such variable, or makes the reader crash or hang.
    """
    with report_read_errors(path, "cannot be read"), open(path, "rb"):
        pass  # a missing file has its own message
    # -P: modules in the script's folder must not shadow others
    command = [sys.executable, "-P", matlab_child.__file__, str(path), name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise DataError(f"{path}: {wanted} (not read after {_SECONDS} seconds)") from error
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2][:300] if done.returncode > 0 else ""
        raise DataError(f"{path}: {wanted} ({last or f'its reader ended with {done.returncode}'})")
    with report_read_errors(path, wanted):
        return json.loads(done.stdout)
