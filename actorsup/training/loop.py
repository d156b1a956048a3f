"""The training loop that detector, Siamese network and actor attention share; a killed run resumes."""

import csv
import io
import logging
import math
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from actorsup.artifacts.atomic import write_text_atomically
from actorsup.errors import DataError
from actorsup.logs import progress
from actorsup.training import distributed
from actorsup.training.monitor import Expectation, Health, Monitor, gradient_norm
from actorsup.training.weights import epoch_file, load_weights, save_weights

SECONDS_BETWEEN_CHECKPOINTS = 300.0
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Step:
    """Result of one training step.

    Attributes:
        values: Losses and other values, by their column in the curves.
        weight: Weight of the step in the means over an epoch.
        health: Values that the monitor checks.
    """

    values: Mapping[str, float]
    weight: float = 1.0
    health: Health | None = None


class Training:
    """A network being trained; a subclass takes the steps.

    Attributes:
        state: Everything that the next step depends on, by name: network, optimizer, schedule.
        steps: Steps of an epoch.
        expectation: What the monitor expects of the run.
    """

    state: Mapping[str, Any]
    steps: int
    expectation: Expectation

    def epoch(self, epoch: int, first: int) -> Iterator[Step]:
        """Take the steps of an epoch, counted from 0, starting at step ``first``.

        Random numbers must depend only on the epoch and the step, so that a resumed run repeats them.
        """
        raise NotImplementedError

    def after_epoch(self) -> Mapping[str, float]:
        """Return more columns for the row of an epoch in the curve."""
        return {}


@dataclass(frozen=True)
class CheckpointOptions:
    """What to keep of a training run, in addition to its result.

    Attributes:
        steps: Steps between checkpoints within an epoch; None is five minutes.
        board: Folder for TensorBoard; None writes none.
        epochs: Folder for the weights after each epoch (``epoch_file``), complete when training ends; None
            keeps none.
    """

    steps: int | None = None
    board: Path | None = None
    epochs: Path | None = None


_DEFAULT = CheckpointOptions()


def descend(
    optimizer: Optimizer, parameters: Iterable[Tensor], largest_gradient: float | None = None
) -> float:
    """Clip the gradient, take a step unless it is not finite, and return its L2 norm before clipping."""
    gradient = gradient_norm(parameters, largest_gradient)
    if math.isfinite(gradient):
        optimizer.step()
    return gradient


def train_epochs(
    training: Training,
    epochs: int,
    output: Path,
    content: Callable[[], Mapping[str, Any]],
    provenance: Mapping[str, Any],
    what: str,
    checkpoints: CheckpointOptions = _DEFAULT,
) -> None:
    """Train, and write the weights.

    A checkpoint ``<output>.partial`` is written after each epoch, and within one after every
    ``checkpoints.steps`` or ``SECONDS_BETWEEN_CHECKPOINTS``. A killed run resumes there, and ends with the
    weights of an uninterrupted run (bit for bit on a CPU). Of several processes, the first one writes.

    Args:
        training: The training.
        epochs: Number of epochs.
        output: The weights file to write. Next to it are the curves: ``<stem>.csv`` with the means over each
            epoch, counted from 1, and its seconds, and ``<stem>_steps.csv`` with each step.
        content: Returns the content of the weights file.
        provenance: Inputs and settings that the weights depend on; a checkpoint with another provenance is
            ignored.
        what: Name of the network, for the log.
        checkpoints: What else to keep.

    Raises:
        DataError: The run died or diverged (``monitor.Monitor``); no weights file is written.
    """
    monitor = Monitor(what, training.expectation, epochs)
    files = _Files(output, checkpoints, dict(provenance), content)
    reached = files.resume(training)
    # no process continues, and removes a checkpoint, before all processes have read it
    distributed.check_same((len(reached.curve), reached.step), f"the checkpoint of {output}")
    writer = _Writer(files, training, reached) if distributed.rank() == 0 else None
    clock = time.monotonic()
    for epoch in range(len(reached.curve), epochs):
        title = f"training {what}, epoch {epoch + 1} of {epochs}{_left(reached.curve, epochs)}"
        first = reached.step
        for step in progress(training.epoch(epoch, first), training.steps - first, title):
            if step.health:
                monitor.step(step.health, epoch, reached.step)
            now = time.monotonic()
            reached.add(step, epoch, now - clock)
            clock = now
            if writer:
                writer.after_step(step)
        monitor.end_epoch(epoch)
        row = reached.end_epoch(training.after_epoch())
        clock = time.monotonic()
        means = ", ".join(f"{name} {value:.4g}" for name, value in row.items())
        _LOG.info("epoch %d: %s%s", epoch + 1, means, _left(reached.curve, epochs))
        if writer:
            writer.after_epoch(row)
    if writer:
        writer.finish()


