"""What planning takes as data sets grow, and what data sets of any size would cost: docs/scale.md.

    python benchmarks/scale.py                   # plans of made-up data sets, and their growth
    python benchmarks/scale.py --made            # the same where all has been made already
    python benchmarks/scale.py --startup         # starting Python and importing, by kind of stage
    python benchmarks/scale.py --cost results/demo/cost.csv    # a run's rates, carried further

A made-up data set has videos of a few bytes each, labels and a box a test video; its plan
(`snakemake -n` of both tables, all stages) is that of a real one, but for the reading of its
videos' bytes when they are seen first.
"""

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[1]
HOUSE = ("Snakefile", "rules", "workflow_scripts", "actorsup", "config.yaml", "profiles", "envs")
TARGETS = ("results/made_map.csv", "results/made_recall.csv")
SIZES = ((3_194, 96), (12_000, 375), (30_000, 300), (100_000, 800), (100_000, 3_125))
TRAINED_SHARE = 0.717
"""Of THUMOS13's 3,194 videos 2,290 are trained on."""


@dataclass(frozen=True)
class Took:
    """What one plan took: seconds by the clock, CPU-seconds, MiB at its peak, jobs."""

    wall: float
    cpu: float
    memory: float
    jobs: int


def make_up(folder: Path, videos: int, shards: int) -> Path:
    """A folder with a workflow and a data set ``made``; the settings to lay over are returned."""
    for name in HOUSE:
        (folder / name).symlink_to(REPOSITORY / name)
    data = folder / "data"
    names = [f"class{i % 24:02d}/v_{i:07d}" for i in range(videos)]
    for i in range(24):
        (data / f"class{i:02d}").mkdir(parents=True)
    for name in names:
        (data / f"{name}.avi").write_text(name)
    trained = round(TRAINED_SHARE * 1000)
    splits = ["train" if i * 619 % 1000 < trained else "test" for i in range(videos)]
    rows = [f"{name},{name[:7]},{split}\n" for name, split in zip(names, splits, strict=True)]
    (data / "videos.csv").write_text("video,label,split\n" + "".join(rows))
    boxes = [f"{n},0,{n[:7]},0,0,0,9,9\n" for n, split in zip(names, splits, strict=True) if split == "test"]
    (data / "boxes.csv").write_text("video,tube,class,frame,x1,y1,x2,y2\n" + "".join(boxes))
    section = {
        "type": "folder", "root": str(data), "table": str(data / "videos.csv"),
        "ground_truth": str(data / "boxes.csv"), "actors": ["person"], "linkers": ["siamese"],
        "models": ["paper"], "seeds": [0], "shards": shards,
    }  # fmt: skip
    settings = folder / "made.json"
    settings.write_text(json.dumps({"device": "cpu", "datasets": {"made": section}}))
    return settings


# a process between: the peak of one counts what its parent held when it was started
MEASURE = """
import json, resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
sys.exit(code)
"""


def snakemake(folder: Path, *arguments: str) -> tuple[str, Took]:
    """Run Snakemake there; what it wrote, and what it took (its jobs are not counted here)."""
    command = [sys.executable, "-c", MEASURE, sys.executable, "-m", "snakemake", *arguments]
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    wall = time.perf_counter() - start
    if done.returncode:
        sys.exit(done.stdout[-4000:])
    text, _, usage = done.stdout.rstrip("\n").rpartition("\n")
    cpu, memory = json.loads(usage)
    return text, Took(wall, cpu, memory, 0)


def plan(folder: Path, settings: Path) -> Took:
    """The dry run, as a user starts it."""
    text, took = snakemake(
        folder, "-n", "--cores", "2", *TARGETS, "--quiet", "reason", "--configfile", str(settings)
    )
    jobs = [int(line.split()[1]) for line in text.splitlines() if line.startswith("total ")]
    return Took(took.wall, took.cpu, took.memory, jobs[0] if jobs else 0)


