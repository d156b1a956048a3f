"""Training of actor attention from video labels alone (Sections 3.2, 4.2 and 6.2)."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from actorsup.attention.clips import Clip, ahead
from actorsup.attention.encoder import put_encoder_weights
from actorsup.attention.model import ActorAttention, model_content, random_model, topk_mean
from actorsup.attention.settings import AttentionSettings
from actorsup.attention.videos import TrainingVideo, TrainingVideos
from actorsup.devices import resolve_device
from actorsup.epochs import train_epochs
from actorsup.errors import DataError


def train_attention(
    frames: Sequence[Path],
    tubes: Sequence[Path],
    labels: Mapping[str, Sequence[str]],
    classes: Sequence[str],
    output: Path,
    settings: AttentionSettings,
    weights: Path | None,
    device: str,
    seed: int,
    provenance: Mapping[str, Any],
) -> None:
    """Train the network from video labels; no box of an annotation is among its arguments.

    A killed run goes on where it was (``epochs.train_epochs``).

    Args:
        frames: The frame stores that hold the training videos.
        tubes: The shards of their tubes, of which the best are trained on.
        labels: The action classes of each training video.
        classes: Names of the action classes.
        output: The file to make (``model.model_content``). The curve (epoch, loss, accuracy,
            learning rate, seconds) goes beside it, into a CSV of its name.
        settings: The model's section.
        weights: What the encoder starts from (``encoder.put_encoder_weights``); None is random.
        device: ``auto``, ``cpu``, ``cuda``, ...
        seed: Of weights, order, frames and flips.
        provenance: What makes the model.

    Raises:
        DataError: A label is no class; no video has a tube; weights or a shard cannot be used; or
            the loss is not finite.
    """
    model = random_model(settings, classes, seed)
    if weights is not None:
        put_encoder_weights(settings.encoder, model.encoder, weights)
    with TrainingVideos(frames, tubes, labels, classes) as videos:
        training = _Training(model, videos, resolve_device(device), seed)
        content = partial(model_content, model, provenance)
        train_epochs(training, settings.epochs, output, content, provenance, "actor attention")


class _Training:
    """A network on its way, with its optimiser."""

    def __init__(
        self, model: ActorAttention, videos: TrainingVideos, device: torch.device, seed: int
    ) -> None:
        self._model, self._videos, self._device, self._seed = model.to(device), videos, device, seed
        self._settings = model.settings
        decayed = model.classifier.weight
        others = [parameter for parameter in model.parameters() if parameter is not decayed]
        groups: list[dict[str, Any]] = [
            {"params": [decayed], "weight_decay": self._settings.weight_decay},
            {"params": others},
        ]
        self._optimiser = torch.optim.SGD(groups, self._settings.learning_rate, self._settings.momentum)
        self.parts = {"network": self._model, "optimiser": self._optimiser}
        self.steps = math.ceil(len(videos) / self._settings.batch)

    def epoch(self, epoch: int, first: int) -> Iterator[dict[str, float]]:
        """See every video once; each step's losses, rightly classified videos and seconds."""
        self._model.train()
        for group in self._optimiser.param_groups:
            group["lr"] = self._settings.learning_rate_of(epoch)
        start = time.monotonic()
        for batch in self._batches(epoch, first):
            loss, right = self._step(batch, epoch)
            now = time.monotonic()
            yield {"loss": loss, "accuracy": right, "seconds": now - start}
            start = now

    def row(self, sums: Mapping[str, float]) -> dict[str, float]:
        """The mean loss and accuracy of an epoch, its learning rate and how long it took."""
        count = len(self._videos)
        rate = self._optimiser.param_groups[0]["lr"]
        return {
            "loss": sums["loss"] / count,
            "accuracy": sums["accuracy"] / count,
            "learning_rate": rate,
            "seconds": round(sums["seconds"], 2),
        }

    def _batches(self, epoch: int, first: int) -> Iterator[list[tuple[TrainingVideo, Clip]]]:
        size = self._settings.batch
        order = np.random.default_rng([self._seed, epoch]).permutation(len(self._videos))
        chosen = [self._videos[index] for index in order[first * size :]]
        clips = ahead(partial(video.clip, self._settings, self._seed, epoch) for video in chosen)
        for start in range(0, len(chosen), size):
            yield [(video, next(clips)) for video in chosen[start : start + size]]

    def _step(self, batch: list[tuple[TrainingVideo, Clip]], epoch: int) -> tuple[float, float]:
        """Learn from a batch: the sum of its losses, and how many videos were classified rightly.

        The gradient is gathered video by video, which takes the memory of one of them and lets
        them differ in size.
        """
        self._optimiser.zero_grad()
        loss, right = 0.0, 0.0
        for video, clip in batch:
            logits = self._logits(clip)
            target = torch.from_numpy(video.target).to(self._device)
            each = functional.cross_entropy(logits, target)
            (each / len(batch)).backward()
            loss += each.item()
            right += float(target[logits.argmax()] > 0)
        if not math.isfinite(loss):
            names = ", ".join(video.video for video, _ in batch)
            raise DataError(
                f"the loss is not finite in epoch {epoch + 1}, videos {names}; lower the learning_rate"
            )
        self._optimiser.step()
        return loss, right

    def _logits(self, clip: Clip) -> Tensor:
        """Logits of the video (C,)."""
        # a tube that is in none of these frames is no tube of this clip
        there = clip.tubes_there
        boxes = torch.from_numpy(clip.boxes[there] if there.any() else clip.boxes[:1])
        tubes = self._model(torch.from_numpy(clip.frames).to(self._device), boxes.to(self._device))
        return topk_mean(tubes, self._settings.k)
