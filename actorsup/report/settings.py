"""Settings of the page."""

from typing import Annotated, Literal

from pydantic import Field

from actorsup.config.fields import Integer, affects, settings


@settings
class ReportSettings:
    """What the page shows."""

    max_side: Annotated[Integer, Field(ge=64), affects("make_gallery", "draw_videos")] = 640
    """Longest side of the videos on the page, and of drawn videos. Unit: pixels."""
    single_file: Annotated[Literal["auto", "always", "never"], affects("write_report")] = "auto"
    """Whether the page is one file; ``auto``: if it has at most 16 MB, otherwise next to ``report_data/``."""
