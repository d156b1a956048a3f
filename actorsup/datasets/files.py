"""Find video files and folders of frames below a root, and list whatever else is there."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from actorsup.datasets.contents import FolderContents, UnusableEntry, UnusedEntry
from actorsup.datasets.entries import (
    describe_name_problem,
    describe_special_file,
    escape_name,
    is_document,
    is_ignored,
)
from actorsup.datasets.mot_layout import is_mot_sequence, mot_image_folder
from actorsup.datasets.signatures import IMAGE_SUFFIXES, OTHER_SUFFIXES, TRUSTED_SUFFIXES, reads_as_video
from actorsup.errors import DataError
from actorsup.formats.video_ids import VIDEO_SUFFIXES, normalize_unicode, video_id

_COMPANION_NAMES = frozenset(
    "mask masks segmentation segmentations annotation annotations label labels gt groundtruth ground_truth "
    "depth depths disparity flow flows flow_x flow_y optical_flow normals edges thumb thumbs "
    "thumbnails".split()
)
"""Lower-case names of folders of images that accompany the frames of a video."""


_MAX_DEPTH = 100
"""Maximum depth of folders below the root."""


class _Candidate(NamedTuple):
    """A video file or a folder of frames: its path below the root without the extension, and its path."""

    name: str
    path: Path
    is_folder: bool


def find_videos(root: Path) -> dict[str, Path]:
    """Return the path of every video below a root, by id: ``scan_folder(root).videos``."""
    return scan_folder(root).videos


def scan_folder(root: Path) -> FolderContents:
    """Find the videos below a root. The id of a video is its path below the root without the extension.

    - A file is a video if its suffix is one that only videos have, or if it begins like a video.
    - A folder of images without a video file at any depth is one video. If it has a picture or none without
      a number, and there are folders of frames below it, these are the videos.
    - Folders of images below the frames of a video, and masks, depth and so on next to them, accompany it.
    - ``<id>/img1`` of the MOTChallenge (with ``seqinfo.ini``, ``gt`` or ``det``) is the video ``<id>``.
    - Hidden files and files that systems create are ignored. Links are followed unless they form a loop.

    Raises:
        DataError: The root does not exist or cannot be read, or two videos have the same id.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; wanted a folder of videos")
    if not os.access(root, os.R_OK | os.X_OK):
        raise DataError(f"{root}: this folder cannot be read; wanted a folder of videos; allow access to it")
    scan = _Scan(os.path.realpath(root))
    contents = scan.contents
    for name, path, _ in scan.folder(root, "", frozenset()):
        video = normalize_unicode(name)
        if video in contents.videos:
            raise DataError(
                f"two videos have the id {video!r}, the path without the extension: "
                f"{contents.videos[video]} and {path}; rename one, or move one to another folder"
            )
        contents.videos[video] = path
    return contents


