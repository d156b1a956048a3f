"""What the demo's parts are worth: means over seeds, against baselines of the same run.

    python benchmarks/demo_study.py --seeds 0 1 2 3 4 --cores 2

takes some ten minutes a seed on two cores. A seed makes other videos, stills and sequences, and
trains everything anew, in results/study/seed<N>/ (what is finished there is not made again). It
prints, for each seed and as means:

recall    recall@0.5 of 10 tubes, by the Siamese linker; and by boxes that never move
ceiling   recall@0.5 of perfect boxes of one aspect ratio: the most that the Siamese linker can have
mAP       mAP@0.2 of the whole pipeline
oracle    the same network trained and tested on the ground-truth tubes as its only proposals
static    on tubes that never move
mean      averaging all tubes in place of the best k
shuffled  trained on labels that were shuffled between the videos, five times, of the first seed
          only; and the 95 % bands of mAP by chance, of single ones and of means of five:
          permuted  with class scores permuted between videos, each video's tubes keeping their
                    order: a network that learned nothing of the labels still scores actors who do
                    something apart from those who stand
          renamed   with the names of the classes permuted, the same in all videos: that network
                    scores the videos of a class alike, too
"""

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from actorsup.artifacts.provenance import code_digest, provenance
from actorsup.artifacts.shards import ShardWriter
from actorsup.artifacts.tube_files import TUBES_SCHEMA, VideoInfo, write_tubes
from actorsup.attention.scoring import score_videos
from actorsup.attention.scoring_settings import ScoringSettings
from actorsup.attention.settings import AttentionSettings
from actorsup.attention.training import TrainingJob, train_attention
from actorsup.coco import ID_OF
from actorsup.evaluation.ground_truth import GroundTruthTube, read_ground_truth
from actorsup.evaluation.matching import VideoOverlap, overlap
from actorsup.evaluation.predictions import read_predictions
from actorsup.evaluation.tables import map_table
from actorsup.frames.store import FrameStore
from actorsup.training.weights import load_weights
from actorsup.tubes import Tubes, tube_iou
from actorsup.workflow.plan import Plan

HOUSE = Path(__file__).resolve().parents[1]
SHUFFLES, PERMUTATIONS = 5, 200


def run_workflow(folder: Path, seed: int, cores: int, linkers: list[str], models: list[str]) -> None:
    """The demo's tables of a seed, in a folder of its own."""
    config = yaml.safe_load((HOUSE / "config.yaml").read_text(encoding="utf-8"))
    config["seed"] = seed
    config["datasets"]["demo"] |= {"linkers": linkers, "models": models}
    siamese = config["linkers"]["demo_siamese"]
    same = {key: siamese[key] for key in ("detector", "tubes", "filter_iou") if key in siamese}
    config["linkers"]["demo_static"] = {"type": "static", **same}
    config["models"]["demo_mean"] = config["models"]["demo"] | {"k": config["models"]["demo"]["tubes"]}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(HOUSE / "Snakefile")]
    command += ["--workflow-profile", str(HOUSE / "profiles" / "default"), "--directory", str(folder)]
    command += [
        "--cores",
        str(cores),
        "--quiet",
        "all",
        "--",
        "results/demo_map.csv",
        "results/demo_recall.csv",
    ]
    subprocess.run(command, check=True)


