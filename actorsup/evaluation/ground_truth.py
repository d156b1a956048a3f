"""Ground truth as tubes, for evaluation alone."""

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
from actorsup.formats.ground_truth_csv import ground_truth_chunks, read_annotated_table

_LOG = logging.getLogger(__name__)
_CORNERS = ["x1", "y1", "x2", "y2"]
_ROW = np.dtype([("frame", np.int64), ("box", np.float32, 4)])
_IN_MEMORY = 2**26
"""Bytes of boxes that are held in memory; more lie in a file."""


class Label(NamedTuple):
    """Class and actor of a ground-truth tube; the actor is empty where it is not annotated."""

    action: str
    actor: str


@dataclass(frozen=True)
class GroundTruthTube:
    """One annotated actor doing one action.

    Attributes:
        action: Name of its action class.
        actor: Name of its actor category; empty where it is not annotated.
        frames: (M,) int64, 0-based, ascending; frames that the annotation lacks are absent.
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
"""The annotated tubes of each video by its id."""


@dataclass
class _Entry:
    """Where the rows of a tube lie."""

    label: Label
    pieces: list[tuple[int, int]] = field(default_factory=list)


class StoredGroundTruth(Mapping[str, list[GroundTruthTube]]):
    """The tubes of a table, by video; its boxes lie in a temporary file where they are many.

    Args:
        path: Where they come from, for messages.
        chunks: Some rows at a time, as ``ground_truth_chunks`` gives them.
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
            _LOG.warning("%s: %d boxes do not stand in the order of their frames; sorted", path, unordered)
        for video, tubes in self._tubes.items():
            for name, entry in tubes.items():
                if len(entry.pieces) > 1:
                    self._check_frames(video, name, entry)

    def _add(self, rows: pd.DataFrame, before: int) -> int:
        """Keep some rows; how many of them come after a later frame of their tube."""
        if rows.empty:
            return 0
        last = rows.groupby(["video", "tube"])["frame"].shift()
        rows = rows.assign(earlier=rows["frame"] < last)
        rows = rows.sort_values(["video", "tube", "frame"], kind="stable", ignore_index=True)
        packed = np.empty(len(rows), _ROW)
        packed["frame"], packed["box"] = rows["frame"], rows[_CORNERS].to_numpy(np.float32)
        self._rows.seek(before * _ROW.itemsize)
        self._rows.write(packed.tobytes())
        starts = np.flatnonzero(~rows.duplicated(["video", "tube"]).to_numpy())
        actors = rows["actor"] if "actor" in rows else pd.Series([""] * len(rows))
        firsts = zip(
            rows["video"].iloc[starts], rows["tube"].iloc[starts], rows["class"].iloc[starts],
            actors.iloc[starts], starts, [*starts[1:], len(rows)], strict=True,
        )  # fmt: skip
        for video, tube, action, actor, start, end in firsts:
            new = _Entry(Label(str(action), str(actor)))
            entry = self._tubes.setdefault(str(video), {}).setdefault(str(tube), new)
            if entry.label.action != action:
                raise DataError(
                    f"{self._path}: {video}: tube {tube} has boxes of several classes; found "
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
        found = []
        for _, entry in sorted(self._tubes[video].items()):
            rows = self._read(entry)
            found.append(
                GroundTruthTube(*entry.label, np.array(rows["frame"]), np.ascontiguousarray(rows["box"]))
            )
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._tubes)

    def __len__(self) -> int:
        return len(self._tubes)

    def __contains__(self, video: object) -> bool:
        return video in self._tubes

    def classes(self, videos: Collection[str]) -> set[str]:
        """Names of the classes of some videos, told without reading a box."""
        return {entry.label.action for v in videos for entry in self._tubes.get(v, {}).values()}


def read_ground_truth(path: str | Path) -> StoredGroundTruth:
    """The tubes of a file of ground truth, by video.

    A table ``video,tube,class,frame,x1,y1,x2,y2[,actor]``, whose rows may stand in any order; or
    COCO JSON, CVAT XML, or a folder or zip of MOT text or CVAT XML, as docs/exchange.md has them. Many
    boxes lie in a temporary file, and are read when asked for.

    Raises:
        DataError: The file cannot be used; the message names the line or the place in it.
    """
    path = Path(path)
    if path.suffix.lower() == ".csv" or not path.exists():
        return StoredGroundTruth(path, ground_truth_chunks(path))
    return StoredGroundTruth(path, [read_ground_truth_file(path).boxes])


def classes_of(truth: GroundTruthTubes, videos: Collection[str]) -> set[str]:
    """Names of the classes that some videos have ground truth of."""
    if isinstance(truth, StoredGroundTruth):
        return truth.classes(videos)
    return {tube.action for video in videos for tube in truth.get(video, ())}


def test_videos(videos: Path) -> tuple[list[str], set[str]]:
    """The videos to evaluate, and the classes that have a training video, of a videos.csv.

    A table without a column ``split`` names the videos to evaluate alone.

    Raises:
        DataError: The table cannot be read or has no column ``video``.
    """
    rows = _video_table(videos)
    if "split" not in rows:
        return sorted(rows["video"]), set()
    train = rows[rows["split"] == "train"]
    if "frames" in rows:
        # one that is missing or cannot be decoded has taught nothing
        train = train[pd.to_numeric(train["frames"], errors="coerce") > 0]
    learned = (
        {name for label in train["label"] for name in label.split("|") if name} if "label" in rows else ()
    )
    return sorted(rows["video"][rows["split"] == "test"]), set(learned)


def listed_videos(videos: Path) -> set[str]:
    """All videos that a videos.csv names, of whatever split.

    Raises:
        DataError: As ``test_videos`` says.
    """
    return {*_video_table(videos)["video"]}


def _video_table(videos: Path) -> pd.DataFrame:
    try:
        rows = pd.read_csv(videos, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{videos}: cannot be read as CSV ({error})") from error
    if "video" not in rows:
        raise DataError(f"{videos}: column 'video' is missing; found {', '.join(map(str, rows.columns))}")
    return rows


def read_annotated(path: Path) -> dict[str, set[int]]:
    """The annotated frames of each video, of a table ``video,frame`` (0-based).

    Raises:
        DataError: The table cannot be read, lacks a column, or a frame is no whole number from 0 on.
    """
    rows = read_annotated_table(path)
    return {str(video): set(frames) for video, frames in rows.groupby("video")["frame"]}
