"""Training of the Siamese network on tracked targets: logistic loss on the response (SiamFC, 2.1)."""

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from actorsup.linking.settings import LinkerSettings, SiameseTrainingSettings
from actorsup.linking.siamese.network import (
    SiameseNetwork,
    crop_sizes,
    put_siamese_weights,
    random_siamese,
    weights_content,
)
from actorsup.linking.siamese.pairs import PairMaker, Pairs
from actorsup.linking.siamese.sequences import Sequences
from actorsup.linking.siamese.tracker import SiameseTracker
from actorsup.linking.siamese.tracking_sets import images_as_sequences, index_files, read_tracking_set
from actorsup.linking.success import sequences_success
from actorsup.training.backbones import normalize
from actorsup.training.devices import resolve_device
from actorsup.training.loop import Step, Training, train_epochs
from actorsup.training.monitor import Expectation, Health, descend, feature_health

_CALIBRATION_PAIRS = 16


@dataclass(frozen=True)
class TrainingSet:
    """Where the pairs come from: a tracking set, stills with boxes, or both.

    Attributes:
        sequences: A folder (``tracking_sets.read_tracking_set``).
        images: Folder of the stills that ``annotations`` names.
        annotations: Boxes of stills in COCO's format (``tracking_sets.images_as_sequences``).
        held_out: A folder of sequences as ``sequences``, that are not trained on but tracked
            after each epoch.
    """

    sequences: Path | None = None
    images: Path | None = None
    annotations: Path | None = None
    held_out: Path | None = None

    def read(self) -> tuple[Sequences, Sequences]:
        """The sequences to train on, and the held out ones.

        Raises:
            DataError: A set cannot be used.
        """
        found = read_tracking_set(self.sequences) if self.sequences else []
        if self.images and self.annotations:
            found = found + images_as_sequences(self.images, self.annotations)
        held_out = read_tracking_set(self.held_out) if self.held_out else []
        return Sequences(found), Sequences(held_out)

    def index_files(self) -> list[Path]:
        """The files that say what is in it."""
        folders = [folder for folder in (self.sequences, self.held_out) if folder]
        indexes = [path for folder in folders for path in index_files(folder)]
        return [*indexes, self.annotations] if self.annotations else indexes


def train_siamese(
    training_set: TrainingSet,
    output: Path,
    section: Mapping[str, Any],
    device: str,
    seed: int,
    provenance: Mapping[str, Any],
) -> None:
    """Train a Siamese network on pairs of frames of tracked targets.

    A killed run goes on where it was (``training.loop.train_epochs``).

    Args:
        training_set: What is trained on.
        output: The weights file to make (``siamese.weights_content``). The loss of each epoch
            goes into a CSV file of the same name, and where sequences are held out, how well
            the network of that epoch tracks them: ``held_out_success`` (``success.success``).
        section: The linker's section (``SiameseTrainingSettings.of_section``).
        device: ``auto``, ``cpu``, ``cuda``, ...
        seed: Of weights, pairs and augmentation.
        provenance: What makes the weights.

    Raises:
        ConfigError: A setting that cannot be used.
        DataError: The sequences, or the weights to start from, cannot be used; or the run has
            diverged (``monitor.Monitor``).
    """
    settings = SiameseTrainingSettings.of_section(section)
    network = random_siamese(settings.trunk, seed, settings.last_relu)
    if settings.start:
        put_siamese_weights(network, settings.trunk, Path(settings.start))
    sequences, held_out = training_set.read()
    training = _Training(network, sequences, settings, resolve_device(device), seed)
    if len(held_out):
        tracking = {key: value for key, value in section.items() if key != "training"}
        training.track_after_each_epoch(held_out, LinkerSettings.of_section(tracking))
    content = partial(weights_content, network, settings.trunk, provenance)
    train_epochs(training, settings.epochs, output, content, provenance, "the Siamese network")


