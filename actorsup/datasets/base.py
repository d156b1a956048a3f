"""The interface of a data set: its videos and, for evaluation only, the boxes of its actions."""

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.datasets.contents import (
    DEFAULT_NAMING,
    FolderContents,
    FrameNaming,
    UnusableEntry,
    UnusedEntry,
)

if TYPE_CHECKING:  # an edit of the checks decodes nothing again
    from actorsup.formats.conventions import BoxSource


@dataclass(frozen=True)
class VideoRecord:
    """One video of a data set.

    Attributes:
        video: Video id: the path below the data set's root, without the extension.
        path: Path of the video file, or of the folder of the video's frames.
        split: ``"train"``, ``"test"``, or ``""`` for a video in no split.
        labels: Names of the video's action classes; empty if the video is unlabeled.
        naming: How the names of the files number the frames, if the video is a folder.
    """

    video: str
    path: Path
    split: str
    labels: tuple[str, ...]
    naming: FrameNaming = DEFAULT_NAMING


@dataclass(frozen=True)
class Listing:
    """The videos of a data set, determined by the data set's settings and the files in its folder.

    Attributes:
        records: Existing videos, sorted by id.
        missing: Videos that the data set's lists name but its folder lacks, sorted by id; their ``path`` is
            the expected path.
        classes: Names of all action classes, in the order of the data set.
        unlisted: Sorted ids of the existing videos that the data set's lists do not name.
        unusable: Entries of the folder that look like videos but cannot be used.
        unused: Files and folders of the folder that are not used.
        ignored: Number of hidden files and files of systems, which are ignored.
    """

    records: tuple[VideoRecord, ...]
    missing: tuple[VideoRecord, ...]
    classes: tuple[str, ...]
    unlisted: tuple[str, ...] = ()
    unusable: tuple[UnusableEntry, ...] = ()
    unused: tuple[UnusedEntry, ...] = ()
    ignored: int = 0


def make_listing(
    listed_videos: Iterable[tuple[str, str, tuple[str, ...]]],
    contents: FolderContents,
    expected_path: Callable[[str], Path],
    classes: tuple[str, ...],
    own_files: Iterable[Path | None] = (),
    naming: FrameNaming = DEFAULT_NAMING,
) -> Listing:
    """Compare the videos that a data set's lists name with the videos on disk.

    Args:
        listed_videos: Id, split and labels of each video that the lists name; the ids are unique.
        contents: What is in the folder of the data set. A folder of masks and so on is used if it is listed.
        expected_path: Function that returns the expected path of a missing video, given its id.
        classes: Names of all action classes.
        own_files: Files and folders of the data set's lists and annotations, which are not unused.
        naming: How the names of the files number the frames of a folder.
    """
    existing_paths = {**contents.companions, **contents.videos}
    records = [
        VideoRecord(video, existing_paths.get(video) or expected_path(video), split, labels, naming)
        for video, split, labels in sorted(listed_videos)
    ]
    existing = tuple(record for record in records if record.video in existing_paths)
    missing = tuple(record for record in records if record.video not in existing_paths)
    unlisted = contents.videos.keys() - {record.video for record in records}
    used_paths = {name(path) for path in own_files if path for name in (os.path.abspath, os.path.realpath)}
    used_paths |= {str(record.path.absolute()) for record in existing if record.video in contents.companions}
    unused = tuple(entry for entry in contents.unused if not _is_below(entry.path, used_paths))
    return Listing(
        existing,
        missing,
        classes,
        tuple(sorted(unlisted)),
        tuple(contents.unusable),
        unused,
        contents.ignored,
    )


def _is_below(path: Path, folders: Set[str]) -> bool:
    text = str(path.absolute())
    return any(text == folder or text.startswith(f"{folder}/") for folder in folders)


@dataclass(frozen=True)
class GroundTruth:
    """The ground-truth boxes of a data set, which only evaluation reads.

    Attributes:
        boxes: Table with one row per box and the columns ``GROUND_TRUTH_COLUMNS`` (``actor`` is optional);
            frames are 0-based, boxes xyxy in pixels of the annotated frames.
        size: Width and height of the annotated frames in pixels, by video; the boxes of a video without an
            entry are in pixels of the video.
        annotated: Annotated frames (K,) int64 by video, 0-based and ascending, where only these frames are
            annotated, as in A2D. A video without an entry is annotated in every frame: a frame without a box
            has no actor.
        frames: Number of frames of a video, by video, where the annotation states it.
        rates: Frames per second of a video, by video, where the annotation states it.
        source: File of the boxes, with what the user says about their numbers. None: a file
            of this project. Only if its frame unit is a time, the column ``frame`` of the boxes holds times.
    """

    boxes: pd.DataFrame
    size: Mapping[str, tuple[int, int]]
    annotated: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    frames: Mapping[str, int] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)
    source: "BoxSource | None" = None


class Dataset(Protocol):
    """A data set in the layout of its authors or of a user."""

    @property
    def root(self) -> Path:
        """The folder that contains the videos."""
        ...

    def listing(self) -> Listing:
        """List the videos, without opening a video or reading a box."""
        ...

    def ground_truth(self) -> GroundTruth | None:
        """Read the ground-truth boxes, for evaluation only; return None if the data set has none."""
        ...


@dataclass(frozen=True)
class DatasetType:
    """A type of data set: the function that opens a data set, and properties that the job graph needs.

    Attributes:
        open: Function that opens the data set of a section of ``datasets:``, given the name of the section,
            the section and the seed of the configuration.
        section: Settings class of the type's sections, a subclass of ``DatasetSection``.
        is_generated: True if rules generate the videos, the ground truth and the training sets of the
            networks, in ``results/NAME/source``.
        has_ground_truth: Predicate of a section: True if its data set has ground truth.
        annotation_files: Function that returns the paths of the ground-truth files, given the name of the
            section, the section and the open data set; an empty list if ``annotation_pattern`` is set.
        annotation_pattern: Glob pattern of the ground-truth files below the folder ``annotations``, for an
            annotation of thousands of files.
        has_sparse_boxes: Predicate of a section: True if its settings say that not every frame is annotated.
        is_user_written: True if users write the ground truth, so that it is checked before anything runs.
    """

    open: Callable[[str, Mapping[str, Any], int], Dataset]
    section: type[Any]
    is_generated: bool = False
    has_ground_truth: Callable[[Mapping[str, Any]], bool] = lambda section: True
    annotation_files: Callable[[str, Mapping[str, Any], Any], list[str]] = lambda name, section, dataset: []
    annotation_pattern: str = ""
    has_sparse_boxes: Callable[[Mapping[str, Any]], bool] = lambda section: False
    is_user_written: bool = False


def shard_index(video: str, num_shards: int) -> int:
    """Return the shard index of a video: a hash of its id, independent of the other videos."""
    return int.from_bytes(hashlib.blake2b(video.encode(), digest_size=8).digest()) % num_shards
