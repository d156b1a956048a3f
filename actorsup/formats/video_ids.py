"""Normalize video ids: paths below the root of a data set, without the extension."""

import unicodedata
from pathlib import PurePosixPath

VIDEO_SUFFIXES = frozenset(
    ".avi .mp4 .mkv .webm .mov .m4v .mpg .mpeg .wmv .flv .ogv .mts .m2ts .m2t .ts .3gp .3g2 .vob .mxf "
    ".asf .y4m  .ogm .f4v .qt .divx .xvid .m1v .m2v .mpe .mpv .rm .rmvb .wtv .dv .mj2 .h264 .264 .h265 "
    ".265 .hevc .ivf .nut  .mjpeg .mjpg .trp .tod".split()
)
"""Lower-case suffixes that video ids never have."""

MAX_PART_BYTES = 240
"""Maximum size in bytes of a path component of a video id, to which file names add a suffix."""


def normalize_unicode(name: str) -> str:
    """Return a name in Unicode form NFC, since macOS writes accents as separate characters."""
    return unicodedata.normalize("NFC", name)


def video_id(name: str) -> str:
    """Return the video id of a path, with ``/``, without spaces around it, ``./`` and a video extension."""
    path = PurePosixPath(normalize_unicode(name.strip()).replace("\\", "/"))
    return str(path.with_suffix("") if path.suffix.lower() in VIDEO_SUFFIXES else path).removeprefix("./")
