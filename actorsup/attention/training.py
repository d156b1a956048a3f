"""Training of actor attention from video labels alone (Sections 3.2, 4.2 and 6.2)."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from actorsup.attention.clips import Clip, loader_threads, on_device, prefetch
from actorsup.attention.dataset import TrainingVideo, TrainingVideos
from actorsup.attention.encoder import put_encoder_weights
from actorsup.attention.model import ActorAttention, Pooled, model_content, random_model
from actorsup.attention.pooled_features import PooledFeatures
from actorsup.attention.selection import constant_loss, uncertain_loss, video_logits, video_loss
from actorsup.attention.settings import AttentionSettings
from actorsup.errors import DataError
from actorsup.training import distributed
from actorsup.training.devices import resolve_device, seed_chance
from actorsup.training.loop import CheckpointOptions, Step, train_epochs
from actorsup.training.monitor import Expectation, Health, feature_health, gradient_norm


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
    checkpoints: CheckpointOptions | None = None,
) -> None:
    """Train the network from video labels; no box of an annotation is among its arguments.

    A killed run goes on where it was (``training.loop.train_epochs``). Started by torchrun, the processes
    share each step's videos, to the weights of one process but for the order of sums.

    Args:
        frames: The frame stores that hold the training videos.
        tubes: The shards of their tubes, of which the best are trained on.
        labels: The action classes of each training video.
        classes: Names of the action classes.
        output: The file to make (``model.model_content``). The curves (loss, accuracy, learning
            rate) by epoch and step go beside it, into CSVs of its name.
        settings: The model's section.
        weights: What the encoder starts from (``encoder.put_encoder_weights``); None is random.
        device: ``auto``, ``cpu``, ``cuda``, ...
        seed: Of weights, order, frames and flips.
        provenance: What makes the model.
        checkpoints: What else is kept.

    Raises:
        ConfigError: There is no such encoder.
        DataError: A label is no class; no video has a tube; weights or a shard cannot be used; or
            the run has diverged (``monitor.Monitor``).
    """
    model = random_model(settings, classes, seed)
    if weights is not None:
        put_encoder_weights(settings.encoder, model.encoder, weights)
    where = distributed.join(resolve_device(device))
    with TrainingVideos(frames, tubes, labels, classes) as videos, PooledFeatures(output, settings) as kept:
        training = _Training(model, videos, kept, where, seed)
        content = partial(model_content, model, provenance)
        train_epochs(
            training,
            settings.epochs,
            output,
            content,
            provenance,
            "actor attention",
            checkpoints or CheckpointOptions(),
        )


class _Training:
    """An attention network being trained, with its optimizer."""

    def __init__(
        self,
        model: ActorAttention,
        videos: TrainingVideos,
        kept: PooledFeatures,
        device: torch.device,
        seed: int,
    ) -> None:
        self._model, self._videos, self._device, self._seed = model.to(device), videos, device, seed
        self._settings, self._kept = model.settings, kept
        self.expectation = Expectation(
            constant_loss=None
            if self._settings.uncertainty
            else constant_loss(np.stack([video.target for video in videos]), self._settings.label_loss),
            remedy="lower learning_rate, or normalize the features with feature_norm: l2",
            no_learning="learning_rate may be too low or too high, the labels may be wrong, or the tubes may "
            "not be on the actors: look at the tubes, and try another learning_rate",
        )
        decayed = model.classifier.weight
        others = [p for p in model.parameters() if p is not decayed and p.requires_grad]
        groups: list[dict[str, Any]] = [
            {"params": [decayed], "weight_decay": self._settings.weight_decay},
            {"params": others},
        ]
        self._trained = [decayed, *others]
        self._seen: list[Tensor] = []  # features of the step's tubes, for the monitor
        self._optimiser = torch.optim.SGD(groups, self._settings.learning_rate, self._settings.momentum)
        self.parts = {"network": self._model, "optimiser": self._optimiser}
        self.steps = math.ceil(len(videos) / self._settings.batch)

    def epoch(self, epoch: int, first: int) -> Iterator[Step]:
        """See every video once."""
        self._model.train()
        batches = self._batches(epoch)[first:]
        examples = prefetch(
            (partial(self._example, video, epoch) for batch in batches for video in self._share(batch)),
            loader_threads(self._device),
        )
        for step, batch in enumerate(batches, first):
            rate = self._settings.learning_rate_of(epoch, (step + 1) / self.steps)
            for group in self._optimiser.param_groups:
                group["lr"] = rate
            mine = [(video, next(examples)) for video in self._share(batch)]
            health, right = self._step(mine, len(batch), epoch)
            if not math.isfinite(health.loss):
                names = ", ".join(video.video for video in batch)
                where = f"epoch {epoch + 1}, step {step + 1}, videos {names}"
                raise DataError(f"the loss is not finite in {where}; {self.expectation.remedy}")
            values = {"loss": health.loss, "accuracy": right, "learning_rate": rate}
            yield Step(values, len(batch), health)

    def after_epoch(self) -> dict[str, float]:
        """Nothing: the means over steps say it all.

        Raises:
            DataError: The last step has left weights that are not finite.
        """
        if not all(bool(torch.isfinite(value).all()) for value in self._model.parameters()):
            raise DataError("the weights are not finite after the epoch's last step; lower the learning_rate")
        return {}

    def _batches(self, epoch: int) -> list[list[TrainingVideo]]:
        size = self._settings.batch
        order = np.random.default_rng([self._seed, epoch]).permutation(len(self._videos))
        chosen = [self._videos[index] for index in order]
        return [chosen[start : start + size] for start in range(0, len(chosen), size)]

    @staticmethod
    def _share(batch: list[TrainingVideo]) -> list[TrainingVideo]:
        """The videos of a step that this process learns from."""
        return batch[distributed.rank() :: distributed.count()]

    def _example(self, video: TrainingVideo, epoch: int) -> Clip | Pooled:
        """What an epoch sees of a video; what was pooled of it where that is kept."""
        draw = self._kept.draw(epoch)
        kept = self._kept.get(video.video, draw)
        return kept or video.clip(self._settings, self._seed, draw)

    def _step(
        self, mine: list[tuple[TrainingVideo, Clip | Pooled]], count: int, epoch: int
    ) -> tuple[Health, float]:
        """Learn from a batch: its health, and the share of videos classified rightly.

        The gradient is gathered over parts of a batch, which takes the memory of one of them. Nothing
        is learned from a loss or a gradient that is not finite.
        """
        self._optimiser.zero_grad()
        sums = torch.zeros(2, device=self._device)
        self._seen.clear()
        for part in self._parts(mine):
            # some encoders draw from PyTorch's own chance; each video has a stream of its own
            seed_chance(int(part[0][0].chance(self._seed, epoch).integers(2**62)), self._device)
            losses, right = self._losses(part, epoch)
            (losses / count).backward()
            sums += torch.stack([losses.detach(), right])
        distributed.sum_gradients(self._model.parameters())
        features = feature_health(torch.cat(self._seen)) if self._seen else sums.new_zeros(2)
        shares = torch.cat([sums / count, features / distributed.count()])
        loss, rightly, size, spread = distributed.sum_over_processes(shares).tolist()
        gradient = gradient_norm(self._trained, self._settings.largest_gradient)
        if math.isfinite(loss) and math.isfinite(gradient):
            self._optimiser.step()
        return Health(loss, gradient, size, spread), rightly

    def _parts(
        self, mine: list[tuple[TrainingVideo, Clip | Pooled]]
    ) -> Iterator[list[tuple[TrainingVideo, Clip | Pooled]]]:
        """Videos that go through the network together: of one size, and not too many."""

        def shape(pair: tuple[TrainingVideo, Clip | Pooled]) -> tuple[int, ...]:
            return pair[1].frames.shape if isinstance(pair[1], Clip) else ()

        at_once = self._settings.at_once
        for _, same in groupby(sorted(mine, key=shape) if at_once > 1 else mine, shape):
            group = list(same)
            yield from (group[start : start + at_once] for start in range(0, len(group), at_once))

    def _losses(self, part: list[tuple[TrainingVideo, Clip | Pooled]], epoch: int) -> tuple[Tensor, Tensor]:
        """The sum of some videos' losses, and how many of them were classified rightly."""
        attend = video_logits(self._settings, self._settings.k_of(epoch))
        loss, right = torch.zeros(2, device=self._device)
        for (video, _), pooled in zip(part, self._pooled(part, epoch), strict=True):
            logits = attend(self._model(pooled))
            target = torch.from_numpy(video.target).to(self._device)
            each = video_loss(logits, target, self._settings.label_loss)
            if self._model.log_variance is not None:
                features = self._model.normalized(pooled).averaged().features
                each = uncertain_loss(each, self._model.log_variance(features).mean())
            self._seen.append(pooled.averaged().features.detach()[:, 0])
            loss = loss + each
            right = right + (target[logits.detach().argmax()] > 0)
        return loss, right

    def _pooled(self, part: list[tuple[TrainingVideo, Clip | Pooled]], epoch: int) -> list[Pooled]:
        found = [example for _, example in part if isinstance(example, Pooled)]
        if found:
            return [pooled.to(self._device) for pooled in found]
        clips = [example for _, example in part if isinstance(example, Clip)]
        info, shorter_side = self._model.encoder.info, self._settings.shorter_side
        there = [on_device(clip.of_tubes_there(), shorter_side, info.side, self._device) for clip in clips]
        pooled = self._model.pool(torch.cat([images for images, _ in there]), [boxes for _, boxes in there])
        for (video, _), each in zip(part, pooled, strict=True):
            self._kept.put(video.video, self._kept.draw(epoch), each)
        return pooled
