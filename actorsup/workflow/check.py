"""What a data set lacks, has too much of, or says otherwise than its videos do, before any work."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from actorsup.datasets.base import GroundTruth, Listing, VideoRecord
from actorsup.errors import ActorsupError, VideoError
from actorsup.frames.probe import VideoFacts, probe_video
from actorsup.logs import progress
from actorsup.workflow.dataset import PlannedDataset

_NAMED = 3
_CORNERS = ["x1", "y1", "x2", "y2"]


@dataclass(frozen=True)
class Finding:
    """One thing to know about a data set.

    Attributes:
        serious: Whether it is to be mended: tables would be wrong, or work is lost.
        text: What, how often, the first few, and the remedy.
    """

    serious: bool
    text: str


@dataclass
class Inspected:
    """A data set as its lists, its videos and its annotation show it.

    Attributes:
        name: Of its section.
        listing: Which videos there are; None where that cannot be told.
        truth: Its ground truth; None where it has none, or it cannot be read.
        facts: What each video is that opens, by id.
        findings: What is to be known about it, in the order of the work.
    """

    name: str
    root: Path
    type: str
    absent_count: bool
    listing: Listing | None = None
    truth: GroundTruth | None = None
    facts: dict[str, VideoFacts] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def records(self) -> list[VideoRecord]:
        """Every video that the lists name, there or not."""
        return [*self.listing.records, *self.listing.missing] if self.listing else []


def inspect_dataset(planned: PlannedDataset, count_frames: bool = False) -> Inspected:
    """Look at all of a data set: lists, ground truth, and the beginning of every video.

    Args:
        planned: The data set.
        count_frames: Whether to decode every video to its end, instead of believing its header.

    Raises:
        ConfigError: The section names a path that is not there.
    """
    section = planned.section
    dataset = planned.dataset
    counted = section.get("absent_videos", "count") == "count"
    found = Inspected(planned.name, dataset.root, section["type"], counted)
    if any(not Path(path).exists() for path in planned.made_by_rules()):
        found.findings.append(Finding(False, "its videos are not made yet: the workflow makes them"))
        return found
    with _told(found.findings):
        try:
            found.listing = dataset.listing()
            found.truth = dataset.ground_truth()
        except ActorsupError as error:
            found.findings.append(Finding(True, str(error)))
    if found.listing is not None:
        found.findings += _probe(found, found.listing, count_frames)
        for look in (_lists, _labels, _annotated_videos, _frame_counts, _sizes, _boxes):
            found.findings += look(found, found.listing)
    return found


@contextmanager
def _told(findings: list[Finding]) -> Iterator[None]:
    """What readers warn of meanwhile is a finding."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            findings.append(Finding(False, record.getMessage()))

    handler, logger = Handler(logging.WARNING), logging.getLogger("actorsup.datasets")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = True


def some(names: Iterable[object]) -> str:
    """The first few of some names, and how many more there are."""
    listed = [str(name) for name in names]
    more = f" and {len(listed) - _NAMED:,} more" if len(listed) > _NAMED else ""
    return ", ".join(listed[:_NAMED]) + more


def _probe(found: Inspected, listing: Listing, count_frames: bool) -> Iterator[Finding]:
    broken: list[str] = []
    for record in progress(listing.records, len(listing.records), "opening videos", passing=True):
        try:
            found.facts[record.video] = probe_video(record.path, count_frames)
        except VideoError as error:
            broken.append(str(error))
    if broken:
        yield Finding(True, f"{len(broken):,} videos cannot be used: {some(broken)}")


def _lists(found: Inspected, listing: Listing) -> Iterator[Finding]:
    if missing := listing.missing:
        much = f"{len(missing):,} of {len(found.records):,} listed videos are not there"
        first = some(record.video for record in missing)
        remedy = "" if found.absent_count else "; the tables are over those that are (absent_videos)"
        yield Finding(found.absent_count or not listing.records, f"{much}: {first}{remedy}")
    if listing.unlisted:
        much = f"{len(listing.unlisted):,} videos that are there are in no list, and not used"
        yield Finding(False, f"{much}: {some(listing.unlisted)}")
    if not found.records:
        yield Finding(True, f"{found.root}: there is not one video below it")


def _labels(found: Inspected, listing: Listing) -> Iterator[Finding]:
    train = [record for record in found.records if record.split == "train"]
    if bare := [record.video for record in train if not record.labels]:
        yield Finding(
            False, f"{len(bare):,} training videos have no label, so that none trains: {some(bare)}"
        )
    learned = {label for r in listing.records if r.split == "train" for label in r.labels}
    lacking = [name for name in listing.classes if name not in learned]
    if lacking and any(record.split for record in found.records):
        much = f"{len(lacking)} of {len(listing.classes)} classes have no training video that is there"
        yield Finding(True, f"{much}, so that their average precision means nothing: {some(lacking)}")


