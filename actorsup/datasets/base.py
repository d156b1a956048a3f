"""What every data set says: which videos there are, and, for evaluation only, where actions are."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.formats.ground_truth_csv import GROUND_TRUTH_COLUMNS


@dataclass(frozen=True)
class VideoRecord:
    """One video of a data set.

    Attributes:
        video: Stable id: the path below the data set's root without its extension.
        path: The video file, or the folder of its frames.
        split: ``"train"``, ``"test"`` or ``""``.
        labels: Names of its action classes; none where it is not labeled.
    """

    video: str
    path: Path
    split: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Listing:
    """The videos of a data set: a pure function of its settings and its folder's listing.

    Attributes:
        records: Videos that are there, sorted by id.
        missing: Videos that the lists name and the folder lacks, sorted by id; their ``path``
            is where one was looked for.
        classes: Names of all action classes, in the data set's own order.
        unlisted: Ids of videos that are there and that no list names, sorted.
    """

    records: tuple[VideoRecord, ...]
    missing: tuple[VideoRecord, ...]
    classes: tuple[str, ...]
    unlisted: tuple[str, ...] = ()


def listing_of(
    wanted: Iterable[tuple[str, str, tuple[str, ...]]],
    on_disk: Mapping[str, Path],
    sought: Callable[[str], Path],
    classes: tuple[str, ...],
) -> Listing:
    """The listing of the videos that lists name, and of those that are there.

    Args:
        wanted: Id, split and labels of each video that the lists name; each id once.
        on_disk: Every video that is there, by its id.
        sought: Where a video is looked for, for those that are missing.
        classes: Names of all action classes.
    """
    there: list[VideoRecord] = []
    missing: list[VideoRecord] = []
    for video, split, labels in sorted(wanted):
        path = on_disk.get(video)
        record = VideoRecord(video, path or sought(video), split, labels)
        (there if path else missing).append(record)
    named = {record.video for record in (*there, *missing)}
    return Listing(tuple(there), tuple(missing), classes, tuple(sorted(on_disk.keys() - named)))


@dataclass(frozen=True)
class GroundTruth:
    """Where actions are: read for evaluation alone.

    Attributes:
        boxes: One row a box, columns ``GROUND_TRUTH_COLUMNS`` (``actor`` may be absent); frames
            0-based, boxes xyxy in pixels of the size that the annotation speaks of.
        size: Width and height in pixels that the annotation speaks of, by video; a video that
            is not here is annotated in its own pixels.
        annotated: Where only some frames are annotated (A2D): which, one row each, columns
            ``video,frame``, 0-based. None: all are, and a frame without a box has no actor.
        frames: Number of frames that the annotation speaks of, by video, where it tells.
    """

    boxes: pd.DataFrame
    size: Mapping[str, tuple[int, int]]
    annotated: pd.DataFrame | None = None
    frames: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class AnnotatedTube:
    """One annotated actor doing one action.

    Attributes:
        video: Id of the video.
        tube: Its number among those of the video.
        action: Name of the action class.
        actor: Name of the actor, as the data set calls it.
        frames: (M,) 0-based, ascending.
        boxes: (M, 4) xyxy in pixels of the size that the annotation speaks of.
    """

    video: str
    tube: int
    action: str
    actor: str
    frames: NDArray[np.int64]
    boxes: NDArray[np.float32]


def boxes_table(tubes: Iterable[AnnotatedTube]) -> pd.DataFrame:
    """The boxes of tubes as ``GroundTruth`` holds them, one row a box."""
    tubes = list(tubes)
    lengths = [len(tube.boxes) for tube in tubes]
    boxes = np.concatenate([np.zeros((0, 4), np.float32), *(tube.boxes for tube in tubes)])
    named = {
        "video": [tube.video for tube in tubes],
        "class": [tube.action for tube in tubes],
        "actor": [tube.actor for tube in tubes],
    }
    columns = {
        **{name: np.repeat(np.array(values, object), lengths) for name, values in named.items()},
        "tube": np.repeat(np.array([tube.tube for tube in tubes], int), lengths),
        "frame": np.concatenate([np.zeros(0, np.int64), *(tube.frames for tube in tubes)]),
        **{name: boxes[:, i] for i, name in enumerate(("x1", "y1", "x2", "y2"))},
    }
    return pd.DataFrame(columns)[GROUND_TRUTH_COLUMNS]


class Dataset(Protocol):
    """A data set, as its authors publish it or a user keeps it."""

    @property
    def root(self) -> Path:
        """The folder that its videos lie below."""
        ...

    def listing(self) -> Listing:
        """Which videos there are, without opening one and without reading a box."""
        ...

    def ground_truth(self) -> GroundTruth | None:
        """Where actions are, or None where that is not known. Evaluation alone calls it."""
        ...


@dataclass(frozen=True)
class DatasetType:
    """A type of data set: how it is opened, and what planning a run needs to know of it.

    Attributes:
        open: Opens the data set of a section of ``datasets:``, from its name, the section and the
            configuration's seed.
        section: Settings class of its sections, a subclass of ``DatasetSection``.
        made: Whether rules make its videos, its ground truth and the sets that its networks are
            trained on, in ``results/NAME/source``.
        has_ground_truth: Whether a section has ground truth to evaluate with.
        annotation_files: The files that hold its ground truth, from its name, the section and the
            open data set; none where they are many (``annotation_pattern``).
        annotation_pattern: Pattern, below the folder ``annotations``, of an annotation that is
            thousands of files.
        sparse: Whether the ground truth of a section is of a few frames of each video.
        written_by_users: Whether users write its ground truth, so that it is read before any work.
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
    """The bucket (shard) of a video: a hash of its id, so that others do not move it."""
    return int.from_bytes(hashlib.blake2b(video.encode(), digest_size=8).digest()) % buckets
