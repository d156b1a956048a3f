"""What numbers look like that a reader refuses: the ends of its messages."""

import numpy as np
from numpy.typing import NDArray

from actorsup.formats.box_statistics import fits
from actorsup.formats.box_units import BOX_FORMAT_NAMES
from actorsup.formats.conventions import BoxSource, to_corners


def format_hint(source: BoxSource, boxes: NDArray) -> str:
    """Return the end of a message about boxes (N, 4) with x2 < x1: what they look like, or nothing."""
    boxes = boxes[np.isfinite(boxes).all(1)]
    wrong = (boxes[:, 2:] < boxes[:, :2]).any(1)
    # one wrong box of many is a mistake, not a convention
    if wrong.sum() < 2 or wrong.mean() < 0.02 or (boxes[:, 2:] < 0).any():
        return ""
    in_fractions = (boxes <= 1.5).all()
    limits = np.ones(4) if in_fractions else np.full(4, 1e3 * max(float(boxes.max()), 1))
    fitting = [name for name in ("xywh", "cxcywh") if fits(to_corners(boxes / limits, name)).mean() >= 0.98]
    if not fitting:
        return ""
    unit = " in fractions of the frame" if in_fractions else ""
    likely = " or ".join(BOX_FORMAT_NAMES[name] for name in fitting)
    say = source.conventions.say
    settings = say("box_format", fitting[0]) + (f" {say('box_unit', 'fraction')}" if in_fractions else "")
    others = f" (or {fitting[1]})" if len(fitting) > 1 else ""
    return (
        f"; {wrong.sum():,} of {len(boxes):,} boxes are like this: the numbers look like {likely}{unit}; "
        f"if so, set {settings}{others}"
    )


def times_hint(source: BoxSource, numbers: NDArray) -> str:
    """Return the end of a message about frame numbers (N,) that are not whole: what they look like."""
    part = numbers[np.isfinite(numbers) & (numbers % 1 != 0)]
    if len(part) < 2 or (numbers[np.isfinite(numbers)] < 0).any():
        return ""
    found = f"such as {part[0]:g} and {part[1]:g}"
    setting = source.conventions.say("frame_unit", "seconds")
    return f"; the numbers look like seconds, {found}; if so, set {setting}"
