"""Checks of a training run: does it learn, or has it died or diverged without saying so?"""

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from actorsup.errors import DataError
from actorsup.training import distributed

PATIENCE = 20
"""Steps in a row that a network may show no sign of life before the run is stopped."""
EXPLODED = 10.0
"""Ratio of an epoch's mean loss to a constant predictor's from which the loss counts as exploded."""
EPOCHS_TO_LEARN = 5
"""Epochs after which the loss should be below a constant predictor's."""
_CONSTANT = 1e-6
"""Spread of features, relative to their size, below which they count as constant in float32."""
_BETTER = 0.99
"""Share of a constant predictor's loss that a network which has learned anything stays below."""
_SOLVED = 0.01
"""Share of a constant predictor's loss up to which a gradient of zero is no fault: all is learned."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Health:
    """Signs of life of one training step.

    Attributes:
        loss: Mean loss of the batch, comparable with ``Expectation.constant_loss``.
        gradient: L2 norm of the gradient over all trained parameters.
        size: Root mean square of the features that the last layer sees; 0 is a dead network. NaN if
            they were not measured.
        spread: Their standard deviation between examples, as a share of ``size``; 0 means that every
            input gives the same features. NaN if they were not measured, or for a single example.
    """

    loss: float
    gradient: float
    size: float = math.nan
    spread: float = math.nan


@dataclass(frozen=True)
class Expectation:
    """What a monitor expects of a training run.

    Attributes:
        constant_loss: The lowest mean loss that a predictor reaches which ignores its input. None takes
            the mean loss of the first epoch instead.
        remedy: The settings to change when a run diverges, for the messages: "lower learning_rate".
        no_learning: The likely cause, and what to do, when the loss is no better than a constant
            predictor's.
    """

    constant_loss: float | None = None
    remedy: str = "lower learning_rate"
    no_learning: str = "check the labels, and try another learning_rate"


class Monitor:
    """Warns when a training run does not learn, and stops it when it has died or diverged.

    Args:
        what: Name of the network, for messages: "the Siamese network".
        expectation: What is expected of the run.
        epochs: Number of epochs of the run.
    """

    def __init__(self, what: str, expectation: Expectation, epochs: int) -> None:
        self._what, self._expected, self._epochs = what, expectation, epochs
        self._baseline, self._than = expectation.constant_loss, "a predictor that ignores its input"
        self._silent: dict[str, int] = {}
        self._warned: set[str] = set()
        self._learned = False
        self._losses: list[float] = []

    def step(self, health: Health, epoch: int, step: int) -> None:
        """Check one step.

        Args:
            health: What was measured in it.
            epoch: Its epoch, counted from 0.
            step: Its step within the epoch, counted from 0.

        Raises:
            DataError: The loss or the gradient is not finite, or the features or gradients have been
                dead for ``PATIENCE`` steps in a row.
        """
        where = f"epoch {epoch + 1}, step {step + 1}"
        for name, value in (("loss", health.loss), ("gradient", health.gradient)):
            if not math.isfinite(value):
                raise DataError(
                    f"training {self._what}, {where}: the {name} is not finite: the run has diverged and no "
                    f"model is written; {self._expected.remedy}"
                )
        self._losses.append(health.loss)
        solved = health.loss <= _SOLVED * (1.0 if self._baseline is None else self._baseline)
        remedy = (
            "if it is so from the first step on, check the starting weights and the images; "
            f"else {self._expected.remedy}"
        )
        signs = {
            "every feature is zero: the network is dead": health.size == 0,
            "the features are the same for every input": 0 < health.size and health.spread < _CONSTANT,
            "every gradient is zero": health.gradient == 0 and not solved,
        }
        for sign, shown in signs.items():
            self._silent[sign] = self._silent.get(sign, 0) + 1 if shown else 0
            if not shown:
                continue
            self._warn(sign, f"{where}: {sign}; {remedy}")
            if self._silent[sign] >= PATIENCE:
                raise DataError(
                    f"training {self._what}, {where}: {sign}, {PATIENCE} steps in a row. The run cannot "
                    f"recover and no model is written; {remedy}"
                )

    def end_epoch(self, epoch: int) -> None:
        """Check the mean loss of an epoch, counted from 0.

        Raises:
            DataError: It was the last epoch, and its loss has exploded.
        """
        losses, self._losses = self._losses, []
        if self._baseline is None and epoch == 0 and losses:
            self._baseline, self._than = sum(losses) / len(losses), "the first epoch"
            return
        if not losses or not self._baseline:  # a single class leaves nothing to learn
            return
        mean = sum(losses) / len(losses)
        ratio = mean / self._baseline
        than = f"that of {self._than} ({self._baseline:.4g})"
        if ratio > EXPLODED:
            exploded = f"epoch {epoch + 1}: the mean loss {mean:.4g} is {ratio:.3g} times {than}"
            if epoch + 1 == self._epochs:
                raise DataError(
                    f"training {self._what}, {exploded}: the run has diverged and no model is written; "
                    f"{self._expected.remedy}"
                )
            self._warn("exploded", f"{exploded}; {self._expected.remedy}")
        self._learned |= ratio < _BETTER
        if not self._learned and epoch + 1 >= min(EPOCHS_TO_LEARN, self._epochs):
            self._warn(
                "no learning",
                f"after {epoch + 1} epochs the mean loss {mean:.4g} is no better than {than}; "
                f"{self._expected.no_learning}",
            )

    def _warn(self, about: str, message: str) -> None:
        if about not in self._warned:
            self._warned.add(about)
            if distributed.rank():  # of several processes, which all see the same, the first one speaks
                return
            _LOG.warning("training %s, %s", self._what, message)


@torch.no_grad()
def feature_health(features: Tensor) -> Tensor:
    """Size and spread of features, as ``Health`` defines them.

    Args:
        features: (B, ...) of B examples.

    Returns:
        (2,) float32 on the device of the features; the spread is NaN for one example.
    """
    rows = features.detach().float().flatten(1)
    size = rows.square().mean().sqrt()
    if len(rows) < 2:
        return torch.stack([size, torch.full_like(size, torch.nan)])
    spread = rows.var(0, correction=0).mean().sqrt() / size.clamp(min=torch.finfo(torch.float32).tiny)
    return torch.stack([size, spread])


def gradient_norm(parameters: Iterable[Tensor], largest: float | None = None) -> float:
    """L2 norm of the gradient of all parameters together, before it is clipped.

    Args:
        parameters: The trained parameters.
        largest: Gradients are scaled down to this norm; None leaves them as they are.
    """
    norm = nn.utils.clip_grad_norm_(parameters, math.inf if largest is None else largest)
    return float(norm)
