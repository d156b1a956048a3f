"""Find video files and folders of frames below a root."""

import os
import re
from pathlib import Path

from actorsup.errors import DataError
from actorsup.formats.video_ids import VIDEO_SUFFIXES, normalized

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def find_videos(root: Path) -> dict[str, Path]:
    """Return the path of every video below a root by id: the path below the root without the extension.

    A folder of images without a video in it or below it is one video; images next to videos are ignored,
    and so are names that begin with a dot. Links to folders are followed, except into a loop.

    Raises:
        DataError: The folder does not exist, a name is not UTF-8, or two videos have the same id.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; wanted a folder of videos")
    found: dict[str, Path] = {}
    for name, path in _walk(root, "", frozenset()):
        try:
            video = normalized(name)
            video.encode()
        except UnicodeEncodeError as error:
            shown = str(path).encode(errors="surrogateescape")
            raise DataError(f"{shown!r}: the name is not UTF-8, as tables are; rename it") from error
        if video in found:
            raise DataError(f"two videos have the id {video!r}: {found[video]} and {path}; rename one")
        found[video] = path
    return found


def image_files(folder: Path) -> list[Path]:
    """Return the images of a folder in the order of its frames; numbers count: frame2 before frame10.

    Raises:
        OSError: The folder cannot be read.
    """
    shown = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted((path for path in shown if path.suffix.lower() in IMAGE_SUFFIXES), key=natural)


def natural(path: Path) -> tuple[list[tuple[int, int | str]], str]:
    """Return a key that sorts files by name, with the numbers in names compared as numbers."""
    parts = re.findall(r"[0-9]+|[^0-9]+", path.name)
    # the name itself orders frame1 and frame01
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts], path.name


def _walk(folder: Path, prefix: str, above: frozenset[str]) -> list[tuple[str, Path]]:
    real = os.path.realpath(folder)
    if real in above:
        return []
    with os.scandir(folder) as entries:
        ordered = sorted((e for e in entries if not e.name.startswith(".")), key=lambda entry: entry.name)
    found: list[tuple[str, Path]] = []
    for entry in ordered:
        stem, suffix = os.path.splitext(entry.name)
        if entry.is_dir():
            found += _walk(Path(entry.path), f"{prefix}{entry.name}/", above | {real})
        elif suffix.lower() in VIDEO_SUFFIXES:
            found.append((prefix + stem, Path(entry.path)))
    if prefix and not found and any(Path(entry.name).suffix.lower() in IMAGE_SUFFIXES for entry in ordered):
        return [(prefix.removesuffix("/"), folder)]
    return found
