"""Print a variable of a MATLAB file as JSON; ``matlab.py`` runs this script in a separate process."""

import json
import resource
import sys
from typing import Any

_MEMORY = 8 << 30


def main() -> None:
    """Read the variable; the arguments are the path and the name."""
    path, name = sys.argv[1:]
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = _MEMORY if hard == resource.RLIM_INFINITY else min(_MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    from scipy.io import loadmat

    try:
        with open(path, "rb") as stream:
            text = json.dumps(plain(loadmat(stream)[name]))
    except Exception as error:  # a damaged file raises nearly anything
        sys.exit(repr(error))
    sys.stdout.write(text)


def plain(value: Any) -> Any:
    """Convert structures to lists of dictionaries, and arrays to lists."""
    if getattr(value.dtype, "names", None):
        return [{name: plain(one[name]) for name in value.dtype.names} for one in value.ravel()]
    if value.dtype.kind == "O":
        return [plain(one) for one in value.ravel()]
    return value.item() if value.size == 1 else value.tolist()


if __name__ == "__main__":
    main()
