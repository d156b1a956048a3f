"""The errors that users meet: each names the file or key, what was found and the remedy."""

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class ActorsupError(Exception):
    """Something a user can mend; shown as one line, without a traceback."""


class ConfigError(ActorsupError):
    """A setting that cannot be used."""


class DataError(ActorsupError):
    """An input file that cannot be used as a whole (annotations, weights, tables)."""


class VideoError(ActorsupError):
    """One video that cannot be used; it is recorded in failures.csv and the others go on."""


@contextmanager
def reading(path: str | Path, wanted: str) -> Iterator[None]:
    """Tell in one line, as a DataError, whatever a file that is not as it should be leads to.

    For what readers of a form raise on anything else: of JSON that is nested 100,000 deep, of a number
    of 5,000 digits, of a list where a name should be, ...

    Args:
        path: The file.
        wanted: What it should be, for the message: ``"wanted a table video,frame"``.
    """
    try:
        yield
    except ActorsupError:
        raise
    except (RecursionError, MemoryError) as error:
        raise DataError(f"{path}: {wanted}; it is nested too deeply, or too large") from error
    except (
        OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError,
    ) as error:  # fmt: skip
        raise DataError(f"{path}: {wanted} ({_shortly(error)})") from error


def _shortly(error: Exception) -> str:
    text = " ".join((str(error) if isinstance(error, OSError | ValueError) else repr(error)).split())
    return text if len(text) <= 300 else f"{text[:300]}..."


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """The end of a message about a name that is not there: the nearest right one, if any is near."""
    found = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean {found[0]!r}?" if found else ""
