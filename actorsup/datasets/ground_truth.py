"""Write the ground truth of a run's videos, in pixels of the videos; for evaluation only."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from actorsup.artifacts.atomic import write_text_atomically
from actorsup.artifacts.tube_files import VideoInfo
from actorsup.datasets.base import Dataset
from actorsup.datasets.ground_truth_checks import check_ground_truth, in_frames
from actorsup.errors import DataError
from actorsup.formats.ground_truth_csv import CORNERS, GROUND_TRUTH_COLUMNS
from actorsup.formats.labeled import read_video_info
from actorsup.formats.plausibility import report
from actorsup.formats.tables import Columns, read_table

_LOG = logging.getLogger(__name__)
_MAX_NAMED_VIDEOS = 5


def write_ground_truth(
    dataset: Dataset, videos: Path, output: Path, stored: Mapping[str, VideoInfo] | None = None
) -> None:
    """Write the ground-truth table of a run's videos, with boxes scaled and clipped to the video frames.

    Boxes are scaled if the annotated frames have another size than the video. Boxes of missing and failed
    videos are written unchanged and count as missed. Boxes of videos outside the run are left out. The
    log states the number of boxes of each case.

    Args:
        dataset: Data set with ground truth.
        videos: Path of the run's videos.csv.
        output: Path of the table to write.
        stored: Frame rate and times of the videos, by id, to convert times of boxes; None: the table's rates.

    Raises:
        DataError: The data set has no ground truth, or its boxes are impossible.
    """
    truth = dataset.ground_truth()
    if truth is None:
        raise DataError(f"{output}: the data set has no ground truth, so nothing can be evaluated")
    table = pd.read_csv(videos, dtype={"video": str}, keep_default_na=False, na_values=[""])
    table = table.set_index("video")
    infos = read_video_info(videos)
    report(check_ground_truth(truth, infos))
    boxes = in_frames(truth, stored or infos)
    in_run = boxes["video"].isin(table.index)
    _warn(boxes, ~in_run, "boxes are left out, since this run lacks their videos")
    rows = _fit_to_videos(boxes[in_run].reset_index(drop=True), table, truth.size)
    columns = [name for name in GROUND_TRUTH_COLUMNS if name in rows.columns]
    write_text_atomically(output, rows[columns].to_csv(index=False, lineterminator="\n", float_format="%.6g"))


def write_annotated_frames(dataset: Dataset, videos: Path, output: Path) -> None:
    """Write the table ``video,frame`` of the annotated frames (0-based) of a ground truth.

    A video that is annotated in every frame is listed with all its frames, and with later frames up to its
    last box.

    Args:
        dataset: Data set with ground truth.
        videos: Path of the run's videos.csv.
        output: Path of the table to write.

    Raises:
        DataError: Every frame of every video is annotated, or the data set has no ground truth.
    """
    truth = dataset.ground_truth()
    if truth is None or not truth.annotated:
        raise DataError(f"{output}: the data set has no list of annotated frames")
    table = read_table(videos, Columns(("video", "frames"), numbers=("frames",)))
    lengths = dict(zip(table["video"], table["frames"], strict=True))
    ends = (truth.boxes.groupby("video")["frame"].max() + 1).to_dict()
    names = sorted({*truth.annotated, *lengths})
    frames = [truth.annotated.get(name) for name in names]
    listed = [
        np.arange(np.nanmax([lengths[name], ends.get(name, 0), 0])).astype(int) if array is None else array
        for name, array in zip(names, frames, strict=True)
    ]
    counts = [len(array) for array in listed]
    rows = pd.DataFrame({"video": np.repeat(np.array(names, object), counts)})
    rows["frame"] = np.concatenate([np.zeros(0, np.int64), *listed])
    write_text_atomically(output, rows.to_csv(index=False, lineterminator="\n"))


def _fit_to_videos(
    rows: pd.DataFrame, table: pd.DataFrame, sizes: Mapping[str, tuple[int, int]]
) -> pd.DataFrame:
    """Return the rows with their boxes scaled to pixels of the videos and clipped to the frames."""
    video_properties = table[["width", "height", "frames"]].astype(float).loc[rows["video"]].to_numpy()
    video_size, num_frames = video_properties[:, :2], video_properties[:, 2]
    annotated_size = np.array([sizes.get(v, (np.nan, np.nan)) for v in rows["video"]], float).reshape(-1, 2)
    scale = np.where(np.isfinite(video_size / annotated_size), video_size / annotated_size, 1.0)
    _warn(rows, (scale != 1).any(1), "boxes are scaled to the size of their video", logging.INFO)
    boxes = rows[CORNERS].to_numpy(float) * np.tile(scale, 2)
    max_corner = np.where(np.isnan(video_size), np.inf, video_size)
    clipped = np.clip(boxes, 0, np.tile(max_corner, 2))
    _warn(rows, (np.abs(clipped - boxes) > 1).any(1), "boxes reach out of the frame and are clipped")
    _warn(rows, (clipped[:, 2:] <= clipped[:, :2]).any(1), "boxes have no area inside the frame")
    _warn(rows, (num_frames > 0) & (rows["frame"].to_numpy() >= num_frames), "boxes lie after the last frame")
    return rows.assign(**dict(zip(CORNERS, clipped.T, strict=True)))


def _warn(
    rows: pd.DataFrame, affected: np.ndarray | pd.Series, problem: str, level: int = logging.WARNING
) -> None:
    videos = rows["video"][affected].unique()
    if len(videos):
        suffix = f" and {len(videos) - _MAX_NAMED_VIDEOS} more" if len(videos) > _MAX_NAMED_VIDEOS else ""
        _LOG.log(
            level,
            "%d %s, in %s%s",
            affected.sum(),
            problem,
            ", ".join(map(str, videos[:_MAX_NAMED_VIDEOS])),
            suffix,
        )
