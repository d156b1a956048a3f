"""The demo: videos that the project makes itself, known before they are made."""

from dataclasses import dataclass
from pathlib import Path

from actorsup.datasets.base import GroundTruth, Listing, VideoRecord
from actorsup.datasets.ground_truth_table import read_ground_truth_table
from actorsup.demo.settings import CLASSES, DemoSettings, demo_records


@dataclass(frozen=True)
class Demo:
    """The videos of ``actorsup.demo``.

    Attributes:
        root: Folder that they are made in.
        settings: What is made.
    """

    root: Path
    settings: DemoSettings

    def listing(self) -> Listing:
        """Which videos there will be."""
        records = [
            VideoRecord(video, self.root / f"{video}.avi", split, labels)
            for video, labels, split in demo_records(self.settings)
        ]
        return Listing(tuple(sorted(records, key=lambda record: record.video)), (), CLASSES)

    def ground_truth(self) -> GroundTruth:
        """Where the acting actor is, as written with the videos."""
        return GroundTruth(read_ground_truth_table(self.root / "ground_truth.csv"), {})
