"""The table of ground truth, one form for every data set: read with its checks."""

from pathlib import Path

import pandas as pd

from actorsup.datasets.base import GROUND_TRUTH_COLUMNS
from actorsup.errors import DataError, reading

NUMBERS = ["frame", "x1", "y1", "x2", "y2"]
MOST_FRAMES = 10_000_000
"""That a video has; a table that speaks of more would ask for memory without end."""
_NEEDED = [name for name in GROUND_TRUTH_COLUMNS if name != "actor"]


def read_ground_truth_table(path: Path) -> pd.DataFrame:
    """A table ``video,tube,class,frame,x1,y1,x2,y2[,actor]``, sorted by video, tube and frame.

    Frames are 0-based, boxes xyxy in pixels; ids and names stay text.

    Raises:
        DataError: The file cannot be read; a column is missing; a value is no number; a frame is
            not a whole number from 0 on; x2 < x1 or y2 < y1; a tube has two boxes in one frame
            or two classes.
    """
    with reading(path, "cannot be read as CSV"):
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    if missing := [name for name in _NEEDED if name not in rows.columns]:
        raise DataError(
            f"{path}: column {missing[0]!r} is missing; found {', '.join(rows.columns)}; "
            f"wanted {', '.join(_NEEDED)}"
        )
    rows = rows[[name for name in GROUND_TRUTH_COLUMNS if name in rows.columns]]
    rows[NUMBERS] = rows[NUMBERS].apply(pd.to_numeric, errors="coerce").astype(float)
    _check(path, rows)
    rows["frame"] = rows["frame"].astype(int)
    return rows.sort_values(["video", "tube", "frame"], kind="stable").reset_index(drop=True)


def _check(path: Path, rows: pd.DataFrame) -> None:
    tube = ["video", "tube"]
    whole = (rows["frame"] >= 0) & (rows["frame"] % 1 == 0) & (rows["frame"] < MOST_FRAMES)
    several = rows.groupby(tube)["class"].transform("nunique") > 1
    checks = [
        (~rows[NUMBERS].map(lambda v: abs(v) < float("inf")).all(axis=1), "a value is no finite number"),
        (~whole, f"frame must be a whole number from 0 on, and below {MOST_FRAMES:,}"),
        ((rows["x2"] < rows["x1"]) | (rows["y2"] < rows["y1"]), "wanted x1 <= x2 and y1 <= y2"),
        (rows.duplicated([*tube, "frame"]), "its tube has a box in this frame already"),
        (several, "its tube has boxes of several classes"),
        (rows["class"] == "", "it has no class"),
    ]
    for wrong, reason in checks:
        if wrong.any():
            line = int(wrong.to_numpy().argmax())
            what = ", ".join(f"{name}={rows[name].iloc[line]}" for name in _NEEDED)
            raise DataError(f"{path}: line {line + 2}: {reason}; found {what}")
