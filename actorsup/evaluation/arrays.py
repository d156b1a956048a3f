"""Tubes from plain arrays, for programs with data structures of their own."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from actorsup.errors import DataError
from actorsup.evaluation.ground_truth import GroundTruthTube
from actorsup.formats.tube_checks import check_size, check_tubes
from actorsup.tubes import Tubes


def ground_truth_tube(action: str, frames: ArrayLike, boxes: ArrayLike, actor: str = "") -> GroundTruthTube:
    """Make the ground-truth tube of one actor doing one action.

    Args:
        action: Name of its action class.
        frames: (M,) integers from 0, in any order; gaps are allowed.
        boxes: (M, 4) xyxy in pixels, continuous; converted to float32.
        actor: Name of its actor category, if annotated.

    Raises:
        DataError: Two boxes in one frame, x2 < x1, or arrays of another form.
    """
    return GroundTruthTube(action, actor, *_checked(f"ground-truth tube of {action!r}", frames, boxes))


def predicted_tubes(
    tubes: Sequence[tuple[ArrayLike, ArrayLike]],
    class_score: ArrayLike | None = None,
    score: ArrayLike | None = None,
    length: int | None = None,
) -> Tubes:
    """Make the predicted or proposed tubes of one video.

    Args:
        tubes: For each of P tubes its frames (M,), integers from 0, and its boxes (M, 4), xyxy in
            pixels.
        class_score: (P, C), one column for each class; NaN where a tube is not predicted for a class.
            None: proposals, for recall only.
        score: (P,) scores that rank the proposals; default: the given order.
        length: Frames of the video; default: up to the last box.

    Returns:
        The tubes, best proposal first.

    Raises:
        DataError: Arrays of another form, or scores that are NaN or infinite.
    """
    checked = [_checked(f"tube {p}", *tube) for p, tube in enumerate(tubes)]
    needed = max((int(at[-1]) + 1 for at, _ in checked if len(at)), default=0)
    if length is not None and length < needed:
        raise DataError(f"a box lies in frame {needed - 1}, but the video has {length} frames")
    frames = needed if length is None else length
    count = len(checked)
    try:
        check_size(count, frames)
        dense = np.full((count, frames, 4), np.nan, np.float32)
        for one, (at, boxes) in zip(dense, checked, strict=True):
            one[at] = boxes
        result = Tubes(
            boxes=dense,
            score=np.array(np.arange(count, 0, -1) if score is None else score, np.float32),
            actor=np.zeros(count, np.int16),
            seed_frame=np.zeros(count, np.int32),
            frame_score=np.where(np.isnan(dense[..., 0]), np.nan, 1).astype(np.float32),
            interval=np.array(
                [(a[0], a[-1] + 1) if len(a) else (0, 0) for a, _ in checked], np.int32
            ).reshape(-1, 2),
            class_score=None if class_score is None else _scores(class_score, count),
        )
        columns = 0 if result.class_score is None else result.class_score.shape[-1]
        check_tubes(result, frames, None if class_score is None else [""] * columns)
    except (TypeError, ValueError) as error:
        raise DataError(f"predicted tubes: {error}") from error
    return result.chosen(np.argsort(-result.score, kind="stable"))


def _scores(class_score: ArrayLike, count: int) -> NDArray[np.float64]:
    scores = np.array(class_score, float, ndmin=1)
    return scores if count or scores.size else scores.reshape(0, scores.shape[-1])


def _checked(what: str, frames: ArrayLike, boxes: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Frames, sorted ascending, and their boxes."""
    at = np.asarray(frames)
    try:
        corners = np.asarray(boxes, np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what}: boxes are not numbers ({error})") from error
    if at.size == 0 and corners.size == 0:
        return np.zeros(0, np.int64), np.zeros((0, 4), np.float32)
    if at.ndim != 1 or corners.shape != (len(at), 4):
        raise DataError(f"{what}: frames {at.shape} and boxes {corners.shape}; expected (M,) and (M, 4)")
    if not np.issubdtype(at.dtype, np.integer) or at.min() < 0:
        raise DataError(f"{what}: frames are {at.dtype} from {at.min()}; expected integers from 0")
    order = np.argsort(at, kind="stable")
    at, corners = at[order].astype(np.int64), corners[order]
    if (twice := at[1:][at[1:] == at[:-1]]).size:
        raise DataError(f"{what}: two boxes in frame {twice[0]}; expected at most one")
    wrong = ~np.isfinite(corners).all(1) | (corners[:, 2:] < corners[:, :2]).any(1)
    if wrong.any():
        box = ", ".join(f"{value:g}" for value in corners[wrong][0])
        raise DataError(f"{what}: frame {at[wrong][0]}: box {box}; expected finite x1 <= x2 and y1 <= y2")
    return at, corners
