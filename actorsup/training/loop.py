"""Training by epochs that a killed run goes on with: for the detector, the Siamese network and attention."""

import csv
import io
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from actorsup.artifacts.atomic import write_whole
from actorsup.errors import DataError
from actorsup.logs import progress
from actorsup.training import distributed
from actorsup.training.monitor import Expectation, Health, Monitor
from actorsup.training.weights import epoch_file, load_weights, save_weights

SECONDS_BETWEEN_CHECKPOINTS = 300.0
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Step:
    """What a step of a training came to.

    Attributes:
        values: Its losses and the like, by their name in the curve.
        weight: What they count in the means over an epoch.
        health: What the monitor checks.
    """

    values: Mapping[str, float]
    weight: float = 1.0
    health: Health | None = None


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

    @property
    def expectation(self) -> Expectation:
        """What the monitor expects of the run."""
        ...

    def epoch(self, epoch: int, first: int) -> Iterator[Step]:
        """Take the steps of an epoch, counted from 0, from step ``first`` on.

        Chance must depend on the epoch and the step alone, so that a resumed run has the same.
        """
        ...

    def after_epoch(self) -> Mapping[str, float]:
        """What an epoch's row of the curve says beside the means over its steps."""
        ...


@dataclass(frozen=True)
class CheckpointOptions:
    """What is kept of a training on its way, beside its result.

    Attributes:
        steps: Steps from one checkpoint to the next within an epoch; None is five minutes.
        board: Folder for TensorBoard; None writes none.
        epochs: Folder for the weights after each epoch (``epoch_file``), whole in the end; None keeps none.
    """

    steps: int | None = None
    board: Path | None = None
    epochs: Path | None = None


_NOTHING_ELSE = CheckpointOptions()


def train_epochs(
    training: Training,
    epochs: int,
    output: Path,
    content: Callable[[], Mapping[str, Any]],
    provenance: Mapping[str, Any],
    what: str,
    checkpoints: CheckpointOptions = _NOTHING_ELSE,
) -> None:
    """Train, and write the weights.

    What it takes to go on is kept beside the output as ``<output>.partial`` after each epoch, and
    every so many steps or ``SECONDS_BETWEEN_CHECKPOINTS`` within one. A run that was killed goes on
    from there, to the weights of an uninterrupted one (bit for bit on a CPU). Of several processes
    (``processes``) the first one writes.

    Args:
        training: What is trained.
        epochs: How often it sees its training set.
        output: The weights file to make. Curves go beside it: ``<its name>.csv``, the means over
            each epoch, counted from 1, and its seconds; ``<its name>_steps.csv``, each step.
        content: What the weights file is to hold.
        provenance: What makes the weights; a checkpoint of another one is not taken.
        what: Is trained, for the log.
        checkpoints: What else is kept.

    Raises:
        DataError: The run has died or diverged (``monitor.Monitor``); no weights file is written.
    """
    monitor = Monitor(what, training.expectation, epochs)
    writer = _Writer(output, checkpoints, provenance, content) if distributed.rank() == 0 else None
    reached = _resume(training, output, dict(provenance), checkpoints)
    # and none goes on, and removes a checkpoint, before all have read it
    distributed.check_same((len(reached.curve), reached.step), f"what was trained of {output}")
    board = _board(checkpoints, len(reached.rows)) if writer else None
    start, begun = time.monotonic(), reached.seconds
    last_step, last_time = len(reached.rows), time.monotonic()
    for epoch in range(len(reached.curve), epochs):
        told = f"training {what}, epoch {epoch + 1} of {epochs}{_left(reached.curve, epochs)}"
        first = reached.step
        for step in progress(training.epoch(epoch, first), training.steps - first, told):
            if step.health:
                monitor.step(step.health, epoch, reached.step)
            reached.take(step, epoch)
            reached.seconds = begun + time.monotonic() - start
            if board:
                for name, value in step.values.items():
                    board.add_scalar(f"step/{name}", value, len(reached.rows))
            if writer and reached.step < training.steps and _due(checkpoints, reached, last_step, last_time):
                writer.checkpoint(training, reached)
                last_step, last_time = len(reached.rows), time.monotonic()
        monitor.end_epoch(epoch)
        row = reached.end_epoch(training.after_epoch())
        start, begun = time.monotonic(), 0.0
        means = ", ".join(f"{k} {v:.4g}" for k, v in row.items())
        _LOG.info("epoch %d: %s%s", epoch + 1, means, _left(reached.curve, epochs))
        if board:
            for name, value in row.items():
                board.add_scalar(f"epoch/{name}", value, epoch + 1)
        if writer:
            writer.after_epoch(training, reached, epoch)
    if board:
        board.close()
    if writer:
        writer.finish(reached)