class Seed:
    """What the workflow made of one seed, and the same network on other tubes and labels."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._work, self._seed = folder, seed
        self._results = folder / "results" / "demo"
        config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
        plan = Plan(config)
        self._scoring = ScoringSettings(**plan.networks.scoring_settings("demo"))
        self._settings = AttentionSettings(**plan.networks.model_settings("demo"))
        table = pd.read_csv(self._results / "source" / "videos.csv")
        train = table[table["split"] == "train"]
        self.train: dict[str, str] = dict(zip(train["video"], train["label"], strict=True))
        self.test: list[str] = sorted(table[table["split"] == "test"]["video"])
        self.classes = sorted(table["label"].unique())
        self.truth = read_ground_truth(self._results / "ground_truth.csv")
        self._frames = sorted((self._results / "frames").glob("*.h5"))

    def ceiling(self) -> float:
        """Recall@0.5 of boxes with the middle, and the area, of the true ones and one aspect ratio."""
        return float(np.mean([fixed_aspect_iou(self.truth[video][0]) >= 0.5 for video in self.test]))

    def oracle(self) -> float:
        """The mAP@0.2 of the network with ground-truth tubes for proposals."""
        folder = self._work / "oracle"
        for store in self._frames:
            self._write_true_tubes(store, folder / store.name)
        return mean_average_precision(self.overlaps("oracle", folder, self.train), self.classes)

    def overlaps(self, name: str, tubes: Path, labels: Mapping[str, str]) -> list[VideoOverlap]:
        """Train on a folder's tubes and these labels; the scored tubes of the test videos."""
        weights = self._work / "results" / "weights" / "detectors" / "demo_ssd.pt"
        model = self._work / name / "model.pt"
        shards = [tubes / store.name for store in self._frames]
        each = {video: [label] for video, label in labels.items()}
        code = code_digest("actorsup.attention.training")
        made = provenance("study", asdict(self._settings), [weights, *shards], code=code, labels=each)
        if not model.exists() or load_weights(model)["provenance"] != made:
            train_attention(
                TrainingJob(
                    frames=[str(store) for store in self._frames],
                    tubes=[str(shard) for shard in shards],
                    labels=each,
                    classes=self.classes,
                    output=str(model),
                    settings=asdict(self._settings),
                    weights=str(weights),
                    device="auto",
                    seed=self._seed,
                    provenance=made,
                )
            )
        scored = [self._work / name / f"scored_{store.name}" for store in self._frames]
        for frames, shard, output in zip(self._frames, shards, scored, strict=True):
            score_videos(frames, shard, model, output, self.test, self._scoring, "auto", made)
        found, _ = read_predictions(scored)
        return [overlap(video, found.get(video), self.truth[video]) for video in self.test]

    def shuffled(self) -> str:
        """The mAP@0.2 with labels shuffled, and the bands that chance gives."""
        tubes = self._results / "tubes" / "demo_siamese"
        values: list[float] = []
        by_chance: dict[str, list[list[float]]] = {permute.__name__: [], rename.__name__: []}
        for repeat in range(SHUFFLES):
            random = np.random.default_rng([self._seed, repeat])
            labels = dict(zip(self.train, random.permutation([*self.train.values()]).tolist(), strict=True))
            videos = self.overlaps(f"shuffled{repeat}", tubes, labels)
            values.append(mean_average_precision(videos, self.classes))
            for change in (permute, rename):
                changed = (change(videos, random) for _ in range(PERMUTATIONS))
                by_chance[change.__name__].append(
                    [mean_average_precision(each, self.classes) for each in changed]
                )
        line = f"shuffled: mAP {np.mean(values):.3f} ({', '.join(f'{value:.3f}' for value in values)})"
        for name, mAPs in by_chance.items():
            one, five = (np.quantile(each, (0.025, 0.975)) for each in (mAPs, np.mean(mAPs, axis=0)))
            line += f"; {name}d {one[0]:.3f} to {one[1]:.3f}, means of five {five[0]:.3f} to {five[1]:.3f}"
        return line

    def _write_true_tubes(self, store: Path, output: Path) -> None:
        with FrameStore(store) as frames, ShardWriter(output, TUBES_SCHEMA, {"study": "oracle"}) as writer:
            for video in frames.videos:
                images = frames[video]
                info = VideoInfo(len(images), images.fps, images.width, images.height)
                write_tubes(writer, video, info, as_tubes(self.truth[video][0], len(images)))


def as_tubes(truth: GroundTruthTube, frames: int) -> Tubes:
    """One annotated tube as the only proposal."""
    boxes = np.full((1, frames, 4), np.nan, np.float32)
    boxes[0, truth.frames] = truth.boxes
    interval = [truth.frames[0], truth.frames[-1] + 1]
    return Tubes(
        boxes,
        score=np.ones(1, np.float32),
        actor=np.array([ID_OF[truth.actor]], np.int16),
        seed_frame=np.array([truth.frames[0]], np.int32),
        frame_score=np.where(np.isnan(boxes[..., 0]), np.nan, 1).astype(np.float32),
        interval=np.array([interval], np.int32),
    )


