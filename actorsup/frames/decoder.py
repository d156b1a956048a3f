"""Decoding in a separate process: a video that crashes it, hangs or exhausts memory costs only that video."""

import json
import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

from actorsup.datasets.base import VideoRecord
from actorsup.errors import DataError, VideoError
from actorsup.frames import child
from actorsup.frames.settings import DecodingLimits, FrameSettings

_SECONDS_BETWEEN_LOOKS = 0.1
_ENDS = ("done", "failed", "error", "memory", "defect")
_FROM_OUTSIDE = (-signal.SIGKILL, -signal.SIGTERM)
_LIBRARY = Path(__file__).resolve().parents[2]
_LOG = logging.getLogger(__name__)

Process = subprocess.Popen[bytes]
Answer = tuple[str, Any]


class Decoder:
    """A process that decodes videos one at a time; after a fault, a new process takes over.

    Args:
        settings: How frames are stored.
        limits: Time and memory limits for a video.
    """

    def __init__(self, settings: FrameSettings, limits: DecodingLimits) -> None:
        self._settings, self._limits = settings, limits
        self._process: Process | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def decode(self, record: VideoRecord, part: Path) -> None:
        """Decode a video into its part file (``actorsup.artifacts.shards.open_part``).

        Raises:
            VideoError: The video cannot be decoded, or not within the limits.
            DataError: The part cannot be written.
        """
        try:
            self._attempt(record, part)
        except _KilledError as error:
            _LOG.warning("%s: %s; trying again", record.path, error)
            try:
                self._attempt(record, part)
            except _KilledError as again:
                raise VideoError(f"{record.path}: {again}, twice; check the free memory") from again

    def _attempt(self, record: VideoRecord, part: Path) -> None:
        watch = _Watch(self._limits, record.path)
        request = {"video": record.video, "path": str(record.path), "part": str(part)}
        more = {"settings": asdict(self._settings), "limits": asdict(self._limits)}
        self._process = self._process or _start()
        try:
            end, value = _ask(self._process, request | more, watch)
        except BaseException:
            self._stop()
            raise
        match end:
            case "failed":
                raise VideoError(value)
            case "error":
                raise DataError(value)
            case "memory":
                self._stop()
                raise watch.too_much_memory()
            case "defect":
                raise RuntimeError(f"{record.path}: {value}")

    def _stop(self) -> None:
        if self._process:
            self._process.kill()
            with self._process:  # waits for it and closes its pipes
                self._process = None


class _KilledError(Exception):
    """Raised if something else killed the process: the system, out of memory, or a person."""


class _Watch:
    """Limits on one video's decoder: the time since its last answer, and its memory."""

    def __init__(self, limits: DecodingLimits, path: Path) -> None:
        self._limits, self._path = limits, path
        self._seconds = limits.seconds(path.stat().st_size if path.is_file() else 0)
        self._memory = limits.memory(0, 0)
        # the clock starts with the first answer: the video is not to blame for a slow process start
        self._heard = float("inf")

    def heard(self) -> None:
        """Record that the decoder sent an answer."""
        self._heard = time.monotonic()

    def size_is(self, width: int, height: int) -> None:
        """Adapt the memory limit to the size of the video's frames in pixels."""
        self._memory = self._limits.memory(width, height)

    def check(self, process: Process) -> None:
        """Raise VideoError if the decoder exceeds a limit."""
        if time.monotonic() - self._heard > self._seconds:
            raise VideoError(
                f"{self._path}: no frame decoded for {self._seconds:.0f} s; if the video is just slow, raise "
                "frames.time_limit"
            )
        if _memory_of(process) > self._memory:
            raise self.too_much_memory()

    def too_much_memory(self) -> VideoError:
        """Return the error for a decoder that exceeds its memory limit."""
        return VideoError(
            f"{self._path}: its decoder needs more than {self._memory / 2**30:.1f} GiB of memory; if the "
            "video is just large, raise frames.memory_limit"
        )

    def ended(self, process: Process) -> Exception:
        """Return the error for a decoder that ended without a final answer."""
        code = process.wait()
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        if code in _FROM_OUTSIDE:
            return _KilledError(f"its decoder was killed ({how})")
        return VideoError(f"{self._path}: its decoder crashed ({how}); check that the video is complete")


def _start() -> Process:
    paths = [str(_LIBRARY), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        # -P: modules in the current folder must not shadow others
        [sys.executable, "-P", "-m", child.__name__, str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )


def _ask(process: Process, request: dict[str, Any], watch: _Watch) -> Answer:
    """Send a request and return the final answer."""
    stdin = cast(IO[bytes], process.stdin)
    try:
        stdin.write(json.dumps(request).encode() + b"\n")
        stdin.flush()
    except BrokenPipeError:
        raise watch.ended(process) from None
    for kind, value in _answers(process, watch):
        watch.heard()
        if kind in _ENDS:
            return kind, value
        if kind == "size":
            watch.size_is(*value)
        elif kind == "log":
            _LOG.log(value[0], "%s", value[1])
    raise watch.ended(process)


def _answers(process: Process, watch: _Watch) -> Iterator[Answer]:
    """Yield a decoder's answers as they arrive, checking its limits, until it ends."""
    output, received = cast(IO[bytes], process.stdout).fileno(), b""
    while True:
        if not select.select([output], [], [], _SECONDS_BETWEEN_LOOKS)[0]:
            watch.check(process)
            continue
        data = os.read(output, 1 << 16)
        if not data:
            return
        *lines, received = (received + data).split(b"\n")
        yield from (json.loads(line) for line in lines)
        watch.check(process)


def _memory_of(process: Process) -> int:
    """Resident memory of a process in bytes; 0 if the system does not report it."""
    try:
        pages = Path(f"/proc/{process.pid}/statm").read_text().split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
