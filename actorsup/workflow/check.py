"""Check of a data set before a run: missing or unused files, and annotations that contradict the videos."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from actorsup.artifacts.tube_files import VideoInfo
from actorsup.datasets.base import GroundTruth, Listing, VideoRecord
from actorsup.datasets.ground_truth_checks import check_ground_truth, in_frames
from actorsup.errors import ActorsupError, VideoError, first_few
from actorsup.formats.ground_truth_csv import CORNERS
from actorsup.frames.probe import (
    OTHER_PIXELS,
    OTHER_RATE,
    SEVERAL_STREAMS,
    SIZE_CHANGES,
    VARIABLE_RATE,
    VideoFacts,
    probe_video,
)
from actorsup.logs import progress
from actorsup.workflow.check_folder import check_folder, check_frame_names
from actorsup.workflow.dataset import PlannedDataset
from actorsup.workflow.findings import Finding, finding

_PECULIARITIES = {
    SIZE_CHANGES: "later frames are fitted into the first one, in whose pixels the boxes are",
    OTHER_PIXELS: "boxes are in pixels of the decoded frame",
    SEVERAL_STREAMS: "to use another one, extract it: ffmpeg -i OLD -map 0:v:1 -c copy NEW",
    OTHER_RATE: "the timestamps count",
    VARIABLE_RATE: "times are those of their timestamps",
}
"""How peculiarities of videos are handled."""


@dataclass
class Inspection:
    """The lists, videos and annotations of a data set, and what was found in them.

    Attributes:
        name: Name of the section of the configuration.
        root: Folder of the data set.
        type: Name of the data set type.
        missing_count: Whether listed videos that are missing count in the tables.
        listing: Videos of the data set; None if they cannot be listed.
        truth: Ground truth of the data set; None if it does not exist or cannot be read.
        facts: Size and length of each video that can be opened, by video id.
        findings: Problems and notes, in the order of the checks.
    """

    name: str
    root: Path
    type: str
    missing_count: bool
    listing: Listing | None = None
    truth: GroundTruth | None = None
    facts: dict[str, VideoFacts] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def infos(self) -> dict[str, VideoInfo]:
        """Length, frame rate and size of each video that can be opened, by video id."""
        return {
            video: VideoInfo(facts.frames, facts.fps, facts.width, facts.height)
            for video, facts in self.facts.items()
        }

    @property
    def records(self) -> list[VideoRecord]:
        """Every listed video, whether it exists or not."""
        return [*self.listing.records, *self.listing.missing] if self.listing else []


def inspect_dataset(planned: PlannedDataset, count_frames: bool = False) -> Inspection:
    """Check the lists, the ground truth and the first frame of every video of a data set.

    Args:
        planned: The data set.
        count_frames: Decode every video to count its frames, instead of trusting its header.

    Raises:
        ConfigError: A path in the section does not exist.
    """
    section, dataset = planned.section, planned.dataset
    missing_count = section.get("absent_videos", "count") == "count"
    inspection = Inspection(planned.name, dataset.root, section["type"], missing_count)
    if any(not Path(path).exists() for path in planned.generated_inputs()):
        inspection.findings.append(Finding(False, "its videos are not made yet: the workflow makes them"))
        return inspection
    with _warnings_as_findings(inspection.findings):
        try:
            inspection.listing = dataset.listing()
            inspection.truth = dataset.ground_truth()
        except ActorsupError as error:
            inspection.findings.append(Finding(True, str(error)))
    if inspection.listing is not None:
        inspection.findings += _probe(inspection, inspection.listing, count_frames)
        inspection.findings += _check_lists(inspection, inspection.listing)
        inspection.findings += check_folder(inspection.listing)
        inspection.findings += check_frame_names({v: one.notes for v, one in inspection.facts.items()})
        inspection.findings += _check_labels(inspection, inspection.listing)
        if inspection.truth is not None:
            inspection.findings += _check_plausibility(inspection, inspection.truth)
            boxes = in_frames(inspection.truth, inspection.infos)
            inspection.truth = replace(inspection.truth, boxes=boxes)
            for check in (_check_annotated_videos, _check_frame_counts, _check_sizes, _check_boxes):
                inspection.findings += check(inspection, inspection.truth)
    return inspection


@contextmanager
def _warnings_as_findings(findings: list[Finding]) -> Iterator[None]:
    """Turn the warnings that readers of data sets log into notes."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            findings.append(Finding(False, record.getMessage()))

    handler = Handler(logging.WARNING)
    loggers = [logging.getLogger(f"actorsup.{package}") for package in ("datasets", "formats")]
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
            logger.propagate = True


def _probe(inspection: Inspection, listing: Listing, count_frames: bool) -> Iterator[Finding]:
    broken: list[str] = []
    for record in progress(listing.records, len(listing.records), "opening videos", is_subtask=True):
        try:
            inspection.facts[record.video] = probe_video(record.path, count_frames, record.naming)
        except VideoError as error:
            broken.append(str(error))
    yield from finding(True, "{} videos cannot be used", broken)
    for kind, remedy in _PECULIARITIES.items():
        videos = [
            f"{video} ({facts.peculiarities[kind]})"
            for video, facts in inspection.facts.items()
            if kind in facts.peculiarities
        ]
        yield from finding(kind == SIZE_CHANGES, f"{{}} videos {kind}", videos, f"; {remedy}")


