"""The demo data set: generated videos, which can be listed before they exist."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actorsup.datasets.base import DatasetType, GroundTruth, Listing, VideoRecord
from actorsup.datasets.ground_truth_checks import check_ground_truth
from actorsup.datasets.settings import DemoSection
from actorsup.demo.settings import CLASSES, DemoSettings, demo_records
from actorsup.formats.conventions import BoxSource
from actorsup.formats.ground_truth_csv import read_ground_truth_table
from actorsup.formats.plausibility import report


@dataclass(frozen=True)
class Demo:
    """The data set of the videos that ``actorsup.demo`` generates.

    Attributes:
        root: Path of the folder of the generated videos.
        settings: Settings that determine the videos.
    """

    root: Path
    settings: DemoSettings

    def listing(self) -> Listing:
        """List the videos, which may not exist yet."""
        records = [
            VideoRecord(video, self.root / f"{video}.avi", split, labels)
            for video, labels, split in demo_records(self.settings)
        ]
        return Listing(tuple(sorted(records, key=lambda record: record.video)), (), CLASSES)

    def ground_truth(self) -> GroundTruth:
        """Read the boxes of the acting actors, which were generated with the videos."""
        path = self.root / "ground_truth.csv"
        truth = GroundTruth(read_ground_truth_table(path), {}, source=BoxSource(str(path), is_published=True))
        report(check_ground_truth(truth))
        return truth


def demo_settings(section: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``DemoSettings`` from the settings of a demo section."""
    names = {"train_videos": "train", "test_videos": "test"}
    keys = ("train_videos", "test_videos", "frames", "untrimmed", "stills", "sequences")
    return {names.get(key, key): section[key] for key in keys if key in section}


TYPE = DatasetType(
    lambda name, section, seed: Demo(
        Path(f"results/{name}/source"), DemoSettings(**demo_settings(section), seed=seed)
    ),
    DemoSection,
    is_generated=True,
    annotation_files=lambda name, section, dataset: [f"results/{name}/source/ground_truth.csv"],
)
