"""The tubes of an A2D video: its instances, from one annotated frame to the next."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from actorsup.datasets.a2d_frames import AnnotatedFrame

Boxes = NDArray[np.float32]
Linked = tuple[int, NDArray[np.int64], Boxes]
"""Code, frames (M,) and boxes (M, 4) of a tube."""


def linked_boxes(numbers: Sequence[int], frames: Sequence[AnnotatedFrame]) -> list[Linked]:
    """The tubes of a video, sorted by code.

    An instance whose file gives it a number is the tube of that number and its code. The authors'
    own files give none: there the boxes of one code are assigned to that code's tubes so that the
    distances between middles sum up to the least; boxes that are left over begin tubes.

    Args:
        numbers: The annotated frames, 0-based, ascending.
        frames: What is in each.
    """
    tubes: list[Linked] = []
    for code in sorted({int(code) for frame in frames for code in frame.codes}):
        of_code: dict[int, list[tuple[int, Boxes]]] = {}
        for number, frame in zip(numbers, frames, strict=True):
            mine = frame.codes == code
            if frame.instances is None:
                keys = _assigned([tube[-1][1] for tube in of_code.values()], frame.boxes[mine])
            else:
                keys = [int(key) for key in frame.instances[mine]]
            for key, box in zip(keys, frame.boxes[mine], strict=True):
                tube = of_code.setdefault(key, [])
                # of two boxes of one number in one frame the first counts
                if not tube or tube[-1][0] != number:
                    tube.append((number, box))
        for boxes in of_code.values():
            found = np.array([number for number, _ in boxes], np.int64)
            tubes.append((code, found, np.stack([box for _, box in boxes])))
    return tubes


def _assigned(last: Sequence[Boxes], boxes: Boxes) -> list[int]:
    """The tube that each box goes on with, by its place; places from ``len(last)`` on are new tubes."""
    from scipy.optimize import linear_sum_assignment

    before = np.array(last, np.float32).reshape(-1, 4)
    distance = np.linalg.norm(_middles(boxes)[:, None] - _middles(before)[None], axis=-1)
    of_box = dict(zip(*(side.tolist() for side in linear_sum_assignment(distance)), strict=True))
    new = iter(range(len(last), len(last) + len(boxes)))
    return [of_box[index] if index in of_box else next(new) for index in range(len(boxes))]


def _middles(boxes: Boxes) -> NDArray[np.floating]:
    return (boxes[:, :2] + boxes[:, 2:]) / 2
