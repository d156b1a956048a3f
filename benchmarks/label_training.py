r"""Compare ways to train actor attention on one data set, over several seeds, with features computed once.

    snakemake --cores 2 --configfile samples/ut_interaction.yaml -- results/ut_interaction_recall.csv \
        results/ut_interaction/tubes/nanotrack/{0000,0002}.h5
    python benchmarks/label_training.py ut_interaction nanotrack paper paper+feature_norm=none \
        --configfile samples/ut_interaction.yaml --seeds 0 1 2

The models are sections of models:, or variants of them, with ``train_encoder: false``. Models that pool the
same features of the same frames share a cache under ``results/<data set>/label_training/``; all else is the
library's own training and scoring. Prints, for each model, the mean and standard deviation over the seeds:

accuracy   test videos whose highest-scoring class is their label (one of their labels)
mAP        at each IoU, over the classes that have ground truth
loss       the mean loss of the first three epochs and of the last one

With ``--held-out REGEX`` (repeatable) the test videos are not touched: training videos whose id matches are
left out of training and evaluated instead, one round for each REGEX. Use it to choose settings.
"""

import argparse
import csv
import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from hashlib import blake2b
from pathlib import Path
from unittest import mock

import h5py
import numpy as np
import pandas as pd
import torch

from actorsup.artifacts.shards import ShardReader
from actorsup.artifacts.tube_files import TUBES_SCHEMA, read_tubes
from actorsup.attention import training
from actorsup.attention.clips import move_clip
from actorsup.attention.model import ActorAttention, PooledTubes, load_model
from actorsup.attention.pooled_features import PooledFeatures
from actorsup.attention.scoring import ScoringInput, _compute_video_logits, prepare_input
from actorsup.attention.scoring_settings import ScoringSettings
from actorsup.attention.settings import AttentionSettings
from actorsup.attention.tube_scores import score_tubes
from actorsup.config.read import read_config, with_variants
from actorsup.errors import DataError
from actorsup.evaluation.ground_truth import read_ground_truth
from actorsup.evaluation.matching import overlap
from actorsup.evaluation.tables import map_table
from actorsup.frames.store import FrameStore
from actorsup.workflow.plan import Plan

POOLING = (
    "encoder", "weights", "pixels", "shorter_side", "grid", "frames",
    "snippet", "snippet_step", "frame_share", "flip", "tubes",
)  # fmt: skip
"""The settings that pooled features depend on."""