def make_all(folder: Path, settings: Path) -> None:
    """Make every output an empty file, and let Snakemake record it as made."""
    arguments = ("--cores", "2", *TARGETS, "--configfile", str(settings))
    table, _ = snakemake(folder, "-n", "--summary", *arguments)
    for line in table.split("output_file\t", 1)[1].splitlines()[1:]:
        path = folder / line.split("\t")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    # the executor sleeps 0.1 s a job, for file systems whose clock is coarse; and empty tables are
    # none to be summed up when a run is over
    hurry = (
        "import sys, snakemake.executors.touch as touch; touch.Executor.SLEEPING_TIME = 0\n"
        "from snakemake.cli import main; from snakemake.workflow import Workflow\n"
        "Workflow.onsuccess = lambda self, function: None; main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", hurry, "--touch", "--forceall", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def show_plans(sizes: Sequence[tuple[int, int]], made: bool) -> None:
    """A line for each size, and the growth that fits them, carried to a million videos."""
    print("videos    shards  jobs    clock s   CPU s     peak MiB")
    measured = []
    for videos, shards in sizes:
        with tempfile.TemporaryDirectory() as folder:
            settings = make_up(Path(folder), videos, shards)
            if made:
                make_all(Path(folder), settings)
            took = plan(Path(folder), settings)
        print(
            f"{videos:<9} {shards:<7} {took.jobs:<7} {took.wall:<9.1f} {took.cpu:<9.1f} {took.memory:.0f}",
            flush=True,
        )
        measured.append((videos, shards, took))
    if len(measured) >= 3:
        show_growth(measured)


def show_growth(measured: Sequence[tuple[int, int, Took]]) -> None:
    """Fit ``start + videos * a + shards * b``, and say what a million would take by it."""
    known = np.array([[1, videos, shards] for videos, shards, _ in measured], float)
    # relative errors count, so that the large sizes do not drown the small
    for name, values in (
        ("CPU s", [took.cpu for *_, took in measured]),
        ("peak MiB", [took.memory for *_, took in measured]),
    ):
        weights = 1 / np.array(values)
        start, a, b = np.linalg.lstsq(known * weights[:, None], np.ones(len(values)), rcond=None)[0]
        print(f"{name}: {start:.1f} + {1e3 * a:.3f} a thousand videos + {1e3 * b:.2f} a thousand shards")
        for shards in (1_000, 8_000):
            print(
                f"  a million videos in {shards} shards, by extrapolation: {start + 1e6 * a + shards * b:.0f}"
            )


STARTS = {
    "tables": "import actorsup.evaluation.stage",
    "decoding": "import actorsup.frames.stage, actorsup.datasets.readers",
    "linking without a network": "import actorsup.linking.stage",
    "networks": "import actorsup.attention.scoring",
}


def show_startup() -> None:
    """CPU-seconds until a job of each kind has imported what it uses, the best of three."""
    for kind, code in STARTS.items():
        best = np.inf
        for _ in range(3):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        print(f"{kind:<28}{best:.2f} CPU s")


# ------------------------------------------------- what data sets of any size would cost

FRAMES = {
    "THUMOS13": (3_194, 555_157),
    "Kinetics-400": (240_000, 240_000 * 250),
    "10 million videos": (10_000_000, 10_000_000 * 250),
}
"""Videos and frames; those of the latter two are taken to be 10 s at 25 frames a second."""
BY_FRAME = ("decode_frames", "detect_actors", "link_actors")
GPU_FLOPS = 0.4 * 989e12
"""Of one H200 in bfloat16, 40 % of its limit."""
STORE_BYTES = 18.1e3
"""A frame of 320x240, JPEG 90: measured by benchmarks/frame_store.py."""
TUBES = 20
TUBE_BYTES = 20
"""A tube in a frame: four float32 of its box, one of its score."""


def show_cost(path: Path) -> None:
    """The rates of a run, what larger data sets take at them, and the paper's networks by arithmetic."""
    with open(path, encoding="utf-8") as stream:
        stages = {row["stage"]: row for row in csv.DictReader(stream)}
    with open(path.with_name("videos.csv"), encoding="utf-8") as stream:
        frames = sum(int(row["frames"]) for row in csv.DictReader(stream))
    print(f"measured: {path}, {stages['all']['videos']} videos, {frames} frames")
    print(
        "rates are over all of these: a stage that did a part of its shards does more a frame than this says"
    )
    print(
        f"{'stage':<24}{'jobs':>6}{'CPU s':>10}{'a video':>10}{'ms a frame':>12}{'peak MiB':>10}{'MB out':>9}"
    )
    for name, row in stages.items():
        cpu = float(row["cpu_seconds"])
        print(
            f"{name:<24}{row['jobs']:>6}{cpu:>10.1f}{float(row['cpu_seconds_per_video']):>10.3f}"
            f"{1e3 * cpu / max(frames, 1):>12.3f}{float(row['peak_memory_mb']):>10.0f}"
            f"{float(row['bytes_written']) / 1e6:>9.1f}"
        )
    print("\nCPU-hours at these rates, by frame or by video")
    print(f"{'stage':<24}" + "".join(f"{name:>20}" for name in FRAMES))
    for stage in (*BY_FRAME, "train_attention", "score_tubes"):
        if stage in stages:
            print(
                f"{stage:<24}" + "".join(f"{hours(stages[stage], stage, frames, n):>20.1f}" for n in FRAMES)
            )
    show_arithmetic()


def hours(row: dict[str, str], stage: str, frames: int, name: str) -> float:
    """CPU-hours of a stage for a data set, at the rate of a row of cost.csv."""
    videos, all_frames = FRAMES[name]
    of_one = float(row["cpu_seconds"]) / (max(frames, 1) if stage in BY_FRAME else int(row["videos"]))
    return of_one * (all_frames if stage in BY_FRAME else videos) / 3600


def show_arithmetic() -> None:
    """The paper's networks on one GPU, and the disk: arithmetic, of which nothing was measured here."""
    print(f"\narithmetic, not measured: GPU-hours at {GPU_FLOPS:.3g} operations a second, and TB of disk")
    lines = {
        "detection": lambda videos, frames: frames * 69.7e9 / GPU_FLOPS / 3600,
        "linking, exact": lambda videos, frames: frames * TUBES * 3 * 35.2e9 / GPU_FLOPS / 3600,
        "attention, 30 epochs": lambda videos, frames: (
            30 * TRAINED_SHARE * videos * 16 * 92e9 / GPU_FLOPS / 3600
        ),
        "frames, TB": lambda videos, frames: frames * STORE_BYTES / 1e12,
        "tubes, TB": lambda videos, frames: frames * TUBES * TUBE_BYTES / 1e12,
    }
    for name, line in lines.items():
        print(f"{name:<24}" + "".join(f"{line(*size):>20.3g}" for size in FRAMES.values()))


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", metavar="VIDEOS:SHARDS", help="other sizes than the five")
    parser.add_argument("--made", action="store_true", help="plan where all has been made already")
    parser.add_argument("--startup", action="store_true", help="what starting a job takes")
    parser.add_argument("--cost", type=Path, help="a cost.csv; videos.csv lies beside it")
    options = parser.parse_args()
    if options.startup:
        show_startup()
    elif options.cost:
        show_cost(options.cost)
    else:
        sizes = [tuple(map(int, size.split(":"))) for size in options.sizes or ()]
        show_plans([(videos, shards) for videos, shards in sizes] or SIZES, options.made)


if __name__ == "__main__":
    main()
