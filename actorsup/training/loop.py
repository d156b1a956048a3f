"""Resumable training loop of the detector, the Siamese network and the actor attention network."""

import csv
import io
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from actorsup.artifacts.atomic import write_text_atomically
from actorsup.errors import DataError
from actorsup.logs import progress
from actorsup.training import distributed
from actorsup.training.monitor import Expectation, Health, Monitor
from actorsup.training.weights import epoch_file, load_weights, save_weights

SECONDS_BETWEEN_CHECKPOINTS = 300.0
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Step:
    """Result of one training step.

    Attributes:
        values: Losses and other values, by column name of the training curves.
        weight: Weight of the step in the mean over an epoch.
        health: Measurements that ``Monitor`` checks; None skips the check.
    """

    values: Mapping[str, float]
    weight: float = 1.0
    health: Health | None = None


class Training:
    """Abstract base of a network being trained; subclasses implement the training steps.

    Attributes:
        state: Objects that the next step depends on (network, optimizer, schedule), by name. Checkpoints
            contain their state dicts.
        steps: Number of steps per epoch.
        expectation: Expected loss of the run, for ``Monitor``.
    """

    state: Mapping[str, Any]
    steps: int
    expectation: Expectation

    def epoch(self, epoch: int, first_step: int) -> Iterator[Step]:
        """Run the steps of an epoch and yield the result of each step.

        Random numbers must depend only on the epoch and the step, so that a resumed run repeats them.

        Args:
            epoch: 0-based index of the epoch.
            first_step: 0-based index of the first step to run.
        """
        raise NotImplementedError

    def after_epoch(self) -> Mapping[str, float]:
        """Return additional columns of the training curve, called after each epoch."""
        return {}


@dataclass(frozen=True)
class CheckpointOptions:
    """Options of checkpoints, TensorBoard logs and weights per epoch.

    Attributes:
        steps: Number of steps between checkpoints within an epoch; None writes one every five minutes.
        board: Folder for the TensorBoard log; None writes no log.
        epochs: Folder for the weights after each epoch (``epoch_file``), which appears when training ends;
            None does not keep these weights.
    """

    steps: int | None = None
    board: Path | None = None
    epochs: Path | None = None


_DEFAULT_CHECKPOINTS = CheckpointOptions()


def train_epochs(
    training: Training,
    epochs: int,
    output: Path,
    get_content: Callable[[], Mapping[str, Any]],
    provenance: Mapping[str, Any],
    network_name: str,
    checkpoints: CheckpointOptions = _DEFAULT_CHECKPOINTS,
) -> None:
    """Train a network, and write its weights file and training curves.

    A checkpoint ``<output>.partial`` is written after each epoch, and within an epoch after every
    ``checkpoints.steps`` steps or ``SECONDS_BETWEEN_CHECKPOINTS``. A rerun after a kill resumes from the
    checkpoint and ends with the weights of an uninterrupted run (bit-identical on a CPU). In distributed
    training, only the process with rank 0 writes files.

    Args:
        training: Network to train.
        epochs: Number of epochs.
        output: Path of the weights file to write. In the same folder, the training curves are written:
            ``<stem>.csv`` with the means and the seconds of each epoch (1-based), and ``<stem>_steps.csv``
            with the values of each step.
        get_content: Function that returns the content of the weights file.
        provenance: Inputs and settings that the weights depend on; a checkpoint with a different provenance
            is ignored.
        network_name: Name of the network, for the log.
        checkpoints: Options of checkpoints, TensorBoard logs and weights per epoch.

    Raises:
        DataError: The loss diverged or the network died (``Monitor``); no weights file is written.
    """
    monitor = Monitor(network_name, training.expectation, epochs)
    files = _Files(output, checkpoints, dict(provenance), get_content)
    run_state = files.resume(training)
    # all processes must have read the checkpoint before one of them continues and replaces it
    distributed.check_same_value((len(run_state.curve), run_state.step), f"the checkpoint of {output}")
    writer = _Writer(files, training, run_state) if distributed.rank() == 0 else None
    last_time = time.monotonic()
    for epoch in range(len(run_state.curve), epochs):
        title = f"training {network_name}, epoch {epoch + 1} of {epochs}{_time_left(run_state.curve, epochs)}"
        first_step = run_state.step
        for step in progress(training.epoch(epoch, first_step), training.steps - first_step, title):
            if step.health:
                monitor.step(step.health, epoch, run_state.step)
            current_time = time.monotonic()
            run_state.add(step, epoch, current_time - last_time)
            last_time = current_time
            if writer:
                writer.after_step(step)
        monitor.end_epoch(epoch)
        row = run_state.end_epoch(training.after_epoch())
        last_time = time.monotonic()
        summary = ", ".join(f"{name} {value:.4g}" for name, value in row.items())
        _LOG.info("epoch %d: %s%s", epoch + 1, summary, _time_left(run_state.curve, epochs))
        if writer:
            writer.after_epoch(row)
    if writer:
        writer.finish()


