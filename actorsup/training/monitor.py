"""Monitor of a training run: warns if the network does not learn, stops if it is dead or diverged."""

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from actorsup.errors import DataError
from actorsup.training import distributed

PATIENCE = 20
"""Number of consecutive steps with dead features or zero gradients after which the run stops."""
EXPLOSION_RATIO = 10.0
"""Ratio to the loss of a constant predictor above which the mean loss of an epoch has exploded."""
EPOCHS_TO_LEARN = 5
"""Number of epochs after which the loss should be below the loss of a constant predictor."""
_MIN_SPREAD = 1e-6
"""Minimum spread of features (``Health.spread``); a lower spread means constant features in float32."""
_LEARNED_RATIO = 0.99
"""Ratio to the loss of a constant predictor below which a network has learned something."""
_SOLVED_RATIO = 0.01
"""Ratio to the loss of a constant predictor up to which a zero gradient is normal (task solved)."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Health:
    """Measurements of one training step that show whether the network is alive.

    Attributes:
        loss: Mean loss of the batch, comparable to ``Expectation.constant_loss``.
        gradient: L2 norm of the gradient over all trained parameters.
        size: Root mean square of the input features of the last layer; 0 for a dead network, NaN if not
            measured.
        spread: Standard deviation of these features between examples, divided by ``size``; 0 if the features
            do not depend on the input, NaN if not measured or for a batch of one example.
    """

    loss: float
    gradient: float
    size: float = math.nan
    spread: float = math.nan


@dataclass(frozen=True)
class Expectation:
    """Expected loss of a training run, and advice for messages if the loss is too high.

    Attributes:
        constant_loss: Lowest mean loss of a constant predictor, which ignores its input; None compares with
            the mean loss of the first epoch instead.
        remedy: Advice if the run diverges, such as "lower learning_rate".
        no_learning: Likely cause and advice if the loss does not fall below the loss of a constant predictor.
    """

    constant_loss: float | None = None
    remedy: str = "lower learning_rate"
    no_learning: str = "check the labels, and try another learning_rate"


class Monitor:
    """Monitor that warns if a network does not learn, and stops a run that died or diverged.

    Args:
        network_name: Name of the network for messages, such as "the Siamese network".
        expectation: Expected loss of the run, and advice for messages.
        epochs: Number of epochs of the run.
    """

    def __init__(self, network_name: str, expectation: Expectation, epochs: int) -> None:
        self._network_name, self._expectation, self._epochs = network_name, expectation, epochs
        self._baseline, self._reference = expectation.constant_loss, "a predictor that ignores its input"
        self._dead_steps: dict[str, int] = {}
        self._issued_warnings: set[str] = set()
        self._has_learned = False
        self._losses: list[float] = []

    def step(self, health: Health, epoch: int, step: int) -> None:
        """Check the measurements of one training step.

        Args:
            health: Measurements of the step.
            epoch: 0-based index of the epoch.
            step: 0-based index of the step within the epoch.

        Raises:
            DataError: The loss or the gradient is not finite; or the features were zero or constant, or the
                gradients zero, in ``PATIENCE`` consecutive steps.
        """
        location = f"epoch {epoch + 1}, step {step + 1}"
        for name, value in (("loss", health.loss), ("gradient", health.gradient)):
            if not math.isfinite(value):
                raise DataError(
                    f"training {self._network_name}, {location}: the {name} is not finite: the run has "
                    f"diverged and no model is written; {self._expectation.remedy}"
                )
        self._losses.append(health.loss)
        is_solved = health.loss <= _SOLVED_RATIO * (1.0 if self._baseline is None else self._baseline)
        remedy = (
            "if this is so from the first step on, check the initial weights and the images; "
            f"otherwise {self._expectation.remedy}"
        )
        signs = {
            "every feature is zero: the network is dead": health.size == 0,
            "the features are the same for every input": 0 < health.size and health.spread < _MIN_SPREAD,
            "every gradient is zero": health.gradient == 0 and not is_solved,
        }
        for sign, is_present in signs.items():
            self._dead_steps[sign] = self._dead_steps.get(sign, 0) + 1 if is_present else 0
            if not is_present:
                continue
            self._warn(sign, f"{location}: {sign}; {remedy}")
            if self._dead_steps[sign] >= PATIENCE:
                raise DataError(
                    f"training {self._network_name}, {location}: {sign}, {PATIENCE} steps in a row. "
                    f"The run cannot recover and no model is written; {remedy}"
                )

    def end_epoch(self, epoch: int) -> None:
        """Check the mean loss of an epoch.

        Args:
            epoch: 0-based index of the epoch.

        Raises:
            DataError: The mean loss of the last epoch is more than ``EXPLOSION_RATIO`` times that of a
                constant predictor.
        """
        losses, self._losses = self._losses, []
        if self._baseline is None and epoch == 0 and losses:
            self._baseline, self._reference = sum(losses) / len(losses), "the first epoch"
            return
        if not losses or not self._baseline:  # with a single class there is nothing to learn
            return
        mean = sum(losses) / len(losses)
        ratio = mean / self._baseline
        reference = f"that of {self._reference} ({self._baseline:.4g})"
        if ratio > EXPLOSION_RATIO:
            message = f"epoch {epoch + 1}: the mean loss {mean:.4g} is {ratio:.3g} times {reference}"
            if epoch + 1 == self._epochs:
                raise DataError(
                    f"training {self._network_name}, {message}: the run has diverged and no model is "
                    f"written; {self._expectation.remedy}"
                )
            self._warn("exploded", f"{message}; {self._expectation.remedy}")
        self._has_learned |= ratio < _LEARNED_RATIO
        if not self._has_learned and epoch + 1 >= min(EPOCHS_TO_LEARN, self._epochs):
            self._warn(
                "no learning",
                f"after {epoch + 1} epochs the mean loss {mean:.4g} is no better than {reference}; "
                f"{self._expectation.no_learning}",
            )

    def _warn(self, topic: str, message: str) -> None:
        if topic not in self._issued_warnings:
            self._issued_warnings.add(topic)
            if distributed.rank():  # all processes have the same values; only rank 0 warns
                return
            _LOG.warning("training %s, %s", self._network_name, message)


@torch.no_grad()
def feature_health(features: Tensor) -> Tensor:
    """Compute ``Health.size`` and ``Health.spread`` of features.

    Args:
        features: (B, ...) features of B examples.

    Returns:
        Tensor (2,) float32 of size and spread, on the device of the features. The spread of a single example
        is NaN.
    """
    rows = features.detach().float().flatten(1)
    size = rows.square().mean().sqrt()
    if len(rows) < 2:
        return torch.stack([size, torch.full_like(size, torch.nan)])
    spread = rows.var(0, correction=0).mean().sqrt() / size.clamp(min=torch.finfo(torch.float32).tiny)
    return torch.stack([size, spread])


def clip_gradient(parameters: Iterable[Tensor], max_norm: float | None = None) -> float:
    """Clip the gradient and return its L2 norm over all parameters before clipping.

    Args:
        parameters: Parameters with gradients.
        max_norm: L2 norm to which a larger gradient is scaled; None does not clip.
    """
    norm = nn.utils.clip_grad_norm_(parameters, math.inf if max_norm is None else max_norm)
    return float(norm)


def descend(optimizer: Optimizer, parameters: Iterable[Tensor], max_norm: float | None = None) -> float:
    """Clip the gradient and take an optimizer step if the gradient is finite.

    Returns:
        L2 norm of the gradient before clipping.
    """
    gradient = clip_gradient(parameters, max_norm)
    if math.isfinite(gradient):
        optimizer.step()
    return gradient
