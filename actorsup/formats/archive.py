"""Read the files of a folder or a zip, without unpacking to disk; write either."""

import lzma
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from actorsup.artifacts.atomic import write_text_atomically
from actorsup.errors import DataError

LARGEST = 4 * 2**30
"""Maximum bytes of one unpacked file; a larger one may be a zip bomb."""
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error)
"""Exceptions of unpacking, in addition to those of reading."""
_LONGEST = 240
"""Maximum bytes of a part of a video id, which becomes a file name with a suffix."""
_DATE = (1980, 1, 1, 0, 0, 0)


class Archive:
    """The files of a folder or a zip that have one of some suffixes.

    Attributes:
        names: Their paths in the folder or zip, sorted.

    Raises:
        DataError: The path is neither; the zip is damaged or encrypted, or holds a path outside itself.
    """

    def __init__(self, path: Path, suffixes: tuple[str, ...]) -> None:
        self.path = path
        if path.is_dir():
            self._zip = None
            names = [file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()]
        else:
            self._zip = _opened(path)
            names = [name for name in self._zip.namelist() if not name.endswith("/")]
        for name in names:
            pure = PurePosixPath(name.replace("\\", "/"))
            if not pure.parts or pure.is_absolute() or ".." in pure.parts or ":" in pure.parts[0]:
                raise DataError(f"{path}: holds {name!r}, a path outside of itself; do not trust this file")
        self.names = sorted(n for n in names if PurePosixPath(n).suffix.lower() in suffixes)

    def __contains__(self, name: str) -> bool:
        return name in self.names

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open a file for reading bytes.

        Raises:
            DataError: It cannot be read; also during later reads.
        """
        if self._zip is not None and self._zip.getinfo(name).file_size > LARGEST:
            raise DataError(
                f"{self.path}: {name}: is larger than {LARGEST} bytes unpacked; unpack it yourself"
            )
        try:
            with open(self.path / name, "rb") if self._zip is None else self._zip.open(name) as stream:
                yield stream
        except (*_DAMAGED, OSError, EOFError, RuntimeError) as error:
            raise DataError(f"{self.path}: {name}: cannot be unpacked ({error})") from error

    def text(self, name: str) -> str:
        """Read a file as text.

        Raises:
            DataError: It is not UTF-8, or damaged.
        """
        try:
            with self.open(name) as stream:
                return stream.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(f"{self.path}: {name}: is not UTF-8 text ({error})") from error


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (*_DAMAGED, OSError, ValueError, NotImplementedError) as error:
        raise DataError(f"{path}: cannot be read as a folder or a zip ({error})") from error


@contextmanager
def writing(output: Path) -> Iterator[Callable[[str, str], None]]:
    """Write a new folder, or a zip if the suffix is ``.zip``, atomically.

    Yields a function that adds a file, by its path inside and its text.

    Raises:
        DataError: The folder exists and is not empty, or the output exists and is of another kind.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.is_file() != (output.suffix.lower() == ".zip") and output.exists():
        raise DataError(f"{output}: exists and is of another kind; delete it or choose another name")
    if output.is_dir() and any(output.iterdir()):
        raise DataError(f"{output}: exists already; delete it or choose another folder")
    temporary = output.with_name(f".{output.name}.tmp")
    _remove(temporary)
    try:
        if output.suffix.lower() == ".zip":
            with zipfile.ZipFile(temporary, "w") as archive:
                # a fixed date, so that the same tubes give the same bytes
                yield lambda name, text: archive.writestr(
                    zipfile.ZipInfo(name, _DATE), text, zipfile.ZIP_DEFLATED
                )
        else:
            temporary.mkdir()
            yield lambda name, text: write_text_atomically(temporary / name, text)
            if output.exists():
                output.rmdir()
        temporary.replace(output)
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def safe_name(video: str) -> str:
    """Return a video id as a relative path.

    Raises:
        DataError: The id leads out of the folder, or cannot be a file name.
    """
    pure = PurePosixPath(video)
    if not video or pure.is_absolute() or ".." in pure.parts or "\\" in video or "\0" in video:
        raise DataError(f"the video id {video!r} is not a path inside a folder; rename the video")
    if any(len(part.encode(errors="replace")) > _LONGEST for part in pure.parts):
        raise DataError(f"the video id {video[:40]!r}... is too long for a file name; rename the video")
    return pure.as_posix()
