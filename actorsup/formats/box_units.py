"""Names of box formats and of units of boxes and frames, for settings and options."""

import re
from typing import Literal

BOX_FORMAT_NAMES = {
    "xyxy": "x1, y1, x2, y2",
    "xywh": "x, y, width, height",
    "cxcywh": "center x, center y, width, height",
    "yxyx": "y1, x1, y2, x2",
}
"""What the four numbers of a box are, by name of the format."""
BoxFormat = Literal["xyxy", "xywh", "cxcywh", "yxyx"]
FrameUnit = Literal["frames", "seconds", "milliseconds"]
FrameBase = Literal[0, 1]
BOX_UNITS = ("pixels", "fraction", "percent")


def parse_size(text: str) -> tuple[int, int]:
    """Return width and height of a text such as ``1280x720``.

    Raises:
        ValueError: The text has another form.
    """
    if not (match := re.fullmatch(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})", text)):
        allowed = ", ".join(BOX_UNITS)
        raise ValueError(f"{text!r} is not allowed; allowed: {allowed}, or a size such as 1280x720")
    return int(match[1]), int(match[2])


def check_box_unit(unit: str) -> str:
    """Return a valid ``box_unit``.

    Raises:
        ValueError: The value is not allowed.
    """
    if unit not in BOX_UNITS:
        parse_size(unit)
    return unit
