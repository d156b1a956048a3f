"""The ground truth of a run's videos, in their own pixels; read for evaluation alone."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from actorsup.artifacts.atomic import write_whole
from actorsup.datasets.base import Dataset
from actorsup.errors import DataError, first_few
from actorsup.formats.ground_truth_csv import GROUND_TRUTH_COLUMNS

_LOG = logging.getLogger(__name__)
_CORNERS = ["x1", "y1", "x2", "y2"]


def write_ground_truth(dataset: Dataset, videos: Path, output: Path) -> None:
    """Write the ground truth of the videos of a run, boxes scaled and cut to the videos at hand.

    Boxes are scaled where the annotation's own size is known and differs from the video's. Of a
    video that is missing or failed they stay as annotated: they count as missed. Annotations of
    videos that are not in the run are left out. The log tells how many of each.

    Args:
        dataset: The data set.
        videos: The run's videos.csv.
        output: The table to write.

    Raises:
        DataError: The data set has no ground truth.
    """
    truth = dataset.ground_truth()
    if truth is None:
        raise DataError(f"{output}: the data set has no ground truth; nothing can be evaluated")
    table = pd.read_csv(videos, dtype={"video": str}, keep_default_na=False, na_values=[""]).set_index(
        "video"
    )
    rows = truth.boxes[truth.boxes["video"].isin(table.index)].reset_index(drop=True)
    others = truth.boxes["video"][~truth.boxes["video"].isin(table.index)].unique()
    if len(others):
        _LOG.warning(
            "annotations of %d videos that are not in this run are left out: %s",
            len(others),
            first_few(others),
        )
    rows = _fitted(rows, table, truth.size)
    columns = [name for name in GROUND_TRUTH_COLUMNS if name in rows.columns]
    write_whole(output, rows[columns].to_csv(index=False, lineterminator="\n", float_format="%.6g"))


def write_annotated_frames(dataset: Dataset, output: Path) -> None:
    """Write which frames a data set with sparse ground truth annotates, ``video,frame``, 0-based.

    Raises:
        DataError: The data set annotates every frame, or has no ground truth.
    """
    truth = dataset.ground_truth()
    if truth is None or truth.annotated is None:
        raise DataError(f"{output}: the data set has no list of annotated frames")
    rows = truth.annotated[["video", "frame"]].sort_values(["video", "frame"])
    write_whole(output, rows.to_csv(index=False, lineterminator="\n"))


def _fitted(rows: pd.DataFrame, table: pd.DataFrame, sizes: Mapping[str, tuple[int, int]]) -> pd.DataFrame:
    """Boxes in the pixels of the videos, cut to their frames."""
    size = np.column_stack([rows["video"].map(table[side]).astype(float) for side in ("width", "height")])
    annotated = np.array([sizes.get(v, (np.nan, np.nan)) for v in rows["video"]], float).reshape(-1, 2)
    ratio = np.where(np.isfinite(size / annotated), size / annotated, 1.0)
    scaled = rows["video"][(ratio != 1).any(1)].unique()
    if len(scaled):
        _LOG.info("boxes of %d videos are scaled to their size: %s", len(scaled), first_few(scaled))
    boxes = rows[_CORNERS].to_numpy(float) * np.tile(ratio, 2)
    limit = np.where(np.isnan(size), np.inf, size)
    cut = np.clip(boxes, 0, np.tile(limit, 2))
    _warn(rows, (np.abs(cut - boxes) > 1).any(1), "boxes reach out of the frame and are cut")
    _warn(rows, (cut[:, 2:] <= cut[:, :2]).any(1), "boxes have no area inside the frame")
    frames = rows["video"].map(table["frames"]).to_numpy(float)
    _warn(rows, (frames > 0) & (rows["frame"].to_numpy() >= frames), "boxes lie after the last frame")
    return rows.assign(**{name: cut[:, i] for i, name in enumerate(_CORNERS)})


def _warn(rows: pd.DataFrame, wrong: np.ndarray, what: str) -> None:
    if wrong.any():
        _LOG.warning("%d %s, in %s", wrong.sum(), what, first_few(rows["video"][wrong].unique()))
