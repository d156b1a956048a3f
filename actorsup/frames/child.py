"""The decoding process: video files are untrusted, and video decoders are known to crash.

``actorsup.frames.decoder`` starts it (``python -m actorsup.frames.child PARENT``) and exchanges lines of
JSON with it over standard input and output. A request names a video, the part file to write, and limits;
the answers are ``begun``, ``size``, ``beat`` and ``log`` during decoding, then one of ``done``, ``failed``,
``error``, ``memory`` or ``defect``. Nothing that it sends is executed.
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
from actorsup.errors import ActorsupError, VideoError
from actorsup.frames.decode import BgrImage, DecodedVideo, decode_video
from actorsup.frames.settings import DecodingLimits, FrameSettings
from actorsup.frames.write import write_frames

SECONDS_BETWEEN_BEATS = 0.5
_PARENT_DEATH_SIGNAL = 1


class _Answers(logging.Handler):
    """Log handler that sends log records, and other answers, to the parent as lines of JSON."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(logging.INFO)
        self._stream = stream

    def send(self, kind: str, value: Any = None) -> None:
        self._stream.write(json.dumps([kind, value]) + "\n")
        self._stream.flush()

    def emit(self, record: logging.LogRecord) -> None:
        self.send("log", [record.levelno, record.getMessage()])


def main() -> None:
    """Decode videos until standard input ends."""
    answers = _Answers(_private_output())
    logging.basicConfig(level=logging.INFO, handlers=[answers], force=True)
    _die_with(int(sys.argv[1]))
    # the parent handles Ctrl-C
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        request = json.loads(line)
        settings, limits = FrameSettings(**request["settings"]), DecodingLimits(**request["limits"])
        _decode(request, settings, limits, answers)


def _private_output() -> TextIO:
    """Reserve standard output for answers: output that libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _die_with(parent: int) -> None:
    # a killed job must not leave a hanging decoder behind
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


def _decode(
    request: dict[str, Any], settings: FrameSettings, limits: DecodingLimits, answers: _Answers
) -> None:
    path = Path(request["path"])
    answers.send("begun")
    _limit_memory(limits.memory(0, 0))
    try:
        decoded = decode_video(path)
        answers.send("size", [decoded.width, decoded.height])
        _limit_memory(limits.memory(decoded.width, decoded.height))
        with open_part(Path(request["part"]), request["video"]) as group:
            write_frames(group, _beating(decoded, answers), settings, path)
        answers.send("done")
    except VideoError as error:
        answers.send("failed", str(error))
    except ActorsupError as error:
        answers.send("error", str(error))
    except MemoryError:
        answers.send("memory")
    except cv2.error as error:
        memory = error.code == cv2.Error.StsNoMem
        answers.send(*("memory",) if memory else ("failed", f"{path}: cannot be decoded ({error.err})"))
    except Exception:
        answers.send("defect", traceback.format_exc())


def _beating(decoded: DecodedVideo, answers: _Answers) -> DecodedVideo:
    """Return the video with iteration over its frames reported to the parent as ``beat``."""

    def images() -> Iterator[BgrImage]:
        last = time.monotonic()
        for image in decoded.images:
            yield image
            if time.monotonic() - last > SECONDS_BETWEEN_BEATS:
                answers.send("beat")
                last = time.monotonic()

    return replace(decoded, images=images())


def _limit_memory(most: int) -> None:
    """Refuse single allocations far beyond a limit; the parent watches gradual growth.

    The limit is on address space, of which a process reserves more than it uses.
    """
    addresses = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    wanted = addresses + 2 * most
    resource.setrlimit(
        resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
    )


if __name__ == "__main__":
    main()
