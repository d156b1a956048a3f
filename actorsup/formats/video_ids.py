"""Normalize video ids: paths below the root of a data set, without the extension."""

import unicodedata
from pathlib import PurePosixPath

VIDEO_SUFFIXES = frozenset(
    {".avi", ".mp4", ".mkv", ".webm", ".mov", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv", ".ogv"}
)


def normalize_unicode(name: str) -> str:
    """Return a name in Unicode form NFC, since macOS writes accents as separate characters."""
    return unicodedata.normalize("NFC", name)


def video_id(name: str) -> str:
    """Return the video id of a path, with ``/``, without spaces around it, ``./`` and a video extension."""
    path = PurePosixPath(normalize_unicode(name.strip()).replace("\\", "/"))
    return str(path.with_suffix("") if path.suffix.lower() in VIDEO_SUFFIXES else path).removeprefix("./")
