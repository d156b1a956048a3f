"""Atomic file writes: a file appears complete or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from actorsup.errors import REMEDY_OF, DataError


@contextmanager
def replace_atomically(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path, and rename the file at it to ``path`` if the context ends without an error.

    The parent folder of ``path`` is created. After an error, the temporary file is deleted and ``path`` is
    unchanged. Errors raised inside the context are not converted, because they may come from reading another
    file; wrap statements that write in ``report_write_errors``.

    Raises:
        DataError: The parent folder or ``path`` cannot be written.
    """
    path = Path(path)
    temporary_path = path.with_name(f".{path.name}.tmp")
    with report_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary_path
        with report_write_errors(path):
            sync(temporary_path)
            os.replace(temporary_path, path)
    finally:
        temporary_path.unlink(missing_ok=True)


@contextmanager
def open_text_atomically(path: str | Path) -> Iterator[TextIO]:
    """Yield a UTF-8 text stream whose file appears at ``path`` complete or not at all."""
    with (
        replace_atomically(path) as temporary_path,
        open(temporary_path, "w", encoding="utf-8", newline="") as stream,
    ):
        yield stream


def write_text_atomically(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file that appears complete or not at all.

    Raises:
        DataError: The file cannot be written.
    """
    with report_write_errors(path), open_text_atomically(path) as stream:
        stream.write(text)


@contextmanager
def report_write_errors(path: str | Path) -> Iterator[None]:
    """Convert write errors, such as a full disk or a missing permission, into a DataError of one line.

    Raises:
        DataError: Writing to ``path`` failed inside the context.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        # libraries wrap the reason in long messages, or raise another error on top of it
        message = f"{error} {error.__context__}"
        error_numbers = (getattr(error, "errno", None), getattr(error.__context__, "errno", None))
        codes = [code for code in REMEDY_OF if code in error_numbers or os.strerror(code) in message]
        if not codes:
            raise
        raise DataError(
            f"{path}: cannot be written ({os.strerror(codes[0])}); {REMEDY_OF[codes[0]]}, then run again; "
            "finished work is kept"
        ) from error


def sync(path: Path) -> None:
    """Flush the content of a file, or the directory entries of a folder, to the disk."""
    file_descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file_descriptor)
    finally:
        os.close(file_descriptor)
