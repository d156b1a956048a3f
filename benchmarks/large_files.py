"""Measure time and memory of evaluating and converting large files of tubes.

    python benchmarks/large_files.py [--size 1000] [--baseline 100] [--formats predictions coco cvat csv]

makes a predictions.json of --size MB and its ground truth, evaluates it with `actorsup evaluate`, and
converts it to CSV, COCO, CVAT and MOT text with `actorsup convert`. It converts a COCO, CVAT and CSV file
of about that size to CSV, and evaluates predictions of --baseline MB with each as the ground truth. Each step
runs in its own process; its peak memory is the highest resident size. The baseline, in the same run, is
`json.load` of a predictions.json of --baseline MB, and its memory per MB.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from actorsup.artifacts.tube_files import VideoInfo
from actorsup.formats.coco_writing import write_coco
from actorsup.formats.cvat_writing import cvat_xml
from actorsup.formats.labeled import LabeledVideo, ground_truth_table, make_tube
from actorsup.formats.predictions_json import ScoredTube, ScoredVideo, write_predictions_json

CLASSES = [f"class{number:02d}" for number in range(24)]
TUBES, FRAMES = 20, 174
"""Tubes per video, and mean frames per video as in THUMOS13."""
INFO = (25.0, 320, 240)
USAGE = "*(lambda u: (u.ru_maxrss, u.ru_utime + u.ru_stime))(resource.getrusage(resource.RUSAGE_SELF))"


def videos(tubes: int, first: int = 0) -> Iterator[LabeledVideo]:
    """Yield any number of videos with boxes that drift."""
    random = np.random.default_rng(first)
    for number in range(first, 2**31):
        frames = int(random.integers(FRAMES // 2, FRAMES * 3 // 2))
        action = CLASSES[number % len(CLASSES)]
        made = []
        for tube in range(tubes):
            start = int(random.integers(0, frames // 3))
            at = np.arange(start, int(random.integers(frames * 2 // 3, frames + 1)))
            corner = random.uniform(20, 180, 2) + np.cumsum(random.normal(0, 0.5, (len(at), 2)), axis=0)
            boxes = np.round(np.concatenate([corner, corner + random.uniform(20, 80, 2)], axis=1), 2)
            made.append(make_tube("", str(tube), action, at, boxes, frames))
        yield LabeledVideo(f"{action}/v{number:06d}", VideoInfo(frames, *INFO), tuple(made))


def scored(video: LabeledVideo, random: np.random.Generator) -> ScoredVideo:
    """Return a video whose tubes have a score for every class."""
    tubes = []
    for tube in video.tubes:
        scores = dict(zip(CLASSES, np.round(random.random(len(CLASSES)), 4).tolist(), strict=True))
        interval = int(tube.frames[0]), int(tube.frames[-1]) + 1
        tubes.append(ScoredTube(interval, tube.boxes, 0.5, "person", scores))
    return ScoredVideo(video.video, video.info, tuple(tubes))


def make_predictions(path: Path, megabytes: float) -> int:
    """Write a predictions.json of a size; return the number of videos."""
    random, count = np.random.default_rng(0), 0

    def some() -> Iterator[ScoredVideo]:
        nonlocal count
        for video in videos(TUBES):
            if stream.tell() > megabytes * 1e6:
                return
            count += 1
            yield scored(video, random)

    with path.open("w") as stream:
        write_predictions_json(some(), stream, CLASSES)
    return count


def make_truth(path: Path, count: int, tubes: int = 1) -> None:
    """Write the first tubes of the first videos as ground truth."""
    with path.open("w") as stream:
        for number, video in zip(range(count), videos(TUBES), strict=False):
            some = LabeledVideo(video.video, video.info, video.tubes[:tubes])
            ground_truth_table([some]).to_csv(stream, index=False, header=not number)


def make_coco(path: Path, megabytes: float) -> None:
    """Write COCO JSON of a size."""

    def some() -> Iterator[LabeledVideo]:
        for video in videos(TUBES):
            if stream.tell() > megabytes * 1e6 * 0.95:
                return
            yield video

    with path.open("w") as stream:
        write_coco(some(), stream, CLASSES, str(path))


def make_cvat(folder: Path, megabytes: float) -> None:
    """Write a folder of CVAT XML of a size."""
    written = 0.0
    for video in videos(TUBES):
        if written > megabytes * 1e6:
            return
        text = cvat_xml(video, CLASSES, "")
        written += len(text)
        path = folder / f"{video.video}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def make_csv(path: Path, megabytes: float) -> None:
    """Write a ground-truth table of a size."""
    with path.open("w") as stream:
        for number, video in enumerate(videos(TUBES)):
            if stream.tell() > megabytes * 1e6:
                return
            ground_truth_table([video]).to_csv(stream, index=False, header=not number)


def evaluate(what: str, truth: Path, predictions: Path, output: Path) -> None:
    """Run `actorsup evaluate`."""
    run(
        what,
        "actorsup",
        "evaluate",
        "--ground-truth",
        truth,
        "--predictions",
        predictions,
        "--output",
        output,
    )


def run(what: str, *command: object) -> None:
    """Run a command in a process; print its time and peak memory."""
    start = time.perf_counter()
    code = f"import resource, runpy, sys; sys.argv = {[str(part) for part in command]!r}\n"
    code += "try:\n    runpy.run_module('actorsup.cli', run_name='__main__')\nexcept SystemExit as error:\n"
    code += "    assert not error.code, error.code\n"
    code += f"print('peak', {USAGE})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{what}: {done.stderr[-2000:]}")
    show(what, seconds, done.stdout)


def baseline(path: Path) -> None:
    """Load a file with ``json.load``, in a process; print its time and peak memory."""
    code = f"import json, resource; x = json.load(open({str(path)!r})); print('peak', {USAGE})"
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    size = path.stat().st_size / 1e6
    peak = show(f"json.load of {size:.0f} MB", time.perf_counter() - start, done.stdout)
    print(f"baseline: {peak / size:.1f} MB of memory per MB of file")


def show(what: str, seconds: float, output: str) -> float:
    """Print the time and the peak memory of a process; return the latter in MB."""
    peak, processor = (float(number) for number in output.split()[-2:])
    times = f"{seconds:8.1f} s, {processor:8.1f} s of the processor"
    print(f"{what:<44}{times}, peak {peak / 1024:6.0f} MB", flush=True)
    return peak / 1024


def main() -> None:
    """Make the files and run the steps."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=float, default=1000, help="MB")
    parser.add_argument("--baseline", type=float, default=100, help="MB")
    parser.add_argument("--formats", nargs="+", default=["predictions", "coco", "cvat", "csv"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        out = folder / "out.csv"
        small = folder / "predictions_small.json"
        make_predictions(small, options.baseline)
        baseline(small)
        predictions, truth = folder / "predictions.json", folder / "gt.csv"
        makers: dict[str, tuple[str, Callable[[Path, float], object]]] = {
            "coco": ("coco.json", make_coco), "cvat": ("cvat", make_cvat), "csv": ("large.csv", make_csv),
        }  # fmt: skip
        size = options.size
        if "predictions" in options.formats:
            make_truth(truth, make_predictions(predictions, size))
            evaluate(f"evaluate predictions.json of {size:.0f} MB", truth, predictions, out)
            for form, output in (("csv", "o.csv"), ("coco", "o.json"), ("cvat", "o.zip"), ("mot", "m.zip")):
                run(
                    f"convert it to {form}", "actorsup", "convert", predictions, folder / output, "--to", form
                )
                (folder / output).unlink()
        for form in options.formats:
            if form in makers:
                path = folder / makers[form][0]
                makers[form][1](path, options.size)
                run(f"convert {form} of {options.size:.0f} MB to csv", "actorsup", "convert", path, out)
                out.unlink()
                evaluate(f"evaluate with {form} of {options.size:.0f} MB", path, small, out)


if __name__ == "__main__":
    main()
