"""Read the files of a folder or a zip without unpacking to disk, and write new folders and zips."""

import lzma
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from actorsup.artifacts.atomic import write_text_atomically
from actorsup.errors import DataError
from actorsup.formats.video_ids import MAX_PART_BYTES

MAX_FILE_BYTES = 4 * 2**30
"""Maximum size of an unpacked file in bytes; a larger file may be a zip bomb."""
_UNPACKING_ERRORS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error)
"""Exceptions of unpacking a zip, in addition to the exceptions of reading a file."""
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


class Archive:
    """A folder or zip as a collection of the files that have given suffixes.

    Args:
        path: Path of the folder or zip.
        suffixes: Suffixes of the files.
        only: Paths in the folder, of which those that exist are taken; None takes all files.

    Attributes:
        path: Path of the folder or zip.
        names: Sorted paths of the files, relative to the folder or in the zip.

    Raises:
        DataError: The path is neither a folder nor a zip, the zip is damaged, or a file in the zip has a path
            outside of the zip.
    """

    def __init__(self, path: Path, suffixes: tuple[str, ...], only: Collection[str] | None = None) -> None:
        self.path = path
        if only is not None:
            self._zip, names = None, [name for name in {*only} if (path / name).is_file()]
        elif path.is_dir():
            self._zip = None
            names = [file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()]
        else:
            self._zip = _open_zip(path)
            names = [name for name in self._zip.namelist() if not name.endswith("/")]
        for name in names:
            inner_path = PurePosixPath(name.replace("\\", "/"))
            if (
                not inner_path.parts
                or inner_path.is_absolute()
                or ".." in inner_path.parts
                or ":" in inner_path.parts[0]
            ):
                raise DataError(f"{path}: holds {name!r}, a path outside of itself; do not trust this file")
        self.names = sorted(name for name in names if PurePosixPath(name).suffix.lower() in suffixes)

    def __contains__(self, name: str) -> bool:
        return name in self.names

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open a file for reading bytes.

        Raises:
            DataError: The file cannot be opened, or a later read from the stream fails.
        """
        if self._zip is not None and self._zip.getinfo(name).file_size > MAX_FILE_BYTES:
            raise DataError(
                f"{self.path}: {name}: is larger than {MAX_FILE_BYTES} bytes unpacked; unpack it yourself"
            )
        try:
            with open(self.path / name, "rb") if self._zip is None else self._zip.open(name) as stream:
                yield stream
        except (*_UNPACKING_ERRORS, OSError, EOFError, RuntimeError) as error:
            raise DataError(f"{self.path}: {name}: cannot be unpacked ({error})") from error

    def text(self, name: str) -> str:
        """Read a file as UTF-8 text.

        Raises:
            DataError: The file is damaged or not UTF-8.
        """
        try:
            with self.open(name) as stream:
                return stream.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(f"{self.path}: {name}: is not UTF-8 text ({error})") from error


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (*_UNPACKING_ERRORS, OSError, ValueError, NotImplementedError) as error:
        raise DataError(f"{path}: cannot be read as a folder or a zip ({error})") from error


@contextmanager
def archive_writer(output: Path) -> Iterator[Callable[[str, str], None]]:
    """Write a new folder, or a zip if the suffix is ``.zip``, atomically.

    Yields:
        A function that adds a file, given its path in the folder or zip and its text.

    Raises:
        DataError: The output is a folder that is not empty, a folder in place of a zip, or a file in place of
            a folder.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.is_file() != (output.suffix.lower() == ".zip") and output.exists():
        raise DataError(f"{output}: exists and is of another kind; choose another name, or move it away")
    if output.is_dir() and any(output.iterdir()):
        raise DataError(f"{output}: exists already; choose another folder, or move it away")
    temporary = output.with_name(f".{output.name}.tmp")
    _remove(temporary)
    try:
        if output.suffix.lower() == ".zip":
            with zipfile.ZipFile(temporary, "w") as archive:
                # a fixed date, so that the same tubes give the same bytes
                yield lambda name, text: archive.writestr(
                    zipfile.ZipInfo(name, _ZIP_DATE), text, zipfile.ZIP_DEFLATED
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


def safe_relative_path(video: str) -> str:
    """Return a video id as a relative path below an output folder.

    Raises:
        DataError: The path would be outside of the folder, or the id is not a valid file name.
    """
    inner_path = PurePosixPath(video)
    if not video or inner_path.is_absolute() or ".." in inner_path.parts or "\\" in video or "\0" in video:
        raise DataError(f"the video id {video!r} is not a path inside a folder; rename the video")
    if any(len(part.encode(errors="replace")) > MAX_PART_BYTES for part in inner_path.parts):
        raise DataError(f"the video id {video[:40]!r}... is too long for a file name; rename the video")
    return inner_path.as_posix()
