"""Cost of decoding in a separate process, in CPU seconds, relative to decoding in this process.

    python benchmarks/decoding_apart.py VIDEO...

decodes the videos in both ways, alternately, and prints the least CPU time of each, and the CPU time of
starting the process. Unlike wall time, CPU time is comparable on a busy machine.
"""

import argparse
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path

from actorsup.artifacts.shards import open_part
from actorsup.datasets.base import VideoRecord
from actorsup.frames.decode import decode_video
from actorsup.frames.decoder import Decoder
from actorsup.frames.settings import DecodingLimits, FrameSettings
from actorsup.frames.write import write_frames

REPEATS = 5
SETTINGS, LIMITS = FrameSettings(), DecodingLimits()


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of this process and of its finished children."""

    def used() -> float:
        parts = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(part.ru_utime + part.ru_stime for part in parts)

    start = used()
    work()
    return used() - start


def here(records: list[VideoRecord], folder: Path) -> None:
    for record in records:
        with open_part(folder / "part", record.video) as group:
            write_frames(group, decode_video(record.path), SETTINGS, record.path)


def apart(records: list[VideoRecord], folder: Path) -> None:
    with Decoder(SETTINGS, LIMITS) as decoder:
        for record in records:
            decoder.decode(record, folder / "part")


def main() -> None:
    """Measure the videos given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("videos", nargs="+", type=Path)
    records = [VideoRecord(str(n), path, "", ()) for n, path in enumerate(parser.parse_args().videos)]
    once, twice, plain = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(REPEATS):
            plain.append(cpu_seconds(lambda: here(records, Path(folder))))
            once.append(cpu_seconds(lambda: apart(records, Path(folder))))
            twice.append(cpu_seconds(lambda: apart(records * 2, Path(folder))))
    each, start = min(twice) - min(once), 2 * min(once) - min(twice)
    print(
        f"{len(records)} videos: here {min(plain):.2f} s, apart {each:.2f} s ({each / min(plain) - 1:+.1%})"
    )
    print(f"and {start:.2f} s to start the process, once a shard")


if __name__ == "__main__":
    main()
