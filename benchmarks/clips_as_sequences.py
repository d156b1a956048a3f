r"""Write the actors of a data set's training videos as tracking sequences, in GOT-10k's layout.

    python benchmarks/clips_as_sequences.py thumos13 data/tracking_clips \
        --also results/demo/source/sequences
    python benchmarks/clips_as_sequences.py ut_interaction data/tracking_people --tubes detections

after `snakemake results/thumos13_recall.csv ... --configfile samples/thumos13.yaml`, for the
`sequences:` of a linker's `training:`. Without --tubes the boxes are the ground truth; with it they are
the tubes of that linker, so that nobody has drawn one: use one of type `viterbi`, whose boxes are
detections. Long tubes are cut into sequences of 50 frames, so that a few long clips count as much as
many short ones. --also copies the sequences of another folder in the same layout. No frame of a test
video is read.
"""

import argparse
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from actorsup.artifacts.atomic import write_text_atomically
from actorsup.artifacts.shards import ShardReader
from actorsup.artifacts.tube_files import TUBES_SCHEMA, read_tubes
from actorsup.boxes import xyxy_to_xywh
from actorsup.evaluation.ground_truth import read_ground_truth
from actorsup.frames.store import FrameStore, VideoFrames

FRAMES, SHORTEST, LOWEST_SCORE = 50, 10, 0.5

Boxes = tuple[np.ndarray, np.ndarray]
"""(M,) frames of a tube, ascending, and its (M, 4) boxes there, xyxy in pixels of the source frame."""


def true_tubes(results: Path) -> dict[str, list[Boxes]]:
    """The ground-truth tubes of every video."""
    truth = read_ground_truth(results / "ground_truth.csv")
    return {video: [(tube.frames, tube.boxes) for tube in tubes] for video, tubes in truth.items()}


def link_instances(folder: Path) -> dict[str, list[Boxes]]:
    """The tubes of a linker with a score of ``LOWEST_SCORE`` or more, of every video."""
    tubes_of: dict[str, list[Boxes]] = {}
    for path in sorted(folder.glob("*.h5")):
        with ShardReader(path, TUBES_SCHEMA) as shard:
            for video in shard.videos:
                tubes = read_tubes(shard[video])
                tubes_of[video] = [
                    (np.arange(first, end), boxes[first:end])
                    for (first, end), boxes, score in zip(
                        tubes.interval, tubes.boxes, tubes.score, strict=True
                    )
                    if score >= LOWEST_SCORE
                ]
    return tubes_of


def write_tube(root: Path, name: str, images: VideoFrames, tube: Boxes) -> list[str]:
    """Write one tube as sequences of at most ``FRAMES`` frames; returns their names."""
    inside = tube[0] < len(images)
    frames = tube[0][inside]
    boxes = tube[1][inside] / np.array([images.scale_x, images.scale_y] * 2)
    names = []
    for start in range(0, len(frames), FRAMES):
        chosen = frames[start : start + FRAMES]
        if len(chosen) < SHORTEST:
            continue
        names.append(f"{name}_{start:03d}")
        folder = root / names[-1]
        folder.mkdir(parents=True, exist_ok=True)
        for number, image in enumerate(images.read(chosen), 1):
            cv2.imwrite(str(folder / f"{number:08d}.jpg"), image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
        rows = xyxy_to_xywh(boxes[start : start + FRAMES])
        lines = (",".join(f"{value:.2f}" for value in row) for row in rows)
        write_text_atomically(folder / "groundtruth.txt", "\n".join(lines) + "\n")
    return names


def main() -> None:
    """Write the sequences and their list."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", help="a section of datasets: whose frames are decoded")
    parser.add_argument("output", type=Path, help="the folder to write")
    parser.add_argument("--tubes", metavar="LINKER", help="write this linker's tubes, not the ground truth")
    parser.add_argument("--leave-out", metavar="REGEX", help="training videos to keep for validation")
    parser.add_argument("--also", type=Path, help="a folder of sequences to copy as well")
    options = parser.parse_args()
    results = Path("results") / options.dataset
    table = pd.read_csv(results / "videos.csv", dtype=str)
    train = set(table.loc[table["split"] == "train", "video"])
    if options.leave_out:
        train = {video for video in train if not re.search(options.leave_out, video)}
    tubes_of = link_instances(results / "tubes" / options.tubes) if options.tubes else true_tubes(results)
    names = []
    for path in sorted((results / "frames").glob("*.h5")):
        with FrameStore(path) as store:
            for video in sorted(train & set(store.videos) & tubes_of.keys()):
                for number, tube in enumerate(tubes_of[video]):
                    name = f"{video.replace('/', '_')}_{number}"
                    names += write_tube(options.output, name, store[video], tube)
    names.sort()
    if options.also:
        for name in (options.also / "list.txt").read_text(encoding="utf-8").split():
            shutil.copytree(options.also / name, options.output / name, dirs_exist_ok=True)
            names.append(name)
    write_text_atomically(options.output / "list.txt", "\n".join(names) + "\n")
    print(f"{len(names)} sequences in {options.output}")


if __name__ == "__main__":
    main()
