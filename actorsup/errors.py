"""Errors for users. Each message names the file or setting, the expected content, and the remedy."""

import difflib
import errno
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class ActorsupError(Exception):
    """A problem that a user can fix, printed as one line without a traceback."""


class ConfigError(ActorsupError):
    """An invalid setting."""


class DataError(ActorsupError):
    """An input file that is unusable as a whole (annotations, weights, tables)."""


class DamagedError(DataError):
    """A file whose content does not match its checksum, compared twice while no other program wrote to it."""


class VideoError(ActorsupError):
    """An unusable video, which failures.csv lists; the other videos are still processed."""


_REMEDIES = {
    "check the path": (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG),
    "check the permissions of the file and of its folders": (errno.EACCES, errno.EPERM),
    "another program has it open for writing, or its file system has no locks; close the program, such as a "
    "notebook, or set HDF5_USE_FILE_LOCKING=FALSE; keep the file": (
        errno.EAGAIN, errno.EBUSY, errno.EDEADLK, errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.ETXTBSY,
    ),
    "free some space": (errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
    "write to another folder": (errno.EROFS,),
    "close other programs, or raise the limit on open files (ulimit -n)": (errno.EMFILE, errno.ENFILE),
    "close other programs, or use a machine with more memory": (errno.ENOMEM,),
    "its disk or network file system failed, and the file may be intact; check the disk, keep the file": (
        errno.EIO, errno.ESTALE, errno.EINTR, errno.ENXIO, errno.ENODEV, errno.ENOTCONN, errno.ETIMEDOUT,
        errno.ECONNRESET, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH,
    ),
}  # fmt: skip
REMEDY_OF = {code: remedy for remedy, codes in _REMEDIES.items() for code in codes}
"""Remedy for each error number that means that a file cannot be accessed."""
_HDF5_LOCK_MESSAGES = ("unable to lock file", "already open for write")
REBUILD = "move it to another folder and run again to rebuild it"
"""Remedy for a result that does not fit its use; it deletes nothing, because the file may be intact."""


def access_problem(error: BaseException) -> str:
    """Describe why a file could not be accessed, such as a lock or a missing permission, and the remedy.

    Returns:
        Text such as ``"No such file or directory; check the path"``; empty if the error concerns the content
        of a file, or no file.
    """
    if not isinstance(error, OSError):
        return ""
    is_locked = any(message in str(error) for message in _HDF5_LOCK_MESSAGES)
    code = errno.EAGAIN if is_locked else error.errno
    return f"{os.strerror(error.errno or code)}; {REMEDY_OF[code]}" if code in REMEDY_OF else ""


def describe(error: BaseException) -> str:
    """Return the line that reports an error to a user; empty if the error is a defect of actorsup."""
    if isinstance(error, ActorsupError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory; close other programs, or use a machine with more memory"
    if problem := access_problem(error):
        # HDF5 names the file in its text only
        named = re.search(r"filename = '([^']+)'", str(error))
        name = getattr(error, "filename", None) or (named[1] if named else "a file")
        return f"{name}: {problem}"
    return ""


@contextmanager
def report_read_errors(path: str | Path, wanted: str) -> Iterator[None]:
    """Convert any error that a file causes to a DataError with a one-line message.

    Malformed content makes parsers raise errors of many types. Examples are JSON nested 100,000 levels deep,
    a number of 5,000 digits, and a list in place of a name. A file that cannot be accessed (missing, locked,
    no permission) is reported as such, because its content may be as wanted.

    Args:
        path: Path of the file.
        wanted: Expected content of the file, for the message, such as ``"expected a table video,frame"``.

    Raises:
        DataError: The body of the ``with`` statement raised an error.
    """
    try:
        yield
    except ActorsupError:
        raise
    except (RecursionError, MemoryError) as error:
        raise DataError(
            f"{path}: {wanted}; it is nested too deeply, or too large for the memory of this machine"
        ) from error
    except Exception as error:
        if problem := access_problem(error):
            raise DataError(f"{path}: cannot be read: {problem}") from error
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
