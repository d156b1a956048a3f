"""Device selection, transfers to the GPU, and batches that fit into GPU memory."""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from actorsup.errors import ConfigError

_LOG = logging.getLogger(__name__)


def resolve_device(name: str) -> torch.device:
    """Convert a device name to a device.

    Args:
        name: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, or ``"auto"``, which is the GPU if PyTorch finds a GPU and
            the CPU otherwise.

    Raises:
        ConfigError: The name is unknown, or PyTorch does not find this GPU.
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
def deterministic_operations(enabled: bool) -> Iterator[None]:
    """Context manager that restricts PyTorch to deterministic operations, which are slower on a GPU.

    Args:
        enabled: Whether to restrict PyTorch; with False, the context has no effect.

    Raises:
        RuntimeError: An operation inside the context has no deterministic implementation.
    """
    was_enabled = torch.are_deterministic_algorithms_enabled()
    if enabled:
        # cuBLAS reads this variable when it starts
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(was_enabled)


def seed_torch(seed: int, device: torch.device) -> None:
    """Seed the random generators of PyTorch for the CPU and for one device.

    Unlike ``torch.manual_seed``, this does not queue a call for each type of device that is not initialized,
    which takes a millisecond and an increasing amount of memory.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy a CPU tensor to a device without waiting for the GPU."""
    return tensor if device.type == "cpu" else tensor.pin_memory().to(device, non_blocking=True)


def int_tensor(values: Sequence[int], device: torch.device) -> Tensor:
    """Convert N integers to a tensor (N,) int64 on a device without waiting for the GPU."""
    return to_device(torch.tensor(values, dtype=torch.int64), device)


def retry_with_smaller_batches(job: Callable[[slice], Tensor], num_items: int, item_name: str) -> Tensor:
    """Run a job on all items at once, or recursively on both halves if GPU memory is insufficient.

    Args:
        job: Function from a slice of the item indices to a tensor with one row per item.
        num_items: Number of items.
        item_name: Plural name of the items for the log, such as "frames".

    Returns:
        The rows of all items, in order.

    Raises:
        torch.OutOfMemoryError: GPU memory is insufficient for a single item.
    """
    return _run_part(job, 0, num_items, item_name)


def _run_part(job: Callable[[slice], Tensor], start: int, end: int, item_name: str) -> Tensor:
    try:
        return job(slice(start, end))
    except torch.OutOfMemoryError:
        if end - start == 1:
            raise
    # after the handler, because its exception keeps GPU memory allocated
    torch.cuda.empty_cache()
    _LOG.info("not enough memory for %d %s at once; retrying with halves", end - start, item_name)
    middle = (start + end) // 2
    return torch.cat([_run_part(job, start, middle, item_name), _run_part(job, middle, end, item_name)])
