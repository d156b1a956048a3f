"""Where networks run."""

from collections.abc import Sequence

import torch
from torch import Tensor

from actorsup.errors import ConfigError


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


def put(values: Sequence[int], device: torch.device) -> Tensor:
    """Numbers (N,) int64 on a device, without waiting for what it does."""
    host = torch.tensor(values, dtype=torch.int64)
    return host if device.type == "cpu" else host.pin_memory().to(device, non_blocking=True)
