"""Labeled tubes: the common representation of annotations and of all exchange formats."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.artifacts.tube_files import MOST_FRAMES, VideoInfo, video_info
from actorsup.errors import DataError, report_read_errors
from actorsup.formats.ground_truth_csv import CORNERS, GROUND_TRUTH_COLUMNS

UNKNOWN = VideoInfo(0, 0.0, 0, 0)
"""The length, frame rate and size of a video if no file has them."""
LOG_SIZES = "pass a table with them, such as a run's videos.csv: --videos results/NAME/videos.csv"
DECIMALS = 2
"""Decimals of the box corners in every file written: hundredths of a pixel."""


@dataclass(frozen=True)
class LabeledTube:
    """One actor doing one action: annotated, or predicted with a score.

    Attributes:
        name: Identifies the tube in its video.
        action: Name of its action class.
        frames: (M,) int64, 0-based, ascending; missing frames are gaps.
        boxes: (M, 4) float64 or float32 xyxy in pixels.
        actor: Name of its actor category; empty if unknown.
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
    """The tubes of one video. ``info`` holds 0 for unknown values."""

    video: str
    info: VideoInfo
    tubes: tuple[LabeledTube, ...]


def checked_tube(
    where: str, name: str, action: str, frames: Iterable[int], boxes: object, last: int = 0, **more: object
) -> LabeledTube:
    """Make a tube with sorted frames, after the checks that all formats share.

    Args:
        where: The file and the tube, for messages.
        name: As in ``LabeledTube``.
        action: As in ``LabeledTube``.
        frames: 0-based, in any order.
        boxes: (M, 4) xyxy, in the same order.
        last: Number of frames of the video; 0 if unknown.
        more: ``actor`` and ``score``.

    Raises:
        DataError: A box is not finite or has a negative side, two boxes are in one frame, a frame is
            outside the video, or the class has no name.
    """
    numbers = [*frames]
    if numbers and max(numbers) >= MOST_FRAMES:
        raise DataError(f"{where}: has a box after frame {MOST_FRAMES:,}, the maximum")
    at = np.asarray(numbers, np.int64)
    corners = np.asarray(boxes, np.float64).reshape(len(at), 4)
    order = np.argsort(at, kind="stable")
    at, corners = at[order], corners[order]
    checks = [
        (~np.isfinite(corners).all(1), "a corner is not a finite number"),
        ((corners[:, 2:] < corners[:, :2]).any(1), "the box has a negative width or height"),
        (np.diff(at, prepend=-(2**60)) == 0, "the tube already has a box in this frame"),
        (at < 0, "the frame is negative"),
        ((at >= last) & (last > 0), f"the video has only {last} frames"),
    ]
    for wrong, reason in checks:
        if wrong.any():
            first = int(np.argmax(wrong))
            found = ", ".join(f"{value:g}" for value in corners[first])
            raise DataError(f"{where}: frame {at[first]} (0-based): {reason}; the corners are {found}")
    if not action.strip():
        raise DataError(f"{where}: the class is empty")
    if action == "mean":
        raise DataError(
            f"{where}: the class name 'mean' is reserved for a row of the tables; rename the class"
        )
    return LabeledTube(name, action, at, corners, **more)  # type: ignore[arg-type]


def score_of(scores: Sequence[float]) -> float | None:
    """Return the mean score of the boxes of a tube, exact if all are equal; None without scores."""
    if not len(scores):
        return None
    return float(scores[0]) if len(set(scores)) == 1 else float(np.mean(scores))


def classes_of(videos: Iterable[LabeledVideo]) -> list[str]:
    """Return the class names of all tubes, sorted."""
    return sorted({tube.action for video in videos for tube in video.tubes})


def best_tubes(
    videos: Iterable[LabeledVideo], top: int | None = None, min_score: float | None = None
) -> Iterator[LabeledVideo]:
    """Yield the videos with only their best tubes, few enough to look at.

    Args:
        videos: Any videos; annotated tubes, without a score, are all kept.
        top: Maximum number of predicted tubes of a video, by score; ties keep the first.
        min_score: Minimum score of a predicted tube.
    """
    for video in videos:
        drawn = [tube for tube in video.tubes if tube.score is None]
        scored = [tube for tube in video.tubes if tube.score is not None]
        if min_score is not None:
            scored = [tube for tube in scored if (tube.score or 0) >= min_score]
        scored.sort(key=lambda tube: -(tube.score or 0))
        yield replace(video, tubes=(*drawn, *scored[:top]))


