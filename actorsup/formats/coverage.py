"""Annotated frames of videos: what a file states about them, and files that seem to omit it."""

import logging
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.errors import first_few
from actorsup.formats.labeled import LabeledTube, LabeledVideo

_LOG = logging.getLogger(__name__)

AnnotatedFrames = Mapping[str, NDArray[np.int64]]
"""Annotated frames (K,) by video id, 0-based and ascending. A video without an entry is annotated in every
frame."""

_MIN_FRAMES = 3
"""Minimum number of frames with a box from which a pattern can be seen."""
_MAX_ADJACENT, _MIN_REGULAR = 0.1, 2 / 3
"""Maximum share of steps of one frame, and minimum share of equal steps, of a sparse annotation."""


def drop_unannotated(video: LabeledVideo) -> LabeledVideo:
    """Return a video without the boxes in frames that are not annotated, which were interpolated."""
    if video.annotated is None:
        return video
    tubes = []
    for tube in video.tubes:
        kept = np.isin(tube.frames, video.annotated)
        if kept.any():
            tubes.append(replace(tube, frames=tube.frames[kept], boxes=tube.boxes[kept]))
    return replace(video, tubes=tuple(tubes))


def frames_with_boxes(tubes: tuple[LabeledTube, ...]) -> NDArray[np.int64]:
    """Return the frames in which any of the tubes has a box, ascending."""
    return np.unique(np.concatenate([np.zeros(0, np.int64), *(tube.frames for tube in tubes)]))


def frames_to_name(video: LabeledVideo) -> list[int | None]:
    """Return the frames of the rows without a box in a ground-truth table, which state a video's coverage.

    These are the annotated frames without a box. If there are none, a row that repeats a frame with a box
    states the coverage; without annotated frames, a row without a frame does.
    """
    if video.annotated is None:
        return []
    without_box = np.setdiff1d(video.annotated, frames_with_boxes(video.tubes))
    return [*(without_box if len(without_box) else video.annotated[:1]).tolist()] or [None]


def sparse_step(frames: NDArray[np.int64]) -> int:
    """Return n if boxes lie in about every nth frame (n >= 2) of a video; 0 otherwise.

    Args:
        frames: (K,) frames with a box, ascending.
    """
    steps = np.diff(frames)
    if len(frames) < _MIN_FRAMES or (steps == 1).mean() > _MAX_ADJACENT:
        return 0
    values, counts = np.unique(steps, return_counts=True)
    step = int(values[counts.argmax()])
    # a rate that is not a whole number makes steps that differ by one
    return step if step > 1 and (np.abs(steps - step) <= 1).mean() >= _MIN_REGULAR else 0


def warn_if_sparse(location: str, frames: Mapping[str, NDArray[np.int64]]) -> None:
    """Log a warning if boxes lie in about every nth frame of a video that is annotated in every frame.

    Args:
        location: Name of the file, for the message.
        frames: Frames with a box, ascending, of each video whose annotated frames the file does not state.
    """
    steps = {video: step for video, array in frames.items() if (step := sparse_step(array))}
    if steps:
        values, counts = np.unique([*steps.values()], return_counts=True)
        _LOG.warning(
            "%s: probably sparse: %d videos have boxes in about every %s frame only, and the frames between "
            "count as frames without an actor: %s; if only frames with a box are annotated, say "
            "'annotated: boxes' (evaluate --annotated boxes); if all frames are, 'annotated: all'",
            location,
            len(steps),
            _ordinal(int(values[counts.argmax()])),
            first_few(steps),
        )


def _ordinal(number: int) -> str:
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else suffix}"


def annotated_frames_of_rows(rows: pd.DataFrame, boxes: pd.DataFrame) -> dict[str, NDArray[np.int64]]:
    """Return the annotated frames of the videos of a ground-truth table that have rows without a box.

    Args:
        rows: Rows ``video,frame`` without a box; the frame is -1 if the row names none.
        boxes: Rows ``video,frame`` with a box.
    """
    named = pd.concat([rows, boxes[boxes["video"].isin(rows["video"])]])
    return {
        str(video): np.unique(frames[frames >= 0]).astype(np.int64)
        for video, frames in named.groupby("video")["frame"]
    }
