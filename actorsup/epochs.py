"""Training by epochs that a killed run goes on with: for the detector, the Siamese network and attention."""

import csv
import io
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from actorsup.logs import progress
from actorsup.storage import write_whole
from actorsup.weights import load_weights, save_weights

SECONDS_BETWEEN_CHECKPOINTS = 300.0
_LOG = logging.getLogger(__name__)


class Training(Protocol):
    """A network on its way."""

    @property
    def parts(self) -> Mapping[str, Any]:
        """All whose state the next step depends on: network, optimiser, schedule."""
        ...

    @property
    def steps(self) -> int:
        """Of an epoch."""
        ...

    def epoch(self, epoch: int, first: int) -> Iterator[dict[str, float]]:
        """Take the steps of an epoch, counted from 0, from step ``first`` on.

        Chance must depend on the epoch and the step alone, so that a resumed run has the same.
        Each step yields what it adds to the epoch's sums.
        """
        ...

    def row(self, sums: Mapping[str, float]) -> dict[str, float]:
        """The row of the curve after an epoch, of the sums over its steps."""
        ...


def train_epochs(
    training: Training,
    epochs: int,
    output: Path,
    content: Callable[[], Mapping[str, Any]],
    provenance: Mapping[str, Any],
    what: str,
) -> None:
    """Train, and write the weights.

    What it takes to go on is kept beside the output as ``<output>.partial`` after each epoch, and
    every ``SECONDS_BETWEEN_CHECKPOINTS`` within one. A run that was killed goes on from there, to
    the weights of an uninterrupted one (bit for bit on a CPU).

    Args:
        training: What is trained.
        epochs: How often it sees its training set.
        output: The weights file to make. The curve goes beside it, into a CSV of its name: the
            rows of the epochs, counted from 1.
        content: What the weights file is to hold, in the end.
        provenance: What makes the weights; a checkpoint of another one is not taken.
        what: Is trained, for the log.
    """
    partial = output.with_name(output.name + ".partial")
    reached = _resume(training, partial, dict(provenance))
    last = time.monotonic()
    for epoch in range(len(reached.curve), epochs):
        told = f"training {what}, epoch {epoch + 1} of {epochs}"
        left = training.steps - reached.step
        for shares in progress(training.epoch(epoch, reached.step), left, told):
            reached.step += 1
            for name, share in shares.items():
                reached.sums[name] = reached.sums.get(name, 0.0) + share
            if time.monotonic() - last >= SECONDS_BETWEEN_CHECKPOINTS and reached.step < training.steps:
                _keep(training, reached, partial, provenance)
                last = time.monotonic()
        row = training.row(reached.sums)
        reached = _Reached([*reached.curve, row])
        _LOG.info("epoch %d: %s", epoch + 1, ", ".join(f"{k} {v:.4g}" for k, v in row.items()))
        _write_curve(output.with_suffix(".csv"), reached.curve)
        _keep(training, reached, partial, provenance)
    # Snakemake deletes it after a kill, one between the last epoch and here too
    _write_curve(output.with_suffix(".csv"), reached.curve)
    save_weights(output, dict(content()))
    partial.unlink(missing_ok=True)


@dataclass
class _Reached:
    """How far a training is: rows of whole epochs, steps of the next one and the sums over them."""

    curve: list[dict[str, float]] = field(default_factory=list)
    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)


def _keep(training: Training, reached: _Reached, path: Path, provenance: Mapping[str, Any]) -> None:
    state = {name: part.state_dict() for name, part in training.parts.items()}
    save_weights(path, {"state": state, "reached": asdict(reached), "provenance": dict(provenance)})


def _resume(training: Training, partial: Path, provenance: dict[str, Any]) -> _Reached:
    """Go on from a checkpoint of the same provenance."""
    kept = load_weights(partial) if partial.exists() else {}
    if not kept or kept.get("provenance") != provenance or "reached" not in kept:
        return _Reached()
    for name, part in training.parts.items():
        part.load_state_dict(kept["state"][name])
    reached = _Reached(**kept["reached"])
    _LOG.info("going on after epoch %d, step %d, of %s", len(reached.curve), reached.step, partial)
    return reached


def _write_curve(path: Path, curve: Sequence[Mapping[str, float]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["epoch", *curve[0]])
    writer.writerows([epoch, *row.values()] for epoch, row in enumerate(curve, 1))
    write_whole(path, text.getvalue())
