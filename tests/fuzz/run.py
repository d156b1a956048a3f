"""Fuzz the readers with randomly damaged files; every undocumented error is a find.

    python tests/fuzz/run.py --minutes 60 [--readers stills pickle] [--atheris]

The readers share the time equally. Each runs in a separate process with limits on memory and on the time of
a file, so crashes, hangs and decompression bombs are finds too. Finds are saved in ``corpus/<reader>/`` and
printed at the end; the tests read the corpus. Commit only small finds (below 10 kB); write a test for others.

``--atheris`` lets Google's atheris damage the bytes, guided by code coverage. It is not among the
requirements; install it in a separate environment next to the project's:

    python -m venv /tmp/atheris && /tmp/atheris/bin/pip install atheris
    PYTHONPATH=$(echo /tmp/atheris/lib/python*/site-packages) python tests/fuzz/run.py --atheris --minutes 24

It skips readers without byte damage (HDF5, the whole configuration), and sees little of files that a checksum
protects (shards, weights) or that a separate process reads (MATLAB files).
"""

import argparse
import hashlib
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

CORPUS = HERE / "corpus"
MEMORY = 6 << 30
SECONDS_OF_A_FILE = 20


def main() -> int:
    """Share the time among the readers and print the finds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=1, help="in all")
    parser.add_argument("--readers", nargs="+", help="names; all by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--atheris", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        (with_atheris if options.atheris else at_random)(options.one, options.minutes * 60, options.seed)
        return 0
    from mutation import damaged_bytes
    from readers import READERS

    # for readers without byte damage (HDF5), atheris would only test the HDF5 library
    names = options.readers or [
        n for n in READERS if not options.atheris or damaged_bytes in READERS[n].damages
    ]
    found = [one for name in names for one in fuzz(name, options, options.minutes / len(names))]
    print(f"{len(found)} finds", *found, sep="\n")
    return bool(found)


def fuzz(name: str, options: argparse.Namespace, minutes: float) -> list[str]:
    """Fuzz one reader in a separate process, restarted after a crash, until the time is over."""
    end, found, seed = time.monotonic() + minutes * 60, [], options.seed
    while (left := end - time.monotonic()) > 0:
        command = [sys.executable, __file__, "--one", name, "--minutes", str(left / 60), "--seed", str(seed)]
        command += ["--atheris"] if options.atheris else []
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            current = Path(folder) / "current"
            if done.returncode and current.exists():
                path = keep(name, current.read_bytes())
                found.append(f"{path}: exit {done.returncode}: {done.stderr.strip()[-1500:]}")
        last = done.stdout.strip() or (done.stderr.strip().splitlines() or [""])[-1]
        print(f"{name}: {last} exit {done.returncode}", flush=True)
        seed += 1
        if len(found) > 20:
            break
    return found


def keep(name: str, data: bytes) -> Path:
    """Save a find in the corpus."""
    from readers import READERS

    path = CORPUS / name / (hashlib.sha256(data).hexdigest()[:12] + READERS[name].suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def try_one(name: str, folder: Path, data: bytes) -> None:
    """Read a file; any exception other than ``ActorsupError`` is a find."""
    from readers import READERS

    from actorsup.errors import ActorsupError

    Path("current").write_bytes(data)
    path = folder / f"case{READERS[name].suffix}"
    path.write_bytes(data)
    signal.alarm(SECONDS_OF_A_FILE)
    try:
        READERS[name].read(path)
    except ActorsupError as error:
        assert str(error).strip(), "an error without a message"
    finally:
        signal.alarm(0)


def prepared(name: str) -> tuple[Path, bytes]:
    """Create a folder with a valid file, return both, and set the limits of this process."""
    import logging

    from readers import READERS, good_file

    logging.disable(logging.CRITICAL)
    folder = Path("work")
    folder.mkdir()
    data = good_file(READERS[name], folder).read_bytes()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    try_one(name, folder, data)
    return folder, data


def at_random(name: str, seconds: float, seed: int) -> None:
    """Damage a valid file at random until the time is over."""
    import warnings

    from readers import READERS

    warnings.simplefilter("ignore")
    folder, good = prepared(name)
    chance, end, count = random.Random(f"{name} {seed} {time.time_ns()}"), time.monotonic() + seconds, 0
    try:
        while time.monotonic() < end:
            damage = chance.choice(READERS[name].damages)
            try_one(name, folder, damage(chance, good))
            count += 1
    except Exception:
        print(f"{count} files;", flush=True)
        traceback.print_exc()
        sys.exit(1)
    print(f"{count} files;")


def with_atheris(name: str, seconds: float, seed: int) -> None:
    """Let atheris damage the valid file."""
    import atheris

    with atheris.instrument_imports(include=["actorsup"]):
        import readers  # noqa: F401
    folder, good = prepared(name)
    Path("seeds").mkdir()
    (Path("seeds") / "good").write_bytes(good)
    limits = [
        f"-max_total_time={int(seconds) + 1}",
        f"-seed={seed + 1}",
        f"-timeout={SECONDS_OF_A_FILE}",
        "-rss_limit_mb=4096",
        f"-max_len={len(good) + 100_000}",
    ]
    atheris.Setup([sys.argv[0], *limits, "seeds"], lambda data: try_one(name, folder, data))
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
