"""Decode videos with PyAV, as the pipeline does, and with OpenCV: ratio of CPU times, difference of pixels.

    python benchmarks/decoding.py VIDEO...

decodes each video in both ways, alternately and on one thread, and prints the least CPU time of PyAV relative
to that of OpenCV, the largest difference of a pixel (0 to 255), and the number of frames of each. The time of
OpenCV is that of decoding without timestamps. ``-`` means that OpenCV cannot decode the video.
"""

import argparse
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path

import cv2
import numpy as np

from actorsup.frames.decode import decode_video
from actorsup.frames.decoded import BgrImage

REPEATS = 5


def with_pyav(path: Path) -> Iterator[BgrImage]:
    """Yield the frames that the pipeline decodes."""
    return (frame.image for frame in decode_video(path).frames if frame.image is not None)


def with_opencv(path: Path) -> Iterator[BgrImage]:
    """Yield the frames that OpenCV decodes."""
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    while True:
        is_read, image = capture.read()
        if not is_read:
            return
        yield np.asarray(image, np.uint8)


def cpu_seconds(decode: Callable[[Path], Iterator[BgrImage]], path: Path) -> float:
    """CPU time to decode a video without keeping its frames."""
    start = time.process_time()
    deque(decode(path), maxlen=0)
    return time.process_time() - start


def compare(path: Path) -> tuple[float, float, int, int, int]:
    """Return the CPU times of PyAV and OpenCV, the largest difference of a pixel, and both frame counts."""
    times = [(cpu_seconds(with_pyav, path), cpu_seconds(with_opencv, path)) for _ in range(REPEATS)]
    difference, counts = 0, [0, 0]
    for images in zip_longest(with_pyav(path), with_opencv(path)):
        counts = [n + (image is not None) for n, image in zip(counts, images, strict=True)]
        if None not in (type(image) if image is not None else None for image in images):
            a, b = (np.asarray(image, np.int16) for image in images)
            difference = max(difference, int(np.abs(a - b).max()) if a.shape == b.shape else 255)
    own, other = (min(column) for column in zip(*times, strict=True))
    return own, other, difference, counts[0], counts[1]


def main() -> None:
    """Compare the videos given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("videos", nargs="+", type=Path)
    totals = np.zeros(2)
    for path in parser.parse_args().videos:
        own, other, difference, own_frames, other_frames = compare(path)
        if other_frames:
            totals += own, other
            text = f"time x{own / other:.2f}, difference {difference}"
        else:
            text = "time -, difference -"
        print(f"{path.name}: {text}, frames {own_frames} and {other_frames}", flush=True)
    if totals[1]:
        print(f"all: time x{totals[0] / totals[1]:.2f}")


if __name__ == "__main__":
    main()
