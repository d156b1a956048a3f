"""Test split of a data set, with its ground truth, and the labels of both splits."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from actorsup.errors import DataError
from actorsup.evaluation.ground_truth import (
    StoredGroundTruth,
    labeled_videos,
    listed_videos,
    read_annotated,
    read_ground_truth,
    test_videos,
)
from actorsup.evaluation.input_warnings import warn_of_names
from actorsup.evaluation.measures import Evaluation
from actorsup.evaluation.predictions import Predictions
from actorsup.formats.conventions import EXACT
from actorsup.tubes import Tubes

if TYPE_CHECKING:  # the library of evaluation works without pydantic
    from actorsup.evaluation.settings import EvaluationSettings


def _get_default_settings() -> "EvaluationSettings":
    from actorsup.evaluation.settings import EvaluationSettings

    return EvaluationSettings()


Name = TypeVar("Name")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TestSplit:
    """Test split of a data set.

    Attributes:
        dataset: Name of the data set, for the tables.
        ground_truth: Path of the ground-truth table.
        videos: Path of the videos.csv of the run.
        annotated: Path of the table of annotated frames; None if every frame is annotated.
        settings: Settings of the evaluation.
    """

    __test__ = False  # keeps pytest from collecting it

    dataset: str
    ground_truth: Path
    videos: Path
    annotated: Path | None = None
    settings: "EvaluationSettings" = field(default_factory=_get_default_settings)

    @cached_property
    def truth(self) -> StoredGroundTruth:
        """Ground truth of all videos.

        Raises:
            DataError: The table cannot be used, or no test video has ground truth.
        """
        truth = read_ground_truth(self.ground_truth, conventions=EXACT)  # checked when it was written
        missing_videos = [name for name in self.names if name not in truth]
        if len(missing_videos) == len(self.names):
            raise DataError(
                f"{self.ground_truth}: no video of the test split of {self.videos} has ground truth"
            )
        _LOG.info("%d test videos, %d of them without ground truth", len(self.names), len(missing_videos))
        untrained_classes = sorted(truth.classes(self.names) - test_videos(self.videos)[1])
        warn_of_names("%d test classes have no training video", untrained_classes)
        return truth

    @cached_property
    def names(self) -> list[str]:
        """Ids of the test videos."""
        return test_videos(self.videos)[0]

    @cached_property
    def frames(self) -> Mapping[str, set[int]] | None:
        """Annotated frames (0-based) by video id; None if every frame is annotated."""
        return None if self.annotated is None else read_annotated(self.annotated)

    def labels(self, split: str) -> dict[str, tuple[str, ...]]:
        """Return the classes of each video of a split: ``test``, or ``train`` (labeled and decoded videos).

        A test video without a label has the classes of its ground truth.
        """
        labels = labeled_videos(self.videos, split)
        if split == "train":
            return {video: names for video, names in labels.items() if names}
        return {video: names or tuple(sorted(self.truth.classes([video]))) for video, names in labels.items()}

    def evaluation(
        self, predictions: Predictions | Mapping[str, Tubes], videos: Collection[str] | None = None
    ) -> Evaluation:
        """Compare scored tubes or proposals with the ground truth of some videos.

        Args:
            predictions: Scored tubes or proposals.
            videos: Ids of the videos; None stands for the test videos.
        """
        protocol, known = self.settings.evaluation_protocol, listed_videos(self.videos)
        names = self.names if videos is None else videos
        return Evaluation(self.truth, predictions, protocol, names, self.frames, known)


def shards_by(names: Sequence[Name], shards: Sequence[str]) -> dict[Name, list[Path]]:
    """Group shards by name, such as by linker.

    Args:
        names: Names with the same number of shards each.
        shards: Paths of the shards of the first name, of the second name, and so on.
    """
    shards_per_name = len(shards) // len(names)
    return {
        name: [*map(Path, shards[i * shards_per_name : (i + 1) * shards_per_name])]
        for i, name in enumerate(names)
    }
