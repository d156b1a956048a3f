"""Digests of the content of videos, so that a changed video is made again and a touched one is not."""

import hashlib
import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path

from actorsup.artifacts.atomic import write_whole
from actorsup.datasets.base import VideoRecord
from actorsup.errors import DataError

_LOG = logging.getLogger(__name__)
UNREADABLE = "unreadable"
"""Stands for the digest of a video that cannot be read."""


def content_digests(records: Iterable[VideoRecord], cache: Path) -> dict[str, str]:
    """Digest of each video's bytes (of a folder: of its files' names and bytes), by id.

    Args:
        records: Videos that are there; one that cannot be read has the digest ``unreadable``.
        cache: JSON file that remembers digests by path, size and time of change, so that a video
            is read again only if one of these differs. It is written whole, where it can be.
    """
    known = _read(cache)
    current: dict[str, list[str]] = {}
    digests: dict[str, str] = {}
    for record in records:
        stamp = _stamp(record.path)
        seen = known.get(str(record.path))
        digest = seen[1] if seen and seen[0] == stamp else content_digest(record.path)
        current[str(record.path)] = [stamp, digest]
        digests[record.video] = digest
    if current != known:
        try:
            write_whole(cache, json.dumps(current, indent=0))
        except (OSError, DataError) as error:
            _LOG.info("%s: cannot be written (%s); videos are read again next time", cache, error)
    return digests


def files_digest(folder: Path, pattern: str) -> str:
    """Digest of many small files below a folder: of their names, sizes and, of text, content.

    Args:
        folder: The folder.
        pattern: Which files, as ``Path.glob`` takes it.
    """
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(folder.glob(pattern)):
        digest.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode(errors="surrogateescape"))
        if path.suffix == ".txt":
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _read(cache: Path) -> dict[str, list[str]]:
    try:
        content = json.loads(cache.read_text(encoding="utf-8"))
        return {str(path): [str(stamp), str(digest)] for path, (stamp, digest) in content.items()}
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return {}


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(entry for entry in path.iterdir() if entry.is_file())
    if not path.is_file():
        # a device or a pipe may never end
        raise FileNotFoundError(f"{path} is no file")
    return [path]


def _stamp(path: Path) -> str:
    """Size and time of change of a file, or of all files of a folder."""
    try:
        states = [(file.name, os.stat(file)) for file in _files(path)]
    except OSError:
        return UNREADABLE
    if len(states) == 1:
        return f"{states[0][1].st_size} {states[0][1].st_mtime_ns}"
    text = "\n".join(f"{name} {state.st_size} {state.st_mtime_ns}" for name, state in states)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def content_digest(path: Path) -> str:
    """Digest of a video's bytes; ``UNREADABLE`` of one that cannot be read, or is no file or folder."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        for file in _files(path):
            if path.is_dir():
                digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
            with open(file, "rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
    except OSError:
        return UNREADABLE
    return digest.hexdigest()
