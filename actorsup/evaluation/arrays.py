"""Tubes from plain arrays, for programs that hold theirs in some form of their own."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from actorsup.errors import DataError
from actorsup.evaluation.ground_truth import GroundTruthTube
from actorsup.evaluation.tube_checks import check_size, check_tubes
from actorsup.tubes import Tubes


def ground_truth_tube(action: str, frames: ArrayLike, boxes: ArrayLike, actor: str = "") -> GroundTruthTube:
    """One annotated actor doing one action.

    Args:
        action: Name of its action class.
        frames: (M,) whole numbers from 0 on, in any order; gaps are allowed.
        boxes: (M, 4) xyxy in pixels, continuous; held as float32.
        actor: Name of its actor category, where it is annotated.

    Raises:
        DataError: Two boxes in one frame, x2 < x1, or arrays that are not of this form.
    """
    at, held = _checked(f"ground-truth tube of {action!r}", frames, boxes)
    return GroundTruthTube(action, actor, at, held)


def predicted_tubes(
    tubes: Sequence[tuple[ArrayLike, ArrayLike]],
    class_score: ArrayLike | None = None,
    score: ArrayLike | None = None,
    length: int | None = None,
) -> Tubes:
    """The tubes that are predicted or proposed in one video.

    Args:
        tubes: Of each of P tubes its frames (M,), whole numbers from 0 on, and boxes (M, 4), xyxy
            in pixels.
        class_score: (P, C) one column a class; NaN where a tube is not predicted for a class.
            None: proposals, for recall alone.
        score: (P,) what the best proposals are told by; default: their order.
        length: Frames of the video; default: up to the last box.

    Returns:
        The tubes, the best proposal first.

    Raises:
        DataError: Arrays that are not of this form, or scores that are NaN or infinite.
    """
    checked = [_checked(f"tube {p}", *tube) for p, tube in enumerate(tubes)]
    frames = max((int(at[-1]) + 1 for at, _ in checked if len(at)), default=0)
    if length is not None and length < frames:
        raise DataError(f"a box lies in frame {frames - 1}, but the video has {length} frames")
    frames = frames if length is None else length
    count = len(checked)
    try:
        check_size(count, frames)
        boxes = np.full((count, frames, 4), np.nan, np.float32)
        for one, (at, held) in zip(boxes, checked, strict=True):
            one[at] = held
        made = Tubes(
            boxes=boxes,
            score=np.array(np.arange(count, 0, -1) if score is None else score, np.float32),
            actor=np.zeros(count, np.int16),
            seed_frame=np.zeros(count, np.int32),
            frame_score=np.where(np.isnan(boxes[..., 0]), np.nan, 1).astype(np.float32),
            interval=np.array(
                [(a[0], a[-1] + 1) if len(a) else (0, 0) for a, _ in checked], np.int32
            ).reshape(-1, 2),
            class_score=None if class_score is None else _scores(class_score, count),
        )
        columns = 0 if made.class_score is None else made.class_score.shape[-1]
        check_tubes(made, frames, None if class_score is None else [""] * columns)
    except (TypeError, ValueError) as error:
        raise DataError(f"predicted tubes: {error}") from error
    return made.chosen(np.argsort(-made.score, kind="stable"))


def _scores(class_score: ArrayLike, count: int) -> NDArray[np.float64]:
    scores = np.array(class_score, float, ndmin=1)
    return scores if count or scores.size else scores.reshape(0, scores.shape[-1])  # of no tubes


def _checked(what: str, frames: ArrayLike, boxes: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Frames, ascending, and boxes."""
    at = np.asarray(frames)
    try:
        held = np.asarray(boxes, np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what}: boxes are no numbers ({error})") from error
    if at.size == 0 and held.size == 0:
        return np.zeros(0, np.int64), np.zeros((0, 4), np.float32)
    if at.ndim != 1 or held.shape != (len(at), 4):
        raise DataError(f"{what}: frames {at.shape} and boxes {held.shape}; wanted (M,) and (M, 4)")
    if not np.issubdtype(at.dtype, np.integer) or at.min() < 0:
        raise DataError(f"{what}: frames are {at.dtype} from {at.min()}; wanted whole numbers from 0 on")
    order = np.argsort(at, kind="stable")
    at, held = at[order].astype(np.int64), held[order]
    if (twice := at[1:][at[1:] == at[:-1]]).size:
        raise DataError(f"{what}: two boxes in frame {twice[0]}; wanted one at most")
    wrong = ~np.isfinite(held).all(1) | (held[:, 2:] < held[:, :2]).any(1)
    if wrong.any():
        found = ", ".join(f"{value:g}" for value in held[wrong][0])
        raise DataError(f"{what}: frame {at[wrong][0]}: the box {found}; wanted finite x1 <= x2 and y1 <= y2")
    return at, held
