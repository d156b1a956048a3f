"""Checksums of artifacts, compared before a file is read, so that damage is detected.

HDF5 checks neither the values of a contiguous dataset nor most of its own structure, and a damaged
structure can crash the library. A shard's checksum is therefore stored outside that structure, in the
*user block*: the first 512 bytes, which HDF5 reserves for applications and every reader skips.

Tables and folders have no user block. Their checksum is a hidden file in the same folder:
``.map.csv.crc32`` for ``map.csv``.
"""

import os
import zlib
from pathlib import Path

from actorsup.artifacts.atomic import report_write_errors, write_text_atomically
from actorsup.errors import DataError

BLOCK = 512
"""Size of the user block in bytes; pass ``userblock_size=BLOCK`` when you create the file."""

_HDF5 = b"\x89HDF\r\n\x1a\n"
_CHUNK = 1 << 20
_SELF_CHECKED = (".h5", ".pt")
"""Suffixes of files that contain their checksums: shards, and PyTorch files (``weights.load_weights``)."""


def embed_checksum(path: str | Path) -> None:
    """Write the checksum of a finished HDF5 file into its user block."""
    with open(path, "r+b") as stream:
        block = _user_block(stream.fileno())
        stream.seek(0)
        stream.write(block)


def check_embedded_checksum(path: str | Path) -> None:
    """Compare a file with the checksum in its user block, before HDF5 opens it.

    Files without a user block, such as those of other programs, pass.

    Raises:
        DataError: The file is missing, unreadable, not HDF5, or damaged.
    """
    try:
        with open(path, "rb") as stream:
            start = stream.read(BLOCK)
            intact = start.startswith(_HDF5) or start == _user_block(stream.fileno())
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); delete it and run again") from error
    if not intact:
        raise _damaged(path)


def write_checksum_file(path: str | Path) -> None:
    """Write the checksum of a finished table or folder into a hidden file next to it.

    Shards and weights contain their own. Nothing is written outside ``results/``, where the local copies of
    an object storage are during a job; the storage verifies them.

    Raises:
        DataError: The checksum cannot be written.
    """
    path = Path(path)
    if _has_checksum_file(path) and path.exists():
        with report_write_errors(path):
            write_text_atomically(_checksum_file(path), _checksum_line(path))


def check_checksum_file(path: str | Path) -> None:
    """Compare a table or folder with its checksum file, if it has one.

    Raises:
        DataError: It is damaged or unreadable.
    """
    path = Path(path)
    if not _has_checksum_file(path):
        return
    try:
        wanted = _checksum_file(path).read_text(encoding="utf-8", errors="replace")
        intact = _checksum_line(path) == wanted
    except FileNotFoundError:
        return
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); delete it and run again") from error
    if not intact:
        raise _damaged(path)


def _damaged(path: str | Path) -> DataError:
    return DataError(
        f"{path}: damaged, its content does not match its checksum; delete it and run again to rebuild it"
    )


def _has_checksum_file(path: Path) -> bool:
    return path.suffix not in _SELF_CHECKED and path.parts[:1] == ("results",)


def _checksum_file(path: Path) -> Path:
    return path.with_name(f".{path.name}.crc32")


def _checksum_line(path: Path) -> str:
    """Checksum of a file, or of the names and contents of a folder's files.

    Hidden files are skipped: Snakemake adds one to each folder when a job ends.
    """
    checksum = 0
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        name = file.relative_to(path)
        if file.is_file() and not name.name.startswith("."):
            checksum = zlib.crc32(os.fsencode(name), checksum)
            with open(file, "rb") as stream:
                checksum, _ = _crc32(stream.fileno(), checksum, 0)
    return f"crc32 {checksum:08x}\n"


def _user_block(descriptor: int) -> bytes:
    """Compute the user block of a file."""
    checksum, size = _crc32(descriptor, 0, BLOCK)
    return f"actorsup 1 crc32 {checksum:08x} bytes {size}\n".encode().ljust(BLOCK, b"\0")


def _crc32(descriptor: int, checksum: int, offset: int) -> tuple[int, int]:
    """Return the CRC-32 of a file from an offset to its end, continuing a checksum, and its size."""
    while data := os.pread(descriptor, _CHUNK, offset):
        checksum, offset = zlib.crc32(data, checksum), offset + len(data)
    return checksum, offset
