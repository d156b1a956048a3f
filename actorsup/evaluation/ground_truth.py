"""Ground-truth tubes, which only the evaluation reads."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.artifacts.tube_files import VideoInfo
from actorsup.datasets.ground_truth_checks import check_ground_truth, checked_chunks
from actorsup.datasets.ground_truth_files import read_ground_truth_file
from actorsup.errors import DataError
from actorsup.formats.conventions import UNSTATED, Conventions, in_pixels_and_frames
from actorsup.formats.coverage import AnnotatedFrames, annotated_frames_of_rows
from actorsup.formats.ground_truth_csv import (
    CORNERS,
    read_annotated_table,
    read_text_table,
    split_rows,
)
from actorsup.formats.plausibility import report

_LOG = logging.getLogger(__name__)
_ROW_DTYPE = np.dtype([("frame", np.int64), ("box", np.float32, 4)])
_MAX_BYTES_IN_MEMORY = 2**26
"""Maximum number of bytes of boxes in memory; larger ground truth is stored in a temporary file."""


class Label(NamedTuple):
    """Class and actor category of a ground-truth tube; the actor category is empty if not annotated."""

    action: str
    actor: str


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


@dataclass
class _Entry:
    """Label of one tube, and ranges (start, end) of its rows in the temporary file."""

    label: Label
    row_ranges: list[tuple[int, int]] = field(default_factory=list)


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
        self._rows = SpooledTemporaryFile(max_size=_MAX_BYTES_IN_MEMORY)
        self._tubes: dict[str, dict[str, _Entry]] = {}
        num_rows = num_unordered = 0
        named: list[pd.DataFrame] = []
        for chunk in chunks:
            boxes, without_box = split_rows(chunk)
            named.append(without_box[["video", "frame"]])
            num_unordered += self._add(boxes, num_rows)
            num_rows += len(boxes)
        self._tubes = dict(sorted(self._tubes.items()))
        if num_unordered:
            _LOG.warning(
                "%s: sorted %d boxes that were not in the order of their frames", path, num_unordered
            )
        for video, tubes in self._tubes.items():
            for name, entry in tubes.items():
                if len(entry.row_ranges) > 1:
                    self._check_frames(video, name, entry)
        self.annotated = {**(annotated or {}), **self._annotated_frames(named)}

    def _annotated_frames(self, named: Sequence[pd.DataFrame]) -> AnnotatedFrames:
        """Return the annotated frames of the videos with rows without a box."""
        if not any(map(len, named)):
            return {}
        rows = pd.concat(named)
        frames = {video: self.frames_with_boxes(video) for video in rows["video"].unique() if video in self}
        boxes = [pd.DataFrame({"video": video, "frame": array}) for video, array in frames.items()]
        return annotated_frames_of_rows(rows, pd.concat([rows.iloc[:0], *boxes]))

    def _add(self, rows: pd.DataFrame, first_row: int) -> int:
        """Store rows; return the number of rows that follow a later frame of the same tube."""
        if rows.empty:
            return 0
        previous_frame = rows.groupby(["video", "tube"])["frame"].shift()
        rows = rows.assign(earlier=rows["frame"] < previous_frame)
        rows = rows.sort_values(["video", "tube", "frame"], kind="stable", ignore_index=True)
        packed = np.empty(len(rows), _ROW_DTYPE)
        packed["frame"], packed["box"] = rows["frame"], rows[CORNERS].to_numpy(np.float32)
        self._rows.seek(first_row * _ROW_DTYPE.itemsize)
        self._rows.write(packed.tobytes())
        starts = np.flatnonzero(~rows.duplicated(["video", "tube"]).to_numpy())
        actors = rows["actor"] if "actor" in rows else pd.Series([""] * len(rows))
        tube_rows = zip(
            *(rows[name].iloc[starts] for name in ("video", "tube", "class")),
            actors.iloc[starts], starts, [*starts[1:], len(rows)], strict=True,
        )  # fmt: skip
        for video, tube, action, actor, start, end in tube_rows:
            new_entry = _Entry(Label(str(action), str(actor)))
            entry = self._tubes.setdefault(str(video), {}).setdefault(str(tube), new_entry)
            if entry.label.action != action:
                raise DataError(
                    f"{self.path}: {video}: tube {tube} has boxes of several classes: "
                    f"{entry.label.action!r} and {action!r}"
                )
            entry.row_ranges.append((first_row + int(start), first_row + int(end)))
        return int(rows["earlier"].sum())

    def _read(self, entry: _Entry) -> NDArray:
        arrays = []
        for start, end in entry.row_ranges:
            self._rows.seek(start * _ROW_DTYPE.itemsize)
            arrays.append(np.frombuffer(self._rows.read((end - start) * _ROW_DTYPE.itemsize), _ROW_DTYPE))
        rows = np.concatenate(arrays)
        return rows[np.argsort(rows["frame"], kind="stable")]

    def _check_frames(self, video: str, tube: str, entry: _Entry) -> None:
        frames = self._read(entry)["frame"]
        if (duplicates := frames[1:][frames[1:] == frames[:-1]]).size:
            raise DataError(f"{self.path}: {video}: tube {tube} has two boxes in frame {duplicates[0]}")

    def __getitem__(self, video: str) -> list[GroundTruthTube]:
        tubes = []
        for _, entry in sorted(self._tubes[video].items()):
            rows = self._read(entry)
            frames, boxes = np.array(rows["frame"]), np.ascontiguousarray(rows["box"])
            tubes.append(GroundTruthTube(*entry.label, frames, boxes))
        return tubes

    def __iter__(self) -> Iterator[str]:
        return iter(self._tubes)

    def __len__(self) -> int:
        return len(self._tubes)

    def __contains__(self, video: object) -> bool:
        return video in self._tubes

    def frames_with_boxes(self, video: str) -> NDArray[np.int64]:
        """Return the frames of a video with a box of any tube, ascending."""
        return np.unique(
            np.concatenate([self._read(entry)["frame"] for entry in self._tubes[video].values()])
        )

    def classes(self, videos: Collection[str]) -> set[str]:
        """Return the names of the classes in some videos, without reading boxes.

        Args:
            videos: Video ids; ids without ground truth are ignored.
        """
        return {entry.label.action for v in videos for entry in self._tubes.get(v, {}).values()}


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
    if path.suffix.lower() == ".csv" or not path.exists():
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
    rows = read_text_table(videos, "video")
    if "split" not in rows:
        return sorted(rows["video"]), set()
    train_rows = rows[rows["split"] == "train"]
    if "frames" in rows:
        # missing and undecodable videos were not trained on
        train_rows = train_rows[pd.to_numeric(train_rows["frames"], errors="coerce") > 0]
    labels = train_rows["label"] if "label" in rows else ()
    train_classes = {name for label in labels for name in label.split("|") if name}
    return sorted(rows["video"][rows["split"] == "test"]), train_classes


def listed_videos(videos: Path) -> set[str]:
    """Read the ids of all videos, of every split, from a videos.csv.

    Raises:
        DataError: The table cannot be read or has no column ``video``.
    """
    return {*read_text_table(videos, "video")["video"]}


def read_annotated(path: Path) -> dict[str, set[int]]:
    """Read the annotated frames of each video from a table ``video,frame`` (0-based).

    Raises:
        DataError: The table cannot be read, a column is missing, or a frame is not a 0-based integer.
    """
    rows = read_annotated_table(path)
    return {str(video): set(frames) for video, frames in rows.groupby("video")["frame"]}
