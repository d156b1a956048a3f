"""Read and check the ground-truth table, the common format of all data sets."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from actorsup.errors import DataError
from actorsup.formats.conventions import UNSTATED, BoxSource, Conventions
from actorsup.formats.tables import Columns, drop_repeated_rows, read_table, table_chunks
from actorsup.formats.unit_hints import format_hint, times_hint

CORNERS = ["x1", "y1", "x2", "y2"]
NUMBERS = ["frame", *CORNERS]
GROUND_TRUTH_COLUMNS = ["video", "tube", "class", *NUMBERS, "actor"]
_REQUIRED_COLUMNS = GROUND_TRUTH_COLUMNS[:-1]
_COLUMNS = Columns(tuple(_REQUIRED_COLUMNS), ("actor",), tuple(NUMBERS))
_MAX_FRAMES = 2**31 - 1


def read_ground_truth_table(path: Path, conventions: Conventions = UNSTATED) -> pd.DataFrame:
    """Read the boxes of a table ``video,tube,class,frame,x1,y1,x2,y2[,actor]``.

    Args:
        path: Path of the table.
        conventions: What the numbers of the table are, where they differ. Units are not converted, so frames
            are times if their unit is.

    Returns:
        One row per box, sorted by video, tube and frame. Frames are 0-based integers, box corners are in
        pixels, and ids and names are text.

    Raises:
        DataError: The table is invalid, as described in ``read_ground_truth_rows``.
    """
    return read_ground_truth_rows(path, conventions)[0]


def read_ground_truth_rows(
    path: Path, conventions: Conventions = UNSTATED
) -> tuple[pd.DataFrame, pd.DataFrame]:
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
    source = BoxSource(str(path), "xyxy", conventions)
    boxes, named = split_rows(_check_rows(source, read_table(path, _COLUMNS)))
    if conventions.has_times and (named["frame"] >= 0).any():
        raise DataError(
            f"{path}: has rows without a box, which name annotated frames, but the frames are in "
            f"{conventions.frame_unit}; remove these rows, or write numbers of frames"
        )
    boxes = boxes.sort_values(["video", "tube", "frame"], kind="stable").reset_index(drop=True)
    return boxes, named[["video", "frame"]].reset_index(drop=True)


def split_rows(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of a checked ground-truth table with a box, and those without."""
    has_box = rows["x1"].notna()
    return rows[has_box].reset_index(drop=True), rows[~has_box].reset_index(drop=True)


def ground_truth_chunks(
    path: Path, rows: int = 20_000, conventions: Conventions = UNSTATED
) -> Iterator[pd.DataFrame]:
    """Yield the rows of a ground-truth table in chunks, in the order of the file, also those without a box.

    Args:
        path: Path of the table.
        rows: Number of rows per chunk.
        conventions: What the numbers of the table are, as for ``read_ground_truth_table``.

    Raises:
        DataError: The file cannot be read, or a chunk fails the checks of ``read_ground_truth_table``.
    """
    source = BoxSource(str(path), "xyxy", conventions)
    for chunk in table_chunks(path, _COLUMNS, rows):
        yield _check_rows(source, chunk).reset_index(drop=True)


def read_annotated_table(path: Path) -> pd.DataFrame:
    """Read a table ``video,frame`` of annotated frames, with 0-based frame indices.

    Raises:
        DataError: The file cannot be read or lacks a column, or a frame is not an integer >= 0; the message
            names the line.
    """
    rows = read_table(path, Columns(("video", "frame"), numbers=("frame",)))
    is_wrong = ~((rows["frame"] >= 0) & (rows["frame"] % 1 == 0) & (rows["frame"] <= _MAX_FRAMES))
    if is_wrong.any():
        row = rows[is_wrong].iloc[0]
        raise DataError(
            f"{path}: line {row.name}: frame is {row['frame']:g}; wanted a whole number from 0 on"
        )
    return rows.assign(frame=rows["frame"].astype(int)).reset_index(drop=True)


def _check_rows(source: BoxSource, rows: pd.DataFrame) -> pd.DataFrame:
    """Check rows whose index is their line, and drop boxes that repeat an earlier row."""
    path, said = Path(source.location), source.conventions
    names_frame = (rows[["tube", "class"]] == "").all(axis=1) & rows[CORNERS].isna().all(axis=1)
    names_frame &= rows["video"] != ""
    without_frame = names_frame & rows["frame"].isna()
    given = rows.copy()
    rows["frame"] -= said.frame_base or 0
    rows.loc[without_frame, "frame"] = -1.0
    rows[CORNERS] = said.corners(rows[CORNERS].to_numpy())
    _check_frames(path, rows[names_frame & ~without_frame])
    boxes = _check_boxes(source, rows[~names_frame], given[~names_frame])
    rows = pd.concat([boxes, rows[names_frame]]).sort_index() if names_frame.any() else boxes
    return rows if said.has_times else rows.assign(frame=rows["frame"].astype(int))


def _check_frames(path: Path, rows: pd.DataFrame) -> None:
    """Check the rows without a box."""
    is_frame = (rows["frame"] >= 0) & (rows["frame"] % 1 == 0) & (rows["frame"] <= _MAX_FRAMES)
    if not is_frame.all():
        row = rows[~is_frame].iloc[0]
        raise DataError(
            f"{path}: line {row.name}: has no box, so it names an annotated "
            f"frame; frame must be a whole number from 0 on, found {row['frame']}"
        )


def _check_boxes(source: BoxSource, rows: pd.DataFrame, given: pd.DataFrame) -> pd.DataFrame:
    """Check the rows with a box, ``given`` in the file, and drop those that repeat an earlier one."""
    tube, said = ["video", "tube"], source.conventions
    is_frame = (rows["frame"] >= 0) & (said.has_times | (rows["frame"] % 1 == 0))
    has_several_classes = rows["class"] != rows.groupby(tube)["class"].transform("first")
    checks = [
        (pd.Series(~np.isfinite(rows[NUMBERS].to_numpy()).all(1), rows.index), "a value is no finite number"),
        (~is_frame, f"frame must be a whole number from {said.frame_base or 0} on"),
        (rows["frame"] > _MAX_FRAMES, f"a video has at most {_MAX_FRAMES} frames"),
        ((rows["x2"] < rows["x1"]) | (rows["y2"] < rows["y1"]), "wanted x1 <= x2 and y1 <= y2"),
        (has_several_classes, "its tube has boxes of several classes"),
        (rows["class"] == "", "it has no class"),
    ]
    for is_wrong, reason in checks:
        if is_wrong.any():
            row = given[is_wrong].iloc[0]
            values = ", ".join(f"{name}={row[name]}" for name in _REQUIRED_COLUMNS)
            hint = ""
            if "frame must" in reason:
                hint = times_hint(source, given["frame"].to_numpy())
            elif "x1 <= x2" in reason:
                hint = format_hint(source, given[CORNERS].to_numpy())
            where = f"{source.location}: line {row.name}"
            raise DataError(f"{where}: {reason}; found {values}{hint}")
    keys, problem = [*tube, "frame"], "its tube has a box in this frame already,"
    return drop_repeated_rows(Path(source.location), rows, keys, problem)
