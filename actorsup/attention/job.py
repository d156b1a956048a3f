"""A training of actor attention as plain values: in this process, or in several that torchrun starts.

``torchrun ... -m actorsup.attention.job JOB`` starts these; JOB is a JSON file of a ``TrainingJob``.
"""

import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from actorsup.attention.settings import AttentionSettings
from actorsup.attention.training import train_attention
from actorsup.errors import ActorsupError
from actorsup.training import distributed
from actorsup.training.devices import deterministic
from actorsup.training.loop import CheckpointOptions


@dataclass(frozen=True)
class TrainingJob:
    """What ``train_attention`` takes, and how it is to be done; JSON can hold all of it.

    Attributes:
        frames: Paths of the frame stores.
        tubes: Paths of the shards of tubes.
        labels: The action classes of each training video.
        classes: Names of the action classes.
        output: Path of the model to make.
        settings: Values of ``AttentionSettings`` by name.
        weights: Path of what the encoder starts from; None is random.
        device: ``auto``, ``cpu``, ``cuda``, ...
        seed: Of weights, order, frames and flips.
        provenance: What makes the model.
        processes: How many train together on this machine, each with a GPU of its own or with all
            the CPU.
        launcher: What starts them on several nodes (``distributed.run_together``); None is torchrun,
            here.
        deterministic: Whether a GPU is to give one result, at a cost in time.
        checkpoint_steps: ``CheckpointOptions.steps``.
        board: ``CheckpointOptions.board``.
        epochs: ``CheckpointOptions.epochs``.
    """

    frames: Sequence[str]
    tubes: Sequence[str]
    labels: Mapping[str, Sequence[str]]
    classes: Sequence[str]
    output: str
    settings: Mapping[str, Any]
    weights: str | None
    device: str
    seed: int
    provenance: Mapping[str, Any]
    processes: int = 1
    launcher: str | None = None
    deterministic: bool = False
    checkpoint_steps: int | None = None
    board: str | None = None
    epochs: str | None = None


def train(job: TrainingJob) -> None:
    """Train as a job says.

    Raises:
        ActorsupError: As ``train_attention`` says.
    """
    if job.processes == 1 and job.launcher is None:
        _train_here(job)
        return
    path = Path(job.output).with_suffix(".job.json")
    distributed.run_together("actorsup.attention.job", asdict(job), path, job.processes, job.launcher)


def _train_here(job: TrainingJob) -> None:
    board, epochs = (Path(folder) if folder else None for folder in (job.board, job.epochs))
    with deterministic(job.deterministic):
        train_attention(
            [Path(path) for path in job.frames],
            [Path(path) for path in job.tubes],
            job.labels,
            job.classes,
            Path(job.output),
            AttentionSettings(**job.settings),
            Path(job.weights) if job.weights else None,
            job.device,
            job.seed,
            job.provenance,
            CheckpointOptions(job.checkpoint_steps, board, epochs),
        )


def main() -> None:
    """Be one of the processes of a job."""
    # of what all of them tell, that of the first
    level = logging.INFO if os.environ.get("RANK", "0") == "0" else logging.WARNING
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stdout)
    try:
        _train_here(TrainingJob(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
    except ActorsupError as error:
        print(f"ERROR: {error}", flush=True)
        sys.exit(1)
    finally:
        distributed.leave()


if __name__ == "__main__":
    main()
