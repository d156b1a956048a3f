"""The ground-truth table, one form for every data set, read with checks."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from actorsup.errors import DataError

CORNERS = ["x1", "y1", "x2", "y2"]
NUMBERS = ["frame", *CORNERS]
GROUND_TRUTH_COLUMNS = ["video", "tube", "class", *NUMBERS, "actor"]
_NEEDED = GROUND_TRUTH_COLUMNS[:-1]
_MOST_FRAMES = 2**31 - 1


def read_text_table(path: Path, *needed: str) -> pd.DataFrame:
    """Read a CSV file with all values as text.

    Args:
        path: The file.
        needed: Columns that it must have.

    Raises:
        DataError: The file cannot be read or lacks a column.
    """
    try:
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    _check_columns(path, rows, needed)
    return rows


def read_ground_truth_table(path: Path) -> pd.DataFrame:
    """Read a table ``video,tube,class,frame,x1,y1,x2,y2[,actor]``, sorted by video, tube and frame.

    Frames are 0-based integers, boxes xyxy in pixels; ids and names stay text.

    Raises:
        DataError: The file cannot be read; a column is missing; a value is not a number; a frame is
            not an integer from 0; x2 < x1 or y2 < y1; a tube has two boxes in one frame or two classes.
    """
    rows = _checked(path, read_text_table(path), 0)
    return rows.sort_values(["video", "tube", "frame"], kind="stable").reset_index(drop=True)


def ground_truth_chunks(path: Path, rows: int = 100_000) -> Iterator[pd.DataFrame]:
    """Yield the rows of a ground-truth table in chunks, in the order of the file.

    Args:
        path: The table.
        rows: Number of rows of a chunk.

    Raises:
        DataError: As in ``read_ground_truth_table``, for mistakes that one chunk shows.
    """
    before = 0
    try:
        for chunk in pd.read_csv(path, dtype=str, keep_default_na=False, chunksize=rows):
            yield _checked(path, chunk.reset_index(drop=True), before)
            before += len(chunk)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def read_annotated_table(path: Path) -> pd.DataFrame:
    """Read a table ``video,frame`` of the annotated frames, 0-based.

    Raises:
        DataError: The file cannot be read, lacks a column, or a frame is not an integer from 0; the
            message names the line.
    """
    rows = read_text_table(path, "video", "frame")
    wrong = ~rows["frame"].str.strip(" ").str.fullmatch("[0-9]{1,9}")
    if wrong.any():
        line = int(wrong.to_numpy().argmax())
        frame = rows["frame"].iloc[line]
        raise DataError(f"{path}: line {line + 2}: frame is {frame!r}; wanted a whole number from 0 on")
    return rows[["video", "frame"]].assign(frame=rows["frame"].astype(int))


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: cannot be read as CSV ({error})")


def _check_columns(path: Path, rows: pd.DataFrame, needed: Sequence[str]) -> None:
    if missing := [name for name in needed if name not in rows.columns]:
        raise DataError(
            f"{path}: column {missing[0]!r} is missing; found {', '.join(map(str, rows.columns))}; "
            f"wanted {', '.join(needed)}"
        )


def _checked(path: Path, rows: pd.DataFrame, before: int) -> pd.DataFrame:
    """Convert numbers and check the rows, which follow ``before`` others of the file."""
    _check_columns(path, rows, _NEEDED)
    rows = rows[[name for name in GROUND_TRUTH_COLUMNS if name in rows.columns]]
    rows[NUMBERS] = rows[NUMBERS].apply(pd.to_numeric, errors="coerce").astype(float)
    tube = ["video", "tube"]
    whole = (rows["frame"] >= 0) & (rows["frame"] % 1 == 0)
    several = rows["class"] != rows.groupby(tube)["class"].transform("first")
    checks = [
        (pd.Series(~np.isfinite(rows[NUMBERS].to_numpy()).all(1)), "a value is no finite number"),
        (~whole, "frame must be a whole number from 0 on"),
        (rows["frame"] > _MOST_FRAMES, f"a video has at most {_MOST_FRAMES} frames"),
        ((rows["x2"] < rows["x1"]) | (rows["y2"] < rows["y1"]), "wanted x1 <= x2 and y1 <= y2"),
        (rows.duplicated([*tube, "frame"]), "its tube has a box in this frame already"),
        (several, "its tube has boxes of several classes"),
        (rows["class"] == "", "it has no class"),
    ]
    for wrong, reason in checks:
        if wrong.any():
            line = int(wrong.to_numpy().argmax())
            what = ", ".join(f"{name}={rows[name].iloc[line]}" for name in _NEEDED)
            raise DataError(f"{path}: line {before + line + 2}: {reason}; found {what}")
    rows["frame"] = rows["frame"].astype(int)
    return rows
