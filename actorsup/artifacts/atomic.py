"""Files that are written whole or not at all."""

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
_REMEDY = "make room there, or let it be written to, and run again: what is finished is kept"


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path next to ``path``, which takes its place when the context ends without an error.

    Its folder is made. After an error nothing is left of it, and ``path`` is as it was. Errors of the
    context pass through: what is read there may be missing too. Use ``writing`` around what is written.

    Raises:
        DataError: The folder, or the file in its place, cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.tmp")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
        with writing(path):
            sync(temporary)
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def writing_text(path: str | Path) -> Iterator[TextIO]:
    """Write one text file bit by bit, whole or not at all."""
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as stream:
        yield stream


def write_whole(path: str | Path, text: str) -> None:
    """Write a text file whole or not at all; raises DataError where it cannot be written."""
    with writing(path), writing_text(path) as stream:
        stream.write(text)


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Report in one line, as a DataError, why a file cannot be written, such as a full disk."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        # libraries tell the disk's reason in long lines of their own, or raise another error on top of it
        message = f"{error} {error.__context__}"
        codes = (getattr(error, "errno", None), getattr(error.__context__, "errno", None))
        reasons = [os.strerror(code) for code in _DISK if code in codes or os.strerror(code) in message]
        if not reasons:
            raise
        raise DataError(f"{path}: cannot be written ({reasons[0]}); {_REMEDY}") from error


def sync(path: Path) -> None:
    """Flush a file, or a folder's entries, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
