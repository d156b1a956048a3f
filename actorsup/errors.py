"""Errors for users. Each message names the file or setting, the expected content, and the remedy."""

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class ActorsupError(Exception):
    """A problem that a user can fix, printed as one line without a traceback."""


class ConfigError(ActorsupError):
    """An invalid setting."""


class DataError(ActorsupError):
    """An input file that is unusable as a whole (annotations, weights, tables)."""


class VideoError(ActorsupError):
    """An unusable video, which failures.csv lists; the other videos are still processed."""


@contextmanager
def report_read_errors(path: str | Path, wanted: str) -> Iterator[None]:
    """Convert any error that malformed content of a file causes to a DataError with a one-line message.

    Malformed content makes parsers raise errors of many types. Examples are JSON nested 100,000 levels deep,
    a number of 5,000 digits, and a list in place of a name.

    Args:
        path: Path of the file.
        wanted: Expected content of the file, for the message, such as ``"expected a table video,frame"``.

    Raises:
        DataError: The body of the ``with`` statement raised an error that malformed content can cause.
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
        raise DataError(f"{path}: {wanted} ({_summarize(error)})") from error


def _summarize(error: Exception) -> str:
    text = " ".join((str(error) if isinstance(error, OSError | ValueError) else repr(error)).split())
    return text if len(text) <= 300 else f"{text[:300]}..."


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return the end of a message about an unknown name, which suggests the most similar of ``names``.

    Returns:
        Text such as ``"; did you mean 'siamese'?"``; empty if no name is similar.
    """
    matches = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean {matches[0]!r}?" if matches else ""


def first_few(names: Iterable[object]) -> str:
    """Return the first five names, separated by commas, and the number of the other names."""
    texts = [str(name) for name in names]
    remainder = f" and {len(texts) - 5:,} more" if len(texts) > 5 else ""
    return ", ".join(texts[:5]) + remainder
