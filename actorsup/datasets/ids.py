"""Ids of videos: their path below the root without the extension."""

from pathlib import PurePosixPath

VIDEO_SUFFIXES = frozenset(
    {".avi", ".mp4", ".mkv", ".webm", ".mov", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv", ".ogv"}
)


def video_id(name: str) -> str:
    """The id of a video as a table may write it: spaces around, ``./`` and a video's extension go."""
    path = PurePosixPath(name.strip())
    return str(path.with_suffix("") if path.suffix.lower() in VIDEO_SUFFIXES else path).removeprefix("./")