def _check_lists(inspection: Inspection, listing: Listing) -> Iterator[Finding]:
    yield from finding(
        inspection.missing_count or not listing.records,
        f"{{}} of {len(inspection.records):,} listed videos are missing",
        [record.video for record in listing.missing],
        "" if inspection.missing_count else "; the tables leave them out (absent_videos)",
    )
    yield from finding(False, "{} videos are in no list and are not used", listing.unlisted)
    if not inspection.records:
        yield Finding(True, f"{inspection.root}: contains no video")


def _check_labels(inspection: Inspection, listing: Listing) -> Iterator[Finding]:
    unlabeled = [r.video for r in inspection.records if r.split == "train" and not r.labels]
    yield from finding(False, "{} training videos have no label and are not trained on", unlabeled)
    if any(record.split for record in inspection.records):
        trained = {label for r in listing.records if r.split == "train" for label in r.labels}
        yield from finding(
            True,
            f"{{}} of {len(listing.classes)} classes have no training video, so their average precision is "
            "meaningless",
            [name for name in listing.classes if name not in trained],
        )


def _check_annotated_videos(inspection: Inspection, truth: GroundTruth) -> Iterator[Finding]:
    annotated = set(truth.boxes["video"].unique())
    labels = {record.video: set(record.labels) for record in inspection.records}
    yield from finding(
        True,
        "{} test videos have a label but no box",
        [r.video for r in inspection.records if r.split == "test" and r.labels and r.video not in annotated],
        "; all their tubes count as wrong",
    )
    yield from finding(False, "{} videos have boxes but are in no list", sorted(annotated - labels.keys()))
    pairs = truth.boxes[["video", "class"]].drop_duplicates()
    contradictory = [
        f"{video} (boxes of {name}, labeled {', '.join(sorted(labels[video]))})"
        for video, name in zip(pairs["video"], pairs["class"], strict=True)
        if labels.get(video) and name not in labels[video]
    ]
    yield from finding(True, "{} videos have boxes of a class that is not their label", contradictory)


def _check_frame_counts(inspection: Inspection, truth: GroundTruth) -> Iterator[Finding]:
    different: dict[bool, list[str]] = {True: [], False: []}
    for video, facts in inspection.facts.items():
        annotated = truth.frames.get(video, facts.frames)
        # a header may count one frame too many
        if facts.frames and abs(facts.frames - annotated) > (not facts.counted):
            different[facts.counted].append(f"{video} ({facts.frames:,}, annotated {annotated:,})")
    yield from finding(True, "{} videos differ from their annotation in number of frames", different[True])
    yield from finding(
        False,
        "the headers of {} videos differ from the annotation in number of frames",
        different[False],
        "; headers may be wrong, --decode counts the frames",
    )


def _check_plausibility(inspection: Inspection, truth: GroundTruth) -> Iterator[Finding]:
    """Units and numbering of the annotation, now that the sizes and lengths of the videos are known."""
    known = {finding.text for finding in inspection.findings}
    for problem in check_ground_truth(truth, inspection.infos):
        if problem.text not in known:
            yield Finding(problem.serious, problem.text)


def _check_sizes(inspection: Inspection, truth: GroundTruth) -> Iterator[Finding]:
    different = [
        f"{video} ({facts.width}x{facts.height}, annotated {truth.size[video][0]}x{truth.size[video][1]})"
        for video, facts in inspection.facts.items()
        if video in truth.size and (facts.width, facts.height) != tuple(truth.size[video])
    ]
    if truth.source and truth.source.conventions.reference_size is not None:  # as the user says
        different = []
    yield from finding(
        False, "{} videos differ in size from their annotation, and boxes are scaled to the video", different
    )


def _check_boxes(inspection: Inspection, truth: GroundTruth) -> Iterator[Finding]:
    """Boxes outside their frame or their video, and boxes that are clipped by more than a pixel."""
    rows = truth.boxes[truth.boxes["video"].isin(inspection.facts.keys())]
    names, of_row = np.unique(rows["video"].to_numpy(str), return_inverse=True)
    facts = [inspection.facts[str(video)] for video in names]
    sizes = [(one.width, one.height) for one in facts]
    size = np.array(sizes, float).reshape(-1, 2)[of_row]
    annotated = [truth.size.get(str(name), own) for name, own in zip(names, sizes, strict=True)]
    scale = size / np.array(annotated, float).reshape(-1, 2)[of_row]
    boxes = rows[CORNERS].to_numpy(float) * np.tile(scale, 2)
    clipped = np.clip(boxes, 0, np.tile(size, 2))
    outside = (clipped[:, 2:] <= clipped[:, :2]).any(1)
    frames = np.array([one.frames if one.counted else 0 for one in facts], int)[of_row]
    for wrong, serious, what in (
        (outside, True, "boxes have no area inside their frame"),
        ((frames > 0) & (rows["frame"].to_numpy() >= frames), True, "boxes lie after the end of their video"),
        (
            (np.abs(clipped - boxes) > 1).any(1) & ~outside,
            False,
            "boxes extend beyond their frame by more than a pixel and are clipped",
        ),
    ):
        if wrong.any():
            videos = first_few(pd.unique(rows["video"][wrong]))
            yield Finding(serious, f"{wrong.sum():,} {what}, in {videos}")


def count_tubes(truth: GroundTruth | None) -> Mapping[tuple[str, str], int]:
    """Return the number of annotated tubes of each video and class."""
    if truth is None:
        return {}
    tubes = truth.boxes[["video", "class", "tube"]].drop_duplicates()
    return Counter(zip(tubes["video"], tubes["class"], strict=True))
