"""Artifacts that notice damage: each has a checksum, which is compared before it is read.

Shards carry theirs within. HDF5 itself checks neither the values of a plain dataset nor most of its
own structure, and a damaged structure can crash the library. So the checksum lies outside of it, in
the *user block*: the first 512 bytes, which HDF5 leaves to its users and every reader passes over.

Tables and folders have no room for one: theirs lies beside them, ``.map.csv.crc32`` for ``map.csv``.
"""

import os
import zlib
from pathlib import Path

from actorsup.errors import DataError

BLOCK = 512
"""Bytes of the user block, to be asked for when the file is made: ``userblock_size=BLOCK``."""

_HDF5 = b"\x89HDF\r\n\x1a\n"
_READ = 1 << 20
_WITHIN = (".h5", ".pt")
"""Files whose checksums lie inside: shards, and what PyTorch writes (``weights.load_weights``)."""


def embed_checksum(path: str | Path) -> None:
    """Write the checksum of a finished file into its user block."""
    with open(path, "r+b") as stream:
        block = _block_of(stream.fileno())
        stream.seek(0)
        stream.write(block)


def check_embedded_checksum(path: str | Path) -> None:
    """Check that a file is as it was sealed, before HDF5 opens it.

    A file without a user block, as other programs write them, has no seal and is let pass.

    Raises:
        DataError: It is missing, cannot be read, is no HDF5, or not as it was written.
    """
    try:
        with open(path, "rb") as stream:
            begin = stream.read(BLOCK)
            if begin.startswith(_HDF5):
                return
            whole = len(begin) == BLOCK and begin == _block_of(stream.fileno())
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); delete it and run again") from error
    if not whole:
        raise _damaged(path)


def write_checksum_file(path: str | Path) -> None:
    """Write the checksum of a finished table or folder beside it.

    Shards and weights carry their own. Elsewhere than in ``results/`` nothing is written: what goes to
    object storage lies elsewhere while a job runs, and is checked there by the storage itself.

    Raises:
        DataError: It cannot be written.
    """
    path = Path(path)
    if not _has_checksum_file(path) or not path.exists():
        return
    temporary = path.with_name(f".{path.name}.crc32.tmp")
    try:
        temporary.write_text(_line_of(path), encoding="utf-8")
        os.replace(temporary, _beside(path))
    except OSError as error:
        raise DataError(
            f"{path}: its checksum cannot be written beside it ({error.strerror}); make room, and run again"
        ) from error


def check_checksum_file(path: str | Path) -> None:
    """Check that a table or a folder is as it was sealed; without a seal it is let pass.

    Raises:
        DataError: It is not.
    """
    path = Path(path)
    if not _has_checksum_file(path):
        return
    try:
        wanted = _beside(path).read_text(encoding="utf-8", errors="replace")
        whole = _line_of(path) == wanted
    except FileNotFoundError:
        return
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); delete it and run again") from error
    if not whole:
        raise _damaged(path)


def _damaged(path: str | Path) -> DataError:
    return DataError(
        f"{path}: damaged, its content and its checksum differ; delete it and run again: it is made anew"
    )


def _has_checksum_file(path: Path) -> bool:
    return path.suffix not in _WITHIN and path.parts[:1] == ("results",)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.crc32")


def _line_of(path: Path) -> str:
    """The checksum of a file, or of the names and contents of a folder's files.

    Hidden ones are not among them: Snakemake puts one into each folder when its job is over.
    """
    checksum = 0
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        name = file.relative_to(path)
        if file.is_file() and not name.name.startswith("."):
            checksum = zlib.crc32(os.fsencode(name), checksum)
            with open(file, "rb") as stream:
                checksum, _ = _checksum(stream.fileno(), checksum, 0)
    return f"crc32 {checksum:08x}\n"


def _block_of(descriptor: int) -> bytes:
    """The user block that a file should have."""
    checksum, size = _checksum(descriptor, 0, BLOCK)
    return f"actorsup 1 crc32 {checksum:08x} bytes {size}\n".encode().ljust(BLOCK, b"\0")


def _checksum(descriptor: int, checksum: int, at: int) -> tuple[int, int]:
    """CRC-32 of a file from a byte on, continued from another's, and where the file ends."""
    while data := os.pread(descriptor, _READ, at):
        checksum, at = zlib.crc32(data, checksum), at + len(data)
    return checksum, at
