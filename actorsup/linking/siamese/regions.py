"""Regions around targets, and their features: each region is cropped and encoded by itself.

Cell (i, j) of a region's features looks at its crop around the point ``receptive / 2 + stride *
(j, i)``, in pixels of a crop of ``pixels`` pixels. ``shared_regions`` has them of whole frames.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.backends import cudnn

from actorsup.detection.base import Image
from actorsup.linking.siamese.crops import crop, sample_crops
from actorsup.linking.siamese.device_frames import DeviceFrames
from actorsup.training.backbones import normalize
from actorsup.training.devices import int_tensor, retry_with_smaller_batches

Item = TypeVar("Item")


@dataclass(frozen=True)
class Regions:
    """Squares in frames: of K sizes around each of B places.

    Attributes:
        images: Of each place, the frames of its video.
        frame: Of each place, which of them, 0-based.
        centre: (B, 2) float64 x and y of the squares' middle in pixels of the frame.
        side: (B, K) float64, pixels of the frame.
        padding: (B, 3) float64, the colour outside the frame, 0-255.
    """

    images: Sequence[Sequence[Image]]
    frame: Sequence[int]
    centre: Tensor
    side: Tensor
    padding: Tensor

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, places: Sequence[int]) -> "Regions":
        """Some of the places."""
        index = int_tensor(places, self.side.device)
        images, frame = [self.images[i] for i in places], [self.frame[i] for i in places]
        return Regions(images, frame, self.centre[index], self.side[index], self.padding[index])


class RegionFeatures(Protocol):
    """Makes features of regions."""

    def __call__(self, regions: Regions, pixels: int) -> Tensor:
        """Features (B * K, C, S, S) of regions that are ``pixels`` pixels wide when they are encoded."""
        ...


class Encode:
    """Images to features.

    Args:
        trunk: Of valid convolutions, in evaluation mode.
        device: Where it runs.
        precision: ``float32`` or ``bfloat16``, of its weights and arithmetic.
    """

    def __init__(self, trunk: nn.Sequential, device: torch.device, precision: str = "float32") -> None:
        self.device, self._dtype = device, getattr(torch, precision)
        # a copy: another precision, or order in memory, is no matter of whom the trunk belongs to
        self.trunk = copy.deepcopy(trunk).eval()
        self.trunk.to(device, self._dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, images: Tensor) -> Tensor:
        """(B, H, W, 3) RGB, 0-255, to (B, C, h, w) float32; in halves where a GPU's memory is too small."""
        return retry_with_smaller_batches(lambda some: self._features(images[some]), len(images), "images")

    def _features(self, images: Tensor) -> Tensor:
        pixels = normalize(images.to(self.device)).to(self._dtype)
        # on a GPU float32 is float32, and one algorithm is chosen, the same each time
        with cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
            features: Tensor = self.trunk(pixels)
        return features.float()


class CroppedRegions:
    """A crop of each region is encoded: the exact mode, on the host.

    Args:
        encode: The trunk.
        crops: How many crops go through it at once.
    """

    def __init__(self, encode: Encode, crops: int) -> None:
        self._encode, self._crops = encode, crops

    def __call__(self, regions: Regions, pixels: int) -> Tensor:
        """Features (B * K, C, S, S) of regions that are ``pixels`` pixels wide when they are encoded."""
        centre, side, padding = regions.centre.numpy(), regions.side.numpy(), regions.padding.tolist()
        found = []
        for some in chunks(list(np.ndindex(*side.shape)), self._crops):
            crops = np.empty((len(some), pixels, pixels, 3), np.uint8)
            for (place, size), output in zip(some, crops, strict=True):
                image = regions.images[place][regions.frame[place]]
                crop(image, centre[place], float(side[place, size]), padding[place], output)
            found.append(self._encode(torch.from_numpy(crops)))
        return torch.cat(found).contiguous()


class DeviceRegions:
    """The same where frames lie on the device and are cropped there, all at once.

    The trunk always gets batches of ``crops``: on a GPU the last digits of a result depend on its
    batch's shape.

    Args:
        encode: The trunk.
        crops: How many crops go through it at once.
        memory: Bytes of frames that are kept on the device.
    """

    def __init__(self, encode: Encode, crops: int, memory: int) -> None:
        self._encode, self._crops = encode, crops
        self._frames = DeviceFrames(encode.device, memory)

    def __call__(self, regions: Regions, pixels: int) -> Tensor:
        """Features (B * K, C, S, S) of regions that are ``pixels`` pixels wide when they are encoded."""
        sizes = regions.side.shape[1]
        by_video: dict[int, list[int]] = {}
        for place, images in enumerate(regions.images):
            by_video.setdefault(id(images), []).append(place)
        shape = (len(regions), sizes, 3, pixels, pixels)
        crops = torch.empty(shape, device=self._encode.device)
        for places in by_video.values():
            job = partial(self._crops_of, regions, places, pixels)
            crops[int_tensor(places, crops.device)] = retry_with_smaller_batches(job, len(places), "frames")
        every = crops.flatten(0, 1).permute(0, 2, 3, 1)
        found = [self._encode(filled(some, self._crops))[: len(some)] for some in every.split(self._crops)]
        return torch.cat(found).contiguous()

    def _crops_of(self, regions: Regions, places: Sequence[int], pixels: int, some: slice) -> Tensor:
        """Crops (B, K, 3, S, S) of some places of one video."""
        chosen = regions.take(places[some])
        frames = self._frames(chosen.images[0], chosen.frame)
        return sample_crops(frames, chosen.centre, chosen.side, chosen.padding, pixels)


def filled(items: Tensor, count: int) -> Tensor:
    """Items (B, ...) and copies of the last one, ``count`` in all."""
    if len(items) == count:
        return items
    return torch.cat([items, items[-1:].expand(count - len(items), *items.shape[1:])])


def chunks(items: Sequence[Item], count: int) -> list[Sequence[Item]]:
    """Items in their order, ``count`` at a time."""
    return [items[start : start + count] for start in range(0, len(items), count)]
