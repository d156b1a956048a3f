"""The decoding process, with faults that the names of the videos select."""

import ctypes
import os
import signal
import sys
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import numpy as np

from actorsup.frames import child, write

real = child.decode_video


def hurting(path: Path, naming):
    match path.stem:
        case "crashes":
            ctypes.string_at(0)
        case "aborts":
            os.abort()
        case "leaves":
            os._exit(3)
        case "hangs":
            ctypes.PyDLL(None).sleep(1000)  # holding Python's lock, as a library may
        case "grabs":
            np.ones(1 << 37, np.uint8)
        case "eats":
            kept = []
            while True:
                kept.append(np.ones(1 << 24, np.uint8))
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "killed once" if not path.with_suffix(".was").exists():
            path.with_suffix(".was").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        case "chatters":
            os.write(1, b'["done", null]\n')
            print("noise")
            sys.stdout.flush()
    decoded = real(path, naming)
    if path.stem == "crashes later":
        return replace(decoded, frames=then_crash(decoded.frames))
    if path.stem == "never ends":
        write.MOST_FRAMES = 50
        return replace(decoded, frames=cycle(list(decoded.frames)))
    return decoded


def then_crash(frames):
    yield next(frames)
    ctypes.string_at(0)


if __name__ == "__main__":
    child.decode_video = hurting
    child.main()
