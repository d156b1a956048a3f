"""Labeled tubes: the common representation of annotations and of all exchange formats."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.artifacts.tube_files import MOST_FRAMES, VideoInfo, video_info
from actorsup.errors import DataError, report_read_errors
from actorsup.formats.conventions import Conventions, from_corners, require_units
from actorsup.formats.ground_truth_csv import CORNERS, GROUND_TRUTH_COLUMNS
from actorsup.formats.tables import Columns, drop_repeated_rows, read_table

UNKNOWN_INFO = VideoInfo(0, 0.0, 0, 0)
"""Placeholder for an unknown length, frame rate and size of a video."""
SIZES_HINT = "pass a table with them, such as a run's videos.csv: --videos results/NAME/videos.csv"
DECIMALS = 2
"""Number of decimals of box corners in written files, in pixels."""


@dataclass(frozen=True)
class LabeledTube:
    """The boxes of an actor that performs an action: an annotation, or a prediction with a score.

    Attributes:
        name: Name of the tube, unique in its video.
        action: Name of the action class.
        frames: (M,) int64 frame indices, 0-based, ascending; frames between them have no box.
        boxes: (M, 4) float64 or float32 xyxy boxes in pixels.
        actor: Name of the actor category; empty if unknown.
        score: Score of a prediction; None for an annotation.
    """

    name: str
    action: str
    frames: NDArray[np.int64]
    boxes: NDArray[np.floating]
    actor: str = ""
    score: float | None = None


@dataclass(frozen=True)
class LabeledVideo:
    """The labeled tubes of a video.

    Attributes:
        video: Video id.
        info: Length, frame rate and size of the video; 0 if unknown.
        tubes: Labeled tubes.
        annotated: (K,) int64, annotated frames, 0-based and ascending; other frames were not looked at. None
            if every frame is annotated.
    """

    video: str
    info: VideoInfo
    tubes: tuple[LabeledTube, ...]
    annotated: NDArray[np.int64] | None = None


def make_tube(
    location: str,
    name: str,
    action: str,
    frames: Iterable[int],
    boxes: object,
    num_frames: int = 0,
    **properties: object,
) -> LabeledTube:
    """Check the boxes of a tube, and return the tube with ascending frames.

    Args:
        location: Name of the file and the tube, for messages.
        name: Name of the tube, unique in its video.
        action: Name of the action class.
        frames: M 0-based frame indices in any order.
        boxes: (M, 4) xyxy boxes in pixels, in the order of ``frames``.
        num_frames: Number of frames of the video; 0 if unknown.
        **properties: ``actor`` and ``score`` of the tube.

    Raises:
        DataError: A box is not finite or has a negative width or height, a frame has two boxes or is outside
            of the video, or the class name is empty or reserved.
    """
    frame_list = frames if isinstance(frames, np.ndarray) else [*frames]
    if len(frame_list) and max(frame_list) >= MOST_FRAMES:
        raise DataError(f"{location}: has a box after frame {MOST_FRAMES:,}, the maximum")
    frame_array = np.asarray(frame_list, np.int64)
    corners = np.asarray(boxes, np.float64).reshape(len(frame_array), 4)
    order = np.argsort(frame_array, kind="stable")
    frame_array, corners = frame_array[order], corners[order]
    checks = [
        (~np.isfinite(corners).all(1), "a corner is not a finite number"),
        ((corners[:, 2:] < corners[:, :2]).any(1), "the box has a negative width or height"),
        (np.diff(frame_array, prepend=-(2**60)) == 0, "the tube already has a box in this frame"),
        (frame_array < 0, "the frame is negative"),
        ((frame_array >= num_frames) & (num_frames > 0), f"the video has only {num_frames} frames"),
    ]
    for wrong, reason in checks:
        if wrong.any():
            first_wrong = int(np.argmax(wrong))
            corner_text = ", ".join(f"{value:g}" for value in corners[first_wrong])
            raise DataError(
                f"{location}: frame {frame_array[first_wrong]} (0-based): {reason}; "
                f"the corners are {corner_text}"
            )
    if not action.strip():
        raise DataError(f"{location}: the class is empty")
    if action == "mean":
        raise DataError(
            f"{location}: the class name 'mean' is reserved for a row of the tables; rename the class"
        )
    return LabeledTube(name, action, frame_array, corners, **properties)  # type: ignore[arg-type]


def mean_score(scores: Sequence[float]) -> float | None:
    """Return the mean of the scores of a tube's boxes, or None if there are no scores."""
    if not len(scores):
        return None
    return float(scores[0]) if len(set(scores)) == 1 else float(np.mean(scores))


def class_names(videos: Iterable[LabeledVideo]) -> list[str]:
    """Return the sorted names of the action classes of all tubes."""
    return sorted({tube.action for video in videos for tube in video.tubes})


def best_tubes(
    videos: Iterable[LabeledVideo], top: int | None = None, min_score: float | None = None
) -> Iterator[LabeledVideo]:
    """Yield the videos with their annotated tubes and their highest-scoring predicted tubes.

    Args:
        videos: Videos with annotated tubes (without a score) or predicted tubes (with a score).
        top: Maximum number of predicted tubes per video; among equal scores, the first tubes are kept. None
            keeps all tubes.
        min_score: Minimum score of a predicted tube; None keeps all tubes.
    """
    for video in videos:
        annotated = [tube for tube in video.tubes if tube.score is None]
        scored = [tube for tube in video.tubes if tube.score is not None]
        if min_score is not None:
            scored = [tube for tube in scored if (tube.score or 0) >= min_score]
        scored.sort(key=lambda tube: -(tube.score or 0))
        yield replace(video, tubes=(*annotated, *scored[:top]))


