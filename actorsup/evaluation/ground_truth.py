"""Ground-truth tubes, for evaluation only."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.datasets.ground_truth_files import read_ground_truth_file
from actorsup.errors import DataError
from actorsup.formats.ground_truth_csv import (
    CORNERS,
    ground_truth_chunks,
    read_annotated_table,
    read_text_table,
)

_LOG = logging.getLogger(__name__)
_ROW = np.dtype([("frame", np.int64), ("box", np.float32, 4)])
_IN_MEMORY = 2**26
"""Bytes of boxes to keep in memory; more go to a temporary file."""


class Label(NamedTuple):
    """Class and actor of a ground-truth tube; the actor is empty if not annotated."""

    action: str
    actor: str


@dataclass(frozen=True)
class GroundTruthTube:
    """One annotated actor doing one action.

    Attributes:
        action: Name of its action class.
        actor: Name of its actor category; empty if not annotated.
        frames: (M,) int64, 0-based, ascending; frames without a box are absent.
        boxes: (M, 4) float32 xyxy in pixels of the source frame.
    """

    action: str
    actor: str
    frames: NDArray[np.int64]
    boxes: NDArray[np.float32]

    def dense(self, frames: int) -> NDArray[np.float32]:
        """Return its boxes (frames, 4) in a video of so many frames, NaN where it has none."""
        boxes = np.full((frames, 4), np.nan, np.float32)
        inside = self.frames < frames
        boxes[self.frames[inside]] = self.boxes[inside]
        return boxes


GroundTruthTubes = Mapping[str, Sequence[GroundTruthTube]]
"""The annotated tubes of each video, by id."""


@dataclass
class _Entry:
    """The rows of one tube in the file, as (start, end) pairs."""

    label: Label
    pieces: list[tuple[int, int]] = field(default_factory=list)


class StoredGroundTruth(Mapping[str, list[GroundTruthTube]]):
    """The tubes of a table, by video; many boxes are kept in a temporary file.

    Args:
        path: The table, for messages.
        chunks: Its rows in chunks, as from ``ground_truth_chunks``.
    """

    def __init__(self, path: Path, chunks: Iterable[pd.DataFrame]) -> None:
        self._path = path
        self._rows = SpooledTemporaryFile(max_size=_IN_MEMORY)
        self._tubes: dict[str, dict[str, _Entry]] = {}
        written = unordered = 0
        for chunk in chunks:
            unordered += self._add(chunk, written)
            written += len(chunk)
        self._tubes = dict(sorted(self._tubes.items()))
        if unordered:
            _LOG.warning("%s: sorted %d boxes that were not in the order of their frames", path, unordered)
        for video, tubes in self._tubes.items():
            for name, entry in tubes.items():
                if len(entry.pieces) > 1:
                    self._check_frames(video, name, entry)

    def _add(self, rows: pd.DataFrame, before: int) -> int:
        """Store rows; return how many of them come after a later frame of their tube."""
        if rows.empty:
            return 0
        last = rows.groupby(["video", "tube"])["frame"].shift()
        rows = rows.assign(earlier=rows["frame"] < last)
        rows = rows.sort_values(["video", "tube", "frame"], kind="stable", ignore_index=True)
        packed = np.empty(len(rows), _ROW)
        packed["frame"], packed["box"] = rows["frame"], rows[CORNERS].to_numpy(np.float32)
        self._rows.seek(before * _ROW.itemsize)
        self._rows.write(packed.tobytes())
        starts = np.flatnonzero(~rows.duplicated(["video", "tube"]).to_numpy())
        actors = rows["actor"] if "actor" in rows else pd.Series([""] * len(rows))
        firsts = zip(
            *(rows[name].iloc[starts] for name in ("video", "tube", "class")),
            actors.iloc[starts], starts, [*starts[1:], len(rows)], strict=True,
        )  # fmt: skip
        for video, tube, action, actor, start, end in firsts:
            new = _Entry(Label(str(action), str(actor)))
            entry = self._tubes.setdefault(str(video), {}).setdefault(str(tube), new)
            if entry.label.action != action:
                raise DataError(
                    f"{self._path}: {video}: tube {tube} has boxes of several classes: "
                    f"{entry.label.action!r} and {action!r}"
                )
            entry.pieces.append((before + int(start), before + int(end)))
        return int(rows["earlier"].sum())

    def _read(self, entry: _Entry) -> NDArray:
        parts = []
        for start, end in entry.pieces:
            self._rows.seek(start * _ROW.itemsize)
            parts.append(np.frombuffer(self._rows.read((end - start) * _ROW.itemsize), _ROW))
        rows = np.concatenate(parts)
        return rows[np.argsort(rows["frame"], kind="stable")]

    def _check_frames(self, video: str, tube: str, entry: _Entry) -> None:
        frames = self._read(entry)["frame"]
        if (twice := frames[1:][frames[1:] == frames[:-1]]).size:
            raise DataError(f"{self._path}: {video}: tube {tube} has two boxes in frame {twice[0]}")

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

    def classes(self, videos: Collection[str]) -> set[str]:
        """Return the class names of some videos, without reading boxes."""
        return {entry.label.action for v in videos for entry in self._tubes.get(v, {}).values()}


def read_ground_truth(path: str | Path) -> StoredGroundTruth:
    """Read the tubes of a ground-truth file, by video.

    The file is a table ``video,tube,class,frame,x1,y1,x2,y2[,actor]`` with rows in any order; or COCO
    JSON, CVAT XML, or a folder or zip of MOT text or CVAT XML (docs/exchange.md). Many boxes are kept
    in a temporary file and read on access.

    Raises:
        DataError: The file cannot be used; the message names the line or the place in it.
    """
    path = Path(path)
    if path.suffix.lower() == ".csv" or not path.exists():
        return StoredGroundTruth(path, ground_truth_chunks(path))
    return StoredGroundTruth(path, [read_ground_truth_file(path).boxes])


def classes_of(truth: GroundTruthTubes, videos: Collection[str]) -> set[str]:
    """Return the names of the ground-truth classes of some videos."""
    if isinstance(truth, StoredGroundTruth):
        return truth.classes(videos)
    return {tube.action for video in videos for tube in truth.get(video, ())}


def test_videos(videos: Path) -> tuple[list[str], set[str]]:
    """Read a videos.csv: the ids of the test videos, and the classes of the training videos.

    Without a column ``split``, all videos are test videos.

    Raises:
        DataError: The table cannot be read or has no column ``video``.
    """
    rows = read_text_table(videos, "video")
    if "split" not in rows:
        return sorted(rows["video"]), set()
    train = rows[rows["split"] == "train"]
    if "frames" in rows:
        # missing and undecodable videos were not trained on
        train = train[pd.to_numeric(train["frames"], errors="coerce") > 0]
    labels = train["label"] if "label" in rows else ()
    trained = {name for label in labels for name in label.split("|") if name}
    return sorted(rows["video"][rows["split"] == "test"]), trained


def listed_videos(videos: Path) -> set[str]:
    """Read the ids of the videos of all splits from a videos.csv.

    Raises:
        DataError: The table cannot be read or has no column ``video``.
    """
    return {*read_text_table(videos, "video")["video"]}


def read_annotated(path: Path) -> dict[str, set[int]]:
    """Read the annotated frames of each video from a table ``video,frame`` (0-based).

    Raises:
        DataError: The table cannot be read, lacks a column, or a frame is not an integer from 0.
    """
    rows = read_annotated_table(path)
    return {str(video): set(frames) for video, frames in rows.groupby("video")["frame"]}
