"""What every data set says: which videos there are, and, for evaluation only, where actions are."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

GROUND_TRUTH_COLUMNS = ["video", "tube", "class", "frame", "x1", "y1", "x2", "y2", "actor"]


@dataclass(frozen=True)
class VideoRecord:
    """One video of a data set.

    Attributes:
        video: Stable id: the path below the data set's root without its extension.
        path: The video file, or the folder of its frames.
        split: ``"train"``, ``"test"`` or ``""``.
        labels: Names of its action classes; none where it is not labelled.
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
    """

    records: tuple[VideoRecord, ...]
    missing: tuple[VideoRecord, ...]
    classes: tuple[str, ...]


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
    """

    boxes: pd.DataFrame
    size: Mapping[str, tuple[int, int]]
    annotated: pd.DataFrame | None = None


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


def bucket_of(video: str, buckets: int) -> int:
    """The bucket (shard) of a video: a hash of its id, so that others do not move it."""
    return int.from_bytes(hashlib.blake2b(video.encode(), digest_size=8).digest()) % buckets
