"""Decode videos in a child process, since video files are untrusted and video decoders crash.

``actorsup.frames.decoder`` starts the process (``python -m actorsup.frames.child PARENT_PID``) and exchanges
lines of JSON with it over standard input and output. A request names a video, the part file to write and the
limits. The answers are ``begun``, ``size``, ``beat`` and ``log`` during decoding, then one of ``done``,
``failed``, ``error``, ``memory`` and ``defect``. The parent executes no data of an answer.
"""

import ctypes
import json
import logging
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import cv2

from actorsup.artifacts.shards import open_part
from actorsup.datasets.contents import FrameNaming
from actorsup.errors import ActorsupError, VideoError
from actorsup.frames.decode import decode_video
from actorsup.frames.decoded import DecodedFrame, DecodedVideo
from actorsup.frames.settings import DecodingLimits, FrameSettings
from actorsup.frames.write import write_frames

SECONDS_BETWEEN_HEARTBEATS = 0.5
_PARENT_DEATH_SIGNAL = 1


class _AnswerHandler(logging.Handler):
    """Log handler that sends log records and other answers to the parent process as lines of JSON."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(logging.INFO)
        self._stream = stream

    def send(self, kind: str, value: Any = None) -> None:
        self._stream.write(json.dumps([kind, value]) + "\n")
        self._stream.flush()

    def emit(self, record: logging.LogRecord) -> None:
        self.send("log", [record.levelno, record.getMessage()])


def main() -> None:
    """Decode the requested videos until standard input ends."""
    answers = _AnswerHandler(_reserve_stdout())
    logging.basicConfig(level=logging.INFO, handlers=[answers], force=True)
    _exit_with_parent(int(sys.argv[1]))
    # the parent handles Ctrl-C
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        request = json.loads(line)
        settings, limits = FrameSettings(**request["settings"]), DecodingLimits(**request["limits"])
        _answer_request(request, settings, limits, answers)


def _reserve_stdout() -> TextIO:
    """Return standard output for answers, and redirect the output of libraries to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _exit_with_parent(parent: int) -> None:
    # a killed job must not leave a hanging decoder behind
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


def _answer_request(
    request: dict[str, Any], settings: FrameSettings, limits: DecodingLimits, answers: _AnswerHandler
) -> None:
    path = Path(request["path"])
    answers.send("begun")
    _limit_memory(limits.memory(0, 0))
    try:
        decoded = decode_video(path, FrameNaming(**request["naming"]))
        answers.send("size", [decoded.width, decoded.height])
        _limit_memory(limits.memory(decoded.width, decoded.height))
        with open_part(Path(request["part"]), request["video"]) as group:
            write_frames(group, _with_heartbeats(decoded, answers), settings, path)
        answers.send("done")
    except VideoError as error:
        answers.send("failed", str(error))
    except ActorsupError as error:
        answers.send("error", str(error))
    except MemoryError:
        answers.send("memory")
    except cv2.error as error:
        is_out_of_memory = error.code == cv2.Error.StsNoMem
        answers.send(
            *("memory",) if is_out_of_memory else ("failed", f"{path}: cannot be decoded ({error.err})")
        )
    except Exception:
        answers.send("defect", traceback.format_exc())


def _with_heartbeats(decoded: DecodedVideo, answers: _AnswerHandler) -> DecodedVideo:
    """Return the video with frames that send the answer ``beat`` while they are iterated."""

    def frames() -> Iterator[DecodedFrame]:
        last_heartbeat = time.monotonic()
        for frame in decoded.frames:
            yield frame
            if time.monotonic() - last_heartbeat > SECONDS_BETWEEN_HEARTBEATS:
                answers.send("beat")
                last_heartbeat = time.monotonic()

    return replace(decoded, frames=frames())


def _limit_memory(max_bytes: int) -> None:
    """Limit the address space, so that an allocation far beyond ``max_bytes`` fails.

    The limit is generous, since a process reserves more address space than it uses; the parent monitors the
    memory in use.
    """
    reserved_bytes = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    hard_limit = resource.getrlimit(resource.RLIMIT_AS)[1]
    limit = reserved_bytes + 2 * max_bytes
    resource.setrlimit(
        resource.RLIMIT_AS,
        (limit if hard_limit == resource.RLIM_INFINITY else min(limit, hard_limit), hard_limit),
    )


if __name__ == "__main__":
    main()
