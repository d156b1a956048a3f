"""The summary of a check: what there is, by split and class, and what is to be known about it."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from actorsup.frames.settings import FrameSettings
from actorsup.frames.write import stored_size
from actorsup.workflow.check import Inspected, tubes_of

_WIDTH = 100
_KB_OF_QUALITY = {75: 10.1, 90: 18.1, 95: 25.3}
_KB_OF_PNG = 77.2
_PIXELS = 320 * 240
"""Kilobytes that a stored frame of so many pixels takes, of docs/frames.md."""

_NO_SPLIT = "no split"


def report(found: Inspected, settings: FrameSettings) -> str:
    """The summary, to be printed.

    Args:
        found: What was found.
        settings: How frames are to be stored, which tells what they need.
    """
    parts = [f"{found.name}: {found.type}, {found.root}"]
    if found.listing is not None:
        parts += [_splits(found), _classes(found), _disk(found, settings)]
    serious = [finding.text for finding in found.findings if finding.serious]
    others = [finding.text for finding in found.findings if not finding.serious]
    parts += [_listed("Problems", serious), _listed("To know", others)]
    what = "no problem" if not serious else f"{len(serious)} problem{'s' * (len(serious) > 1)}"
    parts.append(f"{found.name}: {what}" + (f", {len(others)} to know" if others else ""))
    return "\n\n".join(part for part in parts if part)


def _splits(found: Inspected) -> str:
    assert found.listing is not None
    names = [name for name in ("train", "test", "") if any(r.split == name for r in found.records)]
    tubes: dict[str, int] = {}
    for (video, _), count in tubes_of(found.truth).items():
        tubes[video] = tubes.get(video, 0) + count
    rows: list[Sequence[Any]] = [["videos", *(name or _NO_SPLIT for name in names)]]
    there = {record.video for record in found.listing.records}
    of_split = {name: [r.video for r in found.records if r.split == name] for name in names}
    rows.append(["listed", *(len(videos) for videos in of_split.values())])
    rows.append(["there", *(len(there & set(videos)) for videos in of_split.values())])
    rows.append(["missing", *(len(set(videos) - there) for videos in of_split.values())])
    if found.truth is not None:
        rows.append(["with boxes", *(sum(v in tubes for v in videos) for videos in of_split.values())])
        rows.append(["tubes", *(sum(tubes.get(v, 0) for v in videos) for videos in of_split.values())])
    return _table(rows)


def _classes(found: Inspected) -> str:
    assert found.listing is not None
    tubes, there = tubes_of(found.truth), {record.video for record in found.listing.records}
    rows: list[Sequence[Any]] = [["class: there of listed", "train", "test"]]
    if found.truth is not None:
        rows[0] = [*rows[0], "test tubes"]
    for name in found.listing.classes:
        cells: list[Any] = [name]
        for split in ("train", "test"):
            videos = [r.video for r in found.records if r.split == split and name in r.labels]
            cells.append(f"{len(there & set(videos)):,} of {len(videos):,}")
        if found.truth is not None:
            tests = [r.video for r in found.records if r.split == "test"]
            counts = {video: tubes.get((video, name), 0) for video in tests}
            cells.append(f"{sum(counts[v] for v in tests if v in there):,} of {sum(counts.values()):,}")
        rows.append(cells)
    return _table(rows) if len(rows) > 1 else ""


def _table(rows: Sequence[Sequence[Any]]) -> str:
    cells = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines = [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width) for column, (cell, width) in enumerate(pairs)
        )
        for pairs in (list(zip(row, widths, strict=True)) for row in cells)
    ]
    return "\n".join(
        line.rstrip() for line in [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]
    )


def _disk(found: Inspected, settings: FrameSettings) -> str:
    """How much the frames of the videos that are there will take, as far as can be told."""
    said: Mapping[str, int] = found.truth.frames if found.truth else {}
    frames, size, unknown = 0, 0.0, 0
    for video, facts in found.facts.items():
        count = facts.frames if facts.counted else said.get(video, facts.frames)
        width, height = stored_size(facts.width, facts.height, settings.max_side)
        frames, unknown = frames + count, unknown + (not count)
        size += count * width * height / _PIXELS * kilobytes(settings) * 1e3
    if not frames:
        return ""
    more = f", without {unknown:,} videos that do not tell how many they have" if unknown else ""
    rate = f"{kilobytes(settings):.1f} kB a frame of 320x240 (docs/frames.md)"
    return f"Disk for {frames:,} frames of {len(found.facts):,} videos: about {_bytes(size)}, at {rate}{more}"


def kilobytes(settings: FrameSettings) -> float:
    """What a frame of 320x240 takes in the store, measured or between what was measured."""
    if settings.encoding == "png":
        return _KB_OF_PNG
    return float(np.interp(settings.quality, list(_KB_OF_QUALITY), list(_KB_OF_QUALITY.values())))


def _bytes(size: float) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"


def _listed(title: str, texts: Sequence[str]) -> str:
    if not texts:
        return ""
    wrapped = [
        textwrap.fill(
            text,
            _WIDTH,
            initial_indent="  - ",
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for text in texts
    ]
    return "\n".join([title, *wrapped])
