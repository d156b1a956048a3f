"""The videos that a run is evaluated on, with their ground truth; and what is odd about the two sides."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from actorsup.errors import DataError
from actorsup.evaluation.ground_truth import (
    StoredGroundTruth,
    listed_videos,
    read_annotated,
    read_ground_truth,
    test_videos,
)
from actorsup.evaluation.input_warnings import some
from actorsup.evaluation.matching import VideoOverlap, overlaps
from actorsup.tubes import Tubes

if TYPE_CHECKING:  # the library of evaluation works without pydantic
    from actorsup.evaluation.settings import EvaluationSettings


def _default_settings() -> "EvaluationSettings":
    from actorsup.evaluation.settings import EvaluationSettings

    return EvaluationSettings()


Name = TypeVar("Name")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TestSplit:
    """The test split of a run's data set.

    Attributes:
        dataset: Its name, for the tables.
        ground_truth: The table of ground truth.
        videos: The run's videos.csv.
        annotated: The table of the frames that are annotated, where not all are.
        settings: How it is evaluated.
    """

    __test__ = False  # it is no test, whatever pytest makes of its name

    dataset: str
    ground_truth: Path
    videos: Path
    annotated: Path | None = None
    settings: "EvaluationSettings" = field(default_factory=_default_settings)

    @cached_property
    def truth(self) -> StoredGroundTruth:
        """The ground truth of all videos.

        Raises:
            DataError: The table cannot be used, or no video of the test split has ground truth.
        """
        truth = read_ground_truth(self.ground_truth)
        without = [name for name in self.names if name not in truth]
        if len(without) == len(self.names):
            raise DataError(
                f"{self.ground_truth}: no video of the test split of {self.videos} has ground truth"
            )
        _LOG.info("%d test videos, %d of them without ground truth", len(self.names), len(without))
        if unlearned := sorted(truth.classes(self.names) - test_videos(self.videos)[1]):
            _warn("%d classes to be tested have no training video: %s", unlearned)
        return truth

    @cached_property
    def names(self) -> list[str]:
        """Ids of the test videos."""
        return test_videos(self.videos)[0]

    @cached_property
    def frames(self) -> Mapping[str, set[int]] | None:
        """The annotated frames of each video, where not all are."""
        return None if self.annotated is None else read_annotated(self.annotated)

    def compared(self, tubes: Mapping[str, Tubes]) -> list[VideoOverlap]:
        """The overlaps of the test videos with their ground truth."""
        if unknown := sorted(set(tubes) - listed_videos(self.videos)):
            _LOG.warning("tubes of %d videos that are not in %s are left out: %s", len(unknown),
                         self.videos, some(unknown))  # fmt: skip
        if missed := [name for name in self.names if name in self.truth and name not in tubes]:
            _warn("%d test videos have no tubes, so that their ground truth is missed: %s", missed)
        return overlaps(self.names, tubes, self.truth, self.frames, self.settings.rules)


def shards_by(names: Sequence[Name], shards: Sequence[str]) -> dict[Name, list[Path]]:
    """Shards by what they are of, given those of one name after those of another, as many of each."""
    each = len(shards) // len(names)
    return {name: [*map(Path, shards[i * each : (i + 1) * each])] for i, name in enumerate(names)}


def tell_classes(truth: Collection[str], predicted: Sequence[str]) -> None:
    """Warn of classes that one side alone knows.

    Raises:
        DataError: A class is called as rows of the tables are that are of no class.
    """
    if reserved := sorted({"mean", "all"} & {*truth, *predicted}):
        raise DataError(f"no class can be called {reserved[0]!r}, as rows of the tables are; rename it")
    if unknown := sorted({*truth} - {*predicted}):
        _warn("%d classes of the ground truth are not predicted, so that their precision is 0: %s", unknown)
    if without := [name for name in predicted if name not in truth]:
        _warn("%d classes that are predicted have no ground truth, so no average precision: %s", without)


def tell_videos(names: Sequence[str], truth: Collection[str], tubes: Collection[str]) -> None:
    """Warn of videos that one side alone knows, and of those that are not to be evaluated.

    Args:
        names: The videos to evaluate.
        truth: Those with ground truth.
        tubes: Those with tubes.
    """
    for side, what in ((truth, "ground truth"), (tubes, "predictions")):
        if left := sorted({*side} - {*names}):
            _LOG.warning(
                "%s of %d videos that are not to be evaluated is left out: %s", what, len(left), some(left)
            )
    if missed := [name for name in names if name in truth and name not in tubes]:
        _warn("%d videos have no predictions, so that their ground truth is missed: %s", missed)
    if wrong := [name for name in names if name in tubes and name not in truth]:
        _warn("%d videos have no ground truth, so that all tubes in them are wrong: %s", wrong)


def _warn(what: str, names: Sequence[str]) -> None:
    _LOG.warning(what, len(names), some(names))


def tell_scores(videos: Sequence[VideoOverlap]) -> None:
    """Write into the log how many scores are NaN, which is no prediction."""
    total = sum(video.class_score.size for video in videos)
    if missing := sum(int(np.isnan(video.class_score).sum()) for video in videos):
        _LOG.info("%d of %d class scores are none (NaN): no prediction", missing, total)
