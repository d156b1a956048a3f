"""Logs of jobs: a log file with all messages, and warnings and errors on the screen."""

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
from actorsup.errors import ActorsupError, describe

Item = TypeVar("Item")
_LOG = logging.getLogger("actorsup")
_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def job(
    path: str | Path, threads: int, inputs: Iterable[str] = (), outputs: Iterable[str] = ()
) -> Iterator[None]:
    """Run the body of the ``with`` statement with a log file and a fixed number of threads.

    Log an error that the user can fix as one line, and exit with code 1. Enter this context before you import
    numpy, torch or OpenCV, because they read the number of threads when they are imported.

    Args:
        path: Path of the log file.
        threads: Number of threads.
        inputs: Files and folders that the job reads; a damaged table or folder ends the job.
        outputs: Files and folders that the job writes; tables and folders get a checksum file.
    """
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
        os.environ[variable] = str(threads)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    file_handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    file_handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    screen_handler = logging.StreamHandler()
    screen_handler.setLevel(logging.WARNING)
    screen_handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [file_handler, screen_handler]
    root.setLevel(logging.INFO)
    try:
        for file in inputs:
            check_checksum_file(file)
        yield
        for file in outputs:
            write_checksum_file(file)
    except Exception as error:
        if line := describe(error):
            _LOG.error("%s", line)
            # for the log file only
            _LOG.info("where this error was raised:", exc_info=not isinstance(error, ActorsupError))
            sys.exit(1)
        _LOG.exception("this is a bug in actorsup; see the log, %s", path)
        raise
    finally:
        file_handler.close()


def progress(items: Iterable[Item], total: int, task: str, is_subtask: bool = False) -> Iterator[Item]:
    """Yield items, and show the number of finished items, the rate and the remaining time.

    Show a progress bar on a terminal; otherwise log a line every ten seconds and a line at the end.

    Args:
        items: Items to yield.
        total: Number of items.
        task: Description of the work, for users.
        is_subtask: Whether the work is part of a longer task: it shows nothing if it ends within ten seconds,
            and its bar disappears at the end.
    """
    if sys.stderr.isatty():
        delay = _SECONDS_BETWEEN_LINES if is_subtask else 0
        bar = tqdm(
            items, total=total, desc=task, unit="", dynamic_ncols=True, delay=delay, leave=not is_subtask
        )
        yield from bar
        return
    start = last_report = time.monotonic()
    num_done = 0
    for num_done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - last_report >= _SECONDS_BETWEEN_LINES and num_done < total:
            rate = num_done / (now - start)
            seconds_left = (total - num_done) / rate
            _LOG.info("%s: %d of %d, %.1f per second, %.0f s left", task, num_done, total, rate, seconds_left)
            last_report = now
    if not is_subtask or last_report > start:
        _LOG.info("%s: %d of %d in %.1f s", task, num_done, total, time.monotonic() - start)
