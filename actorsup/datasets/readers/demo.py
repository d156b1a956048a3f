"""The demo: videos that the project makes itself, known before they are made."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actorsup.datasets.base import DatasetType, GroundTruth, Listing, VideoRecord
from actorsup.datasets.settings import DemoSection
from actorsup.demo.settings import CLASSES, DemoSettings, demo_records
from actorsup.formats.ground_truth_csv import read_ground_truth_table


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


def demo_settings(section: Mapping[str, Any]) -> dict[str, Any]:
    """What a section says of the demo's videos, by the names of ``DemoSettings``."""
    names = {"train_videos": "train", "test_videos": "test"}
    keys = ("train_videos", "test_videos", "frames", "untrimmed", "stills", "sequences")
    return {names.get(key, key): section[key] for key in keys if key in section}


TYPE = DatasetType(
    lambda name, section, seed: Demo(
        Path(f"results/{name}/source"), DemoSettings(**demo_settings(section), seed=seed)
    ),
    DemoSection,
    made=True,
    annotation_files=lambda name, section, dataset: [f"results/{name}/source/ground_truth.csv"],
)
