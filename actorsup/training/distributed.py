"""Several processes that train one network together: one a GPU, started by torchrun."""

import ctypes
import json
import logging
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed

from actorsup.errors import DataError
from actorsup.training.devices import resolve_device

_LOG = logging.getLogger(__name__)


def join(device: torch.device) -> torch.device:
    """Join the other processes, where torchrun has started this one beside others.

    Returns:
        The device of this process: each has a GPU of its own, or all the CPU.
    """
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        return device
    if device.type == "cuda":
        device = resolve_device(f"cuda:{os.environ['LOCAL_RANK']}")
        torch.cuda.set_device(device)
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return device


def leave() -> None:
    """Part from the other processes."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def rank() -> int:
    """Number of this process among those that train together, from 0."""
    return distributed.get_rank() if distributed.is_available() and distributed.is_initialized() else 0


def count() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def sum_over_processes(values: Tensor) -> Tensor:
    """The sum of a tensor over all processes, the same in each."""
    if count() > 1:
        distributed.all_reduce(values)
    return values


def sum_gradients(parameters: Iterable[Tensor]) -> None:
    """Make each parameter's gradient the sum of all processes' ones."""
    if count() == 1:
        return
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    for parameter in trained:
        if parameter.grad is None:  # this process had no part of the batch
            parameter.grad = torch.zeros_like(parameter)
    gradients = [parameter.grad for parameter in trained if parameter.grad is not None]
    together = sum_over_processes(torch.cat([gradient.flatten() for gradient in gradients]))
    parts = together.split([gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def check_same(value: Any, what: str) -> None:
    """Whether all processes have the same value; each waits until all have told theirs.

    Raises:
        DataError: They have not, as where nodes do not share a folder.
    """
    values = [value] * count()
    if count() > 1:
        distributed.all_gather_object(values, value)
    if values.count(value) < len(values):
        raise DataError(
            f"{what}: the processes find different states there, {values}; all nodes must share the folder"
        )


def run_together(
    module: str, job: Mapping[str, Any], path: Path, processes: int, launcher: str | None = None
) -> None:
    """Run a module of this library in several processes: by torchrun on this machine, or as told.

    Args:
        module: Its name; it is given the path of the job as its one argument.
        job: What to do: plain values.
        path: Where to write the job; it is deleted in the end.
        processes: How many on this machine.
        launcher: A command that starts torchrun on each of several nodes; ``-m``, the module and the
            job's path are put after it.

    Raises:
        DataError: They failed, with what they said last; or there is no such command.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(job), ensure_ascii=False), encoding="utf-8")
    here = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    command = [*(shlex.split(launcher) if launcher else here), "-m", module, str(path)]
    _LOG.info("%s", shlex.join(command))
    end, said = partial(_end_with_parent, ctypes.CDLL(None)), ""
    try:
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=end
        ) as running:
            assert running.stdout is not None
            for line in running.stdout:
                _LOG.info("%s", line.rstrip())
                said = line.removeprefix("ERROR: ").rstrip() if line.startswith("ERROR: ") else said
    except FileNotFoundError as error:
        raise DataError(f"training.launcher: there is no command {command[0]!r} here") from error
    finally:
        path.unlink(missing_ok=True)
    if running.returncode:
        raise DataError(said or f"{module} failed in one of its processes; the log says why")


def _end_with_parent(libc: ctypes.CDLL) -> None:
    """Have the kernel end this process when its parent dies, however: Linux's PR_SET_PDEATHSIG.

    Else torchrun would train on beside the run that takes over.
    """
    if sys.platform == "linux":
        libc.prctl(1, signal.SIGTERM)
