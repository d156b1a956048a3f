"""Read ground truth from a user's file in any supported format."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from actorsup.datasets.base import GroundTruth
from actorsup.errors import DataError
from actorsup.formats.conventions import UNSTATED, BoxSource, Conventions
from actorsup.formats.coverage import annotated_frames_of_rows, warn_if_sparse
from actorsup.formats.formats import BOX_FORMAT_OF, detect_format, read_labeled
from actorsup.formats.ground_truth_csv import read_annotated_table, read_ground_truth_rows
from actorsup.formats.labeled import ground_truth_table
from actorsup.formats.video_ids import video_id

ONLY_BOXES, EVERY_FRAME = "boxes", "all"
"""Values of ``annotated`` that are not the path of a table."""


def read_ground_truth_file(
    path: Path, action: str | None = None, conventions: Conventions = UNSTATED
) -> GroundTruth:
    """Read ground truth from CSV, COCO JSON or CVAT XML, or from a folder or zip of MOT text or CVAT XML.

    Video ids are normalized by ``video_id``; the frame sizes and the annotated frames are those that the file
    states.

    Args:
        path: Path of the file or folder.
        action: Class of the tracks in MOT text that have none.
        conventions: What the numbers of the file are, where it differs from the convention of its format.

    Raises:
        DataError: The file is invalid, or contains scored tubes instead of ground truth.
    """
    format_name = detect_format(path)
    if format_name == "predictions":
        raise DataError(
            f"{path}: contains scored tubes, not ground truth; convert it to CSV with `actorsup convert`"
        )
    source = BoxSource(str(path), BOX_FORMAT_OF[format_name], conventions)
    if format_name == "csv":
        rows, named = (
            table.assign(video=table["video"].map(video_id))
            for table in read_ground_truth_rows(path, conventions)
        )
        annotated = annotated_frames_of_rows(named, rows)
        return GroundTruth(rows, _sizes(rows, conventions), annotated, source=source)
    videos = [
        replace(video, video=video_id(video.video))
        for video in read_labeled(path, format_name, action=action, conventions=conventions)[0]
    ]
    rows = ground_truth_table(videos).sort_values(["video", "tube", "frame"], kind="stable")
    sizes = {v.video: (v.info.width, v.info.height) for v in videos if v.info.width and v.info.height}
    annotated = {video.video: video.annotated for video in videos if video.annotated is not None}
    rates = {video.video: video.info.fps for video in videos if video.info.fps > 0}
    sizes |= _sizes(rows, conventions)
    return GroundTruth(rows.reset_index(drop=True), sizes, annotated, rates=rates, source=source)


def _sizes(rows: pd.DataFrame, conventions: Conventions) -> dict[str, tuple[int, int]]:
    """Return the size of the frames that the boxes of each video belong to, if their unit states it."""
    size = conventions.reference_size
    return {} if size is None else dict.fromkeys(map(str, rows["video"].unique()), size)


def set_annotated_frames(
    truth: GroundTruth,
    annotated: str | None,
    path: Path,
    videos: Iterable[str],
    find_ids: Callable[[Iterable[str]], Mapping[str, str]],
) -> GroundTruth:
    """Return a ground truth with the annotated frames of a setting instead of those of its file.

    Args:
        truth: Ground truth.
        annotated: ``boxes`` if the frames with a box are annotated, ``all`` if every frame is, or the path of
            a table ``video,frame``. None keeps the frames that the file states, and logs a warning if it
            states none and seems sparse.
        path: Path of the ground truth, for messages.
        videos: Ids of the videos of the data set; without a row or a box, none of their frames is annotated.
        find_ids: Function that returns the ids of the videos that the names in the table mean.

    Raises:
        DataError: The table is invalid, or a box lies in a frame that it does not list.
    """
    if annotated == EVERY_FRAME:
        return replace(truth, annotated={})
    if annotated is None and truth.source and truth.source.conventions.has_times:
        return truth
    if annotated is None:
        unstated = truth.boxes[~truth.boxes["video"].isin([*truth.annotated])]
        frames = unstated.groupby("video")["frame"].unique()
        warn_if_sparse(str(path), {str(video): np.sort(array) for video, array in frames.items()})
        return truth
    rows = truth.boxes if annotated == ONLY_BOXES else _listed_frames(truth, Path(annotated), path, find_ids)
    found = rows.groupby("video")["frame"].unique()
    no_frames = dict.fromkeys([*videos, *truth.boxes["video"].unique()], np.zeros(0, np.int64))
    return replace(
        truth, annotated=no_frames | {str(video): np.sort(array) for video, array in found.items()}
    )


def _listed_frames(
    truth: GroundTruth, table: Path, path: Path, find_ids: Callable[[Iterable[str]], Mapping[str, str]]
) -> pd.DataFrame:
    frames = read_annotated_table(table).drop_duplicates()
    if truth.source:
        frames["frame"] -= truth.source.conventions.frame_base or 0
    frames["video"] = frames["video"].map(find_ids(frames["video"].unique()))
    pairs = truth.boxes[["video", "frame"]].merge(frames, how="left", indicator=True)
    unlisted = pairs[pairs["_merge"] == "left_only"]
    if len(unlisted):
        video, frame = unlisted.iloc[0][["video", "frame"]]
        raise DataError(
            f"{path}: {video!r} has a box in frame {frame}, which {table} does not list; add the frame or "
            "remove the box"
        )
    return frames
