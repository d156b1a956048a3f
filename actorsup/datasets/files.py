"""Video files and folders of frames below a root."""

import os
import re
from pathlib import Path

from actorsup.errors import DataError
from actorsup.formats.video_ids import VIDEO_SUFFIXES, normalized

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def find_videos(root: Path) -> dict[str, Path]:
    """Every video below a root by its id: its path below the root without the extension.

    A folder of images, with no video in it or below it, is one video; images beside videos are
    passed over, and so are names that begin with a dot. Links to folders are followed, but for
    one that leads back to a folder that it is in.

    Raises:
        DataError: There is no such folder, a name that is not UTF-8, or two videos have one id.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; wanted one that holds videos")
    found: dict[str, Path] = {}
    for name, path in _walk(root, "", frozenset()):
        try:
            video = normalized(name)
            video.encode()
        except UnicodeEncodeError as error:
            shown = str(path).encode(errors="surrogateescape")
            raise DataError(f"{shown!r}: the name is not UTF-8, which tables are; rename it") from error
        if video in found:
            raise DataError(f"two videos of one id, {video!r}: {found[video]} and {path}; rename one")
        found[video] = path
    return found


def image_files(folder: Path) -> list[Path]:
    """The images of a folder in the order of its frames: numbers as numbers, frame2 before frame10.

    Raises:
        OSError: The folder cannot be read.
    """
    paths = [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES]
    return sorted((path for path in paths if not path.name.startswith(".")), key=natural)


def natural(path: Path) -> tuple[list[tuple[int, int | str]], str]:
    """What sorts files by name with their numbers as numbers."""
    parts = re.findall(r"[0-9]+|[^0-9]+", path.name)
    # the name itself settles frame1 and frame01
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts], path.name


def _walk(folder: Path, prefix: str, above: frozenset[str]) -> list[tuple[str, Path]]:
    real = os.path.realpath(folder)
    if real in above:
        return []
    with os.scandir(folder) as entries:
        ordered = sorted((e for e in entries if not e.name.startswith(".")), key=lambda entry: entry.name)
    found: list[tuple[str, Path]] = []
    for entry in ordered:
        if entry.is_dir():
            found += _walk(Path(entry.path), f"{prefix}{entry.name}/", above | {real})
        elif _suffix(entry.name) in VIDEO_SUFFIXES:
            found.append((prefix + entry.name[: -len(_suffix(entry.name))], Path(entry.path)))
    if prefix and not found and {_suffix(entry.name) for entry in ordered} & IMAGE_SUFFIXES:
        return [(prefix.removesuffix("/"), folder)]
    return found


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()