@contextmanager
def shared_features(path: Path, output: Path, settings: AttentionSettings) -> Iterator[PooledFeatures]:
    """Open the cache of one seed, which all models with the same pooling share."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "a") as file:
        yield PooledFeatures(settings, file)


class Clips:
    """The frames, tubes and pooled features of a data set.

    Args:
        dataset: Its name.
        linker: Whose tubes are pooled.
    """

    def __init__(self, dataset: str, linker: str) -> None:
        root = Path("results") / dataset
        self.cache = root / "label_training" / linker
        self.frames = sorted((root / "frames").glob("*.h5"))
        self.tubes = sorted((root / "tubes" / linker).glob("*.h5"))
        self.truth = read_ground_truth(root / "ground_truth.csv")
        stores = [FrameStore(path) for path in self.frames]
        shards = [ShardReader(path, TUBES_SCHEMA) for path in self.tubes]
        self.images = {video: store[video] for store in stores for video in store.videos}
        self.found = {video: read_tubes(shard[video]) for shard in shards for video in shard.videos}

    def pooled(
        self, model: ActorAttention, video: str, count: int, name: str
    ) -> tuple[ScoringInput, PooledTubes]:
        """What scoring sees of a video, and the features of its tubes in each of those frames."""
        seen = prepare_input(model, self.images[video], self.found[video], count)
        path = self.cache / f"{name}_scoring{count}.h5"
        with h5py.File(path, "a") as kept:
            if video not in kept:
                info, settings = model.encoder.info, model.settings
                images, boxes = move_clip(
                    seen.clip, settings.shorter_side, info.input_size, torch.device("cpu")
                )
                with torch.no_grad():
                    (pooled,) = model.pool(images, [boxes], per_frame=True)
                group = kept.create_group(video)
                group["features"], group["present"] = pooled.features.numpy(), pooled.is_present.numpy()
            group = kept[video]
            return seen, PooledTubes(*(torch.from_numpy(group[key][()]) for key in ("features", "present")))


def run(
    clips: Clips,
    settings: AttentionSettings,
    scoring: ScoringSettings,
    weights: Path,
    labels: Mapping[str, Sequence[str]],
    tested: Mapping[str, Sequence[str]],
    classes: Sequence[str],
    seed: int,
) -> dict[str, float]:
    """Train one model, score the tubes of other videos, and evaluate."""
    pooling = {name: getattr(settings, name) for name in POOLING}
    name = blake2b(json.dumps(pooling, sort_keys=True).encode(), digest_size=4).hexdigest()
    shared = partial(shared_features, clips.cache / f"{name}_seed{seed}.h5")
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(training, "open_pooled_features", shared),
    ):
        output = Path(folder) / "model.pt"
        try:
            training.train_attention(
                training.TrainingJob(
                    frames=[str(path) for path in clips.frames],
                    tubes=[str(path) for path in clips.tubes],
                    labels=labels,
                    classes=classes,
                    output=str(output),
                    settings=asdict(settings),
                    weights=str(weights),
                    device="cpu",
                    seed=seed,
                    provenance={},
                )
            )
        except DataError as error:
            print(f"  seed {seed} failed: {error}")
            return {}
        with open(output.with_suffix(".csv"), encoding="utf-8") as stream:
            curve = [float(row["loss"]) for row in csv.DictReader(stream)]
        model = load_model(output)
    right, overlaps = [], []
    for video, wanted in tested.items():
        tubes = clips.found.get(video)
        if tubes is not None and len(tubes):
            seen, pooled = clips.pooled(model, video, scoring.score_frames or settings.frames, name)
            with torch.no_grad():
                logits = _compute_video_logits(model, seen.frame_indices, pooled, scoring.trim is not None)
            right.append(classes[int(logits.video.argmax())] in wanted)
            tubes = score_tubes(tubes, logits, scoring)
        overlaps.append(overlap(video, tubes, clips.truth.get(video, [])))
    table = map_table(overlaps, classes)
    means = table[table["class"] == "mean"].set_index("iou_threshold")["average_precision"]
    losses = {f"loss {epoch}": curve[epoch - 1] for epoch in (1, 2, 3) if epoch <= len(curve)}
    return {
        "accuracy": float(np.mean(right)),
        "mAP@0.2": float(means["0.2"]),
        "mAP@0.5": float(means["0.5"]),
        **losses,
        "last loss": curve[-1],
    }


def main() -> None:
    """Print one row for each model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", help="a section of datasets:")
    parser.add_argument("linker", help="a section of linkers:")
    parser.add_argument("models", nargs="+", help="sections of models:, or variants of them")
    parser.add_argument("--configfile", type=Path, nargs="*", default=[])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--held-out", action="append", metavar="REGEX", help="training videos to evaluate on")
    parser.add_argument("--output", type=Path, help="a CSV file for every run")
    options = parser.parse_args()
    config = read_config(options.configfile)
    config["datasets"][options.dataset]["models"] = options.models
    plan = Plan(with_variants(config))
    planned = plan.dataset(options.dataset)
    train = dict(planned.train_labels)
    test = {record.video: record.labels for record in planned.listing.records if record.split == "test"}
    clips = Clips(options.dataset, options.linker)
    rounds = [(train, test)]
    if options.held_out:
        rounds = [
            (
                {video: train[video] for video in train if not re.search(regex, video)},
                {video: train[video] for video in train if re.search(regex, video)},
            )
            for regex in options.held_out
        ]
    rows = []
    for name in options.models:
        settings = AttentionSettings(**plan.networks.model_settings(name))
        scoring = ScoringSettings(**plan.networks.scoring_settings(name))
        weights = Path(plan.networks.encoder_weights(name)[0])
        for seed in options.seeds:
            for number, (labels, tested) in enumerate(rounds):
                found = run(clips, settings, scoring, weights, labels, tested, planned.listing.classes, seed)
                rows.append({"model": name, "seed": seed, "round": number, **found})
        mine = pd.DataFrame([row for row in rows if row["model"] == name]).drop(columns=["model", "round"])
        of_seeds = mine.groupby("seed").mean()
        cells = [f"{key} {value:.3f} ± {of_seeds[key].std():.3f}" for key, value in of_seeds.mean().items()]
        print(f"{name}: {', '.join(cells)}", flush=True)
        if options.output:
            pd.DataFrame(rows).to_csv(options.output, index=False)


if __name__ == "__main__":
    main()