@dataclass
class _RunState:
    """Progress of a run: rows of both training curves, and step, sums and seconds of the current epoch."""

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

    def end_epoch(self, extra_columns: Mapping[str, float]) -> dict[str, float]:
        means = {name: total / self.weight for name, total in self.sums.items()}
        row = {**means, **extra_columns, "seconds": round(self.seconds, 2)}
        self.curve.append(row)
        self.step, self.sums, self.weight, self.seconds = 0, {}, 0.0, 0.0
        return row


def _time_left(curve: Sequence[Mapping[str, float]], epochs: int) -> str:
    """Return the estimated remaining time, for the log; empty before the first and after the last epoch."""
    if not curve or len(curve) == epochs:
        return ""
    mean = sum(row["seconds"] for row in curve) / len(curve)
    return f", {timedelta(seconds=round(mean * (epochs - len(curve))))} left"


@dataclass(frozen=True)
class _Files:
    """Paths and contents of the output files of a run."""

    output: Path
    checkpoints: CheckpointOptions
    provenance: dict[str, Any]
    get_content: Callable[[], Mapping[str, Any]]

    @property
    def checkpoint_path(self) -> Path:
        return self.output.with_name(self.output.name + ".partial")

    @property
    def partial_epoch_folder(self) -> Path:
        # not the output folder, which Snakemake empties when it reruns the rule after a kill
        return self.output.with_name(self.output.name + ".partial.epochs")

    def resume(self, training: Training) -> _RunState:
        """Restore the checkpoint if its provenance matches and the weights of all its epochs exist."""
        checkpoint = self._load_checkpoint()
        has_progress = "weight" in checkpoint.get("reached", {})
        is_usable = checkpoint.get("provenance") == self.provenance and has_progress
        if is_usable and self.checkpoints.epochs:
            finished_epochs = range(1, len(checkpoint["reached"]["curve"]) + 1)
            is_usable = all(
                epoch_file(self.partial_epoch_folder, epoch).exists() for epoch in finished_epochs
            )
        if not is_usable:
            shutil.rmtree(self.partial_epoch_folder, ignore_errors=True)
            return _RunState()
        for name, component in training.state.items():
            component.load_state_dict(checkpoint["state"][name])
        run_state = _RunState(**checkpoint["reached"])
        _LOG.info("resuming %s after epoch %d, step %d", self.output, len(run_state.curve), run_state.step)
        return run_state

    def _load_checkpoint(self) -> dict[str, Any]:
        if not self.checkpoint_path.exists():
            return {}
        try:
            return load_weights(self.checkpoint_path)
        except DataError as error:
            _LOG.warning("%s; training starts over", error)
            return {}


class _Writer:
    """Writer of the training curves, checkpoints and weights of a run."""

    def __init__(self, files: _Files, training: Training, run_state: _RunState) -> None:
        self._files, self._training, self._run_state = files, training, run_state
        self._last_save_time, self._board = time.monotonic(), None
        if files.checkpoints.board:
            from torch.utils.tensorboard import SummaryWriter

            # purge_step hides the steps that a killed run logged after its last checkpoint
            self._board = SummaryWriter(files.checkpoints.board, purge_step=len(run_state.rows) + 1)  # type: ignore[no-untyped-call]

    def after_step(self, step: Step) -> None:
        self._log("step", step.values, len(self._run_state.rows))
        steps = self._files.checkpoints.steps
        if steps is None:
            is_due = time.monotonic() - self._last_save_time >= SECONDS_BETWEEN_CHECKPOINTS
        else:
            is_due = len(self._run_state.rows) % steps == 0
        if is_due and self._run_state.step < self._training.steps:
            self._save_checkpoint()

    def after_epoch(self, row: Mapping[str, float]) -> None:
        epoch = len(self._run_state.curve)
        self._log("epoch", row, epoch)
        self._write_curves()
        if self._files.checkpoints.epochs:
            save_weights(epoch_file(self._files.partial_epoch_folder, epoch), self._files.get_content())
        self._save_checkpoint()

    def finish(self) -> None:
        files = self._files
        if self._board:
            self._board.close()  # type: ignore[no-untyped-call]
        # written again, because Snakemake deletes the curves if the run was killed after the last epoch
        self._write_curves()
        if files.checkpoints.epochs:
            shutil.rmtree(files.checkpoints.epochs, ignore_errors=True)
            files.partial_epoch_folder.replace(files.checkpoints.epochs)
        save_weights(files.output, files.get_content())
        files.checkpoint_path.unlink(missing_ok=True)

    def _log(self, tag: str, values: Mapping[str, float], index: int) -> None:
        if self._board:
            for name, value in values.items():
                self._board.add_scalar(f"{tag}/{name}", value, index)

    def _save_checkpoint(self) -> None:
        state = {name: component.state_dict() for name, component in self._training.state.items()}
        content = {"state": state, "reached": asdict(self._run_state), "provenance": self._files.provenance}
        save_weights(self._files.checkpoint_path, content)
        self._last_save_time = time.monotonic()

    def _write_curves(self) -> None:
        output = self._files.output
        epochs = [{"epoch": epoch, **row} for epoch, row in enumerate(self._run_state.curve, 1)]
        _write_table(output.with_suffix(".csv"), epochs)
        _write_table(output.with_name(f"{output.stem}_steps.csv"), self._run_state.rows)


def _write_table(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text_atomically(path, text.getvalue())
