"""Processes that train one network together, one per GPU, started by torchrun.

Not DistributedDataParallel or Fabric: gradients are summed once per step in one fixed order, so that N
processes reproduce one process up to the order of sums, and training resumes at the same step.
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


def join(device: torch.device) -> torch.device:
    """Join the other processes if torchrun started several, and return the device of this process.

    Each process has a GPU of its own, or all share the CPU.
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
    """Leave the process group."""
    if _joined():
        distributed.destroy_process_group()


def rank() -> int:
    """Return the number of this process, from 0."""
    return distributed.get_rank() if _joined() else 0


def count() -> int:
    """Return the number of processes that train together."""
    return distributed.get_world_size() if _joined() else 1


def _joined() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def sum_over_processes(values: Tensor) -> Tensor:
    """Return the sum of a tensor over all processes, the same in each."""
    if count() > 1:
        distributed.all_reduce(values)
    return values


def sum_gradients(parameters: Iterable[Tensor]) -> None:
    """Replace the gradient of each trained parameter by its sum over all processes."""
    if count() == 1:
        return
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    # a process without a video of the batch has no gradient
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in trained]
    vector_to_parameters(sum_over_processes(parameters_to_vector(gradients)), gradients)
    for parameter, gradient in zip(trained, gradients, strict=True):
        parameter.grad = gradient


def check_same(value: Any, what: str) -> None:
    """Wait for all processes and check that they have the same value.

    Raises:
        DataError: They differ, for example because the nodes do not share a folder.
    """
    values = [value] * count()
    if count() > 1:
        distributed.all_gather_object(values, value)
    if values.count(value) < len(values):
        raise DataError(
            f"{what}: the processes read different states, {values}; all nodes must share the folder"
        )


def run_together(
    module: str, job: Mapping[str, Any], path: Path, processes: int, launcher: str | None = None
) -> None:
    """Run a module of this library in several processes.

    Args:
        module: Name of the module; its only argument is the path of the job.
        job: The job, as values that JSON can represent.
        path: Where to write the job; the file is deleted at the end.
        processes: Number of processes on this machine, which torchrun starts.
        launcher: Command that starts torchrun on several nodes instead; ``-m``, the module and the path of
            the job are appended to it.

    Raises:
        DataError: The processes failed, with their last error; or the command does not exist.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(job), ensure_ascii=False), encoding="utf-8")
    here = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    command = [*(shlex.split(launcher) if launcher else here), "-m", module, str(path)]
    _LOG.info("%s", shlex.join(command))
    end, reason = partial(_end_with_parent, ctypes.CDLL(None)), ""
    try:
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=end
        ) as running:
            assert running.stdout is not None
            for line in running.stdout:
                _LOG.info("%s", line.rstrip())
                reason = line.removeprefix("ERROR: ").rstrip() if line.startswith("ERROR: ") else reason
    except FileNotFoundError as error:
        raise DataError(f"training.launcher: the command {command[0]!r} does not exist here") from error
    finally:
        path.unlink(missing_ok=True)
    if running.returncode:
        raise DataError(reason or f"{module} failed in one of its processes; see the log")


def _end_with_parent(libc: ctypes.CDLL) -> None:
    """Ask the kernel to end this process when its parent dies (Linux, PR_SET_PDEATHSIG).

    Otherwise torchrun would continue to train while another run resumes.
    """
    if sys.platform == "linux":
        libc.prctl(1, signal.SIGTERM)
