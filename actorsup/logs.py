"""Logs of a job: everything into its file, warnings and errors on the screen too."""

import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from actorsup.artifacts.checksums import check_checksum_file, write_checksum_file
from actorsup.errors import ActorsupError

Item = TypeVar("Item")
_LOG = logging.getLogger("actorsup")
_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def job(
    path: str | Path, threads: int, inputs: Iterable[str] = (), outputs: Iterable[str] = ()
) -> Iterator[None]:
    """Run a job: its log goes into a file, and it computes with this many threads.

    An error that a user can mend ends it in one line, exit code 1. To be entered before
    numpy, torch or OpenCV are imported, since they read the number of threads then.

    Args:
        path: The log.
        threads: How many.
        inputs: What it reads: a table or folder that is not as an earlier job left it ends it.
        outputs: What it makes: tables and folders get a checksum file (``checksums.write_checksum_file``).
    """
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
        os.environ[variable] = str(threads)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    to_file = logging.FileHandler(path, mode="w", encoding="utf-8")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    to_screen = logging.StreamHandler()
    to_screen.setLevel(logging.WARNING)
    to_screen.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [to_file, to_screen]
    root.setLevel(logging.INFO)
    try:
        for one in inputs:
            check_checksum_file(one)
        yield
        for one in outputs:
            write_checksum_file(one)
    except ActorsupError as error:
        _LOG.error("%s", error)
        sys.exit(1)
    except Exception:
        _LOG.exception("this is a defect of actorsup; the log is in %s", path)
        raise
    finally:
        to_file.close()


def progress(items: Iterable[Item], total: int, what: str, passing: bool = False) -> Iterator[Item]:
    """Go through items showing how many are done, the rate and the time left.

    A bar on a terminal; otherwise a line in the log every ten seconds and one at the end.

    Args:
        items: Any.
        total: How many they are.
        what: What is done with them, for a person.
        passing: Part of a longer work: what is over within ten seconds leaves no trace.
    """
    if sys.stderr.isatty():
        delay = _SECONDS_BETWEEN_LINES if passing else 0
        bar = tqdm(items, total=total, desc=what, unit="", dynamic_ncols=True, delay=delay, leave=not passing)
        yield from bar
        return
    start = last = time.monotonic()
    done = 0
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - last >= _SECONDS_BETWEEN_LINES and done < total:
            rate = done / (now - start)
            left = (total - done) / rate
            _LOG.info("%s: %d of %d, %.1f a second, %.0f s left", what, done, total, rate, left)
            last = now
    if not passing or last > start:
        _LOG.info("%s: %d of %d in %.1f s", what, done, total, time.monotonic() - start)
