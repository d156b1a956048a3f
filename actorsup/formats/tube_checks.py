"""Check the tubes of a video that come from a file or from a user."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from actorsup.tubes import Tubes

MAX_BOX_BYTES = 2**32
"""Maximum memory of the boxes of one video in bytes."""


def check_size(tubes: int, frames: int) -> None:
    """Check that the boxes of a video fit into memory, given the numbers of tubes and frames.

    Raises:
        ValueError: The boxes need more than ``MAX_BOX_BYTES``; most likely the number of frames is wrong.
    """
    if tubes * frames * 16 > MAX_BOX_BYTES or frames >= 2**31:
        raise ValueError(f"{tubes} tubes over {frames} frames are too many to hold; is 'frames' right?")


def check_tubes(tubes: Tubes, frames: int, classes: Sequence[str] | None) -> None:
    """Check the shapes and values of the tubes of one video.

    Args:
        tubes: Tubes to check.
        frames: Number of frames of the video.
        classes: Class names of the columns of ``class_score``; None for tubes without class scores.

    Raises:
        ValueError: An array has a wrong shape or dtype, or a value is invalid.
    """
    boxes = tubes.boxes
    if boxes.ndim != 3 or boxes.shape[2] != 4 or not np.issubdtype(boxes.dtype, np.floating):
        raise ValueError(f"boxes are {boxes.dtype} {boxes.shape}; wanted floats of (tubes, frames, 4)")
    if boxes.shape[1] != frames:
        raise ValueError(f"boxes over {boxes.shape[1]} frames, but the video has {frames}")
    count = len(boxes)
    expected_shapes: dict[str, tuple[int, ...]] = {
        "score": (count,), "interval": (count, 2), "actor": (count,), "seed_frame": (count,),
        "frame_score": (count, frames),
    }  # fmt: skip
    if classes is not None:
        if tubes.class_score is None:
            raise ValueError("class_score is missing; wanted scored tubes")
        expected_shapes["class_score"] = (count, len(classes))
        if tubes.class_logit is not None:
            expected_shapes["class_logit"] = (count, len(classes))
    for name, shape in expected_shapes.items():
        array = getattr(tubes, name)
        if array.shape != shape or not np.issubdtype(array.dtype, np.number):
            raise ValueError(f"{name} is {array.dtype} {array.shape}; wanted numbers of {shape}")
    if not np.isfinite(tubes.score).all():
        raise ValueError(f"score of tube {_first_index(~np.isfinite(tubes.score))} is not a finite number")
    if tubes.class_score is not None and np.isinf(tubes.class_score).any():
        raise ValueError(
            f"class_score of tube {_first_index(np.isinf(tubes.class_score).any(1))} is infinite"
        )
    _check_intervals(tubes.interval, frames)
    _check_boxes(boxes, tubes.interval)


def _check_intervals(interval: NDArray, frames: int) -> None:
    is_wrong = (interval[:, 0] < 0) | (interval[:, 1] < interval[:, 0]) | (interval[:, 1] > frames)
    if is_wrong.any():
        p = _first_index(is_wrong)
        first, end = interval[p].tolist()
        raise ValueError(f"tube {p}: the interval {first}-{end} does not lie in 0-{frames}")


def _check_boxes(boxes: NDArray, interval: NDArray) -> None:
    is_missing = np.isnan(boxes)
    if (is_missing.any(-1) & ~is_missing.all(-1)).any():
        raise ValueError(
            f"tube {_first_index((is_missing.any(-1) & ~is_missing.all(-1)).any(1))}: a box is NaN in part"
        )
    if np.isinf(boxes).any():
        raise ValueError(f"tube {_first_index(np.isinf(boxes).any((1, 2)))}: a box is infinite")
    frames = np.arange(boxes.shape[1])
    is_outside = (frames < interval[:, :1]) | (frames >= interval[:, 1:])
    if (is_outside & ~is_missing[..., 0]).any():
        raise ValueError(
            f"tube {_first_index((is_outside & ~is_missing[..., 0]).any(1))} has boxes outside its interval"
        )
    is_inverted = (boxes[..., 2] < boxes[..., 0]) | (boxes[..., 3] < boxes[..., 1])
    if is_inverted.any():
        p, frame = (int(i[0]) for i in np.nonzero(is_inverted))
        found = ", ".join(f"{value:g}" for value in boxes[p, frame])
        raise ValueError(f"tube {p}: frame {frame}: the box {found} has x2 < x1 or y2 < y1")


def _first_index(is_wrong: NDArray | np.bool_) -> int:
    return int(np.argmax(is_wrong))
