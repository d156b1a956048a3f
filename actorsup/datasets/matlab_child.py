"""Reads a MATLAB file in a process of its own, and writes what it holds as JSON; see ``matlab.py``."""

import json
import resource
import sys
from typing import Any

_MEMORY = 8 << 30


def main() -> None:
    """Read the file and the variable that the arguments name."""
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
    """Structures as a list of dictionaries, text as text, numbers as lists of them."""
    if getattr(value.dtype, "names", None):
        return [{name: plain(one[name]) for name in value.dtype.names} for one in value.ravel()]
    if value.dtype.kind == "O":
        return [plain(one) for one in value.ravel()]
    return value.item() if value.size == 1 else value.tolist()


if __name__ == "__main__":
    main()
