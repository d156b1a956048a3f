"""Training of actor attention from video labels only (Sections 3.2, 4.2 and 6.2)."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from actorsup.attention.clips import Clip, loader_threads, on_device, prefetch
from actorsup.attention.dataset import TrainingVideo, training_videos
from actorsup.attention.encoders import initialize_encoder
from actorsup.attention.model import ActorAttention, Pooled, model_content, random_model
from actorsup.attention.pooled_features import PooledFeatures, pooled_features
from actorsup.attention.selection import SELECTIONS, constant_loss, uncertain_loss, video_loss
from actorsup.attention.settings import AttentionSettings
from actorsup.errors import DataError
from actorsup.training import distributed
from actorsup.training.devices import deterministic_operations, resolve_device, seed_torch
from actorsup.training.loop import CheckpointOptions, Step, Training, descend, train_epochs
from actorsup.training.monitor import Expectation, Health, feature_health

Example = tuple[TrainingVideo, Clip | Pooled]


@dataclass(frozen=True)
class TrainingJob:
    """One training run, as values that JSON can represent.

    Attributes:
        frames: Paths of the frame stores of the training videos.
        tubes: Paths of the shards of their tubes; the best tubes of each video are used.
        labels: Action classes of each training video.
        classes: Names of the action classes.
        output: Path of the model file to write (``model.model_content``). The curves (loss, accuracy,
            learning rate) by epoch and by step are CSV files with the same stem.
        settings: Values of ``AttentionSettings`` by name.
        weights: Path of the initial weights of the encoder (``initialize_encoder``); None is random.
        device: ``auto``, ``cpu``, ``cuda``, ...
        seed: Seed of weights, order, frames and flips.
        provenance: Inputs and settings that the model depends on.
        processes: Processes that train together on this machine: one for each GPU, or all on the CPU.
        launcher: Command that starts torchrun on several nodes (``distributed.run_together``); None runs
            torchrun on this machine only.
        deterministic: Use only deterministic GPU operations, which are slower.
        checkpoint_steps: ``CheckpointOptions.steps``.
        board: ``CheckpointOptions.board``.
        epochs: ``CheckpointOptions.epochs``.
    """

    frames: Sequence[str]
    tubes: Sequence[str]
    labels: Mapping[str, Sequence[str]]
    classes: Sequence[str]
    output: str
    settings: Mapping[str, Any]
    weights: str | None
    device: str
    seed: int
    provenance: Mapping[str, Any]
    processes: int = 1
    launcher: str | None = None
    deterministic: bool = False
    checkpoint_steps: int | None = None
    board: str | None = None
    epochs: str | None = None


def train_attention(job: TrainingJob) -> None:
    """Train the network from video labels; no annotated box is an input.

    A killed run resumes at its last checkpoint (``training.loop.train_epochs``). Processes started by
    torchrun share the videos of each step; the weights equal those of one process up to the order of sums.

    Raises:
        ConfigError: The encoder is unknown.
        DataError: A label is not a known class; no video has a tube; weights or a shard are damaged; or the
            run diverged (``monitor.Monitor``).
    """
    settings, output = AttentionSettings(**job.settings), Path(job.output)
    model = random_model(settings, job.classes, job.seed)
    if job.weights:
        initialize_encoder(settings.encoder, model.encoder, Path(job.weights))
    device = distributed.join_process_group(resolve_device(job.device))
    frames, tubes = ([Path(path) for path in paths] for paths in (job.frames, job.tubes))
    board, epochs = (Path(folder) if folder else None for folder in (job.board, job.epochs))
    with (
        deterministic_operations(job.deterministic),
        training_videos(frames, tubes, job.labels, job.classes) as videos,
        pooled_features(output, settings) as cache,
    ):
        train_epochs(
            _Training(model, videos, cache, device, job.seed),
            settings.epochs,
            output,
            partial(model_content, model, job.provenance),
            job.provenance,
            "actor attention",
            CheckpointOptions(job.checkpoint_steps, board, epochs),
        )


class _Training(Training):
    """An attention network being trained, with its optimizer."""

    def __init__(
        self,
        model: ActorAttention,
        videos: Sequence[TrainingVideo],
        cache: PooledFeatures,
        device: torch.device,
        seed: int,
    ) -> None:
        self._model, self._videos, self._device, self._seed = model.to(device), videos, device, seed
        self._settings, self._cache = model.settings, cache
        settings = model.settings
        constant = None
        if not settings.uncertainty:
            constant = constant_loss(np.stack([video.target for video in videos]), settings.label_loss)
        self.expectation = Expectation(
            constant_loss=constant,
            remedy="lower learning_rate, or normalize the features with feature_norm: l2",
            no_learning="learning_rate may be too low or too high, the labels may be wrong, or the tubes may "
            "not be on the actors: look at the tubes, and try another learning_rate",
        )
        decayed = model.classifier.weight
        others = [p for p in model.parameters() if p is not decayed and p.requires_grad]
        groups: list[dict[str, Any]] = [
            {"params": [decayed], "weight_decay": settings.weight_decay},
            {"params": others},
        ]
        self._trained = [decayed, *others]
        self._optimizer = torch.optim.SGD(groups, settings.learning_rate, settings.momentum)
        # a checkpoint omits a frozen encoder, which the weights file restores; the provenance identifies it
        parts = dict(model.named_children())
        if not settings.train_encoder:
            del parts["encoder"]
        self.state = {**parts, "optimizer": self._optimizer}
        self.steps = math.ceil(len(videos) / settings.batch)

    def epoch(self, epoch: int, first: int) -> Iterator[Step]:
        """Train on every video once."""
        self._model.train()
        batches = self._batches(epoch)[first:]
        examples = prefetch(
            (partial(self._example, video, epoch) for batch in batches for video in self._share(batch)),
            loader_threads(self._device),
        )
        for step, batch in enumerate(batches, first):
            rate = self._settings.learning_rate_of(epoch, (step + 1) / self.steps)
            for group in self._optimizer.param_groups:
                group["lr"] = rate
            mine = [(video, next(examples)) for video in self._share(batch)]
            health, accuracy = self._step(mine, len(batch), epoch)
            if not math.isfinite(health.loss):
                names = ", ".join(video.video for video in batch)
                where = f"epoch {epoch + 1}, step {step + 1}, videos {names}"
                raise DataError(f"the loss is not finite in {where}; {self.expectation.remedy}")
            values = {"loss": health.loss, "accuracy": accuracy, "learning_rate": rate}
            yield Step(values, len(batch), health)

    def after_epoch(self) -> dict[str, float]:
        """Check the weights.

        Raises:
            DataError: The last step left weights that are not finite.
        """
        if not all(bool(torch.isfinite(value).all()) for value in self._model.parameters()):
            raise DataError("the weights are not finite after the epoch's last step; lower learning_rate")
        return {}

    def _batches(self, epoch: int) -> list[list[TrainingVideo]]:
        size = self._settings.batch
        order = np.random.default_rng([self._seed, epoch]).permutation(len(self._videos))
        shuffled = [self._videos[index] for index in order]
        return [shuffled[start : start + size] for start in range(0, len(shuffled), size)]

    @staticmethod
    def _share(batch: list[TrainingVideo]) -> list[TrainingVideo]:
        """Return the videos of a batch that this process trains on."""
        return batch[distributed.rank() :: distributed.num_processes()]

    def _example(self, video: TrainingVideo, epoch: int) -> Clip | Pooled:
        """Return the cached features of a video for an epoch, or its clip."""
        draw = self._cache.draw(epoch)
        return self._cache.get(video.video, draw) or video.clip(self._settings, self._seed, draw)

    def _step(self, mine: list[Example], count: int, epoch: int) -> tuple[Health, float]:
        """Train on a batch of ``count`` videos, ``mine`` in this process; return its health and accuracy.

        Gradients of parts of the batch are accumulated, which needs the memory of one part only.
        """
        self._optimizer.zero_grad()
        sums, features = torch.zeros(2, device=self._device), list[Tensor]()
        for part in self._parts(mine):
            # some encoders draw from PyTorch's random generator; each video seeds it anew
            seed_torch(int(part[0][0].random(self._seed, epoch).integers(2**62)), self._device)
            part_loss, correct, part_features = self._losses(part, epoch)
            (part_loss / count).backward()
            sums += torch.stack([part_loss.detach(), correct])
            features += part_features
        distributed.sum_gradients(self._model.parameters())
        health = feature_health(torch.cat(features)) if mine else sums.new_zeros(2)
        values = torch.cat([sums / count, health / distributed.num_processes()])
        loss, accuracy, size, spread = distributed.sum_over_processes(values).tolist()
        gradient = descend(self._optimizer, self._trained, self._settings.largest_gradient)
        return Health(loss, gradient, size, spread), accuracy

    def _parts(self, mine: list[Example]) -> Iterator[list[Example]]:
        """Yield groups of videos that pass through the network together: of one size, at most ``at_once``."""

        def shape(example: Example) -> tuple[int, ...]:
            return example[1].frames.shape if isinstance(example[1], Clip) else ()

        at_once = self._settings.at_once
        for _, same in groupby(sorted(mine, key=shape) if at_once > 1 else mine, shape):
            while part := list(islice(same, at_once)):
                yield part

    def _losses(self, part: list[Example], epoch: int) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Return the sum of the losses of videos, how many are classified correctly, and their features."""
        settings, k = self._settings, self._settings.k_of(epoch)
        (loss, correct), features = torch.zeros(2, device=self._device), []
        for (video, _), pooled in zip(part, self._pooled(part, epoch), strict=True):
            logits = SELECTIONS[settings.selection](self._model(pooled), k)
            target = torch.from_numpy(video.target).to(self._device)
            video_losses = video_loss(logits, target, settings.label_loss)
            if self._model.log_variance is not None:
                normalized = self._model.normalized(pooled).averaged().features
                video_losses = uncertain_loss(video_losses, self._model.log_variance(normalized).mean())
            features.append(pooled.averaged().features.detach()[:, 0])
            loss = loss + video_losses
            correct = correct + (target[logits.detach().argmax()] > 0)
        return loss, correct, features

    def _pooled(self, part: list[Example], epoch: int) -> list[Pooled]:
        """Return the pooled features of videos, and cache those that were not."""
        if cached := [example for _, example in part if isinstance(example, Pooled)]:
            return [pooled.to(self._device) for pooled in cached]
        clips = [example for _, example in part if isinstance(example, Clip)]
        side, shorter_side = self._model.encoder.info.side, self._settings.shorter_side
        moved = [on_device(clip.without_absent_tubes(), shorter_side, side, self._device) for clip in clips]
        pooled = self._model.pool(torch.cat([images for images, _ in moved]), [boxes for _, boxes in moved])
        for (video, _), features in zip(part, pooled, strict=True):
            self._cache.put(video.video, self._cache.draw(epoch), features)
        return pooled
