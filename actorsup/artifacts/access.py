"""Access to files that other programs use, on file systems that fail for a moment."""

import errno
import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from actorsup.errors import REBUILD, DamagedError, DataError

Result = TypeVar("Result")
PAUSES = (0.2, 0.8, 3.0)
"""Seconds before each further attempt to access a file."""
SECONDS_BETWEEN_COMPARISONS = 1.0
_TRANSIENT = {errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.EIO, errno.ESTALE, errno.ETIMEDOUT}


def retry(access: Callable[[], Result], path: str | Path) -> Result:
    """Call ``access``, and call it again if the file was inaccessible for a moment only.

    Raises:
        OSError: The error of the last attempt, or an error that a later attempt does not change.
    """
    for seconds in PAUSES:
        try:
            return access()
        except OSError as error:
            if not _is_transient(error, Path(path)):
                raise
        time.sleep(seconds)
    return access()


def _is_transient(error: OSError, path: Path) -> bool:
    if error.errno == errno.ENOENT:  # replaced at this moment, or a network file system lists it late
        with suppress(OSError):
            return path.name in os.listdir(path.parent)
    return error.errno in _TRANSIENT


def raise_if_damaged(
    path: str | Path, compare: Callable[[], tuple[str, str]], remedy: str = "delete it and run again"
) -> None:
    """Compare a file with its checksum, and once more after a pause, because it may be written right now.

    Args:
        path: Path of the file.
        compare: Function that reads the file and returns its expected and its actual checksum; the expected
            checksum is empty if the file has none.
        remedy: Advice for a damaged file.

    Raises:
        DamagedError: Both comparisons fail, and no program has the file open for writing, as far as this
            machine and user can see.
        DataError: Both comparisons fail, but another program writes to the file.
        OSError: The file cannot be read.
    """
    expected, first = retry(compare, path)
    if first == expected:
        return
    time.sleep(SECONDS_BETWEEN_COMPARISONS)
    expected, second = retry(compare, path)
    if second == expected:
        return
    raise_if_open_for_writing(path)
    if first != second:
        raise DataError(
            f"{path}: is changing right now; wait for the program that writes to it, and run again"
        )
    if not expected:
        raise DamagedError(
            f"{path}: not a file of actorsup, or damaged; check the path; if it is a result, {REBUILD}"
        )
    raise DamagedError(
        f"{path}: damaged, its content does not match its checksum, compared twice; if no other program has "
        f"it open for writing, {remedy}"
    )


def raise_if_open_for_writing(path: str | Path) -> None:
    """Raise a DataError that names a process of this machine that has a file open for writing."""
    if program := next(find_writers(path), None):
        raise DataError(
            f"{path}: open for writing in {program}; close the file there, and run again; keep it"
        )


def find_writers(path: str | Path) -> Iterator[str]:
    """Yield the processes of this machine that write to a file or folder, as far as this user can see."""
    with suppress(OSError):
        files = {_identity(file) for file in (path, *Path(path).rglob("*"))}
        for process in filter(str.isdigit, os.listdir("/proc")):
            if any(_writes(descriptor, files) for descriptor in _descriptors(process)):
                yield f"process {process} ({_name(process)})"


def _identity(path: str | Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _descriptors(process: str) -> list[str]:
    folder = f"/proc/{process}/fd"
    with suppress(OSError):  # it ended, or belongs to another user
        return [f"{folder}/{name}" for name in os.listdir(folder)]
    return []


def _writes(descriptor: str, files: Collection[tuple[int, int]]) -> bool:
    with suppress(OSError):  # it was closed
        if _identity(descriptor) in files:
            with open(descriptor.replace("/fd/", "/fdinfo/"), encoding="utf-8") as info:
                flags = next(int(line.split()[1], 8) for line in info if line.startswith("flags:"))
            return flags & os.O_ACCMODE != os.O_RDONLY
    return False


def _name(process: str) -> str:
    with suppress(OSError):
        return Path(f"/proc/{process}/comm").read_text(encoding="utf-8", errors="replace").strip()
    return "unknown"
