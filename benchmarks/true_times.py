"""How much of what whole tubes lose in time is won back, against the same tubes cut at the true times.

    python benchmarks/true_times.py results/demo_untrimmed demo_siamese demo_small demo_small+attention=best

after the predictions of these models, the first of them the baseline. Of each it prints, as means over
the seeds that are there and their standard deviation, the mAP

as it is     of its predictions
true times   with each tube cut, for each class, at the times of the ground-truth tube of this class
             that it overlaps most: what knowing the times would bring, and no more than that
closed       the share of the baseline's gap between the two that the model closes
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from actorsup.evaluation.ground_truth import GroundTruthTube, GroundTruthTubes, read_ground_truth, test_videos
from actorsup.evaluation.matching import overlap
from actorsup.evaluation.predictions import read_predictions
from actorsup.evaluation.tables import map_table
from actorsup.tubes import Tubes, tube_iou


def cut_at_true_times(tubes: Tubes, truth: list[GroundTruthTube], classes: list[str]) -> Tubes:
    """Tubes with every prediction of a class that the video shows cut at the times of one that does it."""
    assert tubes.class_score is not None
    left = tubes.class_score.copy()
    made = [replace(tubes, class_score=left)]
    for c in {classes.index(tube.action) for tube in truth if tube.action in classes}:
        true = [as_boxes(tube, tubes.frames) for tube in truth if tube.action == classes[c]]
        which = tube_iou(tubes.boxes, np.stack(true)).argmax(1)
        boxes = tubes.boxes.copy()
        for p, t in enumerate(which):
            boxes[p, np.isnan(true[t]).any(1)] = np.nan
        there = ~np.isnan(boxes).any(2).all(1)
        scores = np.full_like(left, np.nan)
        scores[:, c] = np.where(there, left[:, c], np.nan)
        left[there, c] = np.nan
        made.append(replace(tubes, boxes=boxes, class_score=scores))
    cut = made[0]
    for more in made[1:]:
        cut = cut.followed_by(more)
    return cut


def as_boxes(tube: GroundTruthTube, frames: int) -> np.ndarray:
    """Its boxes in all frames of the video, NaN where it is not."""
    boxes = np.full((frames, 4), np.nan, np.float32)
    boxes[tube.frames] = tube.boxes
    return boxes


def mean_average_precision(
    found: Mapping[str, Tubes],
    truth: GroundTruthTubes,
    names: list[str],
    classes: list[str],
) -> dict[str, float]:
    """The mAP at each threshold."""
    table = map_table([overlap(name, found.get(name), truth.get(name, [])) for name in names], classes)
    means = table[table["class"] == "mean"]
    return dict(zip(means["iou_threshold"], means["average_precision"], strict=True))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, help="results/<data set>")
    parser.add_argument("linker", help="a section of linkers:")
    parser.add_argument("models", nargs="+", help="sections of models:, or variants of them")
    parser.add_argument("--iou", nargs="+", default=["0.2", "0.5"])
    options = parser.parse_args()
    names, _ = test_videos(options.results / "videos.csv")
    truth = read_ground_truth(options.results / "ground_truth.csv")
    gaps: dict[str, tuple[float, float]] = {}
    for model in options.models:
        plain, known = [], []
        for seed in sorted((options.results / "predictions" / options.linker / model).glob("seed*")):
            found, classes = read_predictions(sorted(seed.glob("*.h5")))
            plain.append(mean_average_precision(found, truth, names, classes))
            cut = {
                name: cut_at_true_times(tubes, truth.get(name, []), classes) for name, tubes in found.items()
            }
            known.append(mean_average_precision(cut, truth, names, classes))
        print(f"{model}, {len(plain)} seeds")
        for iou in options.iou:
            here, there = (np.array([each[iou] for each in runs]) for runs in (plain, known))
            low, high = gaps.setdefault(iou, (here.mean(), there.mean()))
            values = ", ".join(
                f"{what} {values.mean():.3f} ± {values.std(ddof=1) if len(values) > 1 else np.nan:.3f}"
                for what, values in (("as it is", here), ("true times", there))
            )
            print(f"  mAP@{iou}: {values}, closed {(here.mean() - low) / (high - low):.2f}")


if __name__ == "__main__":
    main()