def _annotated_videos(found: Inspected, listing: Listing) -> Iterator[Finding]:
    if found.truth is None:
        return
    boxes = found.truth.boxes
    boxed = set(boxes["video"].unique())
    labels = {record.video: set(record.labels) for record in found.records}
    bare = [
        record.video
        for record in found.records
        if record.split == "test" and record.labels and record.video not in boxed
    ]
    if bare:
        text = f"{len(bare):,} test videos have a label and no box: {some(bare)}"
        yield Finding(True, f"{text}; every tube of theirs counts as wrong")
    strange = sorted(boxed - labels.keys())
    if strange:
        yield Finding(False, f"boxes of {len(strange):,} videos that no list names: {some(strange)}")
    pairs = boxes[["video", "class"]].drop_duplicates()
    at_odds = [
        f"{video} (boxes of {name}, labeled {', '.join(sorted(labels[video]))})"
        for video, name in zip(pairs["video"], pairs["class"], strict=True)
        if labels.get(video) and name not in labels[video]
    ]
    if at_odds:
        yield Finding(True, f"{len(at_odds):,} videos have boxes of a class they lack: {some(at_odds)}")


def _frame_counts(found: Inspected, listing: Listing) -> Iterator[Finding]:
    if found.truth is None:
        return
    said = found.truth.frames
    for counted, slack in ((True, 0), (False, 1)):
        # a header may count one too many
        differ = [
            f"{video} ({facts.frames:,}, annotated {said[video]:,})"
            for video, facts in found.facts.items()
            if facts.counted == counted
            and facts.frames
            and abs(facts.frames - said.get(video, facts.frames)) > slack
        ]
        if differ and counted:
            text = f"{len(differ):,} videos have other numbers of frames than their annotation"
            yield Finding(True, f"{text}: {some(differ)}")
        elif differ:
            text = f"the headers of {len(differ):,} videos tell other numbers of frames than their annotation"
            yield Finding(False, f"{text}: {some(differ)}; headers may lie, --decode counts")


def _sizes(found: Inspected, listing: Listing) -> Iterator[Finding]:
    if found.truth is None:
        return
    size = found.truth.size
    differ = [
        f"{video} ({facts.width}x{facts.height}, annotated {size[video][0]}x{size[video][1]})"
        for video, facts in found.facts.items()
        if video in size and (facts.width, facts.height) != tuple(size[video])
    ]
    if differ:
        text = f"{len(differ):,} videos have another size than their annotation, and boxes are scaled to it"
        yield Finding(False, f"{text}: {some(differ)}")


def _boxes(found: Inspected, listing: Listing) -> Iterator[Finding]:
    """Boxes that the videos at hand have no room for; where boxes are cut, by more than a pixel."""
    if found.truth is None:
        return
    rows = found.truth.boxes[found.truth.boxes["video"].isin(found.facts.keys())]
    names, of_row = np.unique(rows["video"].to_numpy(str), return_inverse=True)
    facts = [found.facts[str(video)] for video in names]
    size = np.array([(f.width, f.height) for f in facts], float).reshape(-1, 2)[of_row]
    said = [found.truth.size.get(str(v), (f.width, f.height)) for v, f in zip(names, facts, strict=True)]
    annotated = np.array(said, float).reshape(-1, 2)[of_row]
    boxes = rows[_CORNERS].to_numpy(float) * np.tile(size / annotated, 2)
    cut = np.clip(boxes, 0, np.tile(size, 2))
    outside = (cut[:, 2:] <= cut[:, :2]).any(1)
    reach = (np.abs(cut - boxes) > 1).any(1) & ~outside
    frames = np.array([f.frames if f.counted else 0 for f in facts], int)[of_row]
    late = (frames > 0) & (rows["frame"].to_numpy() >= frames)
    for wrong, serious, what in (
        (outside, True, "boxes have no area inside their frame"),
        (late, True, "boxes lie after the last frame of their video"),
        (reach, False, "boxes reach out of their frame by more than a pixel and are cut"),
    ):
        if wrong.any():
            where = some(pd.unique(rows["video"][wrong]))
            yield Finding(serious, f"{wrong.sum():,} {what}, in {where}")


def tubes_of(truth: GroundTruth | None) -> Mapping[tuple[str, str], int]:
    """Number of annotated tubes of each video and class."""
    if truth is None:
        return {}
    tubes = truth.boxes[["video", "class", "tube"]].drop_duplicates()
    return Counter(zip(tubes["video"], tubes["class"], strict=True))
