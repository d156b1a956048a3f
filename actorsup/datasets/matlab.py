"""Read MATLAB files in a separate process, since SciPy's reader crashes on damaged ones."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from actorsup.datasets import matlab_child
from actorsup.errors import DataError, report_read_errors

_TIMEOUT_SECONDS = 300


def read_matlab(path: Path, name: str, problem: str) -> Any:
    """Read a variable of a MATLAB file of version 4 to 7.

    Args:
        path: Path of the MATLAB file.
        name: Name of the variable.
        problem: Description of the problem in the error message for an invalid file.

    Returns:
        The value in plain Python types: a list of dictionaries for structures, a string for text, a number
        for a single number, and a list of rows for several numbers.

    Raises:
        DataError: The file cannot be read, has no such variable, or makes the reader crash or hang.
    """
    with report_read_errors(path, "cannot be read"), open(path, "rb"):
        pass  # a missing file has its own message
    # -P: modules in the script's folder must not shadow others
    command = [sys.executable, "-P", matlab_child.__file__, str(path), name]
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise DataError(f"{path}: {problem} (not read after {_TIMEOUT_SECONDS} seconds)") from error
    if process.returncode:
        last_line = process.stderr.strip().rpartition("\n")[2][:300] if process.returncode > 0 else ""
        raise DataError(f"{path}: {problem} ({last_line or f'its reader ended with {process.returncode}'})")
    with report_read_errors(path, problem):
        return json.loads(process.stdout)
