"""Measure the time to compare the checksum of a frame shard, relative to reading its frames once.

python benchmarks/checksums.py SHARD...
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from actorsup.artifacts.checksums import check_embedded_checksum
from actorsup.frames.store import FrameStore


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Shortest time of several runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Print the speed and the relative cost for each shard."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shards", nargs="+", type=Path)
    for path in parser.parse_args().shards:
        check = seconds(lambda path=path: check_embedded_checksum(path))

        def read(path: Path = path) -> None:
            with FrameStore(path) as store:
                for video in store.videos:
                    store[video].read(range(len(store[video])))

        whole = seconds(read)
        size = path.stat().st_size / 1e6
        print(
            f"{path}: {size:.1f} MB, compared at {size / check:.0f} MB/s, {check / whole:.2%} of reading it"
        )


if __name__ == "__main__":
    main()
