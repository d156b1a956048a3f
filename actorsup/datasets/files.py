"""Video files and folders of frames below a root."""

import os
from collections.abc import Iterator
from pathlib import Path

from actorsup.datasets.ids import VIDEO_SUFFIXES
from actorsup.errors import DataError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def find_videos(root: Path) -> dict[str, Path]:
    """Every video below a root by its id: its path below the root without the extension.

    A folder of images is one video; images beside videos are passed over, and so are names that
    begin with a dot, and links to folders, which may lead out of the root or round in circles.

    Raises:
        DataError: There is no such folder, or two videos have one id.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; wanted one that holds videos")
    found: dict[str, Path] = {}
    for video, path in _walk(root, ""):
        if video in found:
            raise DataError(f"two videos of one id, {video!r}: {found[video]} and {path}; rename one")
        found[video] = path
    return found


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    with os.scandir(folder) as entries:
        ordered = sorted((e for e in entries if not e.name.startswith(".")), key=lambda entry: entry.name)
    suffixes = {_suffix(entry.name) for entry in ordered}
    if prefix and suffixes & IMAGE_SUFFIXES and not suffixes & VIDEO_SUFFIXES:
        yield prefix.removesuffix("/"), folder
        return
    for entry in ordered:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/")
        elif _suffix(entry.name) in VIDEO_SUFFIXES and not entry.is_dir():
            yield prefix + entry.name[: -len(_suffix(entry.name))], Path(entry.path)


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()
