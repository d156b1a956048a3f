"""The interface of a data set: which videos it has and, for evaluation only, where actions occur."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd


@dataclass(frozen=True)
class VideoRecord:
    """One video of a data set.

    Attributes:
        video: Stable id: the path below the data set's root, without the extension.
        path: The video file, or the folder of its frames.
        split: ``"train"``, ``"test"`` or ``""``.
        labels: Names of its action classes; empty if it is unlabeled.
    """

    video: str
    path: Path
    split: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Listing:
    """The videos of a data set: a pure function of its settings and its folder's listing.

    Attributes:
        records: Existing videos, sorted by id.
        missing: Videos that the lists name but the folder lacks, sorted by id; ``path`` is the expected
            path.
        classes: Names of all action classes, in the data set's own order.
        unlisted: Ids of existing videos that no list names, sorted.
    """

    records: tuple[VideoRecord, ...]
    missing: tuple[VideoRecord, ...]
    classes: tuple[str, ...]
    unlisted: tuple[str, ...] = ()


def listing_of(
    listed: Iterable[tuple[str, str, tuple[str, ...]]],
    on_disk: Mapping[str, Path],
    expected_path: Callable[[str], Path],
    classes: tuple[str, ...],
) -> Listing:
    """Compare the videos that lists name with the videos on disk.

    Args:
        listed: Id, split and labels of each video that the lists name; each id once.
        on_disk: Path of every existing video, by id.
        expected_path: Returns where a missing video should be.
        classes: Names of all action classes.
    """
    records = [
        VideoRecord(video, on_disk.get(video) or expected_path(video), split, labels)
        for video, split, labels in sorted(listed)
    ]
    there = tuple(record for record in records if record.video in on_disk)
    missing = tuple(record for record in records if record.video not in on_disk)
    unlisted = on_disk.keys() - {record.video for record in records}
    return Listing(there, missing, classes, tuple(sorted(unlisted)))


@dataclass(frozen=True)
class GroundTruth:
    """Where actions occur; read for evaluation only.

    Attributes:
        boxes: One row per box, columns ``GROUND_TRUTH_COLUMNS`` (``actor`` may be absent); frames 0-based,
            boxes xyxy in pixels of the annotation.
        size: Width and height in pixels of the frames that were annotated, by video; videos without an
            entry are annotated in their own pixels.
        annotated: The annotated frames of a sparse annotation (A2D), columns ``video,frame``, 0-based.
            None if every frame is annotated, so that a frame without a box has no actor.
        frames: Number of frames according to the annotation, by video, if it states one.
    """

    boxes: pd.DataFrame
    size: Mapping[str, tuple[int, int]]
    annotated: pd.DataFrame | None = None
    frames: Mapping[str, int] = field(default_factory=dict)


class Dataset(Protocol):
    """A data set, as its authors publish it or a user keeps it."""

    @property
    def root(self) -> Path:
        """The folder that contains its videos."""
        ...

    def listing(self) -> Listing:
        """List the videos without opening one and without reading a box."""
        ...

    def ground_truth(self) -> GroundTruth | None:
        """Read where actions occur; None if unknown. Only evaluation calls it."""
        ...


@dataclass(frozen=True)
class DatasetType:
    """A type of data set: how to open it, and what planning a run needs to know about it.

    Attributes:
        open: Opens the data set of a section of ``datasets:``, given its name, the section and the
            configuration's seed.
        section: Settings class of its sections, a subclass of ``DatasetSection``.
        made: Whether rules make its videos, its ground truth and the training sets of its networks, in
            ``results/NAME/source``.
        has_ground_truth: Whether a section has ground truth to evaluate with.
        annotation_files: The files of its ground truth, given its name, the section and the open data set;
            empty if they are many (``annotation_pattern``).
        annotation_pattern: Glob pattern, below the folder ``annotations``, of an annotation of thousands
            of files.
        sparse: Whether the ground truth of a section covers only a few frames of each video.
        written_by_users: Whether users write its ground truth, so that it is checked before any work.
    """

    open: Callable[[str, Mapping[str, Any], int], Dataset]
    section: type[Any]
    made: bool = False
    has_ground_truth: Callable[[Mapping[str, Any]], bool] = lambda section: True
    annotation_files: Callable[[str, Mapping[str, Any], Any], list[str]] = lambda name, section, dataset: []
    annotation_pattern: str = ""
    sparse: Callable[[Mapping[str, Any]], bool] = lambda section: False
    written_by_users: bool = False


def bucket_of(video: str, buckets: int) -> int:
    """Return the bucket (shard) of a video: a hash of its id, so that other videos do not move it."""
    return int.from_bytes(hashlib.blake2b(video.encode(), digest_size=8).digest()) % buckets
