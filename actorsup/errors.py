"""The errors that users meet: each names the file or key, what was found and the remedy."""

import difflib
from collections.abc import Iterable


class ActorsupError(Exception):
    """Something a user can mend; shown as one line, without a traceback."""


class ConfigError(ActorsupError):
    """A setting that cannot be used."""


class DataError(ActorsupError):
    """An input file that cannot be used as a whole (annotations, weights, tables)."""


class VideoError(ActorsupError):
    """One video that cannot be used; it is recorded in failures.csv and the others go on."""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """The end of a message about a name that is not there: the nearest right one, if any is near."""
    found = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean {found[0]!r}?" if found else ""