class _Scan:
    """One pass over the folders below a root."""

    def __init__(self, root: str) -> None:
        self._root = root
        self.contents = FolderContents()

    def folder(self, folder: Path, prefix: str, ancestors: frozenset[str]) -> list[_Candidate]:
        """Return the videos of a folder and of the folders below it; ``prefix`` is its path in ids."""
        real_path = os.path.realpath(folder)
        if real_path in ancestors or self._root.startswith(real_path.removesuffix("/") + "/"):
            self._reject(prefix, "a link to a folder above it, which is not followed; remove the link")
            return []
        if len(ancestors) > _MAX_DEPTH:
            self._reject(prefix, f"more than {_MAX_DEPTH} folders deep; move it up")
            return []
        try:
            with os.scandir(folder) as iterator:
                entries = sorted(iterator, key=lambda entry: entry.name)
        except OSError as error:
            self._reject(
                prefix, f"this folder cannot be read ({error.strerror}); allow access to it, or move it"
            )
            return []
        is_sequence = is_mot_sequence({entry.name for entry in entries})
        videos: list[_Candidate] = []
        images: list[Path] = []
        below: dict[str, list[_Candidate]] = {}
        for entry in entries:
            name = entry.name
            if is_ignored(name):
                self.contents.ignored += 1
            elif (kind := self._kind(entry, prefix)) == "folder":
                if not (is_sequence and name in ("gt", "det")) and self._is_usable_name(name, prefix):
                    path = Path(entry.path)
                    below[name] = self.folder(path, f"{prefix}{name}/", ancestors | {real_path})
            elif kind == "video":
                if self._is_usable_name(name, prefix):
                    videos.append(_Candidate(prefix + self._stem(name, prefix), Path(entry.path), False))
            elif kind == "image":
                images.append(Path(entry.path))
            elif kind and not (is_sequence and name == "seqinfo.ini"):
                self._leave_out(kind, Path(entry.path))
        if is_sequence and prefix:
            _name_sequence(folder, prefix, below)
        return self._with_frames(folder, prefix, videos, images, below)

    def _kind(self, entry: os.DirEntry[str], prefix: str) -> str:
        """Return ``folder``, ``video``, ``image``, why a file is not used, or "" for nothing to do."""
        suffix = os.path.splitext(entry.name)[1].lower()
        try:
            if entry.is_dir():
                return "folder"
            if suffix in IMAGE_SUFFIXES:
                return "image"
            if is_document(entry.name):
                return ""
            if suffix in OTHER_SUFFIXES:
                return "not videos"
            if not entry.is_file():
                self._reject(prefix + entry.name, describe_special_file(entry))
                return ""
            is_video = suffix in TRUSTED_SUFFIXES or reads_as_video(Path(entry.path))
        except OSError as error:
            self._reject(prefix + entry.name, f"it cannot be read ({error.strerror})")
            return ""
        return "video" if is_video else "not videos by their first bytes"

    def _stem(self, name: str, prefix: str) -> str:
        """Return a file name without its extension; keep the name if ``video_id`` cannot tell it."""
        stem, suffix = os.path.splitext(name)
        if not any(map(str.isalpha, suffix)):  # no suffix: v1.5
            stem, suffix = name, ""
        if suffix.lower() not in VIDEO_SUFFIXES or name != name.strip():
            video = normalize_unicode(prefix + stem)
            self.contents.file_names[video_id(prefix + name)] = video
        return stem

    def _is_usable_name(self, name: str, prefix: str) -> bool:
        if problem := describe_name_problem(name):
            self._reject(prefix + name, problem)
        return not problem

    def _with_frames(
        self,
        folder: Path,
        prefix: str,
        videos: list[_Candidate],
        images: list[Path],
        below: dict[str, list[_Candidate]],
    ) -> list[_Candidate]:
        """Decide which folders of images, here and below, are videos, and return all videos."""
        numbered = sum(any(map(str.isdecimal, path.stem)) for path in images)
        for name in [name for name in below if _is_companion(name, below)]:
            others = numbered > 1 or videos or any(found for other, found in below.items() if other != name)
            if others and not any(not each.is_folder for each in below[name]):
                self._accompany(below.pop(name))
        found = [*videos, *(each for name in below for each in below[name])]
        if not images:
            return found
        if any(not each.is_folder for each in found):
            self._leave_out_all("images next to videos", images)
        elif not prefix:
            self._leave_out_all("images directly in the root, which is no video itself", images)
        elif found and numbered < 2:
            self._leave_out_all("images next to folders of frames", images)
        else:
            self._accompany(found)
            return [_Candidate(video_id(prefix.removesuffix("/")), folder, True)]
        return found

    def _accompany(self, folders: Sequence[_Candidate]) -> None:
        for name, path, _ in folders:
            self.contents.companions[normalize_unicode(name)] = path
            self._leave_out("folders of images that accompany videos, such as masks", path)

    def _leave_out(self, reason: str, path: Path) -> None:
        self.contents.unused.append(UnusedEntry(reason, path))

    def _leave_out_all(self, reason: str, paths: Sequence[Path]) -> None:
        self.contents.unused += [UnusedEntry(reason, path) for path in paths]

    def _reject(self, name: str, reason: str) -> None:
        name = escape_name(name.removesuffix("/"))
        stem, suffix = os.path.splitext(name)
        self.contents.unusable.append(
            UnusableEntry(stem if suffix.lower() in VIDEO_SUFFIXES else name, f"{name}: {reason}")
        )


def _is_companion(name: str, siblings: Iterable[str]) -> bool:
    """Whether a folder is called ``mask`` or so, or ``a_mask`` next to ``a``."""
    base, _, kind = name.lower().replace("-", "_").rpartition("_")
    is_named_after_sibling = kind in _COMPANION_NAMES and any(base == other.lower() for other in siblings)
    return name.lower() in _COMPANION_NAMES or is_named_after_sibling


def _name_sequence(folder: Path, prefix: str, below: dict[str, list[_Candidate]]) -> None:
    """Give the images of a sequence of the MOTChallenge the id of the sequence."""
    images = mot_image_folder(folder)
    if [each.is_folder for each in below.get(images, [])] == [True]:
        below[images] = [below[images][0]._replace(name=video_id(prefix.removesuffix("/")))]
