"""Devices that networks run on."""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from actorsup.errors import ConfigError

_LOG = logging.getLogger(__name__)


def resolve_device(name: str) -> torch.device:
    """Return the device of a name; ``"auto"`` is the GPU if there is one, else the CPU.

    Args:
        name: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.

    Raises:
        ConfigError: The name is unknown, or PyTorch sees no such GPU.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device: {name!r} is unknown; allowed: auto, cpu, cuda, cuda:0, ...") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(f"device: {name!r}: PyTorch sees no such GPU here; use auto or cpu")
    return device


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Restrict PyTorch to deterministic operations, which are slower on a GPU.

    Args:
        wanted: False changes nothing.

    Raises:
        RuntimeError: Inside the context, by an operation without a deterministic form.
    """
    before = torch.are_deterministic_algorithms_enabled()
    if wanted:
        # cuBLAS reads it when it starts
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def seed_torch(seed: int, device: torch.device) -> None:
    """Seed PyTorch's random generators of the CPU and of a device.

    ``torch.manual_seed`` seeds every kind of device, and queues a call for each that has not started: it
    takes a millisecond, and memory that grows.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy a tensor to a device without waiting for the GPU."""
    return tensor if device.type == "cpu" else tensor.pin_memory().to(device, non_blocking=True)


def int_tensor(values: Sequence[int], device: torch.device) -> Tensor:
    """Return numbers as a tensor (N,) int64 on a device, without waiting for the GPU."""
    return to_device(torch.tensor(values, dtype=torch.int64), device)


def retry_with_smaller_batches(job: Callable[[slice], Tensor], count: int, what: str) -> Tensor:
    """Run a job on all items at once, and on halves if they do not fit into GPU memory.

    Args:
        job: Maps a slice of the items to a tensor with one row per item.
        count: Number of items.
        what: Name of the items, for the log.

    Raises:
        torch.OutOfMemoryError: The memory is too small for a single item.
    """
    return _run_part(job, 0, count, what)


def _run_part(job: Callable[[slice], Tensor], start: int, end: int, what: str) -> Tensor:
    try:
        return job(slice(start, end))
    except torch.OutOfMemoryError:
        if end - start == 1:
            raise
    # outside the handler, whose exception keeps the memory in use
    torch.cuda.empty_cache()
    _LOG.info("not enough memory for %d %s at once; retrying with halves", end - start, what)
    middle = (start + end) // 2
    return torch.cat([_run_part(job, start, middle, what), _run_part(job, middle, end, what)])
