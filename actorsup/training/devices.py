"""Where networks run."""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from actorsup.errors import ConfigError

_LOG = logging.getLogger(__name__)


def resolve_device(name: str) -> torch.device:
    """The device of a name: ``"auto"`` is the GPU where there is one, else the CPU.

    Args:
        name: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.

    Raises:
        ConfigError: No such device, or a GPU where PyTorch sees none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device: {name!r} is none; allowed: auto, cpu, cuda, cuda:0, ...") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(f"device: {name!r}: PyTorch sees no such GPU here; use auto or cpu")
    return device


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Let PyTorch use operations alone that give one result; a GPU pays for it in time.

    Args:
        wanted: If it is; else nothing changes.

    Raises:
        RuntimeError: Within, of an operation that has no such form.
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


def seed_chance(seed: int, device: torch.device) -> None:
    """Start PyTorch's own chance anew, on a device and on the CPU.

    ``torch.manual_seed`` seeds every kind of device there might be, and keeps a note of each call
    for those that have not started: a millisecond, and memory that grows.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)


def put(values: Sequence[int], device: torch.device) -> Tensor:
    """Numbers (N,) int64 on a device, without waiting for what it does."""
    host = torch.tensor(values, dtype=torch.int64)
    return host if device.type == "cpu" else host.pin_memory().to(device, non_blocking=True)


def retry_with_smaller_batches(job: Callable[[slice], Tensor], count: int, what: str) -> Tensor:
    """What a job makes of ``count`` items at once, or of half of them where memory is too small.

    Args:
        job: Some of the items to a tensor, one row an item.
        count: How many items there are.
        what: They are, for the log.

    Raises:
        torch.OutOfMemoryError: The memory does not hold a single one.
    """
    return _of_part(job, 0, count, what)


def _of_part(job: Callable[[slice], Tensor], start: int, end: int, what: str) -> Tensor:
    try:
        return job(slice(start, end))
    except torch.OutOfMemoryError:
        if end - start == 1:
            raise
    # after the handler, whose error holds on to the memory
    torch.cuda.empty_cache()
    _LOG.info("not enough memory for %d %s at once: they go in halves", end - start, what)
    middle = (start + end) // 2
    return torch.cat([_of_part(job, start, middle, what), _of_part(job, middle, end, what)])
