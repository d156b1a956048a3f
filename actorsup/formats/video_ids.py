"""Ids of videos: their path below the root without the extension."""

import unicodedata
from pathlib import PurePosixPath

VIDEO_SUFFIXES = frozenset(
    {".avi", ".mp4", ".mkv", ".webm", ".mov", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv", ".ogv"}
)


def normalized(name: str) -> str:
    """A name as tables compare it: a Mac writes an accent as a letter of its own, others do not."""
    return unicodedata.normalize("NFC", name)


def video_id(name: str) -> str:
    """The id of a video as a table may write it: spaces around, ``./`` and a video's extension go."""
    path = PurePosixPath(normalized(name.strip()))
    return str(path.with_suffix("") if path.suffix.lower() in VIDEO_SUFFIXES else path).removeprefix("./")
