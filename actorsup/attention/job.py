"""Runs a training job in this process, or in several that torchrun starts.

``torchrun ... -m actorsup.attention.job JOB`` runs one of these processes; JOB is a JSON file of a
``TrainingJob``.
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
    """Train in as many processes as the job says; raises what ``train_attention`` raises."""
    if job.processes == 1 and job.launcher is None:
        train_attention(job)
        return
    path = Path(job.output).with_suffix(".job.json")
    distributed.run_processes("actorsup.attention.job", asdict(job), path, job.processes, job.launcher)


def main() -> None:
    """Run one of the processes of a job."""
    # only the first process logs what all of them do
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
