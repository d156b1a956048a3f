"""Settings of the page."""

from typing import Annotated, Literal

from pydantic import Field

from actorsup.config.fields import Integer, affects, settings


@settings
class ReportSettings:
    """What the page shows."""

    max_side: Annotated[Integer, Field(ge=64), affects("make_gallery", "draw_videos")] = 640
    """Maximum longer side of the videos on the page and of drawn videos. Unit: pixels."""
    single_file: Annotated[Literal["auto", "always", "never"], affects("write_report")] = "auto"
    """Whether the page is a single file; ``auto``: only up to 16 MB, otherwise its data is in
    ``report_data/`` next to it."""
