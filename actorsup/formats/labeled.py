"""Labeled tubes: what every exchange format is read into and written from."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.artifacts.tube_files import MOST_FRAMES, VideoInfo, video_info
from actorsup.errors import DataError, reading

UNKNOWN = VideoInfo(0, 0.0, 0, 0)
"""Of a video whose length, rate and size no file tells."""
LOG_SIZES = "name a table that tells, such as a run's videos.csv: --videos results/NAME/videos.csv"
DECIMALS = 2
"""Of the corners of boxes in every file that is written: hundredths of a pixel."""


@dataclass(frozen=True)
class LabeledTube:
    """One actor doing one action: annotated, or predicted with a score.

    Attributes:
        name: Tells it from the other tubes of its video.
        action: Name of its action class.
        frames: (M,) int64, 0-based, ascending; frames between that are absent have no box.
        boxes: (M, 4) float64 xyxy in pixels of the source frame.
        actor: Name of its actor category; empty where that is not known.
        score: Of a prediction; None where it is annotated.
    """

    name: str
    action: str
    frames: NDArray[np.int64]
    boxes: NDArray[np.float64]
    actor: str = ""
    score: float | None = None


@dataclass(frozen=True)
class LabeledVideo:
    """The tubes of one video. ``info`` holds 0 for what is not known."""

    video: str
    info: VideoInfo
    tubes: tuple[LabeledTube, ...]


def checked_tube(
    where: str, name: str, action: str, frames: Iterable[int], boxes: object, last: int = 0, **more: object
) -> LabeledTube:
    """A tube with its frames in order, after the checks that all formats share.

    Args:
        where: The file and the tube, for the message.
        name: As in ``LabeledTube``.
        action: As in ``LabeledTube``.
        frames: 0-based, in any order.
        boxes: (M, 4) xyxy, in the same order.
        last: Number of frames of the video; 0 where it is not known.
        more: ``actor`` and ``score``.

    Raises:
        DataError: A box that is not finite or has a negative side, two boxes in one frame, a frame
            before the first or after the last, a class without a name.
    """
    numbers = [*frames]
    if numbers and max(numbers) >= MOST_FRAMES:
        raise DataError(f"{where}: has a box beyond frame {MOST_FRAMES:,}; no video is that long")
    at = np.asarray(numbers, np.int64)
    corners = np.asarray(boxes, np.float64).reshape(len(at), 4)
    order = np.argsort(at, kind="stable")
    at, corners = at[order], corners[order]
    checks = [
        (~np.isfinite(corners).all(1), "a corner is no finite number"),
        ((corners[:, 2:] < corners[:, :2]).any(1), "the box has a negative width or height"),
        (np.diff(at, prepend=-(2**60)) == 0, "the tube has a box in this frame already"),
        (at < 0, "the frame lies before the first"),
        ((at >= last) & (last > 0), f"the video has {last} frames only"),
    ]
    for wrong, reason in checks:
        if wrong.any():
            first = int(np.argmax(wrong))
            found = ", ".join(f"{value:g}" for value in corners[first])
            raise DataError(f"{where}: frame {at[first]} (0-based): {reason}; found the corners {found}")
    if not action.strip():
        raise DataError(f"{where}: it has no class")
    if action == "mean":
        raise DataError(f"{where}: no class can be called 'mean', as the tables' mean is; rename it")
    return LabeledTube(name, action, at, corners, **more)  # type: ignore[arg-type]


def score_of(scores: Sequence[float]) -> float | None:
    """The score of a tube whose boxes each have one: their mean, exact where they are one; None of none."""
    if not len(scores):
        return None
    return float(scores[0]) if len(set(scores)) == 1 else float(np.mean(scores))


def classes_of(videos: Iterable[LabeledVideo]) -> list[str]:
    """The names of the classes of all tubes, sorted."""
    return sorted({tube.action for video in videos for tube in video.tubes})


def best_tubes(
    videos: Iterable[LabeledVideo], top: int | None = None, min_score: float | None = None
) -> Iterator[LabeledVideo]:
    """The same videos with their best tubes alone, so that a person can look at all of them.

    Args:
        videos: Any; a tube without a score was drawn by hand and stays.
        top: The most predicted tubes of a video to keep, by score; of equals the first.
        min_score: Tubes below it are dropped.
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
    """The same videos with the lengths, rates and sizes of a run's videos.csv where it has them.

    Raises:
        DataError: A tube goes beyond the last frame that the table tells.
    """
    for video in videos:
        info = lookup.get(video.video, video.info)
        for tube in video.tubes:
            if 0 < info.frames <= (last := int(tube.frames.max(initial=-1))):
                raise DataError(
                    f"{table}: {video.video} has {info.frames} frames, but the tube {tube.name!r} goes to "
                    f"frame {last} (0-based); is it another video, or another rate?"
                )
        yield replace(video, info=info)


def read_sizes(path: Path) -> dict[str, VideoInfo]:
    """Length, rate and size of the videos of a table ``video,frames,fps,width,height``.

    Raises:
        DataError: The table cannot be read or lacks a column.
    """
    columns = ["frames", "fps", "width", "height"]
    with reading(path, f"wanted a table video,{','.join(columns)}"):
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
    """Length, rate and size of a video that a format cannot do without.

    Raises:
        DataError: They are not known.
    """
    info = video.info
    if min(info.frames, info.width, info.height) <= 0:
        raise DataError(
            f"{where}: the number of frames and the frame size of {video.video!r} are not known; {LOG_SIZES}"
        )
    return info


def table_of(videos: Iterable[LabeledVideo]) -> pd.DataFrame:
    """The rows of ground truth, ``video,tube,class,frame,x1,y1,x2,y2``, and ``actor`` where known."""
    parts = [
        pd.DataFrame(tube.boxes, columns=["x1", "y1", "x2", "y2"]).assign(
            video=video.video, tube=tube.name, frame=tube.frames, actor=tube.actor, **{"class": tube.action}
        )
        for video in videos
        for tube in video.tubes
    ]
    columns = ["video", "tube", "class", "frame", "x1", "y1", "x2", "y2", "actor"]
    rows = pd.concat(parts) if parts else pd.DataFrame(columns=columns)
    return rows[columns if (rows["actor"] != "").any() else columns[:-1]].reset_index(drop=True)


def videos_of(rows: pd.DataFrame, where: str) -> list[LabeledVideo]:
    """Labeled videos of a table of ground truth that is sorted by video, tube and frame."""
    found: dict[str, list[LabeledTube]] = {}
    for _, part in rows.groupby(["video", "tube"], sort=False):
        video, name = str(part["video"].iloc[0]), str(part["tube"].iloc[0])
        actor = part["actor"].iloc[0] if "actor" in part else ""
        boxes = part[["x1", "y1", "x2", "y2"]].to_numpy(np.float64)
        tube = checked_tube(
            f"{where}: {video}: tube {name}", name, part["class"].iloc[0], part["frame"], boxes, actor=actor
        )
        found.setdefault(video, []).append(tube)
    return [LabeledVideo(video, UNKNOWN, tuple(tubes)) for video, tubes in found.items()]


def with_gaps_filled(frames: NDArray[np.int64], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Boxes (M, 4) at ascending frames, as boxes of every frame from the first to the last, linearly."""
    every = np.arange(frames[0], frames[-1] + 1)
    return np.stack([np.interp(every, frames, boxes[:, i]) for i in range(4)], axis=1)
