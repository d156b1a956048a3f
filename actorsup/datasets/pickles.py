"""Pickles of numbers, read without executing anything that a pickle can execute."""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy._core import multiarray

from actorsup.errors import DataError


def _bytes(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes for Python 2: as text that is encoded again."""
    return text.encode("latin1")


# numpy 1 wrote numpy.core, numpy 2 writes numpy._core; nothing here does more than hold numbers
_ALLOWED: dict[tuple[str, str], Any] = {
    (f"numpy.{core}.multiarray", name): getattr(multiarray, name)
    for core in ("core", "_core")
    for name in ("_reconstruct", "scalar")
} | {("numpy", "ndarray"): np.ndarray, ("numpy", "dtype"): np.dtype, ("_codecs", "encode"): _bytes}


# the one written in Python: that in C fills 32 GB for a few bytes that name a place far out in its memo
class _Unpickler(pickle._Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it wants {module}.{name}, which is not a number or an array")
        return _ALLOWED[module, name]


def read_numbers(path: Path) -> Any:
    """What a pickle of plain values and numpy arrays holds; Python 2's strings as latin-1.

    Raises:
        DataError: The file is missing, damaged, or holds anything else.
    """
    try:
        return _Unpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except Exception as error:  # a damaged pickle raises nearly anything
        raise DataError(f"{path}: no pickle of numbers that can be read safely: {error}") from error
