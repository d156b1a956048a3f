"""Measure the time and memory of the evaluator, compared with the literal loop.

    python benchmarks/evaluation.py [--annotations pyannot.pkl --testlist testlist01.txt]
    python benchmarks/evaluation.py --memory 1000 10000 100000

makes 20 tubes per video around the ground truth of THUMOS13's test split 1 (without the annotations, around
synthetic tubes in the same numbers: 910 videos, 1,315 tubes, 24 classes), scores each for every class, and
evaluates them: precision at 0.1 to 0.5, 0.75 and the ten thresholds of 0.5:0.95, and recall. The literal loop
evaluates one prediction after the other, as public evaluators do, at one threshold, on the first videos of
every class; its time is scaled by the number of tube IoUs. Times are CPU times of one thread. Peak memory is
the highest resident size of the process, with the arrays. `--memory` evaluates files of the given numbers of
videos instead, each in its own process.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.shards import ShardWriter
from actorsup.artifacts.tube_files import PREDICTIONS_SCHEMA, VideoInfo, write_tubes
from actorsup.boxes import clip, paired_iou, xywh_to_xyxy
from actorsup.datasets.pickles import read_numbers
from actorsup.evaluation.bootstrap import precision_intervals
from actorsup.evaluation.error_analysis import errors_table
from actorsup.evaluation.frame_level import frame_table
from actorsup.evaluation.ground_truth import GroundTruthTube, read_ground_truth
from actorsup.evaluation.matching import overlaps
from actorsup.evaluation.predictions import read_predictions
from actorsup.evaluation.ranking import area_under_curve
from actorsup.evaluation.tables import map_table, recall_table
from actorsup.tubes import Tubes

VIDEOS, TUBES, CLASSES, FRAMES = 910, 1315, 24, 174
"""THUMOS13's test split 1: videos, ground-truth tubes, classes, mean frames per video."""

PREDICTED = 20
ORIGIN = np.array([1, 1, 0, 0], np.float32)
"""The annotations give the corner of a box in 1-based pixels, and its sides."""

Truth = dict[str, list[GroundTruthTube]]


def real(annotations: Path, testlist: Path) -> tuple[Truth, dict[str, int]]:
    """Return the ground truth of the test videos, and their numbers of frames."""
    content = read_numbers(annotations)
    listed = [line.split(".")[0].strip() for line in testlist.read_text(encoding="utf-8").split("\n")]
    truth: Truth = {}
    for video in sorted(set(listed) & content.keys()):
        truth[video] = [
            GroundTruthTube(
                video.split("/")[0], "person", np.arange(int(one["sf"]), int(one["ef"])),
                xywh_to_xyxy(np.asarray(one["boxes"]).astype(np.float32) - ORIGIN),
            )
            for one in content[video]["annotations"]
        ]  # fmt: skip
    return truth, {video: int(content[video]["numf"]) for video in truth}


