r"""Recall of a linker's tubes over the videos of both splits, as other tools measure it.

    snakemake --cores 2 --configfile samples/thumos13.yaml -- results/thumos13_recall.csv \
        results/thumos13/tubes/nanotrack/{0008,0012,0014}.h5
    python benchmarks/recall_of_clips.py results/thumos13 nanotrack

The table of the pipeline is over the test split, 10 ground-truth tubes of the clips that the docs
measure. The three shards are those of their training videos: with them there are 13.
"""

import argparse
from pathlib import Path

import pandas as pd

from actorsup.evaluation.ground_truth import read_ground_truth
from actorsup.evaluation.matching import overlap
from actorsup.evaluation.predictions import read_proposals
from actorsup.evaluation.tables import recall_table


def main() -> None:
    """Print the recall at each number of proposals and IoU."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, help="results/<data set>")
    parser.add_argument("linker", help="a section of linkers:")
    options = parser.parse_args()
    found = read_proposals(sorted((options.results / "tubes" / options.linker).glob("*.h5")))
    truth = read_ground_truth(options.results / "ground_truth.csv")
    table = recall_table([overlap(video, tubes, truth.get(video, [])) for video, tubes in found.items()])
    rows = table[table["group"] == "all"]
    print(f"{len(found)} videos, {rows['ground_truth'].iloc[0]} ground-truth tubes")
    pd.set_option("display.float_format", "{:.3f}".format)
    print(rows.pivot(index="proposals", columns="iou_threshold", values="recall").to_string())


if __name__ == "__main__":
    main()
