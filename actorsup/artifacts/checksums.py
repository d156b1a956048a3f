"""Checksums of output files, compared before a file is read, so that damage is detected.

HDF5 checks neither the values of a contiguous dataset nor most of the file structure, and a damaged
structure can crash the HDF5 library. The checksum of a shard is therefore stored outside the HDF5 structure,
in the *user block*: the first 512 bytes of the file, which HDF5 reserves for applications and ignores.

Tables and folders have no user block. Their checksum is a hidden file in the same parent folder:
``.map.csv.crc32`` for ``map.csv``.
"""

import os
import zlib
from pathlib import Path

from actorsup.artifacts.access import raise_if_damaged
from actorsup.artifacts.atomic import report_write_errors, write_text_atomically
from actorsup.errors import report_read_errors

USER_BLOCK_SIZE = 512
"""Size of the user block in bytes; create HDF5 files with ``userblock_size=USER_BLOCK_SIZE``."""

_BLOCK_START = b"actorsup 1 crc32 "
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_OLD_SUPERBLOCKS = (_HDF5_SIGNATURE + b"\0", _HDF5_SIGNATURE + b"\1")
_FLAGS = range(20, 24)
"""Bytes of an old superblock that are not 0 while a program has the file open for writing, or after it was
killed. They count as 0, because the content may be as before."""
_CHUNK_SIZE = 1 << 20
_CHECKSUMMED_SUFFIXES = (".h5", ".pt")
"""Suffixes of files that contain their own checksums: shards, and PyTorch files (``load_weights``)."""


def embed_checksum(path: str | Path) -> None:
    """Compute the checksum of a complete HDF5 file and write it into the user block of the file."""
    with open(path, "r+b") as stream:
        block = _user_block(stream.fileno())
        stream.seek(0)
        stream.write(block)


def check_embedded_checksum(path: str | Path) -> None:
    """Check an HDF5 file against the checksum in its user block, before HDF5 opens the file.

    An HDF5 file without a user block, such as a file of another program, is not checked.

    Raises:
        DamagedError: The file is damaged, or is not an HDF5 file.
        DataError: The file is missing or unreadable, or another program is writing to it.
    """

    def compare() -> tuple[str, str]:
        with open(path, "rb") as stream:
            first_bytes = stream.read(USER_BLOCK_SIZE)
            if first_bytes.startswith(_HDF5_SIGNATURE):
                return "", ""
            expected = first_bytes.hex() if first_bytes.startswith(_BLOCK_START) else ""
            return expected, _user_block(stream.fileno()).hex()

    with report_read_errors(path, "cannot be read"):
        raise_if_damaged(path, compare)


def write_checksum_file(path: str | Path) -> None:
    """Write the checksum of a complete table or folder into a hidden file in the same parent folder.

    Shards and weights files contain their own checksums and are skipped. Paths outside ``results/`` are
    skipped too: they are local copies of files in an object storage, which verifies them itself.

    Raises:
        DataError: The checksum cannot be written.
    """
    path = Path(path)
    if _has_checksum_file(path) and path.exists():
        with report_write_errors(path):
            write_text_atomically(_checksum_path(path), _checksum_line(path))


def check_checksum_file(path: str | Path) -> None:
    """Check a table or folder against its checksum file, if the checksum file exists.

    Raises:
        DamagedError: The table or folder is damaged.
        DataError: The table or folder is unreadable, or another program is writing to it.
    """
    path = Path(path)
    checksum_path = _checksum_path(path)
    if _has_checksum_file(path) and checksum_path.exists():
        with report_read_errors(path, "cannot be read"):
            raise_if_damaged(
                path,
                lambda: (checksum_path.read_text(encoding="utf-8", errors="replace"), _checksum_line(path)),
            )


def _has_checksum_file(path: Path) -> bool:
    return path.suffix not in _CHECKSUMMED_SUFFIXES and path.parts[:1] == ("results",)


def _checksum_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.crc32")


def _checksum_line(path: Path) -> str:
    """Return the content of a checksum file, for a file or for all names and contents in a folder.

    Hidden files are skipped, because Snakemake adds a hidden file to each output folder.
    """
    checksum = 0
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        name = file.relative_to(path)
        if file.is_file() and not name.name.startswith("."):
            checksum = zlib.crc32(os.fsencode(name), checksum)
            with open(file, "rb") as stream:
                checksum, _ = _crc32(stream.fileno(), checksum, 0)
    return f"crc32 {checksum:08x}\n"


def _user_block(file_descriptor: int) -> bytes:
    superblock = os.pread(file_descriptor, _FLAGS.stop, USER_BLOCK_SIZE)
    if superblock.startswith(_OLD_SUPERBLOCKS) and len(superblock) == _FLAGS.stop:
        superblock = superblock[: _FLAGS.start] + bytes(len(_FLAGS))
    checksum, size = _crc32(file_descriptor, zlib.crc32(superblock), USER_BLOCK_SIZE + len(superblock))
    return (_BLOCK_START + f"{checksum:08x} bytes {size}\n".encode()).ljust(USER_BLOCK_SIZE, b"\0")


def _crc32(file_descriptor: int, checksum: int, offset: int) -> tuple[int, int]:
    """Return the CRC-32 of a file from ``offset`` on, continuing ``checksum``, and the file size."""
    while data := os.pread(file_descriptor, _CHUNK_SIZE, offset):
        checksum, offset = zlib.crc32(data, checksum), offset + len(data)
    return checksum, offset
