"""Measure planning as data sets grow, and extrapolate the cost of a run to larger data sets (docs/scale.md).

    python benchmarks/scale.py                   # plan generated data sets, and fit the growth
    python benchmarks/scale.py --made            # the same after all outputs have been made
    python benchmarks/scale.py --startup         # time to start Python and import, by kind of stage
    python benchmarks/scale.py --cost results/demo/cost.csv    # extrapolate the rates of a run

A generated data set has videos of a few bytes, labels, and one box per test video. Its plan (`snakemake -n`
of both tables, all stages) equals that of a real one, except that reading the videos takes no time.
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
WORKFLOW_FILES = (
    "Snakefile",
    "rules",
    "workflow_scripts",
    "actorsup",
    "config.yaml",
    "profiles",
    "envs",
)
TARGETS = ("results/made_map.csv", "results/made_recall.csv")
SIZES = ((3_194, 96), (12_000, 375), (30_000, 300), (100_000, 800), (100_000, 3_125))
TRAINED_SHARE = 0.717
"""Of the 3,194 videos of THUMOS13, 2,290 are training videos."""


@dataclass(frozen=True)
class PlanCost:
    """Cost of one plan: wall seconds, CPU seconds, peak MiB, jobs."""

    wall: float
    cpu: float
    memory: float
    jobs: int


def generate_data_set(folder: Path, videos: int, shards: int) -> Path:
    """Create a workflow and a data set ``made`` in a folder; return the settings file to override with."""
    for name in WORKFLOW_FILES:
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


# an intermediate process, because peak memory includes that of the parent at the start
MEASURE = """
import json, resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
sys.exit(code)
"""


def snakemake(folder: Path, *arguments: str) -> tuple[str, PlanCost]:
    """Run Snakemake in a folder; return its output and its cost, with 0 jobs."""
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
    return text, PlanCost(wall, cpu, memory, 0)


def plan(folder: Path, settings: Path) -> PlanCost:
    """Measure the dry run that a user would start."""
    text, cost = snakemake(
        folder, "-n", "--cores", "2", *TARGETS, "--quiet", "reason", "--configfile", str(settings)
    )
    jobs = [int(line.split()[1]) for line in text.splitlines() if line.startswith("total ")]
    return PlanCost(cost.wall, cost.cpu, cost.memory, jobs[0] if jobs else 0)


def make_all(folder: Path, settings: Path) -> None:
    """Create every output as an empty file, and let Snakemake record it as made."""
    arguments = ("--cores", "2", *TARGETS, "--configfile", str(settings))
    table, _ = snakemake(folder, "-n", "--summary", *arguments)
    for line in table.split("output_file\t", 1)[1].splitlines()[1:]:
        path = folder / line.split("\t")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    # skip the executor's 0.1 s pause per job, and the summary at the end, which cannot read empty tables
    hurry = (
        "import sys, snakemake.executors.touch as touch; touch.Executor.SLEEPING_TIME = 0\n"
        "from snakemake.cli import main; from snakemake.workflow import Workflow\n"
        "Workflow.onsuccess = lambda self, function: None; main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", hurry, "--touch", "--forceall", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def show_plans(sizes: Sequence[tuple[int, int]], made: bool) -> None:
    """Print a line per size, and the fitted growth extrapolated to a million videos."""
    print("videos    shards  jobs    wall s    CPU s     peak MiB")
    measured = []
    for videos, shards in sizes:
        with tempfile.TemporaryDirectory() as folder:
            settings = generate_data_set(Path(folder), videos, shards)
            if made:
                make_all(Path(folder), settings)
            cost = plan(Path(folder), settings)
        print(
            f"{videos:<9} {shards:<7} {cost.jobs:<7} {cost.wall:<9.1f} {cost.cpu:<9.1f} {cost.memory:.0f}",
            flush=True,
        )
        measured.append((videos, shards, cost))
    if len(measured) >= 3:
        show_growth(measured)


def show_growth(measured: Sequence[tuple[int, int, PlanCost]]) -> None:
    """Fit ``start + videos * a + shards * b`` and extrapolate to a million videos."""
    known = np.array([[1, videos, shards] for videos, shards, _ in measured], float)
    # minimize relative errors, so that large sizes do not dominate
    for name, values in (
        ("CPU s", [cost.cpu for *_, cost in measured]),
        ("peak MiB", [cost.memory for *_, cost in measured]),
    ):
        weights = 1 / np.array(values)
        start, a, b = np.linalg.lstsq(known * weights[:, None], np.ones(len(values)), rcond=None)[0]
        print(f"{name}: {start:.1f} + {1e3 * a:.3f} per thousand videos + {1e3 * b:.2f} per thousand shards")
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
    """Print the CPU seconds to start a job of each kind and import its modules, the best of three runs."""
    for kind, code in STARTS.items():
        best = np.inf
        for _ in range(3):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        print(f"{kind:<28}{best:.2f} CPU s")


# ------------------------------------------------- cost of larger data sets

FRAMES = {
    "THUMOS13": (3_194, 555_157),
    "Kinetics-400": (240_000, 240_000 * 250),
    "10 million videos": (10_000_000, 10_000_000 * 250),
}
"""Videos and frames; for the latter two, 10 s at 25 frames per second are assumed."""
BY_FRAME = ("decode_frames", "detect_actors", "link_actors")
GPU_FLOPS = 0.4 * 989e12
"""40 % of the bfloat16 peak of one H200."""
STORE_BYTES = 18.1e3
"""Per frame of 320x240, JPEG quality 90, measured by benchmarks/frame_store.py."""
TUBES = 20
TUBE_BYTES = 20
"""Per tube and frame: four float32 for the box, one for the score."""


def show_cost(path: Path) -> None:
    """Print the rates of a run, their extrapolation, and the computed cost of the paper's networks."""
    with open(path, encoding="utf-8") as stream:
        stages = {row["stage"]: row for row in csv.DictReader(stream)}
    with open(path.with_name("videos.csv"), encoding="utf-8") as stream:
        frames = sum(int(row["frames"]) for row in csv.DictReader(stream))
    print(f"measured: {path}, {stages['all']['videos']} videos, {frames} frames")
    print("rates are per frame of all videos: too low for a stage that processed only some of the shards")
    print(
        f"{'stage':<24}{'jobs':>6}{'CPU s':>10}{'s/video':>10}{'ms/frame':>12}{'peak MiB':>10}{'MB out':>9}"
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
    """Print the computed (not measured) GPU hours of the paper's networks, and the disk space."""
    print(f"\ncomputed, not measured: GPU-hours at {GPU_FLOPS:.3g} operations per second, and TB of disk")
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
    """Run the measurement that the options select."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sizes", nargs="+", metavar="VIDEOS:SHARDS", help="sizes to plan instead of the default five"
    )
    parser.add_argument("--made", action="store_true", help="plan after all outputs have been made")
    parser.add_argument("--startup", action="store_true", help="measure the start of a job")
    parser.add_argument("--cost", type=Path, help="cost.csv of a run, with its videos.csv in the same folder")
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
