"""Content digests of videos: a video whose bytes change is processed again, a touched file is not."""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from actorsup.artifacts.atomic import write_text_atomically
from actorsup.datasets.base import VideoRecord
from actorsup.datasets.frame_names import image_files
from actorsup.datasets.mot_layout import mot_info_files
from actorsup.errors import DataError

T = TypeVar("T")
_LOG = logging.getLogger(__name__)
UNREADABLE_DIGEST = "unreadable"
"""Value in place of the digest of a video that cannot be read."""


def content_digests(records: Sequence[VideoRecord], cache: Path) -> dict[str, str]:
    """Return the content digest of each video, by id.

    Args:
        records: Existing videos. The digest of an unreadable video is ``UNREADABLE_DIGEST``.
        cache: JSON file of digests by path, size and modification time; only new and changed videos are
            read.
    """
    patterns = {str(record.path): record.naming.frame_names for record in records}
    stamps = {path: _modification_stamp(Path(path), pattern) for path, pattern in patterns.items()}
    digests = compute_cached(stamps, lambda path: content_digest(Path(path), patterns[path]), str, cache)
    return {record.video: digests[str(record.path)] for record in records}


def compute_cached(
    stamps: Mapping[str, str], compute: Callable[[str], T], parse: Callable[[Any], T], cache: Path | None
) -> dict[str, T]:
    """Return the value of each key, computing only values whose stamp differs from the cached stamp.

    A cache that cannot be written is logged.

    Args:
        stamps: Text per key that changes whenever the key's value changes.
        compute: Function that computes the value of a key.
        parse: Function that converts a value of the JSON file; it raises an error for a damaged value.
        cache: JSON file of stamps and values; None computes every value.
    """
    cached_entries = _read_cache(cache, parse) if cache else {}
    current_entries = {
        key: cached_entries[key]
        if key in cached_entries and cached_entries[key][0] == stamp
        else (stamp, compute(key))
        for key, stamp in stamps.items()
    }
    if cache and current_entries != cached_entries:
        try:
            write_text_atomically(cache, json.dumps(current_entries, indent=0))
        except (OSError, DataError) as error:
            _LOG.info("%s: cannot be written (%s); the files are read again next time", cache, error)
    return {key: value for key, (_, value) in current_entries.items()}


def _read_cache(cache: Path, parse: Callable[[Any], T]) -> dict[str, tuple[str, T]]:
    try:
        content = json.loads(cache.read_text(encoding="utf-8"))
        return {str(key): (str(stamp), parse(value)) for key, (stamp, value) in content.items()}
    except (OSError, ValueError, AttributeError, TypeError, ArithmeticError, RecursionError):
        return {}


def files_digest(folder: Path, pattern: str) -> str:
    """Return a digest of the names and sizes of many small files, and of the content of ``.txt`` files.

    Args:
        folder: Folder that contains the files.
        pattern: Glob pattern of the files, relative to the folder.
    """
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(folder.glob(pattern)):
        digest.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode(errors="surrogateescape"))
        if path.suffix == ".txt":
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _list_files(path: Path, frame_names: str | None) -> list[Path]:
    """Return a video file, or the files of a folder of frames that decoding reads."""
    if path.is_dir():
        files = [*image_files(path, frame_names), *mot_info_files(path)]
        return sorted(file for file in files if file.is_file())
    if not path.is_file():
        # a device or a pipe may never end
        raise FileNotFoundError(f"{path} is not a file")
    return [path]


def _modification_stamp(path: Path, frame_names: str | None) -> str:
    """Return a text of a file's size and modification time; for a folder, a digest over its files."""
    try:
        stats = [(file.name, file.stat()) for file in _list_files(path, frame_names)]
    except OSError:
        return UNREADABLE_DIGEST
    if len(stats) == 1:
        return f"{stats[0][1].st_size} {stats[0][1].st_mtime_ns}"
    text = "\n".join(f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats)
    return hashlib.blake2b(text.encode(errors="surrogateescape"), digest_size=16).hexdigest()


def content_digest(path: Path, frame_names: str | None = None) -> str:
    """Return the digest of a video file's bytes, or of the names, sizes and bytes of a folder's frames.

    ``UNREADABLE_DIGEST`` is returned if the path cannot be read or is neither a file nor a folder.
    """
    digest = hashlib.blake2b(digest_size=16)
    try:
        for file in _list_files(path, frame_names):
            if path.is_dir():
                digest.update(f"{file.name}\0{file.stat().st_size}\0".encode(errors="surrogateescape"))
            with open(file, "rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
    except OSError:
        return UNREADABLE_DIGEST
    return digest.hexdigest()
