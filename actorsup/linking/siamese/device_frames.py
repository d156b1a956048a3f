"""Frames that stay where the network runs, for the life of their video."""

import logging
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from actorsup.detection.base import Image
from actorsup.training.devices import int_tensor

_LOG = logging.getLogger(__name__)


class DeviceFrames:
    """Frames on a device: of a video all at once, each read and carried over once.

    Args:
        device: Where they are wanted.
        memory: Bytes that are kept, of the videos that were asked for last; frames of a video
            that is larger are carried over each time.
    """

    def __init__(self, device: torch.device, memory: int) -> None:
        self._device, self._memory = device, memory
        # the images too, so that their id stays theirs
        self._kept: OrderedDict[int, tuple[Sequence[Image], Tensor]] = OrderedDict()
        self._bytes = 0

    def __call__(self, images: Sequence[Image], frames: Sequence[int]) -> Tensor:
        """(B, 3, H, W) float32, 0-255, of frames of one video by their numbers."""
        if id(images) not in self._kept and images[0].nbytes * len(images) <= self._memory:
            self._keep(images)
        if id(images) in self._kept:
            self._kept.move_to_end(id(images))
            found = self._kept[id(images)][1][int_tensor(frames, self._device)]
        else:
            found = self._carried(images, frames)
        return found.permute(0, 3, 1, 2).float()

    def _carried(self, images: Sequence[Image], frames: Sequence[int]) -> Tensor:
        return torch.from_numpy(np.stack([images[frame] for frame in frames])).to(self._device)

    def _keep(self, images: Sequence[Image]) -> None:
        try:
            video = self._carried(images, range(len(images)))
        except torch.OutOfMemoryError:
            _LOG.info("not enough memory for %d frames: none are kept from here on", len(images))
            self._kept.clear()
            self._memory = self._bytes = 0
            return
        self._kept[id(images)] = images, video
        self._bytes += video.nbytes
        while self._bytes > self._memory:
            _, (_, dropped) = self._kept.popitem(last=False)
            self._bytes -= dropped.nbytes
