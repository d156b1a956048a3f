"""How fast actor attention trains, against its encoder alone and its loader alone.

    python benchmarks/attention.py results/demo demo_siamese --model demo --videos 64
    python benchmarks/attention.py results/demo demo_siamese --model paper+at_once=4 --videos 8

after the tables of the data set; a model may be a variant. With the frames, tubes and labels of some of
its training videos it prints in one run, in videos a second:

encoder         forward and backward of the convolutions alone on clips that lie ready on the device,
                as many at once as in training: the baseline
loader          clips read from the frame store, and their tubes: alone
training        an epoch of the rule's own training, loader and all, and its ratio to the encoder
peak            most memory that the process had so far, on a GPU that of its tensors, GiB
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import yaml
from torch import Tensor

from actorsup.attention.clips import ahead, loader_threads, on_device
from actorsup.attention.model import ActorAttention, random_model
from actorsup.attention.settings import AttentionSettings
from actorsup.attention.training import train_attention
from actorsup.attention.videos import TrainingVideos
from actorsup.devices import resolve_device
from actorsup.plan.run import Plan


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
    """Forward and backward of the encoder alone, as many clips at a time as in training."""
    how = model.settings
    for start in range(0, len(clips), how.at_once):
        frames = torch.cat(clips[start : start + how.at_once])
        with torch.autocast(frames.device.type, torch.bfloat16, enabled=how.precision == "bfloat16"):
            maps = model.encoder(model.encoder.normalise(frames, how.pixels), how.snippet)
        maps.float().sum().backward()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, help="results/<data set>")
    parser.add_argument("linker", help="a section of linkers:")
    parser.add_argument("--model", default="demo", help="a section of models: in config.yaml")
    parser.add_argument("--videos", type=int, default=64)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device = resolve_device(options.device)
    config = yaml.safe_load(Path("config.yaml").read_text(encoding="utf-8"))
    config["ablations"] = {"benchmark": {"models": [options.model]}}
    plan = Plan(config)
    settings = replace(AttentionSettings(**plan.model_settings(options.model)), epochs=2)
    table = pd.read_csv(options.results / "videos.csv", dtype=str, keep_default_na=False)
    chosen = table[(table["split"] == "train") & (table["label"] != "")].head(options.videos)
    labels = {video: label.split("|") for video, label in zip(chosen["video"], chosen["label"], strict=True)}
    classes = sorted({name for names in labels.values() for name in names})
    shards = [f"{int(shard):04d}.h5" for shard in sorted(set(chosen["shard"]))]
    frames = [options.results / "frames" / shard for shard in shards]
    tubes = [options.results / "tubes" / options.linker / shard for shard in shards]

    with TrainingVideos(frames, tubes, labels, classes) as videos:
        count = len(videos)
        loading, clips = seconds_of(
            lambda: list(ahead([partial(v.clip, settings, 0, 0) for v in videos], loader_threads(device)))
        )
    model = random_model(settings, classes, seed=0).to(device).train()
    side = model.encoder.info.side
    ready = [on_device(clip, settings.shorter_side, side, device)[0] for clip in clips]
    encode(model, ready[: 2 * settings.at_once])  # warm
    encoding, _ = seconds_of(lambda: encode(model, ready))
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "model.pt"
        train_attention(
            frames, tubes, labels, classes, output, settings,
            weights=None, device=options.device, seed=0, provenance={},
        )  # fmt: skip
        # the second epoch: the first warms
        training = pd.read_csv(output.with_suffix(".csv"))["seconds"].iloc[-1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated() / 2**30
    shape = "x".join(map(str, ready[0].shape[:3]))
    print(f"{options.model} on {device}, {torch.get_num_threads()} threads, {count} videos of {shape}")
    print(f"encoder alone (baseline)  {count / encoding:8.2f} videos a second")
    print(f"loader alone              {count / loading:8.2f} videos a second")
    steps = -(-count // settings.batch) / training
    ratio = encoding / training
    print(f"training                  {count / training:8.2f} videos a second, {steps:.2f} steps a second")
    print(f"training to encoder       {ratio:8.2f}")
    print(f"peak memory               {peak:8.2f} GiB")


if __name__ == "__main__":
    main()