def add_video_info(
    videos: Iterable[LabeledVideo], table: Path, lookup: Mapping[str, VideoInfo]
) -> Iterator[LabeledVideo]:
    """Yield the videos with the lengths, frame rates and sizes of a table.

    Args:
        videos: Videos; a video that the table lacks is unchanged.
        table: Path of the table, for messages.
        lookup: Length, frame rate and size of each video of the table, by video id.

    Raises:
        DataError: A tube extends beyond the last frame of its video.
    """
    for video in videos:
        info = lookup.get(video.video, video.info)
        if info.frames == video.info.frames:
            info = replace(info, times=video.info.times)
        for tube in video.tubes:
            if 0 < info.frames <= (last := int(tube.frames.max(initial=-1))):
                raise DataError(
                    f"{table}: {video.video} has {info.frames} frames, but tube {tube.name!r} extends to "
                    f"frame {last} (0-based); is it another video, or another frame rate?"
                )
        yield replace(video, info=info)


def read_video_info(path: Path) -> dict[str, VideoInfo]:
    """Read the length, frame rate and size of videos from a table ``video,frames,fps,width,height``.

    Raises:
        DataError: The table cannot be read or lacks a column, a value is impossible for a video, or two rows
            of a video differ.
    """
    numbers = ("frames", "fps", "width", "height")
    rows = read_table(path, Columns(("video", *numbers), numbers=numbers))
    rows = drop_repeated_rows(path, rows, ["video"], "the video is in an earlier line too,")
    info = {}
    for line, video, *values in rows.fillna(0).itertuples():
        with report_read_errors(path, f"line {line}: wanted a table video,{','.join(numbers)}"):
            if values[0] > 0:
                info[str(video)] = video_info(*values)
    return info


def require_info(location: str, video: LabeledVideo) -> VideoInfo:
    """Return the length, frame rate and size of a video for a format that requires length and size.

    Raises:
        DataError: The length or the frame size is unknown.
    """
    info = video.info
    if min(info.frames, info.width, info.height) <= 0:
        raise DataError(
            f"{location}: the number of frames and the frame size of {video.video!r} are not known; "
            f"{SIZES_HINT}"
        )
    return info


def shift_frames(video: LabeledVideo, shift: int) -> LabeledVideo:
    """Add a number to the frames of all tubes of a video, and to its annotated frames."""
    tubes = (replace(tube, frames=tube.frames + shift) for tube in video.tubes)
    annotated = None if video.annotated is None else video.annotated + shift
    return replace(video, tubes=tuple(tubes), annotated=annotated) if shift else video


def with_box_format(
    path: Path, video: LabeledVideo, assumed_format: str, conventions: Conventions
) -> LabeledVideo:
    """Return a video whose boxes were read in one format, and are in that of ``conventions``.

    Raises:
        DataError: A box has a negative width or height.
    """
    tubes = []
    for tube in video.tubes:
        boxes = conventions.corners(from_corners(tube.boxes, assumed_format), assumed_format)
        location = f"{path}: {video.video}: tube {tube.name}"
        make_tube(location, tube.name, tube.action, tube.frames, boxes)  # checks the boxes
        tubes.append(replace(tube, boxes=boxes))
    return replace(video, tubes=tuple(tubes))


def convert_units(location: str, video: LabeledVideo, conventions: Conventions) -> LabeledVideo:
    """Convert the boxes and frames of a video to pixels and frames, by its size and frame rate.

    Raises:
        DataError: The size or the frame rate is needed but not known.
    """
    size, info = conventions.reference_size, video.info
    require_units(location, video.video, conventions, info)
    factors = np.ones(4) if size is None else np.tile([info.width / size[0], info.height / size[1]], 2)
    tubes = []
    for tube in video.tubes:
        frames, kept = np.unique(conventions.frames(tube.frames, info.fps, info.times), return_index=True)
        boxes = tube.boxes if size is None else tube.boxes * factors
        tubes.append(replace(tube, frames=frames, boxes=boxes[kept]))
    return replace(video, tubes=tuple(tubes))


def ground_truth_table(videos: Iterable[LabeledVideo]) -> pd.DataFrame:
    """Return the tubes as a table ``video,tube,class,frame,x1,y1,x2,y2``, with ``actor`` if any is known."""
    tubes = [(video.video, tube) for video in videos for tube in video.tubes]
    names = [(video, tube.name, tube.action, tube.actor) for video, tube in tubes]
    text = np.repeat(np.array(names, object).reshape(-1, 4), [len(tube.frames) for _, tube in tubes], axis=0)
    rows = pd.DataFrame(text, columns=["video", "tube", "class", "actor"])
    rows["frame"] = np.concatenate([np.zeros(0, np.int64), *(tube.frames for _, tube in tubes)])
    rows[CORNERS] = np.concatenate([np.zeros((0, 4)), *(tube.boxes for _, tube in tubes)])
    has_actors = (rows["actor"] != "").any()
    return rows[GROUND_TRUTH_COLUMNS if has_actors else GROUND_TRUTH_COLUMNS[:-1]]


def interpolate_boxes(frames: NDArray[np.int64], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a box for each frame from the first to the last, interpolating boxes (M, 4) linearly."""
    all_frames = np.arange(frames[0], frames[-1] + 1)
    return np.stack([np.interp(all_frames, frames, boxes[:, i]) for i in range(4)], axis=1)
