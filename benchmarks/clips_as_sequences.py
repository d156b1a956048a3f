r"""Write the ground-truth tubes of a data set's training videos as tracking sequences, as GOT-10k's.

    python benchmarks/clips_as_sequences.py thumos13 data/tracking_clips \
        --also results/demo/source/sequences

after `snakemake results/thumos13_recall.csv ... --configfile samples/thumos13.yaml`, for the
`sequences:` of a linker's `training:`. Long tubes are cut into sequences of 50 frames, so that a few
long clips count as much as many short sequences; `--also` copies the sequences of another folder in
the same layout next to them. No box of a test video is read.
"""

import argparse
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from actorsup.boxes import xyxy_to_xywh
from actorsup.evaluation.ground_truth import GroundTruthTube, read_ground_truth
from actorsup.frames.store import FrameStore, VideoFrames
from actorsup.storage import write_whole

FRAMES, SHORTEST = 50, 10


def write_tube(root: Path, name: str, images: VideoFrames, tube: GroundTruthTube) -> list[str]:
    """Write one tube as sequences of at most ``FRAMES`` frames; returns their names."""
    inside = tube.frames < len(images)
    frames = tube.frames[inside]
    boxes = tube.boxes[inside] / np.array([images.scale_x, images.scale_y] * 2)
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
        write_whole(folder / "groundtruth.txt", "\n".join(lines) + "\n")
    return names


def main() -> None:
    """Write the sequences and their list."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", help="a section of datasets: whose frames are decoded")
    parser.add_argument("output", type=Path, help="the folder to write")
    parser.add_argument("--also", type=Path, help="a folder of sequences to copy as well")
    options = parser.parse_args()
    results = Path("results") / options.dataset
    table = pd.read_csv(results / "videos.csv", dtype=str)
    train = set(table.loc[table["split"] == "train", "video"])
    truth = read_ground_truth(results / "ground_truth.csv")
    names = []
    for path in sorted((results / "frames").glob("*.h5")):
        with FrameStore(path) as store:
            for video in sorted(train & set(store.videos) & truth.keys()):
                for number, tube in enumerate(truth[video]):
                    name = f"{Path(video).name}_{number}"
                    names += write_tube(options.output, name, store[video], tube)
    names.sort()
    if options.also:
        for name in (options.also / "list.txt").read_text(encoding="utf-8").split():
            shutil.copytree(options.also / name, options.output / name, dirs_exist_ok=True)
            names.append(name)
    write_whole(options.output / "list.txt", "\n".join(names) + "\n")
    print(f"{len(names)} sequences in {options.output}")


if __name__ == "__main__":
    main()
