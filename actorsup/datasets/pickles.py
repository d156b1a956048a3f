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


class _NumericType:
    """Safe replacement of ``numpy.dtype``, whose pickled state can declare numbers to be object addresses."""

    def __init__(self, code: str, *_: object) -> None:
        if not re.fullmatch("[biuf][1-9][0-9]?|U[0-9]{1,4}", code):
            raise pickle.UnpicklingError(f"it contains an array of {code!r}, which are not numbers")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.dtype = self.dtype.newbyteorder(state[1])


class _NumericArray(np.ndarray):
    """An array that is unpickled only from numbers, and only from as many as its shape requires."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:  # type: ignore[override]
        _, shape, numeric_type, is_fortran, content = state
        data, dtype = _to_bytes(content), numeric_type.dtype
        is_complete = all(length >= 0 for length in shape) and prod(shape) * dtype.itemsize == len(data)
        if not is_complete or dtype.kind == "U":
            raise pickle.UnpicklingError(f"an array of {shape} {dtype} has {len(data)} bytes")
        super().__setstate__((1, tuple(shape), dtype, bool(is_fortran), data))  # type: ignore[arg-type]


def _empty_array(*_: object) -> NDArray[np.generic]:
    """Return an empty array, which the pickle then fills through ``__setstate__``."""
    return np.ndarray.__new__(_NumericArray, (0,), np.uint8)


def _read_scalar(numeric_type: _NumericType, data: bytes | str) -> Any:
    if numeric_type.dtype.kind == "U":
        return (
            _to_bytes(data)
            .decode("utf-32-be" if numeric_type.dtype.byteorder == ">" else "utf-32-le")
            .rstrip("\0")
        )
    return np.frombuffer(_to_bytes(data), numeric_type.dtype, 1)[0]


def _to_bytes(text: bytes | str, encoding: str = "latin1") -> bytes:
    """Return the bytes of a Python 2 string, which unpickling gives as latin-1 text."""
    return text.encode("latin1") if isinstance(text, str) else bytes(text)


# numpy 1 wrote numpy.core, numpy 2 writes numpy._core
_ALLOWED_CLASSES: dict[tuple[str, str], Any] = {
    (f"numpy.{package}.multiarray", name): factory
    for package in ("core", "_core")
    for name, factory in (("_reconstruct", _empty_array), ("scalar", _read_scalar))
} | {("numpy", "ndarray"): "ndarray", ("numpy", "dtype"): _NumericType, ("_codecs", "encode"): _to_bytes}


# the unpickler written in Python: the one in C allocates 32 GB for a few bytes with a large memo index
class _Unpickler(pickle._Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED_CLASSES:
            raise pickle.UnpicklingError(f"it needs {module}.{name}, which is not a number or an array")
        return _ALLOWED_CLASSES[module, name]


def read_numbers(path: Path) -> Any:
    """Read a pickle of plain values and numpy arrays of numbers, decoding Python 2 strings as latin-1.

    Raises:
        DataError: The file is missing or damaged, or contains other objects.
    """
    try:
        return _Unpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except Exception as error:  # a damaged pickle raises nearly anything
        raise DataError(f"{path}: not a pickle of numbers that can be read safely: {error}") from error
