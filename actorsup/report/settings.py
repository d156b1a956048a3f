"""Settings of the page: a part of ``report:`` in the configuration."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ReportSettings:
    """What the page shows.

    Attributes:
        iou_threshold: At which a prediction is right in the gallery, above 0 and at most 1.
        max_side: Longest side of the videos that are played, in pixels.
        single_file: ``always`` puts all into one file, ``never`` keeps ``report_data/`` beside it,
            ``auto`` puts all into one where that is at most 16 MB.
    """

    iou_threshold: float = 0.5
    max_side: int = 640
    single_file: str = "auto"
