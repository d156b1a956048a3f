"""Training of detectors on images with boxes in COCO's annotation format."""

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
from actorsup.detection.images import AnnotatedImages
from actorsup.detection.networks import Network, build_network, weights_content
from actorsup.detection.settings import DetectorTrainingSettings
from actorsup.training.devices import resolve_device
from actorsup.training.loop import Step, Training, train_epochs
from actorsup.training.monitor import Expectation, Health, descend, feature_health

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

    A killed run resumes (``training.loop.train_epochs``).

    Args:
        images: The folder that file names in the annotations are relative to.
        annotations: Boxes in COCO's format. The network learns all categories of the file; their ids must be
            COCO's.
        output: The weights file to write (``networks.weights_content``). The losses of each epoch go into a
            CSV file of the same name.
        settings: The architecture and the hyperparameters.
        device: ``auto``, ``cpu``, ``cuda``, ...
        seed: Seeds weights, order and augmentation.
        provenance: The inputs and settings of the weights, stored with them.

    Raises:
        ConfigError: The model is unknown.
        DataError: The annotations or an image cannot be used, or training diverged (``monitor.Monitor``).
    """
    stills = AnnotatedImages(images, annotations)
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
        stills: AnnotatedImages,
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
        """Train on every image once, and yield the network's losses."""
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
        """Keep the backbone's first feature map of a step for the monitor."""
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
        example = self._stills.images[index]
        labels = np.array([self._label_of[c] for c in example.category], np.int64)
        return augmented(self._stills.image(index), example.boxes, labels, self._settings, random)


def learning_rate_factor(step: int, steps: int) -> float:
    """Return a factor that rises linearly over the first 5 % of the steps, then falls to 0 as a cosine."""
    rise = max(1, round(_WARM_UP * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))