@dataclass
class _Reached:
    """How far a run is: the rows of both curves, and step, sums and seconds of the current epoch."""

    curve: list[dict[str, float]] = field(default_factory=list)
    rows: list[dict[str, float]] = field(default_factory=list)
    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    weight: float = 0.0
    seconds: float = 0.0

    def add(self, step: Step, epoch: int, seconds: float) -> None:
        self.step += 1
        self.rows.append({"epoch": epoch + 1, "step": self.step, **step.values})
        self.weight += step.weight
        self.seconds += seconds
        for name, value in step.values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value * step.weight

    def end_epoch(self, more: Mapping[str, float]) -> dict[str, float]:
        means = {name: total / self.weight for name, total in self.sums.items()}
        row = {**means, **more, "seconds": round(self.seconds, 2)}
        self.curve.append(row)
        self.step, self.sums, self.weight, self.seconds = 0, {}, 0.0, 0.0
        return row


def _left(curve: Sequence[Mapping[str, float]], epochs: int) -> str:
    """Return the time that is left, for the log; empty before the first and after the last epoch."""
    if not curve or len(curve) == epochs:
        return ""
    mean = sum(row["seconds"] for row in curve) / len(curve)
    return f", {timedelta(seconds=round(mean * (epochs - len(curve))))} left"


@dataclass(frozen=True)
class _Files:
    """The files of a run."""

    output: Path
    checkpoints: CheckpointOptions
    provenance: dict[str, Any]
    content: Callable[[], Mapping[str, Any]]

    @property
    def partial(self) -> Path:
        return self.output.with_name(self.output.name + ".partial")

    @property
    def partial_epochs(self) -> Path:
        # not the path of an output, whose folder Snakemake would empty when it resumes a killed run
        return self.output.with_name(self.output.name + ".partial.epochs")

    def resume(self, training: Training) -> _Reached:
        """Restore a checkpoint of the same provenance that has all the epochs to keep."""
        saved = self._checkpoint()
        same = saved.get("provenance") == self.provenance and "weight" in saved.get("reached", {})
        if same and self.checkpoints.epochs:
            done = range(1, len(saved["reached"]["curve"]) + 1)
            same = all(epoch_file(self.partial_epochs, epoch).exists() for epoch in done)
        if not same:
            shutil.rmtree(self.partial_epochs, ignore_errors=True)
            return _Reached()
        for name, part in training.state.items():
            part.load_state_dict(saved["state"][name])
        reached = _Reached(**saved["reached"])
        _LOG.info("resuming %s after epoch %d, step %d", self.output, len(reached.curve), reached.step)
        return reached

    def _checkpoint(self) -> dict[str, Any]:
        if not self.partial.exists():
            return {}
        try:
            return load_weights(self.partial)
        except DataError as error:
            _LOG.warning("%s; training starts over", error)
            return {}


class _Writer:
    """Writes curves, checkpoints and weights of a run."""

    def __init__(self, files: _Files, training: Training, reached: _Reached) -> None:
        self._files, self._training, self._reached = files, training, reached
        self._saved, self._board = time.monotonic(), None
        if files.checkpoints.board:
            from torch.utils.tensorboard import SummaryWriter

            # hides the steps that a killed run logged after its last checkpoint
            self._board = SummaryWriter(files.checkpoints.board, purge_step=len(reached.rows) + 1)  # type: ignore[no-untyped-call]

    def after_step(self, step: Step) -> None:
        self._log("step", step.values, len(self._reached.rows))
        steps = self._files.checkpoints.steps
        if steps is None:
            due = time.monotonic() - self._saved >= SECONDS_BETWEEN_CHECKPOINTS
        else:
            due = len(self._reached.rows) % steps == 0
        if due and self._reached.step < self._training.steps:
            self._save_checkpoint()

    def after_epoch(self, row: Mapping[str, float]) -> None:
        epoch = len(self._reached.curve)
        self._log("epoch", row, epoch)
        self._write_curves()
        if self._files.checkpoints.epochs:
            save_weights(epoch_file(self._files.partial_epochs, epoch), self._files.content())
        self._save_checkpoint()

    def finish(self) -> None:
        files = self._files
        if self._board:
            self._board.close()  # type: ignore[no-untyped-call]
        # again, because Snakemake deletes them if the run was killed after the last epoch
        self._write_curves()
        if files.checkpoints.epochs:
            shutil.rmtree(files.checkpoints.epochs, ignore_errors=True)
            files.partial_epochs.replace(files.checkpoints.epochs)
        save_weights(files.output, files.content())
        files.partial.unlink(missing_ok=True)

    def _log(self, kind: str, values: Mapping[str, float], number: int) -> None:
        if self._board:
            for name, value in values.items():
                self._board.add_scalar(f"{kind}/{name}", value, number)

    def _save_checkpoint(self) -> None:
        state = {name: part.state_dict() for name, part in self._training.state.items()}
        content = {"state": state, "reached": asdict(self._reached), "provenance": self._files.provenance}
        save_weights(self._files.partial, content)
        self._saved = time.monotonic()

    def _write_curves(self) -> None:
        output = self._files.output
        epochs = [{"epoch": epoch, **row} for epoch, row in enumerate(self._reached.curve, 1)]
        _write_table(output.with_suffix(".csv"), epochs)
        _write_table(output.with_name(f"{output.stem}_steps.csv"), self._reached.rows)


def _write_table(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text_atomically(path, text.getvalue())
