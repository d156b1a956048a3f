"""How fast actor attention trains, relative to its encoder, and how fast its loader is.

    python benchmarks/attention.py --model paper --videos 8
    python benchmarks/attention.py --model demo --size 160x120 --videos 64
    python benchmarks/attention.py --model demo results/demo demo_siamese

On synthetic videos and tubes, or on those of a data set that has been run; a model may be a
variant. It prints in one run, in videos per second, as medians over rounds of them all:

encoder         forward and backward of the encoder only, on clips that are already on the device,
                as many at once as in training: the baseline
loader          clips read from the frame store, and their tubes
training        an epoch of the rule's own training, loader and all, and its ratio to the encoder
scoring         the rule's own scoring of their tubes, and its ratio to the encoder's forward pass
peak            peak memory of the process, on a GPU of its tensors, GiB
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch
import yaml
from torch import Tensor

from actorsup.artifacts.shards import ShardWriter
from actorsup.artifacts.tube_files import TUBES_SCHEMA, VideoInfo, write_tubes
from actorsup.attention.clips import loader_threads, move_clip, prefetch
from actorsup.attention.dataset import training_videos
from actorsup.attention.model import ActorAttention, random_model
from actorsup.attention.scoring import score_videos
from actorsup.attention.scoring_settings import ScoringSettings
from actorsup.attention.settings import AttentionSettings
from actorsup.attention.training import TrainingJob, train_attention
from actorsup.coco import ID_OF
from actorsup.frames.settings import FrameSettings
from actorsup.frames.store import SCHEMA
from actorsup.frames.write import make_encoder
from actorsup.training.devices import resolve_device
from actorsup.tubes import Tubes
from actorsup.workflow.plan import Plan

Labels = dict[str, list[str]]


def made_up(folder: Path, count: int, size: tuple[int, int], frames: int = 96) -> tuple[list[Path], Labels]:
    """Write a store of so many videos of a moving pattern, and tubes in them: both files, and labels.

    The pattern takes what real video takes on disk, 18 kB a frame of 320x240.
    """
    (width, height), random = size, np.random.default_rng(0)
    encode, info = make_encoder(FrameSettings()), VideoInfo(frames, 25.0, width, height)
    files = [folder / "frames.h5", folder / "tubes.h5"]
    names = [f"{video:03d}" for video in range(count)]
    with ShardWriter(files[0], SCHEMA, {}) as store, ShardWriter(files[1], TUBES_SCHEMA, {}) as shard:
        for name in names:
            pattern = cv2.resize(
                random.integers(0, 256, (height // 8, width // 8 + frames // 8, 3), dtype=np.uint8),
                (width + frames, height), interpolation=cv2.INTER_CUBIC,
            )  # fmt: skip
            pattern = cv2.add(pattern, random.integers(0, 14, pattern.shape, dtype=np.uint8))
            data = [encode(np.ascontiguousarray(pattern[:, at : at + width])) for at in range(frames)]
            offset = np.cumsum([0, *map(len, data)])
            stored = {"stored_width": width, "stored_height": height, **vars(info)}
            store.add(name, {"encoded": np.concatenate(data), "offset": offset}, stored)
            write_tubes(shard, name, info, still_tubes(random, 20, info))
    return files, {name: [("a", "b", "c")[int(name) % 3]] for name in names}


def still_tubes(random: np.random.Generator, count: int, info: VideoInfo) -> Tubes:
    """So many tubes of boxes that do not move."""
    low = random.uniform(0, 0.6, (count, 2))
    boxes = np.concatenate([low, low + random.uniform(0.1, 0.4, low.shape)], axis=1)
    boxes *= np.tile([info.width, info.height], 2)
    return Tubes(
        boxes=np.tile(boxes[:, None], (1, info.frames, 1)).astype(np.float32),
        score=np.linspace(1, 0.5, count, dtype=np.float32),
        actor=np.full(count, ID_OF["person"], np.int16),
        seed_frame=np.zeros(count, np.int32),
        frame_score=np.ones((count, info.frames), np.float32),
        interval=np.tile(np.array([0, info.frames], np.int32), (count, 1)),
    )


def seconds_of(job: Callable[[], Any]) -> tuple[float, Any]:
    """How long a job takes, and what it returns."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    start = time.monotonic()
    result = job()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.monotonic() - start, result


def encode(model: ActorAttention, clips: list[Tensor]) -> None:
    """Forward and backward of the encoder, as many clips at a time as in training."""
    how = model.settings
    for start in range(0, len(clips), how.at_once):
        frames = torch.cat(clips[start : start + how.at_once])
        with torch.autocast(frames.device.type, torch.bfloat16, enabled=how.precision == "bfloat16"):
            maps = model.encoder(model.encoder.normalize(frames, how.pixels), how.snippet)
        maps.float().sum().backward()


