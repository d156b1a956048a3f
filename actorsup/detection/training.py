"""Training of detectors on stills with boxes, in COCO's annotation format."""

import math
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from actorsup.detection.augmentation import Target, augmented
from actorsup.detection.images import Stills
from actorsup.detection.networks import Network, build_network, weights_content
from actorsup.detection.settings import DetectorTrainingSettings
from actorsup.training.devices import resolve_device
from actorsup.training.loop import Step, Training, descend, train_epochs
from actorsup.training.monitor import Expectation, Health, feature_health

_WARM_UP = 0.05
_LARGEST_GRADIENT = 10.0


def train_detector(
    images: Path,
    annotations: Path,
    output: Path,
    settings: DetectorTrainingSettings,
    device: str,
    seed: int,
    provenance: Mapping[str, Any],
) -> None:
    """Train a detector from random weights.

    A killed run goes on where it was (``training.loop.train_epochs``).

    Args:
        images: Folder that the annotations' file names are relative to.
        annotations: Boxes in COCO's format; the network learns all their categories, whose ids
            are COCO's.
        output: The weights file to make (``networks.weights_content``). The losses of each
            epoch go beside it, into a CSV of its name.
        settings: Which network, and how it is trained.
        device: ``auto``, ``cpu``, ``cuda``, ...
        seed: Of weights, order and augmentation.
        provenance: What makes the weights.

    Raises:
        ConfigError: There is no such model.
        DataError: The annotations or an image cannot be used; or the run has diverged
            (``monitor.Monitor``).
    """
    stills = Stills(images, annotations)
    torch.manual_seed(seed)
    network = build_network(settings.model, (0, *stills.categories), (settings.width, settings.height))
    training = _Training(network, stills, settings, resolve_device(device), seed)
    size = (settings.width, settings.height)
    content = partial(weights_content, settings.model, network, size, dict(provenance))
    train_epochs(training, settings.epochs, output, content, provenance, "the detector")


class _Training(Training):
    """A detector being trained, with its optimizer and schedule."""

    expectation = Expectation(
        remedy="lower training.learning_rate",
        no_learning="check that the boxes of training.annotations are on the actors, and try another "
        "training.learning_rate",
    )

    def __init__(
        self,
        network: Network,
        stills: Stills,
        settings: DetectorTrainingSettings,
        device: torch.device,
        seed: int,
    ) -> None:
        self._stills, self._settings, self._device, self._seed = stills, settings, device, seed
        self._module = network.module.to(device).train()
        self._features: Tensor | None = None
        backbone = getattr(self._module, "backbone", None)
        if isinstance(backbone, nn.Module):
            backbone.register_forward_hook(self._see)
        self._label_of = {category: label for label, category in enumerate(network.categories)}
        self._optimizer = AdamW(
            self._module.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.steps = math.ceil(len(stills) / settings.batch)
        every = settings.epochs * self.steps
        self._schedule = LambdaLR(self._optimizer, lambda step: learning_rate_factor(step, every))
        self.state = {"network": self._module, "optimizer": self._optimizer, "schedule": self._schedule}

    def epoch(self, epoch: int, first: int) -> Iterator[Step]:
        """See every still once; the network's losses."""
        random = np.random.default_rng([self._seed, epoch])
        for step, (images, targets) in enumerate(self._batches(random)):
            if step < first:
                continue
            # some networks draw from PyTorch's own chance
            torch.manual_seed((self._seed + epoch) * self.steps + step)
            losses: dict[str, Tensor] = self._module(images, targets)
            total = torch.stack(list(losses.values())).sum()
            self._optimizer.zero_grad()
            total.backward()
            gradient = descend(self._optimizer, self._module.parameters(), _LARGEST_GRADIENT)
            self._schedule.step()
            health = Health(total.item(), gradient, *self._feature_health())
            yield Step({name: loss.item() for name, loss in losses.items()}, health=health)

    def _see(self, _module: nn.Module, _inputs: object, maps: Tensor | Mapping[str, Tensor]) -> None:
        """Keep the backbone's first maps of a step, for the monitor."""
        self._features = maps if isinstance(maps, Tensor) else next(iter(maps.values()))

    def _feature_health(self) -> tuple[float, float]:
        if self._features is None:
            return math.nan, math.nan
        size, spread = feature_health(self._features).tolist()
        self._features = None
        return size, spread

    def _batches(self, random: np.random.Generator) -> Iterator[tuple[list[Tensor], list[Target]]]:
        order = random.permutation(len(self._stills))
        for start in range(0, len(order), self._settings.batch):
            pairs = [self._example(i, random) for i in order[start : start + self._settings.batch]]
            images = [image.to(self._device) for image, _ in pairs]
            yield images, [{k: v.to(self._device) for k, v in target.items()} for _, target in pairs]

    def _example(self, index: int, random: np.random.Generator) -> tuple[Tensor, Target]:
        still = self._stills.stills[index]
        labels = np.array([self._label_of[c] for c in still.category], np.int64)
        return augmented(self._stills.image(index), still.boxes, labels, self._settings, random)


def learning_rate_factor(step: int, steps: int) -> float:
    """Linear rise over the first twentieth of the steps, then a cosine to 0."""
    rise = max(1, round(_WARM_UP * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))
