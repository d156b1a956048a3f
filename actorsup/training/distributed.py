"""Distributed training of one network in several processes, one per GPU, started by torchrun.

Gradients are summed once per step in a fixed order instead of by DistributedDataParallel or Fabric, so that
N processes reproduce the results of one process up to rounding, and training resumes at the same step.
"""

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
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from actorsup.errors import DataError
from actorsup.training.devices import resolve_device

_LOG = logging.getLogger(__name__)


def join_process_group(device: torch.device) -> torch.device:
    """Join the process group if torchrun started several processes, and return the device of this process.

    Each process uses its own GPU if ``device`` is a GPU; all processes share the CPU otherwise.
    """
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        return device
    if device.type == "cuda":
        device = resolve_device(f"cuda:{os.environ['LOCAL_RANK']}")
        torch.cuda.set_device(device)
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return device


def leave_process_group() -> None:
    """Leave the process group; does nothing in a run of one process."""
    if _is_joined():
        distributed.destroy_process_group()


def rank() -> int:
    """Return the 0-based rank of this process; 0 in a run of one process."""
    return distributed.get_rank() if _is_joined() else 0


def num_processes() -> int:
    """Return the number of processes that train the network together."""
    return distributed.get_world_size() if _is_joined() else 1


def _is_joined() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def sum_over_processes(values: Tensor) -> Tensor:
    """Sum a tensor over all processes, in place, and return the tensor."""
    if num_processes() > 1:
        distributed.all_reduce(values)
    return values


def sum_gradients(parameters: Iterable[Tensor]) -> None:
    """Replace the gradient of each trainable parameter by its sum over all processes."""
    if num_processes() == 1:
        return
    trained_parameters = [parameter for parameter in parameters if parameter.requires_grad]
    # a process that got no video of the batch has no gradient
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in trained_parameters]
    vector_to_parameters(sum_over_processes(parameters_to_vector(gradients)), gradients)
    for parameter, gradient in zip(trained_parameters, gradients, strict=True):
        parameter.grad = gradient


def check_same_value(value: Any, value_name: str) -> None:
    """Wait for all processes and check that a value is equal in all of them.

    Args:
        value: Value to compare.
        value_name: Name of the value, for the error message.

    Raises:
        DataError: The values differ, for example because the nodes do not share a folder.
    """
    values = [value] * num_processes()
    if num_processes() > 1:
        distributed.all_gather_object(values, value)
    if values.count(value) < len(values):
        raise DataError(
            f"{value_name}: the processes read different states, {values}; all nodes must share the folder"
        )


def run_processes(
    module: str, job: Mapping[str, Any], path: Path, processes: int, launcher: str | None = None
) -> None:
    """Run a module of this library in several processes that torchrun starts, and wait for their end.

    Args:
        module: Name of the module; its only command-line argument is the path of the job file.
        job: Parameters of the job, as JSON-serializable values.
        path: Path of the JSON job file; the file is deleted at the end.
        processes: Number of processes on this computer.
        launcher: Command that starts torchrun on several nodes; ``-m``, ``module`` and ``path`` are appended
            to it. None runs torchrun on this computer only.

    Raises:
        DataError: A process failed (the message is its last error), or the launcher does not exist.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(job), ensure_ascii=False), encoding="utf-8")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node"]
    prefix = shlex.split(launcher) if launcher else [*torchrun, str(processes)]
    command = [*prefix, "-m", module, str(path)]
    _LOG.info("%s", shlex.join(command))
    end_with_parent, reason = partial(_end_with_parent, ctypes.CDLL(None)), ""
    try:
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=end_with_parent
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                _LOG.info("%s", line.rstrip())
                reason = line.removeprefix("ERROR: ").rstrip() if line.startswith("ERROR: ") else reason
    except FileNotFoundError as error:
        raise DataError(f"training.launcher: the command {command[0]!r} does not exist here") from error
    finally:
        path.unlink(missing_ok=True)
    if process.returncode:
        raise DataError(reason or f"{module} failed in one of its processes; see the log")


def _end_with_parent(libc: ctypes.CDLL) -> None:
    """Make the kernel terminate this process when its parent process dies (Linux, PR_SET_PDEATHSIG).

    Otherwise, the torchrun of a killed run would continue to train while the next run resumes.
    """
    if sys.platform == "linux":
        libc.prctl(1, signal.SIGTERM)
