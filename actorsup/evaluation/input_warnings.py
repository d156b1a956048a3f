"""Warnings about suspicious input of an evaluation, one log line per kind."""

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

from actorsup.artifacts.tube_files import VideoInfo
from actorsup.errors import DataError, first_few
from actorsup.evaluation.ground_truth import GroundTruthTube
from actorsup.formats.conventions import BoxSource, Problem
from actorsup.formats.plausibility import check_ends, check_lengths, check_rates

_LOG = logging.getLogger(__name__)


class InputWarnings:
    """Counts of suspicious input by kind and video."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, message: str, video: str, count: int = 1) -> None:
        """Add to the count of one kind of suspicious input in a video.

        Args:
            message: Description of the kind, which follows the count in the warning.
            video: Video id.
            count: Number of cases.
        """
        if count:
            self._counts[message][video] += int(count)

    def log(self) -> None:
        """Log one warning for each kind, with the total count and the first five video ids."""
        for message, counts in self._counts.items():
            _LOG.warning("%d %s: %s", counts.total(), message, first_few(counts))


def warn_of_names(message: str, names: Sequence[str]) -> None:
    """Log a warning about some names; no warning if there are none.

    Args:
        message: Text of the warning, with ``%d`` for the number of names.
        names: Names, of which the warning lists the first five.
    """
    if names:
        _LOG.warning(f"{message}: %s", len(names), first_few(names))


def warn_of_classes(truth: Collection[str], predicted: Sequence[str]) -> None:
    """Log warnings about classes that are only in the ground truth or only in the predictions.

    Args:
        truth: Names of the classes in the ground truth.
        predicted: Names of the classes in the predictions.

    Raises:
        DataError: A class has the name ``mean`` or ``all``, which the tables use for other rows.
    """
    if reserved := sorted({"mean", "all"} & {*truth, *predicted}):
        raise DataError(
            f"the class name {reserved[0]!r} is reserved for a row of the tables; rename the class"
        )
    numbers = [name for name in predicted if name.isdecimal()]
    hint = ""
    if numbers and len(numbers) == len(predicted) and not {*truth} & {*predicted}:
        hint = f"; the predictions have numbers in place of names, such as {numbers[0]}"
    warn_of_names(
        f"%d classes of the ground truth have no predictions, so their average precision is 0{hint}",
        sorted({*truth} - {*predicted}),
    )
    warn_of_names(
        "%d predicted classes have no ground truth, so they have no average precision",
        [name for name in predicted if name not in truth],
    )


def check_agreement(
    source: BoxSource,
    predicted: Mapping[str, VideoInfo],
    videos: Mapping[str, VideoInfo],
    truth: Mapping[str, Sequence[GroundTruthTube]],
) -> list[Problem]:
    """Return whether predictions seem to be of other versions of the videos.

    Args:
        source: File of the predictions.
        predicted: Length, frame rate and size of videos by the predictions, by id; 0 if unknown.
        videos: The same by a table of the videos.
        truth: Ground-truth tubes by video id.
    """
    rates = ({name: info.fps for name, info in infos.items()} for infos in (predicted, videos))
    lengths = [{name: info.frames for name, info in infos.items()} for infos in (predicted, videos)]
    ends = {
        name: max((int(tube.frames.max(initial=-1)) for tube in truth[name]), default=-1) + 1
        for name in predicted
        if name in truth
    }
    problems = [*check_rates(source, *rates), *check_lengths(source, *lengths)]
    return problems or check_ends(source, lengths[0], ends)


def warn_of_videos(
    names: Sequence[str],
    truth: Collection[str],
    tubes: Collection[str],
    known: Collection[str] = (),
    ignored: Collection[str] = (),
) -> None:
    """Log warnings about videos that lack ground truth or predictions, or that are not evaluated.

    Args:
        names: Ids of the videos to evaluate.
        truth: Ids of the videos with ground truth.
        tubes: Ids of the videos with tubes.
        known: Ids of videos that are ignored without a warning.
        ignored: Ids of videos to evaluate of which no frame is annotated.
    """
    if ignored:
        _LOG.info("%d videos have no annotated frame and are ignored: %s", len(ignored), first_few(ignored))
    for video_ids, source in ((truth, "ground truth"), (tubes, "predictions")):
        warn_of_names(
            f"ignoring the {source} of %d videos that are not evaluated",
            sorted({*video_ids} - {*names, *known}),
        )
    warn_of_names(
        "%d videos have no predictions, so their ground truth is missed",
        sorted(({*names} & {*truth}) - {*tubes, *ignored}),
    )
    warn_of_names(
        "%d videos have no ground truth, so all their tubes are false positives",
        sorted(({*names} & {*tubes}) - {*truth, *ignored}),
    )
