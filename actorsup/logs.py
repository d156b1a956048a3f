"""Job logs: everything goes to a file, warnings and errors also to the screen."""

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
    """Run a job with a log file and a fixed number of threads.

    An ``ActorsupError`` is logged as one line and exits with code 1. Enter this context before you import
    numpy, torch or OpenCV, because they read the number of threads when they are imported.

    Args:
        path: The log file.
        threads: Number of threads.
        inputs: Files and folders that the job reads; a damaged table or folder ends the job.
        outputs: Files and folders that the job writes; tables and folders get a checksum file.
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
        for file in inputs:
            check_checksum_file(file)
        yield
        for file in outputs:
            write_checksum_file(file)
    except ActorsupError as error:
        _LOG.error("%s", error)
        sys.exit(1)
    except Exception:
        _LOG.exception("this is a bug in actorsup; see the log, %s", path)
        raise
    finally:
        to_file.close()


def progress(items: Iterable[Item], total: int, what: str, passing: bool = False) -> Iterator[Item]:
    """Iterate over items while showing how many are done, the rate and the remaining time.

    Shows a bar on a terminal; otherwise writes a log line every ten seconds and one at the end.

    Args:
        items: The items.
        total: Number of items.
        what: Description of the work, for a reader.
        passing: A part of longer work: show nothing if it ends within ten seconds, and leave no bar.
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
            _LOG.info("%s: %d of %d, %.1f per second, %.0f s left", what, done, total, rate, left)
            last = now
    if not passing or last > start:
        _LOG.info("%s: %d of %d in %.1f s", what, done, total, time.monotonic() - start)
