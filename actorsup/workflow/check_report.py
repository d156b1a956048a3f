"""The summary that ``actorsup check`` prints: videos by split and class, problems and notes."""

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from actorsup.frames.settings import FrameSettings
from actorsup.frames.write import stored_size
from actorsup.workflow.check import Inspection, count_tubes

_WIDTH = 100
_KB_OF_QUALITY = {75: 10.1, 90: 18.1, 95: 25.3}
_KB_OF_PNG = 77.2
_PIXELS = 320 * 240
"""Number of pixels of the stored frames whose size in kilobytes is given above; see docs/frames.md."""


def report(inspection: Inspection, settings: FrameSettings) -> str:
    """Return the summary.

    Args:
        inspection: The checked data set.
        settings: How frames are stored, for the estimate of their size.
    """
    parts = [f"{inspection.name}: {inspection.type}, {inspection.root}"]
    if inspection.listing is not None:
        parts += [_splits(inspection), _classes(inspection), _disk(inspection, settings)]
    problems = [finding.text for finding in inspection.findings if finding.serious]
    notes = [finding.text for finding in inspection.findings if not finding.serious]
    counts = [_counted(len(problems), "problem"), *([_counted(len(notes), "note")] if notes else [])]
    parts += [_list("Problems", problems), _list("Notes", notes), f"{inspection.name}: {', '.join(counts)}"]
    return "\n\n".join(part for part in parts if part)


def _counted(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'s' * (count > 1)}"


def _splits(inspection: Inspection) -> str:
    assert inspection.listing is not None
    tubes: Counter[str] = Counter()
    for (video, _), count in count_tubes(inspection.truth).items():
        tubes[video] += count
    existing = {record.video for record in inspection.listing.records}
    splits = [name for name in ("train", "test", "") if any(r.split == name for r in inspection.records)]
    videos = [[r.video for r in inspection.records if r.split == name] for name in splits]
    rows: list[Sequence[Any]] = [
        ["videos", *(name or "no split" for name in splits)],
        ["listed", *map(len, videos)],
        ["existing", *(len(existing & set(names)) for names in videos)],
        ["missing", *(len(set(names) - existing) for names in videos)],
    ]
    if inspection.truth is not None:
        rows.append(["with boxes", *(sum(video in tubes for video in names) for names in videos)])
        rows.append(["tubes", *(sum(tubes[video] for video in names) for names in videos)])
    return _table(rows)


def _classes(inspection: Inspection) -> str:
    assert inspection.listing is not None
    tubes = count_tubes(inspection.truth)
    existing = {record.video for record in inspection.listing.records}
    has_truth = inspection.truth is not None
    rows: list[Sequence[Any]] = [["class: existing of listed", "train", "test", *["test tubes"] * has_truth]]
    for name in inspection.listing.classes:
        cells: list[Any] = [name]
        for split in ("train", "test"):
            videos = [r.video for r in inspection.records if r.split == split and name in r.labels]
            cells.append(f"{len(existing & set(videos)):,} of {len(videos):,}")
        if has_truth:
            counts = {r.video: tubes.get((r.video, name), 0) for r in inspection.records if r.split == "test"}
            usable = sum(count for video, count in counts.items() if video in existing)
            cells.append(f"{usable:,} of {sum(counts.values()):,}")
        rows.append(cells)
    return _table(rows) if len(rows) > 1 else ""


def _table(rows: Sequence[Sequence[Any]]) -> str:
    cells = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells.insert(1, ["-" * width for width in widths])
    lines = []
    for first, *others in cells:
        numbers = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *numbers]).rstrip())
    return "\n".join(lines)


def _disk(inspection: Inspection, settings: FrameSettings) -> str:
    """An estimate of the disk space for the frames of the existing videos."""
    annotated: Mapping[str, int] = inspection.truth.frames if inspection.truth else {}
    frames, size, unknown = 0, 0.0, 0
    for video, facts in inspection.facts.items():
        count = facts.frames if facts.counted else annotated.get(video, facts.frames)
        width, height = stored_size(facts.width, facts.height, settings.max_side)
        frames, unknown = frames + count, unknown + (not count)
        size += count * width * height / _PIXELS * kilobytes(settings) * 1e3
    if not frames:
        return ""
    without = f", without {unknown:,} videos of unknown length" if unknown else ""
    amount = f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"
    return (
        f"Disk for {frames:,} frames of {len(inspection.facts):,} videos: about {amount}, at "
        f"{kilobytes(settings):.1f} kB a frame of 320x240 (docs/frames.md){without}"
    )


def kilobytes(settings: FrameSettings) -> float:
    """Size of a stored frame of 320x240, measured or interpolated between measurements."""
    if settings.encoding == "png":
        return _KB_OF_PNG
    return float(np.interp(settings.quality, list(_KB_OF_QUALITY), list(_KB_OF_QUALITY.values())))


def _list(title: str, texts: Sequence[str]) -> str:
    wrapper = textwrap.TextWrapper(
        _WIDTH,
        initial_indent="  - ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join([title, *map(wrapper.fill, texts)]) if texts else ""
