"""Checks of the folder of a data set: entries that cannot be used, and files that are not used."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from actorsup.datasets.base import Listing
from actorsup.datasets.entries import escape_name
from actorsup.datasets.frame_names import FolderNote
from actorsup.errors import first_few
from actorsup.workflow.findings import Finding, finding

_MAX_SUFFIXES = 6


def check_folder(listing: Listing) -> Iterator[Finding]:
    """Yield a problem for entries that cannot be used, and a note for each reason why files are not used."""
    yield from finding(
        True, "{} entries cannot be used as videos", [entry.reason for entry in listing.unusable]
    )
    paths: dict[str, list[Path]] = defaultdict(list)
    for entry in listing.unused:
        paths[entry.reason].append(entry.path)
    for reason, group in sorted(paths.items()):
        yield Finding(False, f"{len(group):,} files or folders are not used ({reason}): {_by_suffix(group)}")
    if listing.ignored:
        yield Finding(False, f"{listing.ignored:,} hidden files or files of a system are ignored")


def check_frame_names(notes: Mapping[str, Sequence[FolderNote]]) -> Iterator[Finding]:
    """Yield a note for each unusual thing in folders of frames, given the notes of each video."""
    videos: dict[tuple[str, str], list[str]] = defaultdict(list)
    for video, group in notes.items():
        for note in group:
            videos[note.finding, note.remedy].append(f"{video} ({note.detail})")
    for (text, remedy), names in videos.items():
        yield from finding(False, f"{{}} folders of frames have {text}", names, f"; {remedy}")


def _by_suffix(paths: Sequence[Path]) -> str:
    groups: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        groups[path.suffix.lower() or "no suffix"].append(escape_name(path.name))
    largest = sorted(groups.items(), key=lambda group: -len(group[1]))
    texts = [f"{len(names):,} {suffix} ({first_few(names)})" for suffix, names in largest[:_MAX_SUFFIXES]]
    rest = sum(len(names) for _, names in largest[_MAX_SUFFIXES:])
    return ", ".join([*texts, *([f"{rest:,} others"] if rest else [])])
