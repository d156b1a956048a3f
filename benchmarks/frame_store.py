"""Disk space and speed of the frame store, for docs/frames.md.

    python benchmarks/frame_store.py VIDEO...

prints a line for each encoding: bytes per frame, the space for THUMOS13's 3,194 annotated videos (555,157
frames), the error of a pixel, and the speed of writing the store, reading it in order, and reading 16 frames
spread over a video. Ratios are relative to decoding the whole video again with OpenCV in the same run.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from actorsup.datasets.base import VideoRecord
from actorsup.frames.decode import decode_video
from actorsup.frames.settings import FrameSettings
from actorsup.frames.stage import decode_videos
from actorsup.frames.store import FrameStore

THUMOS13_FRAMES = 555_157
SPREAD = 16
WAYS = {
    "jpeg 75": FrameSettings(quality=75),
    "jpeg 90": FrameSettings(quality=90),
    "jpeg 95": FrameSettings(quality=95),
    "jpeg 90, 240 pixels": FrameSettings(quality=90, max_side=240),
    "png": FrameSettings(encoding="png"),
}


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Least wall time of several runs."""
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return float(best)


def decoded(path: Path) -> list[NDArray[np.uint8]]:
    """All frames of a video, RGB."""
    return [np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_BGR2RGB)) for frame in decode_video(path).frames]


def main() -> None:
    """Measure every encoding on the given videos."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("videos", nargs="+", type=Path)
    paths = parser.parse_args().videos
    cv2.setNumThreads(1)
    records = [VideoRecord(f"{i}", path, "", ()) for i, path in enumerate(paths)]
    truth = {record.video: decoded(record.path) for record in records}
    frames = sum(map(len, truth.values()))
    baseline = seconds(lambda: [decoded(path) for path in paths])
    print(f"{len(paths)} videos, {frames} frames, one core; decoding again: {frames / baseline:.0f} frames/s")
    print_line("way", "kB/frame", "THUMOS13", "error", "made", "in order", "", "16 spread", "")
    for name, settings in WAYS.items():
        with tempfile.TemporaryDirectory() as folder:
            measure(name, settings, records, truth, Path(folder) / "0000.h5", baseline)


def measure(
    name: str,
    settings: FrameSettings,
    records: list[VideoRecord],
    truth: dict[str, list[NDArray[np.uint8]]],
    path: Path,
    baseline: float,
) -> None:
    """Write a store, read it in order and spread, and print its line."""
    frames = sum(map(len, truth.values()))
    made = seconds(lambda: decode_videos(records, path, settings, {"now": time.perf_counter()}), repeats=1)
    each = path.stat().st_size / frames
    with FrameStore(path) as store:

        def in_order() -> None:
            for video in truth:
                store[video].read(range(len(truth[video])))

        def spread() -> None:
            for video in truth:
                store[video].read(np.linspace(0, len(truth[video]) - 1, SPREAD).astype(int).tolist())

        order, few = seconds(in_order), seconds(spread)
        error = "-" if settings.max_side else f"{mean_error(store, truth):.2f}"
    print_line(
        name,
        f"{each / 1e3:.1f}",
        f"{each * THUMOS13_FRAMES / 1e9:.1f} GB",
        error,
        f"{frames / made:.0f}/s",
        f"{frames / order:.0f}/s",
        f"x{baseline / order:.2f}",
        f"{SPREAD * len(truth) / few:.0f}/s",
        f"x{baseline / few:.1f}",
    )


def print_line(name: str, *columns: str) -> None:
    """Print one line of the table."""
    print(name.ljust(20) + "".join(column.rjust(11) for column in columns))


def mean_error(store: FrameStore, truth: dict[str, list[NDArray[np.uint8]]]) -> float:
    """Mean absolute difference to the decoded frames, in gray levels of 255."""
    errors = [
        float(np.abs(image.astype(np.int16) - frame).mean())
        for video, images in truth.items()
        for image, frame in zip(images[::10], store[video].read(range(0, len(images), 10)), strict=True)
    ]
    return float(np.mean(errors))


if __name__ == "__main__":
    main()
