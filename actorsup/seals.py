"""HDF5 files that notice damage: each carries a checksum of itself, which is read first.

HDF5 itself checks neither the values of a plain dataset nor most of its own structure, and a damaged
structure can crash the library. So the checksum lies outside of it, in the *user block*: the first
512 bytes, which HDF5 leaves to its users and every reader of HDF5 passes over.
"""

import os
import zlib
from pathlib import Path

from actorsup.errors import DataError

BLOCK = 512
"""Bytes of the user block, to be asked for when the file is made: ``userblock_size=BLOCK``."""

_HDF5 = b"\x89HDF\r\n\x1a\n"
_READ = 1 << 20


def seal(path: str | Path) -> None:
    """Write the checksum of a finished file into its user block."""
    with open(path, "r+b") as stream:
        block = _block_of(stream.fileno())
        stream.seek(0)
        stream.write(block)


def check_seal(path: str | Path) -> None:
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
        raise DataError(
            f"{path}: damaged, its content and its checksum differ; delete it and run again: it is made anew"
        )


def _block_of(descriptor: int) -> bytes:
    """The user block that a file should have."""
    checksum, at = 0, BLOCK
    while data := os.pread(descriptor, _READ, at):
        checksum, at = zlib.crc32(data, checksum), at + len(data)
    return f"actorsup 1 crc32 {checksum:08x} bytes {at}\n".encode().ljust(BLOCK, b"\0")
