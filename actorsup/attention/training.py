"""Training of the actor attention network from video labels only (Sections 3.2, 4.2, 6.2 of the paper)."""

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

from actorsup.attention.clips import Clip, loader_threads, move_clip, prefetch
from actorsup.attention.dataset import TrainingVideo, training_videos
from actorsup.attention.encoders import initialize_encoder
from actorsup.attention.model import ActorAttention, PooledTubes, model_content, random_model
from actorsup.attention.pooled_features import PooledFeatures, open_pooled_features
from actorsup.attention.selection import constant_loss, video_loss, weight_by_uncertainty
from actorsup.attention.settings import AttentionSettings
from actorsup.errors import DataError
from actorsup.training import distributed
from actorsup.training.devices import deterministic_operations, resolve_device, seed_torch
from actorsup.training.loop import CheckpointOptions, Step, Training, train_epochs
from actorsup.training.monitor import Expectation, Health, descend, feature_health

Example = tuple[TrainingVideo, Clip | PooledTubes]


@dataclass(frozen=True)
class TrainingJob:
    """Parameters of a training run, as JSON-serializable values.

    Attributes:
        frames: Paths of the frame stores of the training videos.
        tubes: Paths of the shards of tubes; the highest-scoring tubes of each video are used.
        labels: Action classes of each training video, by video id.
        classes: Names of the action classes.
        output: Path of the model file to write (``model.model_content``). The training curves (loss,
            accuracy, learning rate) per epoch and per step are CSV files with the same stem.
        settings: Values of ``AttentionSettings`` by name.
        weights: Path of the initial weights of the encoder (``initialize_encoder``); None starts from random
            weights.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
        seed: Seed of the initial weights, the order of videos, the sampled frames and the flips.
        provenance: Inputs and settings that the model depends on.
        processes: Number of processes on this computer: one per GPU, or several on the CPU.
        launcher: Command that starts torchrun on several nodes (``distributed.run_processes``); None runs
            torchrun on this computer only.
        deterministic: Whether to use only deterministic GPU operations, which are slower.
        checkpoint_steps: Number of steps between checkpoints within an epoch; None writes one every five
            minutes.
        board: Folder for the TensorBoard log; None writes no log.
        epochs: Folder for the weights after each epoch; None does not keep these weights.
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
    """Train the actor attention network from video labels, without annotated boxes.

    A rerun after a kill resumes from the last checkpoint (``training.loop.train_epochs``). In distributed
    training, the processes divide the videos of each step among them; the resulting weights equal the weights
    of a run in one process up to rounding.

    Raises:
        ConfigError: The encoder is unknown.
        DataError: A label is not in ``job.classes``; no video has a tube; the weights or a shard are damaged;
            or the run died or diverged (``Monitor``).
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
        open_pooled_features(output, settings) as cache,
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
    """Actor attention network being trained, with its data and optimizer."""

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
        constant_predictor_loss = None
        if not settings.uncertainty:
            constant_predictor_loss = constant_loss(
                np.stack([video.target for video in videos]), settings.label_loss
            )
        self.expectation = Expectation(
            constant_loss=constant_predictor_loss,
            remedy="lower learning_rate, or normalize the features with feature_norm: l2",
            no_learning="learning_rate may be too low or too high, the labels may be wrong, or the tubes may "
            "not be on the actors: look at the tubes, and try another learning_rate",
        )
        classifier_weight = model.classifier.weight
        other_parameters = [p for p in model.parameters() if p is not classifier_weight and p.requires_grad]
        groups: list[dict[str, Any]] = [
            {"params": [classifier_weight], "weight_decay": settings.weight_decay},
            {"params": other_parameters},
        ]
        self._trained_parameters = [classifier_weight, *other_parameters]
        self._optimizer = torch.optim.SGD(groups, settings.learning_rate, settings.momentum)
        # checkpoints omit a frozen encoder: a resumed run loads it from the weights file in the provenance
        submodules = dict(model.named_children())
        if not settings.train_encoder:
            del submodules["encoder"]
        self.state = {**submodules, "optimizer": self._optimizer}
        self.steps = math.ceil(len(videos) / settings.batch)

    def epoch(self, epoch: int, first_step: int) -> Iterator[Step]:
        """Train on every video once and yield the result of each step."""
        self._model.train()
        batches = self._make_batches(epoch)[first_step:]
        examples = prefetch(
            (
                partial(self._load_example, video, epoch)
                for batch in batches
                for video in self._select_local_videos(batch)
            ),
            loader_threads(self._device),
        )
        for step, batch in enumerate(batches, first_step):
            learning_rate = self._settings.learning_rate_of(epoch, (step + 1) / self.steps)
            for group in self._optimizer.param_groups:
                group["lr"] = learning_rate
            local_examples = [(video, next(examples)) for video in self._select_local_videos(batch)]
            health, accuracy = self._train_batch(local_examples, len(batch), epoch)
            if not math.isfinite(health.loss):
                video_names = ", ".join(video.video for video in batch)
                location = f"epoch {epoch + 1}, step {step + 1}, videos {video_names}"
                raise DataError(f"the loss is not finite in {location}; {self.expectation.remedy}")
            values = {"loss": health.loss, "accuracy": accuracy, "learning_rate": learning_rate}
            yield Step(values, len(batch), health)

    def after_epoch(self) -> dict[str, float]:
        """Check that the weights are finite after an epoch; adds no columns to the training curve.

        Raises:
            DataError: A weight is not finite.
        """
        if not all(bool(torch.isfinite(value).all()) for value in self._model.parameters()):
            raise DataError("the weights are not finite after the epoch's last step; lower learning_rate")
        return {}

    def _make_batches(self, epoch: int) -> list[list[TrainingVideo]]:
        size = self._settings.batch
        video_order = np.random.default_rng([self._seed, epoch]).permutation(len(self._videos))
        shuffled_videos = [self._videos[index] for index in video_order]
        return [shuffled_videos[start : start + size] for start in range(0, len(shuffled_videos), size)]

    @staticmethod
    def _select_local_videos(batch: list[TrainingVideo]) -> list[TrainingVideo]:
        """Return the videos of a batch that this process trains on."""
        return batch[distributed.rank() :: distributed.num_processes()]

    def _load_example(self, video: TrainingVideo, epoch: int) -> Clip | PooledTubes:
        """Return the cached features of a video for an epoch, or the clip if the features are not cached."""
        draw = self._cache.draw(epoch)
        return self._cache.get(video.video, draw) or video.clip(self._settings, self._seed, draw)

    def _train_batch(
        self, local_examples: list[Example], batch_size: int, epoch: int
    ) -> tuple[Health, float]:
        """Train on a batch and return the measurements and the accuracy of the step.

        Gradients are accumulated over groups of videos, so that only one group needs to fit into memory.

        Args:
            local_examples: Videos of the batch that this process trains on.
            batch_size: Number of videos of the batch over all processes.
            epoch: 0-based index of the epoch.
        """
        self._optimizer.zero_grad()
        metric_sums, features = torch.zeros(2, device=self._device), list[Tensor]()
        for group in self._group_examples(local_examples):
            # some encoders use the random generator of PyTorch, so it is seeded for each group
            seed_torch(int(group[0][0].random_generator(self._seed, epoch).integers(2**62)), self._device)
            group_loss, num_correct, group_features = self._compute_losses(group, epoch)
            (group_loss / batch_size).backward()
            metric_sums += torch.stack([group_loss.detach(), num_correct])
            features += group_features
        distributed.sum_gradients(self._model.parameters())
        health = feature_health(torch.cat(features)) if local_examples else metric_sums.new_zeros(2)
        values = torch.cat([metric_sums / batch_size, health / distributed.num_processes()])
        loss, accuracy, size, spread = distributed.sum_over_processes(values).tolist()
        gradient = descend(self._optimizer, self._trained_parameters, self._settings.largest_gradient)
        return Health(loss, gradient, size, spread), accuracy

    def _group_examples(self, local_examples: list[Example]) -> Iterator[list[Example]]:
        """Yield groups of at most ``at_once`` videos with the same frame size, to be encoded together."""

        def shape(example: Example) -> tuple[int, ...]:
            return example[1].frames.shape if isinstance(example[1], Clip) else ()

        at_once = self._settings.at_once
        for _, shape_group in groupby(
            sorted(local_examples, key=shape) if at_once > 1 else local_examples, shape
        ):
            while group := list(islice(shape_group, at_once)):
                yield group

    def _compute_losses(self, group: list[Example], epoch: int) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Return the sum of losses, the number of correct videos, and the mean tube features per video."""
        settings = self._settings
        (loss, num_correct), features = torch.zeros(2, device=self._device), []
        for (video, _), pooled_tubes in zip(group, self._pool_features(group, epoch), strict=True):
            logits = self._model.video_logits(self._model(pooled_tubes), epoch)
            target = torch.from_numpy(video.target).to(self._device)
            video_losses = video_loss(logits, target, settings.label_loss)
            if self._model.log_variance is not None:
                normalized_features = (
                    self._model.normalize_features(pooled_tubes).average_over_time().features
                )
                video_losses = weight_by_uncertainty(
                    video_losses, self._model.log_variance(normalized_features).mean()
                )
            features.append(pooled_tubes.average_over_time().features.detach()[:, 0])
            loss = loss + video_losses
            num_correct = num_correct + (target[logits.detach().argmax()] > 0)
        return loss, num_correct, features

    def _pool_features(self, group: list[Example], epoch: int) -> list[PooledTubes]:
        """Return the pooled features of a group of videos, and cache new features."""
        if cached_features := [example for _, example in group if isinstance(example, PooledTubes)]:
            return [pooled_tubes.to(self._device) for pooled_tubes in cached_features]
        clips = [example for _, example in group if isinstance(example, Clip)]
        side, shorter_side = self._model.encoder.info.input_size, self._settings.shorter_side
        device_clips = [
            move_clip(clip.drop_absent_tubes(), shorter_side, side, self._device) for clip in clips
        ]
        pooled_tubes = self._model.pool(
            torch.cat([images for images, _ in device_clips]), [boxes for _, boxes in device_clips]
        )
        for (video, _), features in zip(group, pooled_tubes, strict=True):
            self._cache.put(video.video, self._cache.draw(epoch), features)
        return pooled_tubes
