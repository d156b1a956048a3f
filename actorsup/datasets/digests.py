"""Content digests of videos, so that a changed video is processed again and a touched one is not."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from actorsup.artifacts.atomic import write_text_atomically
from actorsup.datasets.base import VideoRecord
from actorsup.errors import DataError

T = TypeVar("T")
_LOG = logging.getLogger(__name__)
UNREADABLE = "unreadable"
"""Replaces the digest of a video that cannot be read."""


def content_digests(records: Iterable[VideoRecord], cache: Path) -> dict[str, str]:
    """Return the digest of each video's bytes (of a folder: of its files' names and bytes), by id.

    Args:
        records: Existing videos; one that cannot be read gets ``UNREADABLE``.
        cache: JSON file of the digests by path, size and modification time, so that only new and changed
            videos are read.
    """
    paths = {record.video: str(record.path) for record in records}
    stamps = {path: _stamp(Path(path)) for path in paths.values()}
    digests = cached(stamps, lambda path: content_digest(Path(path)), str, cache)
    return {video: digests[path] for video, path in paths.items()}


def cached(
    stamps: Mapping[str, str], compute: Callable[[str], T], parse: Callable[[Any], T], cache: Path | None
) -> dict[str, T]:
    """Compute the value of each key whose stamp differs from the cache's; log if the cache is not writable.

    Args:
        stamps: A text per key that changes with the value.
        compute: Computes the value of a key.
        parse: Converts a value of the JSON file; raises an error if it is damaged.
        cache: JSON file of stamps and values; None computes every value.
    """
    known = _read(cache, parse) if cache else {}
    current = {
        key: known[key] if key in known and known[key][0] == stamp else (stamp, compute(key))
        for key, stamp in stamps.items()
    }
    if cache and current != known:
        try:
            write_text_atomically(cache, json.dumps(current, indent=0))
        except (OSError, DataError) as error:
            _LOG.info("%s: cannot be written (%s); the files are read again next time", cache, error)
    return {key: value for key, (_, value) in current.items()}


def _read(cache: Path, parse: Callable[[Any], T]) -> dict[str, tuple[str, T]]:
    try:
        content = json.loads(cache.read_text(encoding="utf-8"))
        return {str(key): (str(stamp), parse(value)) for key, (stamp, value) in content.items()}
    except (OSError, ValueError, AttributeError, TypeError, ArithmeticError, RecursionError):
        return {}


def files_digest(folder: Path, pattern: str) -> str:
    """Return a digest of many small files: of their names, sizes and, for ``.txt`` files, content.

    Args:
        folder: The folder.
        pattern: The files, as a pattern for ``Path.glob``.
    """
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(folder.glob(pattern)):
        digest.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode(errors="surrogateescape"))
        if path.suffix == ".txt":
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(entry for entry in path.iterdir() if entry.is_file())
    if not path.is_file():
        # a device or a pipe may never end
        raise FileNotFoundError(f"{path} is not a file")
    return [path]


def _stamp(path: Path) -> str:
    """Size and modification time of a file, or a digest of those of all files of a folder."""
    try:
        states = [(file.name, file.stat()) for file in _files(path)]
    except OSError:
        return UNREADABLE
    if len(states) == 1:
        return f"{states[0][1].st_size} {states[0][1].st_mtime_ns}"
    text = "\n".join(f"{name} {state.st_size} {state.st_mtime_ns}" for name, state in states)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def content_digest(path: Path) -> str:
    """Return the digest of a video's bytes; ``UNREADABLE`` if it cannot be read or is no file or folder."""
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
