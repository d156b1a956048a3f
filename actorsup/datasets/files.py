"""Find video files and folders of frames below a root."""

import os
import re
from pathlib import Path

from actorsup.errors import DataError
from actorsup.formats.video_ids import VIDEO_SUFFIXES, normalize_unicode

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def find_videos(root: Path) -> dict[str, Path]:
    """Return the path of every video below a root, by id: the path below the root without the extension.

    A folder that contains images, but no video at any depth, is one video. Images in other folders and
    names that begin with a dot are ignored. Links to folders are followed, except links that form a loop.

    Raises:
        DataError: The root does not exist, a name is not UTF-8, or two videos have the same id.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; wanted a folder of videos")
    paths: dict[str, Path] = {}
    for name, path in _walk_videos(root, "", frozenset()):
        try:
            video = normalize_unicode(name)
            video.encode()
        except UnicodeEncodeError as error:
            encoded_path = str(path).encode(errors="surrogateescape")
            raise DataError(f"{encoded_path!r}: the name is not UTF-8, as tables are; rename it") from error
        if video in paths:
            raise DataError(f"two videos have the id {video!r}: {paths[video]} and {path}; rename one")
        paths[video] = path
    return paths


def image_files(folder: Path) -> list[Path]:
    """Return the image files of a folder, sorted by name with numbers by value: frame2 before frame10.

    Raises:
        OSError: The folder cannot be read.
    """
    visible_paths = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted(
        (path for path in visible_paths if path.suffix.lower() in IMAGE_SUFFIXES), key=natural_sort_key
    )


def natural_sort_key(path: Path) -> tuple[list[tuple[int, int | str]], str]:
    """Return a sort key of a file name that compares numbers in the name by value."""
    parts = re.findall(r"[0-9]+|[^0-9]+", path.name)
    # the name itself orders frame1 and frame01
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts], path.name


def _walk_videos(folder: Path, prefix: str, ancestors: frozenset[str]) -> list[tuple[str, Path]]:
    real_path = os.path.realpath(folder)
    if real_path in ancestors:
        return []
    with os.scandir(folder) as entries:
        sorted_entries = sorted(
            (e for e in entries if not e.name.startswith(".")), key=lambda entry: entry.name
        )
    videos: list[tuple[str, Path]] = []
    for entry in sorted_entries:
        stem, suffix = os.path.splitext(entry.name)
        if entry.is_dir():
            videos += _walk_videos(Path(entry.path), f"{prefix}{entry.name}/", ancestors | {real_path})
        elif suffix.lower() in VIDEO_SUFFIXES:
            videos.append((prefix + stem, Path(entry.path)))
    if (
        prefix
        and not videos
        and any(Path(entry.name).suffix.lower() in IMAGE_SUFFIXES for entry in sorted_entries)
    ):
        return [(prefix.removesuffix("/"), folder)]
    return videos