@dataclass
class _Reached:
    """How far a training is: rows of its epochs and steps, steps of the next epoch and sums over them."""

    curve: list[dict[str, float]] = field(default_factory=list)
    rows: list[dict[str, float]] = field(default_factory=list)
    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    weight: float = 0.0
    seconds: float = 0.0

    def take(self, step: Step, epoch: int) -> None:
        self.step += 1
        self.rows.append({"epoch": epoch + 1, "step": self.step, **step.values})
        self.weight += step.weight
        for name, value in step.values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value * step.weight

    def end_epoch(self, more: Mapping[str, float]) -> dict[str, float]:
        means = {name: total / self.weight for name, total in self.sums.items()}
        row = {**means, **more, "seconds": round(self.seconds, 2)}
        self.curve.append(row)
        self.step, self.sums, self.weight, self.seconds = 0, {}, 0.0, 0.0
        return row


def _left(curve: Sequence[Mapping[str, float]], epochs: int) -> str:
    """The time that is left after some epochs of a training, for a person; nothing before the first."""
    if not curve or len(curve) == epochs:
        return ""
    each = sum(row["seconds"] for row in curve) / len(curve)
    return f", {timedelta(seconds=round(each * (epochs - len(curve))))} left"


def _due(checkpoints: CheckpointOptions, reached: _Reached, last_step: int, last_time: float) -> bool:
    if checkpoints.steps is not None:
        return len(reached.rows) - last_step >= checkpoints.steps
    return time.monotonic() - last_time >= SECONDS_BETWEEN_CHECKPOINTS


class _Writer:
    """Where a training's weights, checkpoints and curves go."""

    def __init__(
        self,
        output: Path,
        checkpoints: CheckpointOptions,
        provenance: Mapping[str, Any],
        content: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._output, self._checkpoints = output, checkpoints
        self._provenance, self._content = dict(provenance), content

    def checkpoint(self, training: Training, reached: _Reached) -> None:
        state = {name: part.state_dict() for name, part in training.parts.items()}
        content = {"state": state, "reached": asdict(reached), "provenance": self._provenance}
        save_weights(_partial(self._output), content)

    def after_epoch(self, training: Training, reached: _Reached, epoch: int) -> None:
        self._write_curves(reached)
        if self._checkpoints.epochs:
            save_weights(epoch_file(_partial_epochs(self._output), epoch + 1), self._content())
        self.checkpoint(training, reached)

    def finish(self, reached: _Reached) -> None:
        # Snakemake deletes them after a kill, one between the last epoch and here too
        self._write_curves(reached)
        if self._checkpoints.epochs:
            shutil.rmtree(self._checkpoints.epochs, ignore_errors=True)
            _partial_epochs(self._output).replace(self._checkpoints.epochs)
        save_weights(self._output, self._content())
        _partial(self._output).unlink(missing_ok=True)

    def _write_curves(self, reached: _Reached) -> None:
        epochs = [{"epoch": epoch, **row} for epoch, row in enumerate(reached.curve, 1)]
        _write_table(self._output.with_suffix(".csv"), epochs)
        _write_table(self._output.with_name(f"{self._output.stem}_steps.csv"), reached.rows)


def _partial(output: Path) -> Path:
    return output.with_name(output.name + ".partial")


def _partial_epochs(output: Path) -> Path:
    # not where Snakemake looks for an output: it would empty the folder of a run that was killed
    return output.with_name(output.name + ".partial.epochs")


def _checkpoint(output: Path) -> dict[str, Any]:
    """What is kept of a run that was killed; nothing if it cannot be used."""
    partial = _partial(output)
    if not partial.exists():
        return {}
    try:
        return load_weights(partial)
    except DataError as error:
        _LOG.warning("%s; training begins anew", error)
        return {}


def _resume(
    training: Training, output: Path, provenance: dict[str, Any], checkpoints: CheckpointOptions
) -> _Reached:
    """Go on from a checkpoint of the same provenance, with all epochs that are to be kept."""
    kept, epochs = _checkpoint(output), _partial_epochs(output)
    same = kept.get("provenance") == provenance and "weight" in kept.get("reached", {})
    if same and checkpoints.epochs:
        done = range(1, len(kept["reached"]["curve"]) + 1)
        same = all(epoch_file(epochs, epoch).exists() for epoch in done)
    if not same:
        shutil.rmtree(epochs, ignore_errors=True)
        return _Reached()
    for name, part in training.parts.items():
        part.load_state_dict(kept["state"][name])
    reached = _Reached(**kept["reached"])
    _LOG.info("going on after epoch %d, step %d, of %s", len(reached.curve), reached.step, output)
    return reached


def _board(checkpoints: CheckpointOptions, steps: int) -> Any:
    """Where TensorBoard reads; what a killed run told after its last checkpoint is hidden."""
    if checkpoints.board is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(checkpoints.board, purge_step=steps + 1)  # type: ignore[no-untyped-call]


def _write_table(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue())
