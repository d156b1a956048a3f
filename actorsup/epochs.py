"""Training by epochs that a killed run goes on with: for the detector, the Siamese network and attention."""

import csv
import io
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from actorsup.storage import write_whole
from actorsup.weights import load_weights, save_weights

_LOG = logging.getLogger(__name__)


class Training(Protocol):
    """A network on its way."""

    @property
    def parts(self) -> Mapping[str, Any]:
        """All whose state the next epoch depends on: network, optimiser, schedule."""
        ...

    def epoch(self, epoch: int) -> dict[str, float]:
        """See the training set once, the epoch counted from 0; its row of the curve.

        Chance must begin anew with each epoch, so that a resumed run has the same.
        """
        ...


def train_epochs(
    training: Training,
    epochs: int,
    output: Path,
    content: Callable[[], Mapping[str, Any]],
    provenance: Mapping[str, Any],
) -> None:
    """Train, and write the weights.

    A run that was killed goes on after its last whole epoch, kept beside the output as
    ``<output>.partial``, to the weights of an uninterrupted one (bit for bit on a CPU).

    Args:
        training: What is trained.
        epochs: How often it sees its training set.
        output: The weights file to make. The curve goes beside it, into a CSV of its name: the
            rows of the epochs, counted from 1.
        content: What the weights file is to hold, in the end.
        provenance: What makes the weights; a checkpoint of another one is not taken.
    """
    partial = output.with_name(output.name + ".partial")
    curve = _resume(training, partial, dict(provenance))
    for epoch in range(len(curve), epochs):
        curve.append(training.epoch(epoch))
        _LOG.info("epoch %d: %s", epoch + 1, ", ".join(f"{k} {v:.4g}" for k, v in curve[-1].items()))
        _write_curve(output.with_suffix(".csv"), curve)
        state = {name: part.state_dict() for name, part in training.parts.items()}
        save_weights(partial, {"state": state, "curve": curve, "provenance": dict(provenance)})
    # Snakemake deletes it after a kill, one between the last epoch and here too
    _write_curve(output.with_suffix(".csv"), curve)
    save_weights(output, dict(content()))
    partial.unlink(missing_ok=True)


def _resume(training: Training, partial: Path, provenance: dict[str, Any]) -> list[dict[str, float]]:
    """Go on from a checkpoint of the same provenance; the rows of its epochs."""
    if not partial.exists():
        return []
    kept = load_weights(partial)
    if kept.get("provenance") != provenance:
        return []
    for name, part in training.parts.items():
        part.load_state_dict(kept["state"][name])
    curve: list[dict[str, float]] = kept["curve"]
    _LOG.info("going on after epoch %d of %s", len(curve), partial)
    return curve


def _write_curve(path: Path, curve: Sequence[Mapping[str, float]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["epoch", *curve[0]])
    writer.writerows([epoch, *row.values()] for epoch, row in enumerate(curve, 1))
    write_whole(path, text.getvalue())
