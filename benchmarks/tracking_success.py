"""How well the trackers follow, from a true box in the middle of a tube, forward and backward.

    snakemake --cores 2 results/demo/ground_truth.csv results/demo_recall.csv
    python benchmarks/tracking_success.py demo static demo_untrained demo_siamese

The first argument is a data set whose frames and ground truth are made, the others are sections of
linkers: whose weights are there; `untrained:NAME` is one with random weights. Prints success (area
under the overlap curve, the frame of the seed left out) and mean IoU as means over tubes, and with
--each those of every tube. `static`, a box that never moves, is the baseline. With --test the tubes of
training videos are left out: a network that was trained on them is measured on the others only.
--videos REGEX and --every N measure on some videos, and on every N-th frame of their tubes.
"""

import argparse
import re
import time
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from snakemake.utils import update_config

from actorsup.boxes import paired_iou
from actorsup.evaluation.ground_truth import read_ground_truth, test_videos
from actorsup.frames.store import CachedFrames, FrameStore
from actorsup.linking.base import Seed, Tracker
from actorsup.linking.settings import LinkerSettings
from actorsup.linking.stage import build_tracker
from actorsup.linking.success import track_success
from actorsup.workflow.plan import Plan

HOUSE = Path(__file__).resolve().parents[1]


def tracker_of(plan: Plan, name: str) -> Tracker:
    """The tracker of a section, or with random weights."""
    section = name.removeprefix("untrained:")
    settings = LinkerSettings.of_section(plan.networks.settings("linkers", section))
    if name != section or settings.type != "siamese":
        return build_tracker(settings, None, "auto")
    return build_tracker(settings, Path(plan.networks.linker_weights(section)[0]), "auto")


def seeds_of(
    dataset: str, most: int = -1, test: bool = False, videos: str = "", every: int = 1
) -> list[tuple[str, Seed, np.ndarray, np.ndarray]]:
    """One seed a true tube: its id, the seed, the frames of the tube's span that have a box, the boxes.

    The images are every ``every``-th one of the tube's span, decoded, in the pixels of the store.
    """
    truth = read_ground_truth(Path(f"results/{dataset}/ground_truth.csv"))
    wanted = set(test_videos(Path(f"results/{dataset}/videos.csv"))[0]) if test else truth.keys()
    wanted = {video for video in wanted if re.search(videos, video)}
    found = []
    for path in sorted(Path(f"results/{dataset}/frames").glob("*.h5")):
        with FrameStore(path) as store:
            for video in sorted(set(store.videos) & truth.keys() & wanted):
                images = store[video]
                for number, tube in enumerate(truth[video]):
                    scale = np.array([images.scale_x, images.scale_y] * 2)
                    boxes = (tube.boxes / scale).astype(np.float32)
                    first, end = int(tube.frames[0]), min(int(tube.frames[-1]) + 1, len(images))
                    kept = CachedFrames(images.read(range(first, end, every)))
                    inside = (tube.frames < end) & ((tube.frames - first) % every == 0)
                    index, boxes = ((tube.frames[inside] - first) // every).astype(np.int64), boxes[inside]
                    middle = len(index) // 2
                    seed = Seed(kept, int(index[middle]), boxes[middle])
                    found.append((f"{video}#{number}", seed, index, boxes))
                    if len(found) == most:
                        return found
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset")
    parser.add_argument("linkers", nargs="+")
    parser.add_argument("--configfile", type=Path, nargs="*", default=[])
    parser.add_argument("--most", type=int, default=-1, help="tubes; all unless given")
    parser.add_argument("--test", action="store_true", help="leave training videos out")
    parser.add_argument("--videos", metavar="REGEX", default="", help="those whose id it is found in")
    parser.add_argument("--every", metavar="N", type=int, default=1, help="frames of a tube, one of N")
    parser.add_argument("--each", action="store_true", help="print every tube")
    options = parser.parse_args()
    config = yaml.safe_load((HOUSE / "config.yaml").read_text(encoding="utf-8"))
    for path in options.configfile:
        update_config(config, yaml.safe_load(path.read_text(encoding="utf-8")))
    plan = Plan(config)
    seeds = seeds_of(options.dataset, options.most, options.test, options.videos, options.every)
    rows = []
    for name in options.linkers:
        tracker = tracker_of(plan, name)
        start = time.monotonic()
        tracks = tracker.track([seed for _, seed, _, _ in seeds])
        seconds = time.monotonic() - start
        steps = sum(len(seed.images) - 1 for _, seed, _, _ in seeds)
        for (tube, seed, index, boxes), track in zip(seeds, tracks, strict=True):
            others = index != seed.frame
            iou = paired_iou(track.boxes[index[others]].astype(float), boxes[others].astype(float))
            rows.append(
                {
                    "tracker": name,
                    "tube": tube,
                    "success": track_success(track, seed, index, boxes),
                    "mean_iou": float(iou.mean()),
                    "frames_a_second": steps / seconds,
                }
            )
    table = pd.DataFrame(rows)
    pd.set_option("display.float_format", "{:.3f}".format, "display.width", 200)
    if options.each:
        print(table.pivot(index="tube", columns="tracker", values="success")[options.linkers].to_string())
    print(f"{len(seeds)} tubes")
    print(table.drop(columns="tube").groupby("tracker", sort=False).mean().to_string())


if __name__ == "__main__":
    main()
