"""Read and check the ground-truth table, the common format of all data sets."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from actorsup.errors import DataError
from actorsup.formats.tables import Columns, drop_repeated_rows, read_table, table_chunks

CORNERS = ["x1", "y1", "x2", "y2"]
NUMBERS = ["frame", *CORNERS]
GROUND_TRUTH_COLUMNS = ["video", "tube", "class", *NUMBERS, "actor"]
_REQUIRED_COLUMNS = GROUND_TRUTH_COLUMNS[:-1]
_COLUMNS = Columns(tuple(_REQUIRED_COLUMNS), ("actor",), tuple(NUMBERS))
_MAX_FRAMES = 2**31 - 1


def read_ground_truth_table(path: Path) -> pd.DataFrame:
    """Read the boxes of a table ``video,tube,class,frame,x1,y1,x2,y2[,actor]``.

    Returns:
        One row per box, sorted by video, tube and frame. Frames are 0-based integers, box corners are in
        pixels, and ids and names are text.

    Raises:
        DataError: The table is invalid, as described in ``read_ground_truth_rows``.
    """
    return read_ground_truth_rows(path)[0]


def read_ground_truth_rows(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the boxes of a ground-truth table, and its rows without a box.

    A row without tube, class and corners names an annotated frame, which need not have a box. A video with
    such a row is annotated only in the frames that its rows name, with or without a box; without a frame, the
    row names none.

    Returns:
        The rows with a box, sorted by video, tube and frame; the rows without a box, with frame -1 if a row
        names no frame.

    Raises:
        DataError: The file cannot be read; a column is missing; a value is not a number; a frame is
            not an integer from 0; x2 < x1 or y2 < y1; a tube has two boxes in one frame or two classes.
    """
    boxes, named = split_rows(_check_rows(path, read_table(path, _COLUMNS)))
    boxes = boxes.sort_values(["video", "tube", "frame"], kind="stable").reset_index(drop=True)
    return boxes, named[["video", "frame"]].reset_index(drop=True)


def split_rows(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of a checked ground-truth table with a box, and those without."""
    has_box = rows["x1"].notna()
    return rows[has_box].reset_index(drop=True), rows[~has_box].reset_index(drop=True)


def ground_truth_chunks(path: Path, rows: int = 20_000) -> Iterator[pd.DataFrame]:
    """Yield the rows of a ground-truth table in chunks, in the order of the file, also those without a box.

    Args:
        path: Path of the table.
        rows: Number of rows per chunk.

    Raises:
        DataError: The file cannot be read, or a chunk fails the checks of ``read_ground_truth_table``.
    """
    for chunk in table_chunks(path, _COLUMNS, rows):
        yield _check_rows(path, chunk).reset_index(drop=True)


def read_annotated_table(path: Path) -> pd.DataFrame:
    """Read a table ``video,frame`` of annotated frames, with 0-based frame indices.

    Raises:
        DataError: The file cannot be read or lacks a column, or a frame is not an integer >= 0; the message
            names the line.
    """
    rows = read_table(path, Columns(("video", "frame"), numbers=("frame",)))
    is_wrong = ~((rows["frame"] >= 0) & (rows["frame"] % 1 == 0) & (rows["frame"] < _MAX_FRAMES))
    if is_wrong.any():
        at = int(is_wrong.to_numpy().argmax())
        frame = rows["frame"].iloc[at]
        raise DataError(f"{path}: line {rows.index[at]}: frame is {frame:g}; wanted a whole number from 0 on")
    return rows.assign(frame=rows["frame"].astype(int)).reset_index(drop=True)


def _check_rows(path: Path, rows: pd.DataFrame) -> pd.DataFrame:
    """Check rows whose index is their line, and drop boxes that repeat an earlier row."""
    names_frame = (rows[["tube", "class"]] == "").all(axis=1) & rows[CORNERS].isna().all(axis=1)
    names_frame &= rows["video"] != ""
    without_frame = names_frame & rows["frame"].isna()
    rows.loc[without_frame, "frame"] = -1.0
    _check_frames(path, rows[names_frame & ~without_frame])
    boxes = _check_boxes(path, rows[~names_frame])
    rows = pd.concat([boxes, rows[names_frame]]).sort_index() if names_frame.any() else boxes
    return rows.assign(frame=rows["frame"].astype(int))


def _check_frames(path: Path, rows: pd.DataFrame) -> None:
    """Check the rows without a box."""
    is_frame = (rows["frame"] >= 0) & (rows["frame"] % 1 == 0) & (rows["frame"] <= _MAX_FRAMES)
    if not is_frame.all():
        row = rows[~is_frame].iloc[0]
        raise DataError(
            f"{path}: line {row.name}: has no box, so it names an annotated frame; frame must be a whole "
            f"number from 0 on, found {row['frame']}"
        )


def _check_boxes(path: Path, rows: pd.DataFrame) -> pd.DataFrame:
    """Check the rows with a box, and drop those that repeat an earlier one."""
    tube = ["video", "tube"]
    is_frame = (rows["frame"] >= 0) & (rows["frame"] % 1 == 0)
    has_several_classes = rows["class"] != rows.groupby(tube)["class"].transform("first")
    checks = [
        (pd.Series(~np.isfinite(rows[NUMBERS].to_numpy()).all(1), rows.index), "a value is no finite number"),
        (~is_frame, "frame must be a whole number from 0 on"),
        (rows["frame"] > _MAX_FRAMES, f"a video has at most {_MAX_FRAMES} frames"),
        ((rows["x2"] < rows["x1"]) | (rows["y2"] < rows["y1"]), "wanted x1 <= x2 and y1 <= y2"),
        (has_several_classes, "its tube has boxes of several classes"),
        (rows["class"] == "", "it has no class"),
    ]
    for is_wrong, reason in checks:
        if is_wrong.any():
            row = rows[is_wrong].iloc[0]
            values = ", ".join(f"{name}={row[name]}" for name in _REQUIRED_COLUMNS)
            raise DataError(f"{path}: line {row.name}: {reason}; found {values}")
    return drop_repeated_rows(path, rows, [*tube, "frame"], "its tube has a box in this frame already,")
