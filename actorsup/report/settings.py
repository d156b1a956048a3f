"""Settings of the page: a part of ``report:`` in the configuration."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ReportSettings:
    """What the page shows.

    Attributes:
        max_side: Longest side of the videos that are played, in pixels.
        single_file: ``always`` puts all into one file, ``never`` keeps ``report_data/`` beside it,
            ``auto`` puts all into one where that is at most 16 MB.
    """

    max_side: int = 640
    single_file: str = "auto"
