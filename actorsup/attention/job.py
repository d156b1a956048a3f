"""Training jobs in this process, or in several processes that torchrun starts.

``torchrun ... -m actorsup.attention.job JOB`` runs one of these processes; JOB is the path of a JSON file
with the values of a ``TrainingJob``.
"""

import json
import logging
import os
import sys
from dataclasses import asdict
from pathlib import Path

from actorsup.attention.training import TrainingJob, train_attention
from actorsup.errors import ActorsupError
from actorsup.training import distributed


def train(job: TrainingJob) -> None:
    """Train the actor attention network in one process, or in the processes that the job asks for.

    Raises:
        ConfigError: The encoder is unknown; raised only if the job runs in this process.
        DataError: Training failed.
    """
    if job.processes == 1 and job.launcher is None:
        train_attention(job)
        return
    path = Path(job.output).with_suffix(".job.json")
    distributed.run_processes("actorsup.attention.job", asdict(job), path, job.processes, job.launcher)


def main() -> None:
    """Run one process of a training job; the command-line argument is the path of the job file."""
    # only the process with rank 0 logs messages that are equal in all processes
    level = logging.INFO if os.environ.get("RANK", "0") == "0" else logging.WARNING
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stdout)
    try:
        train_attention(TrainingJob(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
    except ActorsupError as error:
        print(f"ERROR: {error}", flush=True)
        sys.exit(1)
    finally:
        distributed.leave_process_group()


if __name__ == "__main__":
    main()
