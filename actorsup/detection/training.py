"""Training of detectors on stills with boxes, in COCO's annotation format."""

import csv
import io
import logging
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from actorsup.detection.augmentation import Target, augmented
from actorsup.detection.networks import Network, build_network, weights_content
from actorsup.detection.settings import DetectorTrainingSettings
from actorsup.detection.stills import Stills
from actorsup.devices import resolve_device
from actorsup.errors import DataError
from actorsup.logs import progress
from actorsup.storage import write_whole
from actorsup.weights import load_weights, save_weights

_LOG = logging.getLogger(__name__)
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

    A run that was killed goes on after its last whole epoch, kept beside the output as
    ``<output>.partial``, to the weights of an uninterrupted one (bit for bit on a CPU).

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
        DataError: The annotations or an image cannot be used; or the loss is not finite.
    """
    stills = Stills(images, annotations)
    torch.manual_seed(seed)
    network = build_network(settings.model, (0, *stills.categories), (settings.width, settings.height))
    training = _Training(network, stills, settings, resolve_device(device), seed)
    partial = output.with_name(output.name + ".partial")
    losses = training.resume(partial, dict(provenance))
    for epoch in range(len(losses), settings.epochs):
        losses.append(training.epoch(epoch))
        _write_curve(output.with_suffix(".csv"), losses)
        save_weights(partial, training.state() | {"losses": losses, "provenance": dict(provenance)})
    size = (settings.width, settings.height)
    save_weights(output, weights_content(settings.model, network, size, dict(provenance)))
    partial.unlink(missing_ok=True)


class _Training:
    """A network on its way, with its optimiser and schedule."""

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
        self._label_of = {category: label for label, category in enumerate(network.categories)}
        self._optimiser = AdamW(
            self._module.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        steps = settings.epochs * math.ceil(len(stills) / settings.batch)
        self._schedule = LambdaLR(self._optimiser, lambda step: learning_rate_factor(step, steps))

    def epoch(self, epoch: int) -> dict[str, float]:
        """See every still once; the mean of each of the network's losses."""
        # chance begins anew with each epoch, so that a resumed run has the same
        torch.manual_seed(self._seed + epoch)
        random = np.random.default_rng([self._seed, epoch])
        sums: dict[str, float] = {}
        steps = math.ceil(len(self._stills) / self._settings.batch)
        what = f"training the detector, epoch {epoch + 1} of {self._settings.epochs}"
        for images, targets in progress(self._batches(random), steps, what):
            losses: dict[str, Tensor] = self._module(images, targets)
            total = torch.stack(list(losses.values())).sum()
            if not torch.isfinite(total):
                raise DataError(f"the loss is not finite in epoch {epoch + 1}; lower the learning_rate")
            self._optimiser.zero_grad()
            total.backward()
            torch.nn.utils.clip_grad_norm_(self._module.parameters(), _LARGEST_GRADIENT)
            self._optimiser.step()
            self._schedule.step()
            for name, loss in losses.items():
                sums[name] = sums.get(name, 0.0) + loss.item() / steps
        _LOG.info("epoch %d: %s", epoch + 1, ", ".join(f"{k} {v:.4f}" for k, v in sums.items()))
        return sums

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

    def state(self) -> dict[str, Any]:
        """All that the next epoch depends on."""
        return {
            "network": self._module.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
        }

    def resume(self, partial: Path, provenance: Mapping[str, Any]) -> list[dict[str, float]]:
        """Go on from a checkpoint of the same provenance; the losses of its epochs."""
        if not partial.exists():
            return []
        state = load_weights(partial)
        if state["provenance"] != provenance:
            return []
        self._module.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._schedule.load_state_dict(state["schedule"])
        _LOG.info("going on after epoch %d of %s", len(state["losses"]), partial)
        losses: list[dict[str, float]] = state["losses"]
        return losses


def learning_rate_factor(step: int, steps: int) -> float:
    """Linear rise over the first twentieth of the steps, then a cosine to 0."""
    rise = max(1, round(_WARM_UP * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def _write_curve(path: Path, losses: list[dict[str, float]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["epoch", *losses[0]])
    writer.writerows([epoch, *row.values()] for epoch, row in enumerate(losses, 1))
    write_whole(path, text.getvalue())