def set_of(options: argparse.Namespace, folder: Path) -> tuple[list[Path], list[Path], Labels]:
    """What is trained on: frame stores, shards of tubes and labels."""
    if options.results is None:
        width, height = map(int, options.size.split("x"))
        (frames, tubes), labels = made_up(folder, options.videos, (width, height))
        return [frames], [tubes], labels
    table = pd.read_csv(options.results / "videos.csv", dtype=str, keep_default_na=False)
    chosen = table[(table["split"] == "train") & (table["label"] != "")].head(options.videos)
    labels = {video: label.split("|") for video, label in zip(chosen["video"], chosen["label"], strict=True)}
    shards = [f"{int(shard):04d}.h5" for shard in sorted(set(chosen["shard"]))]
    tubes = options.results / "tubes" / options.linker
    return [options.results / "frames" / s for s in shards], [tubes / s for s in shards], labels


def settings_of(model: str) -> AttentionSettings:
    """A section of models: in config.yaml, or a variant of one, trained for a few epochs."""
    config = yaml.safe_load(Path("config.yaml").read_text(encoding="utf-8"))
    config["ablations"] = {"benchmark": {"models": [model]}}
    return replace(AttentionSettings(**Plan(config).networks.model_settings(model)), epochs=2)


@torch.no_grad()
def encode_forward(model: ActorAttention, clips: list[Tensor]) -> None:
    """The encoder's forward pass, a clip at a time."""
    for frames in clips:
        model.encoder(model.encoder.normalize(frames, model.settings.pixels), model.settings.snippet)


def one_round(
    of: tuple[list[Path], list[Path], Labels], model: ActorAttention, output: Path, device: torch.device
) -> tuple[list[float], Tensor]:
    """Videos a second of encoder, loader, training, encoder forward and scoring, and the frames of a clip."""
    settings = model.settings
    with training_videos(*of, model.classes) as videos:
        jobs = [partial(video.clip, settings, 0, 0) for video in videos]
        loading, clips = seconds_of(lambda: list(prefetch(jobs, loader_threads(device))))
    shorter_side, side = settings.shorter_side, model.encoder.info.input_size
    ready = [move_clip(clip, shorter_side, side, device)[0] for clip in clips]
    encode(model, ready[: 2 * settings.at_once])  # warm
    encoding, _ = seconds_of(lambda: encode(model, ready))
    output.unlink(missing_ok=True)
    frames, tubes = ([str(path) for path in paths] for paths in of[:2])
    given = frames, tubes, of[2], model.classes, str(output), asdict(settings)
    train_attention(TrainingJob(*given, weights=None, device=str(device), seed=0, provenance={}))
    # the second epoch: the first warms
    training = pd.read_csv(output.with_suffix(".csv"))["seconds"].iloc[-1]
    forward, _ = seconds_of(lambda: encode_forward(model, ready))
    predictions = output.with_name("predictions.h5")
    shards = list(zip(of[0], of[1], strict=True))
    scoring, _ = seconds_of(
        lambda: [
            score_videos(*shard, output, predictions, of[2], ScoringSettings(), str(device), {})
            for shard in shards
        ]
    )
    return [len(jobs) / seconds for seconds in (encoding, loading, training, forward, scoring)], ready[0]


def measure(options: argparse.Namespace, folder: Path) -> None:
    """Measure and print."""
    device, settings = resolve_device(options.device), settings_of(options.model)
    of = set_of(options, folder)
    classes = sorted({name for names in of[2].values() for name in names})
    model = random_model(settings, classes, seed=0).to(device).train()
    rounds = [one_round(of, model, folder / "model.pt", device) for _ in range(options.rounds)]
    rates = np.array([rates for rates, _ in rounds])
    encoder_rate, loader_rate, rate, forward_rate, scoring_rate = np.median(rates, axis=0)
    ratios = rates[:, 2] / rates[:, 0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated() / 2**30
    shape = "x".join(map(str, rounds[0][1].shape[:3]))
    print(f"{options.model} on {device}, {torch.get_num_threads()} threads, {len(of[2])} videos of {shape}")
    print(f"encoder only (baseline)  {encoder_rate:8.2f} videos a second")
    print(f"loader only               {loader_rate:8.2f} videos a second")
    print(
        f"training                  {rate:8.2f} videos a second, {rate / settings.batch:.2f} steps a second"
    )
    each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"training to encoder       {np.median(ratios):8.2f}, in each round {each}")
    print(f"encoder forward           {forward_rate:8.2f} videos a second")
    print(f"scoring                   {scoring_rate:8.2f} videos a second")
    print(f"scoring to encoder        {np.median(rates[:, 4] / rates[:, 3]):8.2f}")
    print(f"peak memory               {peak:8.2f} GiB")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, nargs="?", help="results/<data set>; without it, made up")
    parser.add_argument("linker", nargs="?", help="a section of linkers:")
    parser.add_argument("--model", default="demo", help="a section of models: in config.yaml")
    parser.add_argument("--videos", type=int, default=64)
    parser.add_argument("--size", default="320x240", help="of made-up frames, pixels")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="auto")
    with tempfile.TemporaryDirectory() as folder:
        measure(parser.parse_args(), Path(folder))


if __name__ == "__main__":
    main()
