"""Ground truth as tubes, for evaluation alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.datasets.ground_truth_table import read_ground_truth_table
from actorsup.errors import DataError, reading


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


GroundTruthTubes = Mapping[str, list[GroundTruthTube]]
"""The annotated tubes of each video by its id."""


def read_ground_truth(path: Path) -> dict[str, list[GroundTruthTube]]:
    """The tubes of a table ``video,tube,class,frame,x1,y1,x2,y2[,actor]``, by video.

    Raises:
        DataError: The table cannot be used; the message names the line.
    """
    rows = read_ground_truth_table(path)
    tubes: dict[str, list[GroundTruthTube]] = {}
    starts = np.flatnonzero(~rows.duplicated(["video", "tube"]).to_numpy())
    frames = rows["frame"].to_numpy(np.int64)
    boxes = rows[["x1", "y1", "x2", "y2"]].to_numpy(np.float32)
    actor = rows["actor"] if "actor" in rows else pd.Series([""] * len(rows))
    for start, end in pairwise([*starts, len(rows)]):
        tube = GroundTruthTube(
            rows["class"].iloc[start], str(actor.iloc[start]), frames[start:end], boxes[start:end]
        )
        tubes.setdefault(rows["video"].iloc[start], []).append(tube)
    return tubes


def test_videos(videos: Path) -> tuple[list[str], set[str]]:
    """The videos to evaluate, and the classes that have a training video, of a videos.csv.

    A table without a column ``split`` names the videos to evaluate alone.

    Raises:
        DataError: The table cannot be read or has no column ``video``.
    """
    with reading(videos, "cannot be read as CSV"):
        rows = pd.read_csv(videos, dtype=str, keep_default_na=False)
    if "video" not in rows:
        raise DataError(f"{videos}: column 'video' is missing; found {', '.join(rows.columns)}")
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


def read_annotated(path: Path) -> dict[str, set[int]]:
    """The annotated frames of each video, of a table ``video,frame`` (0-based).

    Raises:
        DataError: The table cannot be read, lacks a column, or a frame is no whole number.
    """
    with reading(path, "wanted a table video,frame"):
        rows = pd.read_csv(path, dtype={"video": str, "frame": int}, keep_default_na=False)
        return {str(video): set(frames) for video, frames in rows.groupby("video")["frame"]}
