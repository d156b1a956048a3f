"""Atomic writes: a file appears complete or not at all."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from actorsup.errors import DataError

_DISK = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
    errno.ENOENT,
)
_REMEDY = "free some space or fix its permissions, then run again; finished work is kept"


@contextmanager
def replace_atomically(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path next to ``path`` and rename it to ``path`` if the context ends without an error.

    The parent folder is created. After an error the temporary file is deleted and ``path`` is unchanged.
    Errors raised inside the context pass through, because they may concern a file that is read there; wrap
    the statements that write in ``report_write_errors``.

    Raises:
        DataError: The folder or the file cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.tmp")
    with report_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
        with report_write_errors(path):
            sync(temporary)
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def open_text_atomically(path: str | Path) -> Iterator[TextIO]:
    """Yield a text stream; its file appears complete or not at all."""
    with replace_atomically(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as stream:
        yield stream


def write_text_atomically(path: str | Path, text: str) -> None:
    """Write a text file atomically; raises DataError if it cannot be written."""
    with report_write_errors(path), open_text_atomically(path) as stream:
        stream.write(text)


@contextmanager
def report_write_errors(path: str | Path) -> Iterator[None]:
    """Convert errors of the disk, such as a full one, into a DataError of one line."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        # libraries wrap the reason in long messages, or raise another error on top of it
        message = f"{error} {error.__context__}"
        codes = (getattr(error, "errno", None), getattr(error.__context__, "errno", None))
        reasons = [os.strerror(code) for code in _DISK if code in codes or os.strerror(code) in message]
        if not reasons:
            raise
        raise DataError(f"{path}: cannot be written ({reasons[0]}); {_REMEDY}") from error


def sync(path: Path) -> None:
    """Flush a file, or the entries of a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
