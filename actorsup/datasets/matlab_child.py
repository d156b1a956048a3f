"""Print a variable of a MATLAB file as JSON; ``matlab.py`` runs this script in a separate process."""

import json
import resource
import sys
from typing import Any

_MAX_MEMORY = 8 << 30


def main() -> None:
    """Print a variable of a MATLAB file as JSON; command-line arguments: path and variable name."""
    path, name = sys.argv[1:]
    hard_limit = resource.getrlimit(resource.RLIMIT_AS)[1]
    limit = _MAX_MEMORY if hard_limit == resource.RLIM_INFINITY else min(_MAX_MEMORY, hard_limit)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard_limit))
    from scipy.io import loadmat

    try:
        with open(path, "rb") as stream:
            text = json.dumps(to_plain_values(loadmat(stream)[name]))
    except Exception as error:  # a damaged file raises nearly anything
        sys.exit(repr(error))
    sys.stdout.write(text)


def to_plain_values(value: Any) -> Any:
    """Convert a value that SciPy read: structures to lists of dictionaries, arrays to nested lists."""
    if getattr(value.dtype, "names", None):
        return [
            {name: to_plain_values(element[name]) for name in value.dtype.names} for element in value.ravel()
        ]
    if value.dtype.kind == "O":
        return [to_plain_values(element) for element in value.ravel()]
    return value.item() if value.size == 1 else value.tolist()


if __name__ == "__main__":
    main()
