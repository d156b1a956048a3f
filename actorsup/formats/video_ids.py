"""Video ids: the path below the root, without the extension."""

import unicodedata
from pathlib import PurePosixPath

VIDEO_SUFFIXES = frozenset(
    {".avi", ".mp4", ".mkv", ".webm", ".mov", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv", ".ogv"}
)


def normalized(name: str) -> str:
    """Normalize Unicode (NFC), since macOS writes accents as separate characters."""
    return unicodedata.normalize("NFC", name)


def video_id(name: str) -> str:
    """Return the id of a video: strip spaces, a leading ``./`` and a video extension."""
    path = PurePosixPath(normalized(name.strip()))
    return str(path.with_suffix("") if path.suffix.lower() in VIDEO_SUFFIXES else path).removeprefix("./")