def with_sizes(
    videos: Iterable[LabeledVideo], table: Path, lookup: dict[str, VideoInfo]
) -> Iterator[LabeledVideo]:
    """Yield the videos with the lengths, frame rates and sizes of a run's videos.csv, if it has them.

    Raises:
        DataError: A tube extends after the last frame of the video.
    """
    for video in videos:
        info = lookup.get(video.video, video.info)
        for tube in video.tubes:
            if 0 < info.frames <= (last := int(tube.frames.max(initial=-1))):
                raise DataError(
                    f"{table}: {video.video} has {info.frames} frames, but tube {tube.name!r} extends to "
                    f"frame {last} (0-based); is it another video, or another frame rate?"
                )
        yield replace(video, info=info)


def read_sizes(path: Path) -> dict[str, VideoInfo]:
    """Read the length, frame rate and size of videos from a table ``video,frames,fps,width,height``.

    Raises:
        DataError: The table cannot be read or lacks a column.
    """
    columns = ["frames", "fps", "width", "height"]
    with report_read_errors(path, f"wanted a table video,{','.join(columns)}"):
        rows = pd.read_csv(path, dtype={"video": str}, keep_default_na=False, na_values={"": [""]})
        numbers = rows[columns].apply(pd.to_numeric, errors="coerce").fillna(0)
        return {
            str(video): video_info(frames, fps, width, height)
            for video, (frames, fps, width, height) in zip(
                rows["video"], numbers.itertuples(index=False), strict=True
            )
            if frames > 0
        }


def known_info(where: str, video: LabeledVideo) -> VideoInfo:
    """Return the length, frame rate and size of a video, for a format that needs them.

    Raises:
        DataError: They are unknown.
    """
    info = video.info
    if min(info.frames, info.width, info.height) <= 0:
        raise DataError(
            f"{where}: the number of frames and the frame size of {video.video!r} are not known; {LOG_SIZES}"
        )
    return info


def table_of(videos: Iterable[LabeledVideo]) -> pd.DataFrame:
    """Return ground-truth rows, ``video,tube,class,frame,x1,y1,x2,y2``, and ``actor`` if any is known."""
    tubes = [(video.video, tube) for video in videos for tube in video.tubes]
    names = [(video, tube.name, tube.action, tube.actor) for video, tube in tubes]
    text = np.repeat(np.array(names, object).reshape(-1, 4), [len(tube.frames) for _, tube in tubes], axis=0)
    rows = pd.DataFrame(text, columns=["video", "tube", "class", "actor"])
    rows["frame"] = np.concatenate([np.zeros(0, np.int64), *(tube.frames for _, tube in tubes)])
    rows[CORNERS] = np.concatenate([np.zeros((0, 4)), *(tube.boxes for _, tube in tubes)])
    known = (rows["actor"] != "").any()
    return rows[GROUND_TRUTH_COLUMNS if known else GROUND_TRUTH_COLUMNS[:-1]]


def videos_of(rows: pd.DataFrame, where: str) -> list[LabeledVideo]:
    """Return the labeled videos of a ground-truth table sorted by video, tube and frame."""
    found: dict[str, list[LabeledTube]] = {}
    for _, part in rows.groupby(["video", "tube"], sort=False):
        video, name = str(part["video"].iloc[0]), str(part["tube"].iloc[0])
        actor = part["actor"].iloc[0] if "actor" in part else ""
        boxes = part[CORNERS].to_numpy(np.float64)
        tube = checked_tube(
            f"{where}: {video}: tube {name}", name, part["class"].iloc[0], part["frame"], boxes, actor=actor
        )
        found.setdefault(video, []).append(tube)
    return [LabeledVideo(video, UNKNOWN, tuple(tubes)) for video, tubes in found.items()]


def with_gaps_filled(frames: NDArray[np.int64], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interpolate boxes (M, 4) linearly: return one for each frame from the first to the last."""
    every = np.arange(frames[0], frames[-1] + 1)
    return np.stack([np.interp(every, frames, boxes[:, i]) for i in range(4)], axis=1)
