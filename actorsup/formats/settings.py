"""Types of settings that say what the numbers of a file of boxes are."""

from typing import Annotated

from pydantic import AfterValidator

from actorsup.formats.box_units import BoxFormat, FrameBase, FrameUnit, check_box_unit

BoxUnit = Annotated[str, AfterValidator(check_box_unit)]

__all__ = ["BoxFormat", "BoxUnit", "FrameBase", "FrameUnit"]
