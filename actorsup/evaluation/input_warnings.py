"""Warnings about suspicious input of an evaluation, one log line per kind."""

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from actorsup.errors import DataError, first_few

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
    warn_of_names(
        "%d classes of the ground truth have no predictions, so their average precision is 0",
        sorted({*truth} - {*predicted}),
    )
    warn_of_names(
        "%d predicted classes have no ground truth, so they have no average precision",
        [name for name in predicted if name not in truth],
    )


def warn_of_videos(
    names: Sequence[str], truth: Collection[str], tubes: Collection[str], known: Collection[str] = ()
) -> None:
    """Log warnings about videos that lack ground truth or predictions, or that are not evaluated.

    Args:
        names: Ids of the videos to evaluate.
        truth: Ids of the videos with ground truth.
        tubes: Ids of the videos with tubes.
        known: Ids of videos that are ignored without a warning.
    """
    for video_ids, source in ((truth, "ground truth"), (tubes, "predictions")):
        warn_of_names(
            f"ignoring the {source} of %d videos that are not evaluated",
            sorted({*video_ids} - {*names, *known}),
        )
    warn_of_names(
        "%d videos have no predictions, so their ground truth is missed",
        [name for name in names if name in truth and name not in tubes],
    )
    warn_of_names(
        "%d videos have no ground truth, so all their tubes are false positives",
        [name for name in names if name in tubes and name not in truth],
    )