class _Training(Training):
    """A Siamese network being trained, with its optimizer and schedule."""

    expectation = Expectation(
        # a constant response weighs both labels equally, whatever it is
        constant_loss=math.log(2),
        remedy="lower training.learning_rate",
        no_learning="the learning rate is too high or too low, or the boxes are not on the targets: look at "
        "the sequences, and try another training.learning_rate",
    )

    def __init__(
        self,
        network: SiameseNetwork,
        sequences: Sequences,
        settings: SiameseTrainingSettings,
        device: torch.device,
        seed: int,
    ) -> None:
        self._settings, self._device, self._seed = settings, device, seed
        self._held_out: Sequences | None = None
        self._tracking: LinkerSettings | None = None
        self._network = network.to(device)
        self._count = len(sequences)
        exemplar, search, stride = crop_sizes(settings)
        self._cells = (search - exemplar) // stride + 1
        self._pairs = PairMaker(sequences, settings, (exemplar, search, stride))
        self.steps = math.ceil(self._count * settings.pairs / settings.batch)
        freeze_blocks(network.trunk, settings.frozen_blocks)
        self._calibrate()
        self._trained = [value for value in network.parameters() if value.requires_grad]
        self._optimizer = optimizer_of(self._trained, settings)
        self._schedule = LambdaLR(self._optimizer, self._learning_rate_factor)
        self.state = {"network": network, "optimizer": self._optimizer, "schedule": self._schedule}

    def track_after_each_epoch(self, held_out: Sequences, settings: LinkerSettings) -> None:
        """Make the success on held-out sequences a column of the curve."""
        self._held_out, self._tracking = held_out, settings

    def epoch(self, epoch: int, first: int) -> Iterator[Step]:
        """See ``pairs`` pairs of every sequence."""
        random = np.random.default_rng([self._seed, epoch])
        # exemplars and regions differ in their statistics: later on the network gets used to those
        # that tracking will have
        self._network.train(2 * epoch < self._settings.epochs)
        order = random.permutation(np.repeat(np.arange(self._count), self._settings.pairs))
        for step in range(self.steps):
            chosen = order[step * self._settings.batch : (step + 1) * self._settings.batch]
            pairs = self._pairs.make(chosen, random)
            if step < first:
                continue
            loss, features = self._loss(pairs)
            self._optimizer.zero_grad()
            loss.backward()
            gradient = descend(self._optimizer, self._trained, self._settings.largest_gradient)
            self._schedule.step()
            health = Health(loss.item(), gradient, *feature_health(features).tolist())
            yield Step({"loss": health.loss}, health=health)

    def after_epoch(self) -> dict[str, float]:
        """How well the network tracks what is held out."""
        if self._held_out is None or self._tracking is None:
            return {}
        # a copy: the tracker evaluates what it is given
        tracker = SiameseTracker(copy.deepcopy(self._network), self._tracking, self._device)
        return {"held_out_success": sequences_success(tracker, self._held_out)}

    def _learning_rate_factor(self, step: int) -> float:
        """The learning rate of a step of the whole training, relative to the first one."""
        if self._settings.schedule == "cosine":
            return (1 + math.cos(math.pi * step / (self._settings.epochs * self.steps))) / 2
        return self._settings.learning_rate_of(step // self.steps) / self._settings.learning_rate

    @torch.no_grad()
    def _calibrate(self) -> None:
        """Bring the first responses to mean 0 and deviation 1, whatever the size of the features."""
        random = np.random.default_rng([self._seed, self._settings.epochs])
        pairs = self._pairs.make(random.integers(self._count, size=_CALIBRATION_PAIRS), random)
        exemplars, searches = self._features(pairs)
        self._network.calibrate(exemplars, searches[:, None])

    def _features(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        exemplars, searches = (
            self._network.trunk(normalize(torch.from_numpy(images).to(self._device)))
            for images in (pairs.exemplars, pairs.searches)
        )
        return exemplars, searches

    def _loss(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """The loss of a batch, and the features of its exemplars."""
        exemplars, searches = self._features(pairs)
        responses = self._network(exemplars, searches[:, None])[:, 0]
        offset = torch.from_numpy(pairs.offset).to(self._device)
        wanted = labels(offset, self._cells, self._settings.radius)
        return balanced_logistic_loss(responses, wanted), exemplars


def freeze_blocks(trunk: nn.Sequential, blocks: int) -> None:
    """Keep the weights of a VGG trunk's first blocks, each of which ends with a pooling."""
    for layer in trunk:
        if blocks == 0:
            return
        layer.requires_grad_(False)
        blocks -= isinstance(layer, nn.MaxPool2d)


def optimizer_of(parameters: Sequence[nn.Parameter], settings: SiameseTrainingSettings) -> Optimizer:
    """The optimizer of a section; weight decay is on weights, not on biases (as in SiamFC's release)."""
    groups = [
        {"params": [value for value in parameters if value.dim() > 1], "weight_decay": settings.weight_decay},
        {"params": [value for value in parameters if value.dim() <= 1], "weight_decay": 0.0},
    ]
    if settings.optimizer == "adamw":
        return AdamW(groups, settings.learning_rate)
    return SGD(groups, settings.learning_rate, settings.momentum)


def labels(offset: Tensor, cells: int, radius: float) -> Tensor:
    """Which places of the response are on the target (SiamFC, Equation 4).

    Args:
        offset: (B, 2) x and y of the targets from the response's middle, in cells.
        cells: Side of the response.
        radius: In cells.

    Returns:
        (B, cells, cells) float32, 1 or 0.
    """
    place = torch.arange(cells, device=offset.device) - (cells - 1) / 2
    x, y = place - offset[:, :1], place - offset[:, 1:]
    distance = (x[:, None] ** 2 + y[:, :, None] ** 2).sqrt()
    return (distance <= radius).float()


def balanced_logistic_loss(responses: Tensor, wanted: Tensor) -> Tensor:
    """Mean over a batch (B, R, R) of the logistic loss, places of either label weighing half."""
    positive = wanted / wanted.sum((1, 2), keepdim=True).clamp(min=1)
    negative = (1 - wanted) / (1 - wanted).sum((1, 2), keepdim=True).clamp(min=1)
    weight = (positive + negative) / 2
    loss = functional.binary_cross_entropy_with_logits(responses, wanted, weight, reduction="sum")
    return loss / len(responses)
