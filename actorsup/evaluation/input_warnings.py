"""Warnings about doubtful input of an evaluation, counted and logged once."""

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from actorsup.errors import DataError, first_few

_LOG = logging.getLogger(__name__)


class InputWarnings:
    """Count doubtful input by kind and video."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, what: str, video: str, count: int = 1) -> None:
        """Count ``count`` cases of one kind in a video; 0 adds nothing."""
        if count:
            self._counts[what][video] += int(count)

    def log(self) -> None:
        """Log one warning for each kind, with the first videos."""
        for what, counts in self._counts.items():
            _LOG.warning("%d %s: %s", counts.total(), what, first_few(counts))


def warn_of_names(what: str, names: Sequence[str]) -> None:
    """Log a warning that names the first few; ``what`` has a place for their number."""
    if names:
        _LOG.warning(f"{what}: %s", len(names), first_few(names))


def warn_of_classes(truth: Collection[str], predicted: Sequence[str]) -> None:
    """Warn of classes that only one side has.

    Raises:
        DataError: A class has one of the reserved row names ``mean`` and ``all``.
    """
    if reserved := sorted({"mean", "all"} & {*truth, *predicted}):
        raise DataError(
            f"the class name {reserved[0]!r} is reserved for a row of the tables; rename the class"
        )
    warn_of_names(
        "%d classes of the ground truth have no predictions, so their precision is 0",
        sorted({*truth} - {*predicted}),
    )
    warn_of_names(
        "%d predicted classes have no ground truth, so they have no average precision",
        [name for name in predicted if name not in truth],
    )


def warn_of_videos(
    names: Sequence[str], truth: Collection[str], tubes: Collection[str], known: Collection[str] = ()
) -> None:
    """Warn of videos that only one side has, and of videos that are not evaluated.

    Args:
        names: The videos to evaluate.
        truth: Videos with ground truth.
        tubes: Videos with tubes.
        known: Videos that may be ignored without a warning.
    """
    for side, what in ((truth, "ground truth"), (tubes, "predictions")):
        warn_of_names(
            f"ignoring the {what} of %d videos that are not evaluated", sorted({*side} - {*names, *known})
        )
    warn_of_names(
        "%d videos have no predictions, so their ground truth is missed",
        [name for name in names if name in truth and name not in tubes],
    )
    warn_of_names(
        "%d videos have no ground truth, so all their tubes are false positives",
        [name for name in names if name in tubes and name not in truth],
    )
