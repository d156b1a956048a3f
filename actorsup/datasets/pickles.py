"""Read pickles of numbers without executing the code that a pickle may contain."""

import io
import pickle
import re
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actorsup.errors import DataError


class _Kind:
    """Replaces ``numpy.dtype``, whose pickled state can declare numbers to be addresses of objects."""

    def __init__(self, code: str, *_: object) -> None:
        if not re.fullmatch("[biuf][1-9][0-9]?|U[0-9]{1,4}", code):
            raise pickle.UnpicklingError(f"it contains an array of {code!r}, which are not numbers")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array(np.ndarray):
    """An array that accepts only plain numbers as its state, as many as its shape requires."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:  # type: ignore[override]
        _, shape, kind, turned, held = state
        data, dtype = _encoded(held), kind.dtype
        whole = all(side >= 0 for side in shape) and prod(shape) * dtype.itemsize == len(data)
        if not whole or dtype.kind == "U":
            raise pickle.UnpicklingError(f"an array of {shape} {dtype} has {len(data)} bytes")
        super().__setstate__((1, tuple(shape), dtype, bool(turned), data))  # type: ignore[arg-type]


def _array(*_: object) -> NDArray[np.generic]:
    """Return an empty array, whose state follows in the pickle."""
    return np.ndarray.__new__(_Array, (0,), np.uint8)


def _scalar(kind: _Kind, data: bytes | str) -> Any:
    if kind.dtype.kind == "U":
        return _encoded(data).decode("utf-32-be" if kind.dtype.byteorder == ">" else "utf-32-le").rstrip("\0")
    return np.frombuffer(_encoded(data), kind.dtype, 1)[0]


def _encoded(text: bytes | str, encoding: str = "latin1") -> bytes:
    """Return the bytes that Python 2 pickled as text, or that Python 3 pickled for Python 2."""
    return text.encode("latin1") if isinstance(text, str) else bytes(text)


# numpy 1 wrote numpy.core, numpy 2 writes numpy._core
_ALLOWED: dict[tuple[str, str], Any] = {
    (f"numpy.{core}.multiarray", name): makes
    for core in ("core", "_core")
    for name, makes in (("_reconstruct", _array), ("scalar", _scalar))
} | {("numpy", "ndarray"): "ndarray", ("numpy", "dtype"): _Kind, ("_codecs", "encode"): _encoded}


# the unpickler written in Python: the one in C allocates 32 GB for a few bytes with a large memo index
class _Unpickler(pickle._Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it needs {module}.{name}, which is not a number or an array")
        return _ALLOWED[module, name]


def read_numbers(path: Path) -> Any:
    """Read a pickle of plain values and numpy arrays of numbers; strings of Python 2 are latin-1.

    Raises:
        DataError: The file is missing, damaged, or contains anything else.
    """
    try:
        return _Unpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except Exception as error:  # a damaged pickle raises nearly anything
        raise DataError(f"{path}: not a pickle of numbers that can be read safely: {error}") from error