def made_up(videos: int, random: np.random.Generator) -> tuple[Truth, dict[str, int]]:
    """Make ground truth with the average numbers of tubes, classes and frames of the real one."""
    truth: Truth = {}
    lengths = {}
    for number in range(videos):
        video = f"class{number % CLASSES:02d}/v{number:06d}"
        lengths[video] = frames = int(random.integers(FRAMES // 2, FRAMES * 3 // 2))
        tubes = []
        for _ in range(1 + int(random.random() < TUBES / VIDEOS - 1)):
            first = int(random.integers(0, frames // 3))
            at = np.arange(first, int(random.integers(frames * 2 // 3, frames + 1)))
            tubes.append(GroundTruthTube(video[:7], "person", at, drifting(len(at), random)))
        truth[video] = tubes
    return truth, lengths


def drifting(frames: int, random: np.random.Generator) -> NDArray[np.float32]:
    """Make a box that drifts through a frame of 320x240."""
    corner = random.uniform(20, 180, 2) + np.cumsum(random.normal(0, 0.5, (frames, 2)), axis=0)
    boxes = np.concatenate([corner, corner + random.uniform(20, 80, 2)], axis=1).astype(np.float32)
    return clip(boxes, 320, 240)


def predicted(truth: list[GroundTruthTube], frames: int, column: int, random: np.random.Generator) -> Tubes:
    """Make tubes over the whole video, near the ground truth or anywhere, scored for every class."""
    boxes = np.empty((PREDICTED, frames, 4), np.float32)
    near = random.random(PREDICTED) < 0.4
    for p in range(PREDICTED):
        one = truth[p % len(truth)] if truth and near[p] else None
        if one is None or not len(one.frames):
            boxes[p] = drifting(frames, random)
        else:
            held = np.interp(np.arange(frames), one.frames, np.arange(len(one.frames))).astype(int)
            boxes[p] = clip(one.boxes[held] + random.normal(0, 6, 4).astype(np.float32), 320, 240)
    score = random.random((PREDICTED, CLASSES)).astype(np.float32) ** 3
    score[near, column] += 0.5
    return Tubes(
        boxes=np.sort(boxes.reshape(PREDICTED, frames, 2, 2), axis=2).reshape(PREDICTED, frames, 4),
        score=np.sort(random.random(PREDICTED).astype(np.float32))[::-1],
        actor=np.ones(PREDICTED, np.int16),
        seed_frame=np.zeros(PREDICTED, np.int32),
        frame_score=np.ones((PREDICTED, frames), np.float32),
        interval=np.tile(np.array([0, frames], np.int32), (PREDICTED, 1)),
        class_score=score,
    )


def literal_map(
    found: Mapping[str, Tubes], truth: Truth, names: list[str], threshold: float
) -> tuple[float, int]:
    """Return the mAP by its definition, one prediction after the other, and the number of tube IoUs."""
    precisions, compared = [], 0
    for column, name in enumerate(names):
        free = {video: [tube for tube in tubes if tube.action == name] for video, tubes in truth.items()}
        count = sum(map(len, free.values()))
        detections = [
            (-float(tubes.class_score[p, column]), video, p)
            for video, tubes in found.items()
            if tubes.class_score is not None
            for p in range(len(tubes))
        ]
        right = []
        for _, video, p in sorted(detections):
            ious = [literal_iou(found[video].boxes[p], tube) for tube in free[video]]
            compared += len(ious)
            right.append(bool(ious) and max(ious) >= threshold)
            if right[-1]:
                del free[video][int(np.argmax(ious))]
        if count:
            precisions.append(area_under_curve(np.flatnonzero(right) + 1, count, "envelope"))
    return float(np.mean(precisions)), compared


def literal_iou(boxes: NDArray, tube: GroundTruthTube) -> float:
    """Return the tube IoU of one pair, as public evaluators compute it."""
    both = tube.frames[tube.frames < len(boxes)]
    iou = paired_iou(boxes[both].astype(float), tube.boxes[: len(both)].astype(float))
    return float(iou.sum()) / (len(boxes) + len(tube.frames) - len(both))


def peak() -> str:
    """Return the highest resident size of this process so far."""
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB"


def now() -> tuple[float, float]:
    """Return the wall-clock time and the CPU time of this process."""
    return time.perf_counter(), time.process_time()


def timed(what: str, start: tuple[float, float]) -> float:
    """Print wall-clock time, CPU time and peak memory; return the CPU time."""
    wall, processor = (there - here for there, here in zip(now(), start, strict=True))
    print(f"{what:<44}{wall:8.2f} s, {processor:6.2f} s of the processor, peak {peak()}", flush=True)
    return processor


def compare(truth: Truth, lengths: dict[str, int], names: list[str], videos_a_class: int) -> None:
    """Evaluate from arrays in memory, and by the literal loop."""
    random = np.random.default_rng(0)
    found = {
        video: predicted(tubes, lengths[video], names.index(video.split("/")[0]), random)
        for video, tubes in truth.items()
    }
    count = sum(map(len, truth.values()))
    print(f"{len(truth)} videos, {count} ground-truth tubes, {len(names)} classes, {PREDICTED} tubes a video")
    print(f"the arrays themselves: peak {peak()}")
    start = now()
    compared = overlaps(truth, found, truth)
    timed("overlaps, from arrays in memory", start)
    table = map_table(compared, names)
    timed("and average precision at 14 thresholds", start)
    recall_table(compared)
    ours = timed("and recall: both tables", start)
    start = now()
    errors_table(compared, names)
    timed("errors", start)
    start = now()
    precision_intervals(compared, names)
    timed("intervals of precision, 1,000 resamples", start)
    start = now()
    frame_table(truth, found, truth, names)
    timed("frame mAP at 0.5", start)
    some = {
        video for name in names for video in sorted(v for v in truth if v.startswith(name))[:videos_a_class]
    }
    few = {video: truth[video] for video in truth if video in some}
    start = now()
    value, ious = literal_map({video: found[video] for video in few}, few, names, 0.5)
    loop = time.process_time() - start[1]
    same = map_table([one for one in compared if one.video in some], names)
    means = same.query("`class` == 'mean' and iou_threshold == '0.5'")["average_precision"].iloc[0]
    print(
        f"literal loop, one threshold, {len(few)} videos: {loop:.2f} s, mAP@0.5 {value:.6f}; ours {means:.6f}"
    )
    assert abs(value - means) < 1e-9
    whole = PREDICTED * count
    scaled = loop * whole / ious
    print(f"scaled by {whole} / {ious} IoUs of tubes to all videos: {scaled:.1f} s a threshold")
    print(f"for all 14: {14 * scaled:.0f} s; ours {ours:.2f} s: {14 * scaled / ours:.0f} times as fast")
    print(table.query("`class` == 'mean'")[["iou_threshold", "average_precision"]].T.to_string(header=False))


def from_files(videos: int) -> None:
    """Write shards and a ground-truth table, and evaluate them in a new process."""
    with tempfile.TemporaryDirectory() as folder:
        random = np.random.default_rng(0)
        names = [f"class{number:02d}" for number in range(CLASSES)]
        shards = max(1, videos // 1000)
        with open(Path(folder) / "gt.csv", "w", encoding="utf-8") as table:
            table.write("video,tube,class,frame,x1,y1,x2,y2,actor\n")
            for shard in range(shards):
                made, lengths = made_up(videos // shards, random)
                path = Path(folder) / f"{shard:04d}.h5"
                with ShardWriter(path, PREDICTIONS_SCHEMA, {}, {"classes": names}) as writer:
                    for name, tubes in made.items():
                        video = f"{shard}/{name}"
                        info = VideoInfo(lengths[name], 25.0, 320, 240)
                        write_tubes(
                            writer,
                            video,
                            info,
                            predicted(tubes, lengths[name], names.index(name[:7]), random),
                        )
                        for number, tube in enumerate(tubes):
                            head = f"{video},{number},{tube.action},"
                            table.writelines(
                                f"{head}{frame},{box[0]:g},{box[1]:g},{box[2]:g},{box[3]:g},person\n"
                                for frame, box in zip(tube.frames.tolist(), tube.boxes.tolist(), strict=True)
                            )
        done = subprocess.run(
            [sys.executable, __file__, "--evaluate", folder], text=True, capture_output=True
        )
        print(f"{videos} videos in {shards} shards: {done.stdout.strip()}", flush=True)
        if done.returncode:
            sys.exit(done.stderr)


def evaluate(folder: Path) -> None:
    """Evaluate the files of a folder, and print one line."""
    start, before = now(), peak()
    truth = read_ground_truth(folder / "gt.csv")
    read = time.process_time() - start[1]
    predictions = read_predictions(sorted(folder.glob("*.h5")))
    compared = overlaps(truth, predictions.videos, truth)
    map_table(compared, predictions.classes)
    recall_table(compared)
    wall, processor = (there - here for there, here in zip(now(), start, strict=True))
    print(
        f"{wall:.1f} s with reading, {processor:.1f} s of the processor "
        f"({read:.1f} s of it for the ground truth), peak {peak()}, "
        f"{before} of it at the start"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = Path(__file__).resolve().parents[2] / "shared" / "data" / "thumos13"
    parser.add_argument("--annotations", type=Path, default=shared / "annotations" / "pyannot.pkl")
    parser.add_argument("--testlist", type=Path, default=shared / "ucfTrainTestlist" / "testlist01.txt")
    parser.add_argument("--literal", type=int, default=2, help="videos of each class for the literal loop")
    parser.add_argument("--memory", type=int, nargs="+", help="numbers of videos to evaluate from files")
    parser.add_argument("--evaluate", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.evaluate:
        evaluate(options.evaluate)
    elif options.memory:
        for videos in options.memory:
            from_files(videos)
    else:
        if options.annotations.exists() and options.testlist.exists():
            print("ground truth: the corrected annotations; tubes made up around it")
            truth, lengths = real(options.annotations, options.testlist)
        else:
            print("ground truth made up, of the same numbers; the annotations are not here")
            truth, lengths = made_up(VIDEOS, np.random.default_rng(1))
        names = sorted({video.split("/")[0] for video in truth})
        compare(truth, lengths, names, options.literal)


if __name__ == "__main__":
    main()
