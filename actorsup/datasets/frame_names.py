"""Frames of a folder of images: which file is which frame, by the numbers in the names of the files."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from fnmatch import fnmatch
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from actorsup.datasets.contents import DEFAULT_NAMING, FrameNaming
from actorsup.datasets.entries import escape_name, is_ignored
from actorsup.datasets.signatures import IMAGE_SUFFIXES
from actorsup.errors import VideoError, first_few

_NUMBER = re.compile(r"[0-9]{9,}\.[0-9]+|[0-9]+")  # the former is a time, such as 1305031102.175304
_MAX_FRAMES = 10_000_000
_MAX_NUMBERS_PER_FILE = 1000
"""Numbers are no frame numbers if there are fewer files than one in this many."""


class FolderNote(NamedTuple):
    """Something unusual in a folder of frames: what and how it is read, details, and how to say otherwise."""

    finding: str
    detail: str
    remedy: str

    def __str__(self) -> str:
        return f"has {self.finding}: {self.detail}; {self.remedy}"


class FolderFrames(NamedTuple):
    """The frames of a folder: the file of each frame, None for a frame without a picture; and notes."""

    paths: Sequence[Path | None]
    notes: Sequence[FolderNote]


def image_files(folder: Path, frame_names: str | None = None) -> list[Path]:
    """Return the image files of a folder, sorted by name with numbers by value: frame2 before frame10.

    Args:
        folder: The folder. Hidden files, files of the system, and folders below it are ignored.
        frame_names: Pattern of the names; None: all images.

    Raises:
        OSError: The folder cannot be read.
    """
    with os.scandir(folder) as entries:
        names = [
            entry.name
            for entry in entries
            if os.path.splitext(entry.name)[1].lower() in IMAGE_SUFFIXES
            and not is_ignored(entry.name)
            and (frame_names is None or fnmatch(entry.name, frame_names))
            and not entry.is_dir()
        ]
    return sorted((folder / name for name in names), key=natural_sort_key)


def natural_sort_key(path: Path) -> tuple[list[tuple[int, int | str]], str]:
    """Return a sort key of a file name that compares numbers in the name by value."""
    parts = re.findall(r"[0-9]+|[^0-9]+", path.name)
    # the name itself orders frame1 and frame01
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts], path.name


def folder_frames(folder: Path, naming: FrameNaming = DEFAULT_NAMING) -> FolderFrames:
    """Return the file of each frame of a folder.

    - A number that is missing is a frame without a picture.
    - The smallest number is that of frame 0, unless ``first_frame`` says otherwise.
    - Of several numbers in the names, the one that varies counts.
    - Names without numbers, and numbers that are no frame numbers, such as times, only give an order.
    - Images without a number next to images with numbers are no frames.

    Raises:
        VideoError: The folder cannot be read or has no images, or which image is which frame is ambiguous:
            the names have several stems, or two files have one number.
    """
    try:
        images = image_files(folder, naming.frame_names)
    except OSError as error:
        raise VideoError(f"{folder}: cannot be read ({error.strerror})") from error
    if not images:
        wanted = naming.frame_names or ", ".join(sorted(IMAGE_SUFFIXES))
        raise VideoError(f"{folder}: a folder without images ({wanted})")
    if naming.frame_numbers == "order" and naming.frame_names is not None:
        return FolderFrames(images, [])
    frames, notes = _choose_stem(folder, images)
    numbers = _frame_numbers(folder, frames)
    if naming.frame_numbers == "order" or numbers is None:
        if naming.frame_numbers != "order":
            notes.append(
                FolderNote(
                    "names without frame numbers, whose order is that of the frames",
                    f"{escape_name(frames[0].name)} to {escape_name(frames[-1].name)}",
                    "to confirm it, set frame_numbers: order",
                )
            )
        return FolderFrames(frames, notes)
    suffixes = Counter(path.suffix.lower().replace("jpeg", "jpg") for path in frames)
    if len(suffixes) > 1 and naming.frame_names is None:
        counts = ", ".join(f"{count:,} {suffix}" for suffix, count in suffixes.items())
        remedy = "to choose one, set frame_names"
        notes.append(FolderNote("frames of several suffixes, which are one video", counts, remedy))
    paths, more_notes = _place(folder, frames, numbers, naming)
    return FolderFrames(paths, notes + more_notes)


def _stem(path: Path) -> str:
    """Return a file name with ``*`` for each number and without the suffix."""
    return _NUMBER.sub("*", path.stem)


def _choose_stem(folder: Path, images: Sequence[Path]) -> tuple[list[Path], list[FolderNote]]:
    groups: dict[str, list[Path]] = defaultdict(list)
    for path in images:
        groups[_stem(path).lower()].append(path)
    numbered = {stem: group for stem, group in groups.items() if "*" in stem}
    if len(numbered) > 1:
        raise _ambiguous(folder, {_stem(group[0]): len(group) for group in numbered.values()})
    if not numbered or len(groups) == 1:
        return list(images), []
    ((_, frames),) = numbered.items()
    others = [escape_name(path.name) for path in images if "*" not in _stem(path)]
    remedy = "to choose the images, set frame_names"
    return frames, [
        FolderNote(
            "images without a number next to its frames, which are not used", first_few(others), remedy
        )
    ]


def _ambiguous(folder: Path, counts: dict[str, int]) -> VideoError:
    stems = ", ".join(f"{escape_name(stem)} ({count:,})" for stem, count in counts.items())
    example = max(counts, key=counts.__getitem__)
    return VideoError(
        f"{folder}: the names of its images have several stems: {stems}; wanted the frames of one video; "
        f"choose with frame_names: {escape_name(example)!r} (actorsup predict: --frame-names)"
    )


def _frame_numbers(folder: Path, frames: Sequence[Path]) -> list[int] | None:
    """Return the frame number of each file, or None if the names only give an order."""
    texts = [_NUMBER.findall(path.stem) for path in frames]
    if not texts[0] or any("." in text for of_file in texts for text in of_file):
        return None
    columns = [[int(text) for text in column] for column in zip(*texts, strict=True)]
    varying = [column for column in columns if len(set(column)) > 1] or columns[-1:]
    # of several numbers that vary, the one that counts frames has the fewest gaps
    unique = [column for column in reversed(varying) if len(set(column)) == len(column)]
    if unique:
        numbers = min(unique, key=lambda column: max(column) - min(column))
        is_in_order = numbers == sorted(numbers)
        span = max(numbers) - min(numbers)
        is_count = span < min(_MAX_NUMBERS_PER_FILE * len(numbers), _MAX_FRAMES) and max(numbers) < 10**9
        return numbers if is_in_order and is_count else None
    if len(varying) > 1:
        first = columns.index(varying[0])
        raise _ambiguous(folder, dict(Counter(_fix_number(path, first) for path in frames)))
    raise _repeated(folder, frames, varying[0])


def _fix_number(path: Path, column: int) -> str:
    """Return a file name with ``*`` for each number but one."""
    counter = iter(range(len(path.stem)))
    return _NUMBER.sub(lambda match: match[0] if next(counter) == column else "*", path.stem)


def _repeated(folder: Path, frames: Sequence[Path], numbers: Sequence[int]) -> VideoError:
    by_number: dict[int, list[Path]] = defaultdict(list)
    for path, number in zip(frames, numbers, strict=True):
        by_number[number].append(path)
    number, paths = next((number, paths) for number, paths in by_number.items() if len(paths) > 1)
    suffixes = Counter(path.suffix for path in frames)
    counts = ", ".join(f"{count:,} {suffix}" for suffix, count in suffixes.items())
    remedy = "choose with frame_names, such as " if len(suffixes) > 1 else "remove or rename one of them"
    example = f"frame_names: '*{suffixes.most_common(1)[0][0]}'" if len(suffixes) > 1 else ""
    names = " and ".join(escape_name(path.name) for path in paths[:2])
    return VideoError(f"{folder}: {names} have the number {number} ({counts}); wanted one; {remedy}{example}")


def _place(
    folder: Path, frames: Sequence[Path], numbers: Sequence[int], naming: FrameNaming
) -> tuple[list[Path | None], list[FolderNote]]:
    """Return the file of each frame, with None for missing numbers."""
    start = min(numbers)
    first = start if naming.first_frame is None else naming.first_frame
    if start < first:
        raise VideoError(
            f"{folder}: the number of {escape_name(frames[0].name)} is below first_frame ({first}); wanted "
            "the number of the first frame"
        )
    by_number = dict(zip(numbers, frames, strict=True))
    paths = [by_number.get(number) for number in range(first, max(numbers) + 1)]
    notes: list[FolderNote] = []
    if naming.first_frame is None and start > 1:
        finding = "a first number that is not 0 or 1; it is frame 0"
        notes.append(FolderNote(finding, str(start), "if it is not, set first_frame"))
    missing = [number for number in range(start, max(numbers)) if number not in by_number]
    if missing and naming.frame_numbers is None:
        notes.append(_describe_gaps(numbers, missing))
    return paths, notes


def _describe_gaps(numbers: Sequence[int], missing: Sequence[int]) -> FolderNote:
    steps = {after - before for before, after in pairwise(numbers)}
    remedy = (
        "to confirm it, set frame_numbers: names; if the pictures follow each other, frame_numbers: order"
    )
    if len(steps) == 1 and len(numbers) > 2:
        finding = "only every n-th number; frames between have no picture"
        return FolderNote(finding, f"n = {steps.pop()}", remedy)
    finding = "missing numbers, which are frames without a picture"
    return FolderNote(finding, f"{len(missing):,}: {first_few(missing)}", remedy)
