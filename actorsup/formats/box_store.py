"""Boxes of the tubes of a large ground-truth table, in a temporary file."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import DTypeLike, NDArray

from actorsup.errors import DataError
from actorsup.formats.ground_truth_csv import CORNERS

_MAX_BYTES_IN_MEMORY = 2**26
"""Maximum number of bytes of boxes in memory; more are stored in a temporary file."""


class Label(NamedTuple):
    """Class and actor category of a ground-truth tube; the actor category is empty if not annotated."""

    action: str
    actor: str


@dataclass
class _Entry:
    """Label of one tube, and ranges (start, end) of its rows in the temporary file."""

    label: Label
    row_ranges: list[tuple[int, int]] = field(default_factory=list)


class BoxStore:
    """Boxes by video id and name of the tube, read on access from memory or a temporary file.

    Args:
        path: Path of the ground-truth file, for messages.
        dtype: Type of the boxes.

    Attributes:
        num_unordered: Number of boxes that follow a later frame of the same tube.
    """

    def __init__(self, path: Path, dtype: DTypeLike = np.float32) -> None:
        self._path = path
        self._dtype = np.dtype([("frame", np.int64), ("box", dtype, 4)])
        self._rows = SpooledTemporaryFile(max_size=_MAX_BYTES_IN_MEMORY)
        self._tubes: dict[str, dict[str, _Entry]] = {}
        self._num_rows = self.num_unordered = 0

    def add(self, rows: pd.DataFrame) -> None:
        """Store rows of a ground-truth table, checked as by ``ground_truth_chunks``.

        Raises:
            DataError: A tube has boxes of several classes.
        """
        if rows.empty:
            return
        previous_frame = rows.groupby(["video", "tube"])["frame"].shift()
        rows = rows.assign(earlier=rows["frame"] < previous_frame)
        rows = rows.sort_values(["video", "tube", "frame"], kind="stable", ignore_index=True)
        packed = np.empty(len(rows), self._dtype)
        packed["frame"], packed["box"] = rows["frame"], rows[CORNERS].to_numpy()
        self._rows.seek(self._num_rows * self._dtype.itemsize)
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
                    f"{self._path}: {video}: tube {tube} has boxes of several classes: "
                    f"{entry.label.action!r} and {action!r}"
                )
            start, end = self._num_rows + int(start), self._num_rows + int(end)
            if entry.row_ranges and entry.row_ranges[-1][1] == start:
                start = entry.row_ranges.pop()[0]
            entry.row_ranges.append((start, end))
        self._num_rows += len(rows)
        self.num_unordered += int(rows["earlier"].sum())

    def finish(self) -> None:
        """Sort the videos, after all rows are stored.

        Raises:
            DataError: A tube has two different boxes in a frame.
        """
        self._tubes = dict(sorted(self._tubes.items()))
        for video, tubes in self._tubes.items():
            for name, entry in tubes.items():
                if len(entry.row_ranges) > 1:
                    self._check_frames(video, name, entry)

    def videos(self) -> Iterator[str]:
        """Yield the ids of the videos."""
        return iter(self._tubes)

    def labels(self, video: str) -> dict[str, Label]:
        """Return the label of each tube of a video by name, sorted by name; empty for an unknown video."""
        return {name: entry.label for name, entry in sorted(self._tubes.get(video, {}).items())}

    def boxes(self, video: str, tube: str) -> tuple[NDArray[np.int64], NDArray[np.floating]]:
        """Return the frames (M,) of a tube, ascending, and its boxes (M, 4)."""
        rows = self._read(self._tubes[video][tube])
        is_first = np.diff(rows["frame"], prepend=-1) > 0  # a repeated row in another chunk
        return np.array(rows["frame"][is_first]), np.ascontiguousarray(rows["box"][is_first])

    def __len__(self) -> int:
        return len(self._tubes)

    def __contains__(self, video: object) -> bool:
        return video in self._tubes

    def _read(self, entry: _Entry) -> NDArray:
        arrays, size = [], self._dtype.itemsize
        for start, end in entry.row_ranges:
            self._rows.seek(start * size)
            arrays.append(np.frombuffer(self._rows.read((end - start) * size), self._dtype))
        rows = np.concatenate(arrays)
        return rows[np.argsort(rows["frame"], kind="stable")]

    def _check_frames(self, video: str, tube: str, entry: _Entry) -> None:
        rows = self._read(entry)
        is_repeated = rows["frame"][1:] == rows["frame"][:-1]
        differs = is_repeated & (rows["box"][1:] != rows["box"][:-1]).any(axis=1)
        if differs.any():
            frame = rows["frame"][1:][differs][0]
            raise DataError(f"{self._path}: {video}: tube {tube} has two boxes in frame {frame}")
