"""Monitor of a training run: warns if it does not learn, and stops it if it died or diverged."""

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from actorsup.errors import DataError
from actorsup.training import distributed

PATIENCE = 20
"""Consecutive steps without a sign of life after which the run is stopped."""
EXPLODED = 10.0
"""Ratio of the mean loss of an epoch to that of a constant predictor above which the loss has exploded."""
EPOCHS_TO_LEARN = 5
"""Epochs after which the loss should be below that of a constant predictor."""
_CONSTANT = 1e-6
"""Spread of features below which they are constant in float32."""
_BETTER = 0.99
"""Share of the loss of a constant predictor below which a network has learned something."""
_SOLVED = 0.01
"""Share of the loss of a constant predictor up to which a zero gradient is normal: all is learned."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Health:
    """Signs of life of one training step.

    Attributes:
        loss: Mean loss of the batch, on the scale of ``Expectation.constant_loss``.
        gradient: L2 norm of the gradient over all trained parameters.
        size: Root mean square of the input features of the last layer; 0 is a dead network. NaN if not
            measured.
        spread: Standard deviation of these features between examples, as a share of ``size``; 0 means that
            every input gives the same features. NaN if not measured, or for a single example.
    """

    loss: float
    gradient: float
    size: float = math.nan
    spread: float = math.nan


@dataclass(frozen=True)
class Expectation:
    """Expected loss of a training run, and the advice if it is not reached.

    Attributes:
        constant_loss: The lowest mean loss of a predictor that ignores its input; None uses the mean loss of
            the first epoch instead.
        remedy: Advice if the run diverges: "lower learning_rate".
        no_learning: Likely cause and advice if the loss is no better than that of a constant predictor.
    """

    constant_loss: float | None = None
    remedy: str = "lower learning_rate"
    no_learning: str = "check the labels, and try another learning_rate"


class Monitor:
    """Warns if a training run does not learn, and stops it if it died or diverged.

    Args:
        what: Name of the network, for messages: "the Siamese network".
        expectation: Expected loss of the run, and advice.
        epochs: Number of epochs of the run.
    """

    def __init__(self, what: str, expectation: Expectation, epochs: int) -> None:
        self._what, self._expected, self._epochs = what, expectation, epochs
        self._baseline, self._reference = expectation.constant_loss, "a predictor that ignores its input"
        self._silent: dict[str, int] = {}
        self._warned: set[str] = set()
        self._learned = False
        self._losses: list[float] = []

    def step(self, health: Health, epoch: int, step: int) -> None:
        """Check one step.

        Args:
            health: Its measurements.
            epoch: Epoch, counted from 0.
            step: Step within the epoch, counted from 0.

        Raises:
            DataError: The loss or the gradient is not finite, or the features or gradients were dead for
                ``PATIENCE`` consecutive steps.
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
            "if this is so from the first step on, check the initial weights and the images; "
            f"otherwise {self._expected.remedy}"
        )
        signs = {
            "every feature is zero: the network is dead": health.size == 0,
            "the features are the same for every input": 0 < health.size and health.spread < _CONSTANT,
            "every gradient is zero": health.gradient == 0 and not solved,
        }
        for sign, present in signs.items():
            self._silent[sign] = self._silent.get(sign, 0) + 1 if present else 0
            if not present:
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
            DataError: The loss of the last epoch exploded.
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
        if ratio > EXPLODED:
            exploded = f"epoch {epoch + 1}: the mean loss {mean:.4g} is {ratio:.3g} times {reference}"
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
                f"after {epoch + 1} epochs the mean loss {mean:.4g} is no better than {reference}; "
                f"{self._expected.no_learning}",
            )

    def _warn(self, about: str, message: str) -> None:
        if about not in self._warned:
            self._warned.add(about)
            if distributed.rank():  # all processes see the same; the first one warns
                return
            _LOG.warning("training %s, %s", self._what, message)


@torch.no_grad()
def feature_health(features: Tensor) -> Tensor:
    """Measure size and spread of features (``Health``).

    Args:
        features: (B, ...) features of B examples.

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
    """Clip the gradient and return its L2 norm over all parameters before clipping.

    Args:
        parameters: The trained parameters.
        largest: Norm to clip to; None does not clip.
    """
    norm = nn.utils.clip_grad_norm_(parameters, math.inf if largest is None else largest)
    return float(norm)
