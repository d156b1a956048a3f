"""Several processes that train one network together: one a GPU, started by torchrun, by Slurm on nodes."""

import json
import logging
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed

from actorsup.devices import resolve_device
from actorsup.errors import ConfigError, DataError

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


def run_together(module: str, job: Mapping[str, Any], path: Path, processes: int, nodes: int = 1) -> None:
    """Run a module of this library in several processes by torchrun, on this machine or on nodes of Slurm.

    Args:
        module: Its name; it is given the path of the job as its one argument.
        job: What to do: plain values.
        path: Where to write the job; it is deleted in the end.
        processes: How many on each node.
        nodes: How many of the Slurm job that this process is in; 1 is this machine, without Slurm.

    Raises:
        ConfigError: Several nodes, and no Slurm.
        DataError: They failed, with what they said last.
    """
    command = [*_torchrun(processes, nodes), "-m", module, str(path)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(job), ensure_ascii=False), encoding="utf-8")
    _LOG.info("%s", " ".join(command))
    said = ""
    try:
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdout=pipe, stderr=subprocess.STDOUT, text=True) as running:
            assert running.stdout is not None
            for line in running.stdout:
                _LOG.info("%s", line.rstrip())
                said = line.removeprefix("ERROR: ").rstrip() if line.startswith("ERROR: ") else said
    finally:
        path.unlink(missing_ok=True)
    if running.returncode:
        raise DataError(said or f"{module} failed in one of {processes * nodes} processes; the log says why")


def _torchrun(processes: int, nodes: int) -> list[str]:
    """The command that starts one torchrun, or one on each node, which meet at this one."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", str(processes)]
    if nodes == 1:
        return [*torchrun, "--standalone"]
    if not shutil.which("srun"):
        raise ConfigError("training.nodes: there is no srun here; several nodes need Slurm, 1 does not")
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    srun = ["srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", "--cpu-bind=none"]
    meeting = ["--rdzv_backend=c10d", f"--rdzv_endpoint={socket.gethostname()}:{port}"]
    name = f"--rdzv_id={os.environ.get('SLURM_JOB_ID', port)}"
    return [*srun, *torchrun, f"--nnodes={nodes}", *meeting, name]
