"""The table of ground truth, one form for every data set: read with its checks."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from actorsup.errors import DataError

NUMBERS = ["frame", "x1", "y1", "x2", "y2"]
_MOST_FRAMES = 2**31 - 1
GROUND_TRUTH_COLUMNS = ["video", "tube", "class", "frame", "x1", "y1", "x2", "y2", "actor"]
_NEEDED = [name for name in GROUND_TRUTH_COLUMNS if name != "actor"]


def read_ground_truth_table(path: Path) -> pd.DataFrame:
    """A table ``video,tube,class,frame,x1,y1,x2,y2[,actor]``, sorted by video, tube and frame.

    Frames are 0-based, boxes xyxy in pixels; ids and names stay text.

    Raises:
        DataError: The file cannot be read; a column is missing; a value is no number; a frame is
            not a whole number from 0 on; x2 < x1 or y2 < y1; a tube has two boxes in one frame
            or two classes.
    """
    try:
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as CSV ({error})") from error
    return (
        _checked(path, rows, 0).sort_values(["video", "tube", "frame"], kind="stable").reset_index(drop=True)
    )


def ground_truth_chunks(path: Path, rows: int = 100_000) -> Iterator[pd.DataFrame]:
    """The same table some rows at a time, in the order of the file.

    Args:
        path: The table.
        rows: How many are in memory at once.

    Raises:
        DataError: As ``read_ground_truth_table`` says, for what can be told of some rows alone.
    """
    before = 0
    try:
        for chunk in pd.read_csv(path, dtype=str, keep_default_na=False, chunksize=rows):
            yield _checked(path, chunk.reset_index(drop=True), before)
            before += len(chunk)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as CSV ({error})") from error


def _checked(path: Path, rows: pd.DataFrame, before: int) -> pd.DataFrame:
    """Rows with numbers for numbers, after ``before`` others of the file."""
    if missing := [name for name in _NEEDED if name not in rows.columns]:
        raise DataError(
            f"{path}: column {missing[0]!r} is missing; found {', '.join(map(str, rows.columns))}; "
            f"wanted {', '.join(_NEEDED)}"
        )
    rows = rows[[name for name in GROUND_TRUTH_COLUMNS if name in rows.columns]]
    rows[NUMBERS] = rows[NUMBERS].apply(pd.to_numeric, errors="coerce").astype(float)
    _check(path, rows, before)
    rows["frame"] = rows["frame"].astype(int)
    return rows


def read_annotated_table(path: Path) -> pd.DataFrame:
    """A table ``video,frame`` of the frames that are annotated, 0-based.

    Raises:
        DataError: The file cannot be read, lacks a column, or a frame is not a whole number from
            0 on; the message names the line.
    """
    try:
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as CSV ({error})") from error
    if missing := [name for name in ("video", "frame") if name not in rows.columns]:
        found = ", ".join(rows.columns)
        raise DataError(f"{path}: column {missing[0]!r} is missing; found {found}; wanted video, frame")
    # as many digits as any number of a frame has
    wrong = ~rows["frame"].str.strip(" ").str.fullmatch("[0-9]{1,9}")
    if wrong.any():
        line = int(wrong.to_numpy().argmax())
        found = rows["frame"].iloc[line]
        raise DataError(f"{path}: line {line + 2}: frame is {found!r}; wanted a whole number from 0 on")
    return rows[["video", "frame"]].assign(frame=rows["frame"].astype(int))


def _check(path: Path, rows: pd.DataFrame, before: int) -> None:
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
