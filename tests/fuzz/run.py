"""Fuzz the readers with randomly damaged files; every undocumented error is a find.

    nice -n 19 python -m tests.fuzz.run --minutes 60 [--readers stills pickle] [--atheris]

The readers share the time equally. Each runs in a separate process with limits on memory and on the time of
a file, so crashes, hangs and decompression bombs are finds too. A line for each reader sums up its files and
finds; a find ends its process, and another one starts. Finds are saved in ``corpus/<reader>/`` at once and
printed at the end, with exit code 1; the tests read the corpus. To reproduce a find:

    python -m tests.fuzz.run --reproduce tests/fuzz/corpus/stills/0123456789ab.json

Commit only small finds (below 10 kB); write a test for others.

``--atheris`` lets Google's atheris damage the bytes, guided by code coverage. It is not among the
requirements; install it in a separate environment next to the project's:

    python -m venv /tmp/atheris && /tmp/atheris/bin/pip install atheris
    PYTHONPATH=$(echo /tmp/atheris/lib/python*/site-packages) python tests/fuzz/run.py --atheris --minutes 24

It skips readers without byte damage (HDF5, the whole configuration), and sees little of files that a checksum
protects (shards, weights) or that a separate process reads (MATLAB files).
"""

import argparse
import contextlib
import hashlib
import os
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
    parser.add_argument("--reproduce", type=Path, metavar="FIND", help="read one file of the corpus")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--end", type=float, default=0.0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reproduce:
        reproduce(options.reproduce)
        return 0
    if options.one:
        with_atheris(options.one, options.end, options.seed)
        return 0
    from mutation import damaged_bytes
    from readers import READERS

    # for readers without byte damage (HDF5), atheris would only test the HDF5 library
    names = options.readers or [
        n for n in READERS if not options.atheris or damaged_bytes in READERS[n].damages
    ]
    if unknown := {*names} - {*READERS}:
        parser.error(f"no reader {', '.join(unknown)}; there are {', '.join(READERS)}")
    found, total = [], 0
    for name in names:
        files, finds = fuzz(name, options, options.minutes / len(names))
        print(f"{name}: {files} files, {len(finds)} finds", flush=True)
        found, total = found + finds, total + files
    print(f"{len(names)} readers, {total} files, {len(found)} finds", *found, sep="\n")
    return bool(found)


def fuzz(name: str, options: argparse.Namespace, minutes: float) -> tuple[int, list[str]]:
    """Fuzz one reader in a separate process, restarted after a find, until the time is over.

    Returns:
        The number of files, and a description of each find.
    """
    end, found, seed, files = time.monotonic() + minutes * 60, [], options.seed, 0
    while time.monotonic() < end:
        with tempfile.TemporaryDirectory() as folder:
            run = in_atheris if options.atheris else in_fork
            code, errors = run(name, end, seed, Path(folder))
            files += count_of(Path(folder))
            if code:
                current = Path(folder) / "current"
                path = keep(name, current.read_bytes()) if current.exists() else "before the first file"
                found.append(f"{path}: exit {code}: {' | '.join(errors.strip().splitlines()[-30:])}")
        seed += 1
        if len(found) > 20:
            break
    return files, found


def in_fork(name: str, end: float, seed: int, folder: Path) -> tuple[int, str]:
    """Fuzz a reader in a copy of this process; return its exit code and errors."""
    errors = folder / "errors"
    sys.stdout.flush()
    if not (child := os.fork()):
        os.chdir(folder)
        stream = open(errors, "w", encoding="utf-8", errors="replace")
        os.dup2(stream.fileno(), 2)  # for what libraries print before a crash
        try:
            at_random(name, end, seed)
            os._exit(0)
        except BaseException:
            traceback.print_exc(file=stream)
            stream.flush()
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, errors.read_text(errors="replace") if errors.exists() else ""


def in_atheris(name: str, end: float, seed: int, folder: Path) -> tuple[int, str]:
    """Fuzz a reader in a process that atheris instruments; return its exit code and errors."""
    command = [sys.executable, __file__, "--one", name, "--end", str(end), "--seed", str(seed)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stderr


def count_of(folder: Path) -> int:
    """Return the number of files that the process in this folder has read."""
    count = folder / "count"
    return count.stat().st_size if count.exists() else 0


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
    with open("count", "ab") as count:  # survives a crash
        count.write(b".")
    path = folder / f"case{READERS[name].suffix}"
    path.write_bytes(data)
    signal.alarm(SECONDS_OF_A_FILE)
    try:
        READERS[name].read(path)
    except ActorsupError as error:
        assert str(error).strip(), "an error without a message"
    finally:
        signal.alarm(0)


def reproduce(find: Path) -> None:
    """Read a saved find with the reader that its folder names; raise what escapes it."""
    from readers import READERS, good_file

    name = find.resolve().parent.name
    data = find.read_bytes()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        good_file(READERS[name], Path(folder))
        try_one(name, Path(folder), data)
    print(f"{name}: nothing but documented errors")


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


def at_random(name: str, end: float, seed: int) -> None:
    """Damage a valid file at random until this time of the monotonic clock."""
    import warnings

    from readers import READERS

    warnings.simplefilter("ignore")
    folder, good = prepared(name)
    chance = random.Random(f"{name} {seed} {time.time_ns()}")
    while time.monotonic() < end:
        damage = chance.choice(READERS[name].damages)
        try_one(name, folder, damage(chance, good))


def with_atheris(name: str, end: float, seed: int) -> None:
    """Let atheris damage the valid file until this time of the monotonic clock."""
    import atheris

    with atheris.instrument_imports(include=["actorsup"]):
        import readers  # noqa: F401
    folder, good = prepared(name)
    Path("seeds").mkdir()
    (Path("seeds") / "good").write_bytes(good)
    limits = [
        f"-max_total_time={max(1, int(end - time.monotonic()))}",
        f"-seed={seed + 1}",
        f"-timeout={SECONDS_OF_A_FILE}",
        "-rss_limit_mb=4096",
        f"-max_len={len(good) + 100_000}",
    ]
    atheris.Setup([sys.argv[0], *limits, "seeds"], lambda data: try_one(name, folder, data))
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
