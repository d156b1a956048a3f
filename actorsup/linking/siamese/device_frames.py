"""Frames on the device where the network runs."""

import logging
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from actorsup.artifacts.images import Image
from actorsup.linking.siamese.byte_cache import ByteCache
from actorsup.training.devices import int_tensor

_LOG = logging.getLogger(__name__)


class DeviceFrames:
    """Copies the frames of whole videos to a device, each video once.

    Args:
        device: The device.
        memory: Bytes to keep, of the most recently used videos. Frames of a video that does not fit are
            copied each time they are used.
    """

    def __init__(self, device: torch.device, memory: int) -> None:
        self._device, self._cache = device, ByteCache(memory)

    def __call__(self, images: Sequence[Image], frames: Sequence[int]) -> Tensor:
        """Return frames of one video by number, (B, 3, H, W) float32, 0-255."""
        video = self._cache.get(id(images))
        if video is None and images[0].nbytes * len(images) <= self._cache.limit:
            try:
                copied = self._copied(images, range(len(images)))
                video = self._cache.put(id(images), images, copied)
            except torch.OutOfMemoryError:
                _LOG.info("not enough memory for %d frames; from now on no frames are kept", len(images))
                self._cache.disable()
        found = self._copied(images, frames) if video is None else video[int_tensor(frames, self._device)]
        return found.permute(0, 3, 1, 2).float()

    def _copied(self, images: Sequence[Image], frames: Sequence[int]) -> Tensor:
        return torch.from_numpy(np.stack([images[frame] for frame in frames])).to(self._device)
