"""Conversion of plain arrays to tubes, for programs that have their own data structures."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from actorsup.errors import DataError
from actorsup.evaluation.ground_truth import GroundTruthTube
from actorsup.formats.tube_checks import check_size, check_tubes
from actorsup.tubes import Tubes


def ground_truth_tube(action: str, frames: ArrayLike, boxes: ArrayLike, actor: str = "") -> GroundTruthTube:
    """Make the ground-truth tube of one actor that performs one action.

    Args:
        action: Name of the action class.
        frames: (M,) integers, 0-based frame of each box, in any order; gaps are allowed.
        boxes: (M, 4) boxes, xyxy in continuous pixel coordinates; converted to float32.
        actor: Name of the actor category; empty if not annotated.

    Raises:
        DataError: A frame has two boxes, a box has x2 < x1, or an array has a wrong shape or type.
    """
    return GroundTruthTube(action, actor, *_check_tube(f"ground-truth tube of {action!r}", frames, boxes))


def predicted_tubes(
    tubes: Sequence[tuple[ArrayLike, ArrayLike]],
    class_score: ArrayLike | None = None,
    score: ArrayLike | None = None,
    length: int | None = None,
) -> Tubes:
    """Make the predicted tubes or the proposals of one video.

    Args:
        tubes: Frames (M,), 0-based integers, and boxes (M, 4), xyxy in pixels, of each of the P tubes.
        class_score: (P, C) score of each tube for each class; NaN where a tube is not predicted for a class.
            None for proposals, which have a recall but no average precision.
        score: (P,) scores that rank the proposals; by default, ``tubes`` lists the best proposal first.
        length: Number of frames of the video; by default, the video ends with the last box.

    Returns:
        The tubes, in descending order of ``score``.

    Raises:
        DataError: An array has a wrong shape or type, a box lies after the end of the video, or a score is
            NaN or infinite.
    """
    tube_arrays = [_check_tube(f"tube {p}", *tube) for p, tube in enumerate(tubes)]
    min_length = max((int(frames[-1]) + 1 for frames, _ in tube_arrays if len(frames)), default=0)
    if length is not None and length < min_length:
        raise DataError(f"a box lies in frame {min_length - 1}, but the video has {length} frames")
    num_frames = min_length if length is None else length
    num_tubes = len(tube_arrays)
    try:
        check_size(num_tubes, num_frames)
        padded_boxes = np.full((num_tubes, num_frames, 4), np.nan, np.float32)
        for tube_boxes, (frames, boxes) in zip(padded_boxes, tube_arrays, strict=True):
            tube_boxes[frames] = boxes
        result = Tubes(
            boxes=padded_boxes,
            score=np.array(np.arange(num_tubes, 0, -1) if score is None else score, np.float32),
            actor=np.zeros(num_tubes, np.int16),
            seed_frame=np.zeros(num_tubes, np.int32),
            frame_score=np.where(np.isnan(padded_boxes[..., 0]), np.nan, 1).astype(np.float32),
            interval=np.array(
                [(frames[0], frames[-1] + 1) if len(frames) else (0, 0) for frames, _ in tube_arrays],
                np.int32,
            ).reshape(-1, 2),
            class_score=None if class_score is None else _convert_scores(class_score, num_tubes),
        )
        num_classes = 0 if result.class_score is None else result.class_score.shape[-1]
        check_tubes(result, num_frames, None if class_score is None else [""] * num_classes)
    except (TypeError, ValueError) as error:
        raise DataError(f"predicted tubes: {error}") from error
    return result.chosen(np.argsort(-result.score, kind="stable"))


def _convert_scores(class_score: ArrayLike, num_tubes: int) -> NDArray[np.float64]:
    scores = np.array(class_score, float, ndmin=1)
    return scores if num_tubes or scores.size else scores.reshape(0, scores.shape[-1])


def _check_tube(
    tube_name: str, frames: ArrayLike, boxes: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Check the frames and boxes of a tube; return them in ascending order of the frames."""
    indices = np.asarray(frames)
    try:
        corners = np.asarray(boxes, np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(f"{tube_name}: boxes are not numbers ({error})") from error
    if indices.size == 0 and corners.size == 0:
        return np.zeros(0, np.int64), np.zeros((0, 4), np.float32)
    if indices.ndim != 1 or corners.shape != (len(indices), 4):
        raise DataError(
            f"{tube_name}: frames {indices.shape} and boxes {corners.shape}; expected (M,) and (M, 4)"
        )
    if not np.issubdtype(indices.dtype, np.integer) or indices.min() < 0:
        raise DataError(
            f"{tube_name}: frames are {indices.dtype} from {indices.min()}; expected integers from 0"
        )
    order = np.argsort(indices, kind="stable")
    indices, corners = indices[order].astype(np.int64), corners[order]
    if (duplicates := indices[1:][indices[1:] == indices[:-1]]).size:
        raise DataError(f"{tube_name}: two boxes in frame {duplicates[0]}; expected at most one")
    is_invalid = ~np.isfinite(corners).all(1) | (corners[:, 2:] < corners[:, :2]).any(1)
    if is_invalid.any():
        box = ", ".join(f"{value:g}" for value in corners[is_invalid][0])
        raise DataError(
            f"{tube_name}: frame {indices[is_invalid][0]}: box {box}; expected finite x1 <= x2 and y1 <= y2"
        )
    return indices, corners
