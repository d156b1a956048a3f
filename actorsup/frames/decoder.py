"""Decode videos in a separate process, so that a crash, a hang or a lack of memory affects one video only."""

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

_POLL_SECONDS = 0.1
_FINAL_ANSWERS = ("done", "failed", "error", "memory", "defect")
_EXTERNAL_KILL_CODES = (-signal.SIGKILL, -signal.SIGTERM)
_SOURCE_ROOT = Path(__file__).resolve().parents[2]
_LOG = logging.getLogger(__name__)

Process = subprocess.Popen[bytes]
Answer = tuple[str, Any]


class Decoder:
    """A decoder of videos in a separate process, which is replaced after a crash, hang or exceeded limit.

    Args:
        settings: Format and size of the stored frames.
        limits: Time and memory limits per video.
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
            VideoError: The video cannot be decoded, or its decoding exceeds a limit.
            DataError: The part file cannot be written.
        """
        try:
            self._attempt(record, part)
        except _KilledError as error:
            _LOG.warning("%s: %s; trying again", record.path, error)
            try:
                self._attempt(record, part)
            except _KilledError as second_error:
                raise VideoError(
                    f"{record.path}: {second_error}, twice; check the free memory"
                ) from second_error

    def _attempt(self, record: VideoRecord, part: Path) -> None:
        monitor = _LimitMonitor(self._limits, record.path)
        request = {"video": record.video, "path": str(record.path), "part": str(part)}
        options = {
            "settings": asdict(self._settings),
            "limits": asdict(self._limits),
            "naming": asdict(record.naming),
        }
        self._process = self._process or _start()
        try:
            answer, value = _send_request(self._process, request | options, monitor)
        except BaseException:
            self._stop()
            raise
        match answer:
            case "failed":
                raise VideoError(value)
            case "error":
                raise DataError(value)
            case "memory":
                self._stop()
                raise monitor.memory_error()
            case "defect":
                raise RuntimeError(f"{record.path}: {value}")

    def _stop(self) -> None:
        if self._process:
            self._process.kill()
            with self._process:  # waits for the process and closes its pipes
                self._process = None


class _KilledError(Exception):
    """Error for a decoding process that was killed from outside, such as for lack of memory."""


class _LimitMonitor:
    """Monitor of a decoding process: checks the time since its last answer, and its memory."""

    def __init__(self, limits: DecodingLimits, path: Path) -> None:
        self._limits, self._path = limits, path
        self._max_seconds = limits.seconds(path.stat().st_size if path.is_file() else 0)
        self._max_memory = limits.memory(0, 0)
        # the timer starts with the first answer, since a slow process start says nothing about the video
        self._last_answer_time = float("inf")

    def restart_timer(self) -> None:
        """Restart the timer of the time limit, after an answer of the decoder."""
        self._last_answer_time = time.monotonic()

    def set_frame_size(self, width: int, height: int) -> None:
        """Set the memory limit for frames of this width and height in pixels."""
        self._max_memory = self._limits.memory(width, height)

    def check(self, process: Process) -> None:
        """Raise ``VideoError`` if the decoder exceeds the time limit or the memory limit."""
        if time.monotonic() - self._last_answer_time > self._max_seconds:
            raise VideoError(
                f"{self._path}: no frame decoded for {self._max_seconds:.0f} s; if the video is just slow, "
                "raise frames.time_limit"
            )
        if _resident_memory(process) > self._max_memory:
            raise self.memory_error()

    def memory_error(self) -> VideoError:
        """Return the error of a decoder that exceeds its memory limit."""
        return VideoError(
            f"{self._path}: its decoder needs more than {self._max_memory / 2**30:.1f} GiB of memory; if the "
            "video is just large, raise frames.memory_limit"
        )

    def exit_error(self, process: Process) -> Exception:
        """Return the error of a decoder that ended without a final answer."""
        code = process.wait()
        cause = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        if code in _EXTERNAL_KILL_CODES:
            return _KilledError(f"its decoder was killed ({cause})")
        return VideoError(f"{self._path}: its decoder crashed ({cause}); check that the video is complete")


def _start() -> Process:
    paths = [str(_SOURCE_ROOT), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        # -P: modules in the current folder must not shadow others
        [sys.executable, "-P", "-m", child.__name__, str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )


def _send_request(process: Process, request: dict[str, Any], monitor: _LimitMonitor) -> Answer:
    """Send a request to the decoder and return its final answer."""
    stdin = cast(IO[bytes], process.stdin)
    try:
        stdin.write(json.dumps(request).encode() + b"\n")
        stdin.flush()
    except BrokenPipeError:
        raise monitor.exit_error(process) from None
    for kind, value in _read_answers(process, monitor):
        monitor.restart_timer()
        if kind in _FINAL_ANSWERS:
            return kind, value
        if kind == "size":
            monitor.set_frame_size(*value)
        elif kind == "log":
            _LOG.log(value[0], "%s", value[1])
    raise monitor.exit_error(process)


def _read_answers(process: Process, monitor: _LimitMonitor) -> Iterator[Answer]:
    """Yield the answers of a decoder until it ends, checking its limits meanwhile."""
    output, buffer = cast(IO[bytes], process.stdout).fileno(), b""
    while True:
        if not select.select([output], [], [], _POLL_SECONDS)[0]:
            monitor.check(process)
            continue
        data = os.read(output, 1 << 16)
        if not data:
            return
        *lines, buffer = (buffer + data).split(b"\n")
        yield from (json.loads(line) for line in lines)
        monitor.check(process)


def _resident_memory(process: Process) -> int:
    """Return the resident memory of a process in bytes, or 0 if the system does not report it."""
    try:
        pages = Path(f"/proc/{process.pid}/statm").read_text().split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