def fixed_aspect_iou(truth: GroundTruthTube) -> float:
    """Tube IoU of perfect boxes that keep the aspect ratio of the middle one."""
    boxes = truth.boxes.astype(float)
    centre, side = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    shape = side[len(side) // 2] / np.sqrt(side[len(side) // 2].prod())
    half = np.sqrt(side.prod(1))[:, None] * shape / 2
    same = np.concatenate([centre - half, centre + half], axis=1)
    return float(tube_iou(same[None], boxes[None])[0, 0])


def mean_average_precision(videos: Sequence[VideoOverlap], classes: Sequence[str]) -> float:
    """The mAP at a tube IoU of 0.2."""
    return at(map_table(videos, classes), "average_precision", **{"class": "mean"}, iou_threshold="0.2")


def permute(videos: Sequence[VideoOverlap], random: np.random.Generator) -> list[VideoOverlap]:
    """The same tubes, the best one with the scores of another video's best, and so on down.

    Tubes that the other video lacks are not predicted.
    """
    permuted = []
    for video, other in zip(videos, random.permutation(len(videos)), strict=True):
        scores = np.full_like(video.class_score, np.nan)
        here, there = best_first(video), best_first(videos[other])
        count = min(len(here), len(there))
        scores[here[:count]] = videos[other].class_score[there[:count]]
        permuted.append(replace(video, class_score=scores))
    return permuted


def best_first(video: VideoOverlap) -> np.ndarray:
    """The tubes of a video by falling score, that of their best class."""
    return np.argsort(-np.nan_to_num(video.class_score, nan=-1).max(axis=1, initial=-1), kind="stable")


def rename(videos: Sequence[VideoOverlap], random: np.random.Generator) -> list[VideoOverlap]:
    """The same tubes and scores, under other names of the classes, the same in all videos."""
    # a video without tubes has no columns
    columns = random.permutation(max(video.class_score.shape[1] for video in videos))
    return [
        replace(video, class_score=video.class_score[:, columns[: video.class_score.shape[1]]])
        for video in videos
    ]


def at(table: pd.DataFrame, column: str, **where: Any) -> float:
    """The one value of a table where its columns have these values."""
    for name, value in where.items():
        table = table[table[name].astype(str) == str(value)]
    (value,) = table[column]
    return float(value)


def study(folder: Path, number: int, cores: int, first: bool) -> dict[str, float]:
    """All measures of one seed."""

    def tables(linker: str, models: list[str]) -> tuple[float, list[float]]:
        run_workflow(folder, number, cores, [linker], models)
        recall = pd.read_csv(folder / "results" / "demo_recall.csv")
        table = pd.read_csv(folder / "results" / "demo_map.csv")
        values = [
            at(table, "average_precision", model=model, iou_threshold="0.2", **{"class": "mean"})
            for model in models
        ]
        return at(recall, "recall", group="all", proposals=10, iou_threshold="0.5"), values

    still, (static,) = tables("demo_static", ["demo"])
    recall, (value, mean) = tables("demo_siamese", ["demo", "demo_mean"])
    seed = Seed(folder, number)
    row = {"recall": recall, "static recall": still, "ceiling": seed.ceiling()}
    row |= {"mAP": value, "oracle": seed.oracle(), "static": static, "mean": mean}
    print(f"seed {number}: " + ", ".join(f"{name} {value:.3f}" for name, value in row.items()), flush=True)
    if first:
        print(seed.shuffled(), flush=True)
    return row


def main() -> None:
    """Study every seed and print the means."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--cores", type=int, default=2)
    options = parser.parse_args()
    rows = [
        study(HOUSE / "results" / "study" / f"seed{seed}", seed, options.cores, seed == options.seeds[0])
        for seed in options.seeds
    ]
    means = pd.DataFrame(rows).mean()
    print(f"mean of {len(rows)} seeds: " + ", ".join(f"{name} {value:.3f}" for name, value in means.items()))
    print(
        f"recall {means['recall'] / means['ceiling']:.2f} of the ceiling; "
        f"mAP {means['mAP'] / means['oracle']:.2f} of the oracle's, "
        f"{100 * (means['mAP'] - means['static']):+.0f} points over static tubes, "
        f"{100 * (means['mAP'] - means['mean']):+.0f} over averaging all tubes"
    )


if __name__ == "__main__":
    main()
