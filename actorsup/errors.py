"""Errors for users: each names the file or setting, what was expected and the remedy."""

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class ActorsupError(Exception):
    """A problem that a user can fix; shown as one line, without a traceback."""


class ConfigError(ActorsupError):
    """An invalid setting."""


class DataError(ActorsupError):
    """An input file that is unusable as a whole (annotations, weights, tables)."""


class VideoError(ActorsupError):
    """One unusable video; it is recorded in failures.csv, and the other videos are still processed."""


@contextmanager
def report_read_errors(path: str | Path, wanted: str) -> Iterator[None]:
    """Convert any error that malformed content causes into a DataError of one line.

    Malformed content makes parsers raise errors of many types: JSON nested 100,000 levels deep, a number
    of 5,000 digits, a list in place of a name, ...

    Args:
        path: The file.
        wanted: The expected content, for the message: ``"expected a table video,frame"``.
    """
    try:
        yield
    except ActorsupError:
        raise
    except (RecursionError, MemoryError) as error:
        raise DataError(f"{path}: {wanted}; it is nested too deeply or too large") from error
    except (
        OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError,
    ) as error:  # fmt: skip
        raise DataError(f"{path}: {wanted} ({_summary(error)})") from error


def _summary(error: Exception) -> str:
    text = " ".join((str(error) if isinstance(error, OSError | ValueError) else repr(error)).split())
    return text if len(text) <= 300 else f"{text[:300]}..."


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """End of a message about an unknown name: suggest the closest known name, if one is close."""
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def first_few(names: Iterable[object]) -> str:
    """The first five names as text, and how many more there are."""
    listed = [str(name) for name in names]
    more = f" and {len(listed) - 5:,} more" if len(listed) > 5 else ""
    return ", ".join(listed[:5]) + more
