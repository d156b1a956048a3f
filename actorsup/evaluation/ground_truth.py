"""Ground-truth tubes, which only the evaluation reads."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.artifacts.tube_files import VideoInfo
from actorsup.datasets.ground_truth_checks import check_ground_truth
from actorsup.datasets.ground_truth_files import read_ground_truth_file
from actorsup.formats.box_store import BoxStore
from actorsup.formats.checked_table import checked_chunks
from actorsup.formats.conventions import UNSTATED, Conventions, in_pixels_and_frames
from actorsup.formats.coverage import AnnotatedFrames, annotated_frames_of_rows
from actorsup.formats.formats import detect_format
from actorsup.formats.ground_truth_csv import (
    read_annotated_table,
    split_rows,
)
from actorsup.formats.plausibility import report
from actorsup.formats.tables import Columns, drop_repeated_rows, read_splits, read_table

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class GroundTruthTube:
    """Annotated tube of one actor that performs one action.

    Attributes:
        action: Name of the action class.
        actor: Name of the actor category; empty if not annotated.
        frames: (M,) int64, frames with a box, 0-based and ascending.
        boxes: (M, 4) float32, box in each of these frames, xyxy in pixels of the source frame.
    """

    action: str
    actor: str
    frames: NDArray[np.int64]
    boxes: NDArray[np.float32]

    def dense(self, num_frames: int) -> NDArray[np.float32]:
        """Return the boxes (num_frames, 4) in all frames of a video; NaN in frames without a box.

        Args:
            num_frames: Number of frames of the video; boxes in later frames are left out.
        """
        boxes = np.full((num_frames, 4), np.nan, np.float32)
        is_in_video = self.frames < num_frames
        boxes[self.frames[is_in_video]] = self.boxes[is_in_video]
        return boxes


GroundTruthTubes = Mapping[str, Sequence[GroundTruthTube]]
"""Ground-truth tubes by video id."""


class StoredGroundTruth(Mapping[str, list[GroundTruthTube]]):
    """Ground-truth tubes by video id, which are read on access from memory or a temporary file.

    Args:
        path: Path of the ground-truth file, for messages.
        chunks: Consecutive rows of the ground truth, as from ``ground_truth_chunks``.
        annotated: Annotated frames (K,) by video; the rows without a box add to them.

    Attributes:
        path: Path of the ground-truth file, for messages.
        annotated: Annotated frames (K,) int64 by video, 0-based and ascending, where the file states them.

    Raises:
        DataError: A tube has boxes of several classes, or two boxes in a frame.
    """

    def __init__(
        self, path: Path, chunks: Iterable[pd.DataFrame], annotated: AnnotatedFrames | None = None
    ) -> None:
        self.path = path
        self._store = BoxStore(path)
        named: list[pd.DataFrame] = []
        for chunk in chunks:
            boxes, without_box = split_rows(chunk)
            if len(without_box):
                named.append(without_box[["video", "frame"]])
            self._store.add(boxes)
        self._store.finish()
        if count := self._store.num_unordered:
            _LOG.warning("%s: sorted %d boxes that were not in the order of their frames", path, count)
        self.annotated = {**(annotated or {}), **self._annotated_frames(named)}

    def _annotated_frames(self, named: Sequence[pd.DataFrame]) -> AnnotatedFrames:
        """Return the annotated frames of the videos with rows without a box."""
        if not any(map(len, named)):
            return {}
        rows = pd.concat(named)
        frames = {video: self.frames_with_boxes(video) for video in rows["video"].unique() if video in self}
        boxes = [pd.DataFrame({"video": video, "frame": array}) for video, array in frames.items()]
        return annotated_frames_of_rows(rows, pd.concat([rows.iloc[:0], *boxes]))

    def __getitem__(self, video: str) -> list[GroundTruthTube]:
        if video not in self._store:
            raise KeyError(video)
        labels = self._store.labels(video)
        return [GroundTruthTube(*label, *self._store.boxes(video, name)) for name, label in labels.items()]

    def __iter__(self) -> Iterator[str]:
        return self._store.videos()

    def __len__(self) -> int:
        return len(self._store)

    def __contains__(self, video: object) -> bool:
        return video in self._store

    def frames_with_boxes(self, video: str) -> NDArray[np.int64]:
        """Return the frames of a video with a box of any tube, ascending."""
        return np.unique(np.concatenate([tube.frames for tube in self[video]]))

    def classes(self, videos: Collection[str]) -> set[str]:
        """Return the names of the classes in some videos, without reading boxes.

        Args:
            videos: Video ids; ids without ground truth are ignored.
        """
        return {label.action for video in videos for label in self._store.labels(video).values()}


def read_ground_truth(
    path: str | Path,
    action: str | None = None,
    conventions: Conventions = UNSTATED,
    infos: Mapping[str, VideoInfo] | None = None,
    sparse: bool = False,
) -> StoredGroundTruth:
    """Open a ground-truth file, and check that its numbers are plausible.

    Args:
        path: A table ``video,tube,class,frame,x1,y1,x2,y2[,actor]`` with rows in any order; or COCO JSON,
            CVAT XML, or a folder or zip of MOT text or CVAT XML (docs/exchange.md).
        action: Class of the tracks in MOT text that have none.
        conventions: What the numbers of the file are, where they differ from its format; ``EXACT`` skips the
            checks.
        infos: Length, frame rate and size of videos, by id, which checks and conversions of units need.
        sparse: Whether only some frames of a video are annotated.

    Returns:
        The ground-truth tubes by video id.

    Raises:
        DataError: The file cannot be used; the message names the line or the place in the file.
    """
    path, infos = Path(path), infos or {}
    # in chunks, because a table may be larger than the memory
    if not path.exists() or (path.suffix.lower() == ".csv" and detect_format(path) == "csv"):
        return StoredGroundTruth(path, checked_chunks(path, conventions, infos, sparse))
    truth = read_ground_truth_file(path, action, conventions)
    report(check_ground_truth(truth, infos))
    rows = in_pixels_and_frames(str(path), truth.boxes, conventions, infos)
    return StoredGroundTruth(path, [rows], truth.annotated)


def classes_of(truth: GroundTruthTubes, videos: Collection[str]) -> set[str]:
    """Return the names of the classes of the ground-truth tubes in some videos."""
    if isinstance(truth, StoredGroundTruth):
        return truth.classes(videos)
    return {tube.action for video in videos for tube in truth.get(video, ())}


def annotated_frames(
    truth: GroundTruthTubes, videos: Collection[str]
) -> dict[str, NDArray[np.int64] | None] | None:
    """Return the annotated frames of each video that the file of the ground truth states.

    Returns:
        Annotated frames (K,) by video id, or None for a video that is annotated in every frame; None if all
        videos are.
    """
    if not isinstance(truth, StoredGroundTruth) or not truth.annotated:
        return None
    return {video: truth.annotated.get(video) for video in videos}


def test_videos(videos: Path) -> tuple[list[str], set[str]]:
    """Read the ids of the test videos, and the classes of the training videos, from a videos.csv.

    Args:
        videos: Path of the table. If it has no column ``split``, every video is a test video.

    Returns:
        Sorted ids of the test videos, and the names of the classes that some training video has.

    Raises:
        DataError: The table cannot be read or has no column ``video``.
    """
    train_labels = labeled_videos(videos, "train").values()
    return sorted(labeled_videos(videos, "test")), {name for labels in train_labels for name in labels}


def labeled_videos(videos: Path, split: str) -> dict[str, tuple[str, ...]]:
    """Read the labels of the videos of a split from a videos.csv, by video id.

    Training videos that are missing or undecodable are left out, because they were not trained on.

    Args:
        videos: Path of the table. If it has no column ``split``, every video is a test video.
        split: ``test`` or ``train``.

    Raises:
        DataError: The table cannot be read or has no column ``video``.
    """
    rows = read_table(videos, Columns(("video",), ("label", "split", "frames"), ("frames",)))
    rows = drop_repeated_rows(videos, rows, ["video"], "the video is in an earlier line too,")
    rows = rows if "split" in rows else rows.assign(split="test")
    rows = rows.loc[read_splits(videos, rows) == split]
    if split == "train" and "frames" in rows:
        rows = rows.loc[rows["frames"] > 0]
    labels = rows["label"] if "label" in rows else [""] * len(rows)
    return {
        video: tuple(filter(None, label.split("|")))
        for video, label in zip(rows["video"], labels, strict=True)
    }


def listed_videos(videos: Path) -> set[str]:
    """Read the ids of all videos, of every split, from a videos.csv.

    Raises:
        DataError: The table cannot be read or has no column ``video``.
    """
    return {*read_table(videos, Columns(("video",)))["video"]}


def read_annotated(path: Path) -> dict[str, set[int]]:
    """Read the annotated frames of each video from a table ``video,frame`` (0-based).

    Raises:
        DataError: The table cannot be read, a column is missing, or a frame is not a 0-based integer.
    """
    rows = read_annotated_table(path)
    return {str(video): set(frames) for video, frames in rows.groupby("video")["frame"]}
