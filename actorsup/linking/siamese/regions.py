"""Regions around targets and their features; here each region is cropped and encoded independently.

The receptive field of cell (i, j) of a region's features is centered at x, y = ``receptive / 2 + stride *
(j, i)`` in pixels of the crop. ``shared_regions`` samples features of whole frames instead.
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

from actorsup.artifacts.images import Image
from actorsup.linking.siamese.crops import crop, sample_crops
from actorsup.linking.siamese.device_frames import DeviceFrames
from actorsup.training.backbones import normalize
from actorsup.training.devices import int_tensor, retry_with_smaller_batches

Item = TypeVar("Item")


@dataclass(frozen=True)
class Regions:
    """Square regions of K sizes around each of B places.

    Attributes:
        images: The video's frames, for each place.
        frame: The frame number of each place, 0-based.
        centre: (B, 2) float64 center x and y in pixels of the frame.
        side: (B, K) float64 sides in pixels of the frame.
        padding: (B, 3) float64 color outside the frame, 0-255.
    """

    images: Sequence[Sequence[Image]]
    frame: Sequence[int]
    centre: Tensor
    side: Tensor
    padding: Tensor

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, places: Sequence[int]) -> "Regions":
        """Return the regions of some places."""
        index = int_tensor(places, self.side.device)
        images, frame = [self.images[i] for i in places], [self.frame[i] for i in places]
        return Regions(images, frame, self.centre[index], self.side[index], self.padding[index])


class RegionFeatures(Protocol):
    """Computes features of regions."""

    def __call__(self, regions: Regions, pixels: int) -> Tensor:
        """Return features (B * K, C, S, S) of regions scaled to ``pixels`` pixels."""
        ...


class Encode:
    """Encodes images with a copy of a trunk.

    Args:
        trunk: A trunk of convolutions without padding.
        device: The device of the copy.
        precision: ``float32`` or ``bfloat16``, for weights and arithmetic.
    """

    def __init__(self, trunk: nn.Sequential, device: torch.device, precision: str = "float32") -> None:
        self.device, self._dtype = device, getattr(torch, precision)
        # the original keeps its precision and memory format
        self.trunk = copy.deepcopy(trunk).eval()
        self.trunk.to(device, self._dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, images: Tensor) -> Tensor:
        """Encode (B, H, W, 3) RGB, 0-255, as (B, C, h, w) float32; halve the batch if memory runs out."""
        return retry_with_smaller_batches(lambda some: self._features(images[some]), len(images), "images")

    def _features(self, images: Tensor) -> Tensor:
        pixels = normalize(images.to(self.device)).to(self._dtype)
        # on a GPU: no TF32, and the same algorithm each time
        with cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
            features: Tensor = self.trunk(pixels)
        return features.float()


class CroppedRegions:
    """Crops and encodes each region on the CPU: the exact mode.

    Args:
        encode: The trunk.
        crops: Batch size of the trunk.
    """

    def __init__(self, encode: Encode, crops: int) -> None:
        self._encode, self._crops = encode, crops

    def __call__(self, regions: Regions, pixels: int) -> Tensor:
        """Return features (B * K, C, S, S) of regions scaled to ``pixels`` pixels."""
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
    """Crops and encodes each region on the device, all crops at once: the exact mode on a GPU.

    The trunk always gets full batches, because on a GPU the last digits of a result depend on the batch size.

    Args:
        encode: The trunk.
        crops: Batch size of the trunk.
        memory: Bytes of frames to keep on the device.
    """

    def __init__(self, encode: Encode, crops: int, memory: int) -> None:
        self._encode, self._crops = encode, crops
        self._frames = DeviceFrames(encode.device, memory)

    def __call__(self, regions: Regions, pixels: int) -> Tensor:
        """Return features (B * K, C, S, S) of regions scaled to ``pixels`` pixels."""
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
        """Return crops (B, K, 3, S, S) of some places of one video."""
        chosen = regions.take(places[some])
        frames = self._frames(chosen.images[0], chosen.frame)
        return sample_crops(frames, chosen.centre, chosen.side, chosen.padding, pixels)


def filled(items: Tensor, count: int) -> Tensor:
    """Repeat the last of the items (B, ...) until there are ``count``."""
    return torch.cat([items, items[-1:].expand(count - len(items), *items.shape[1:])])


def chunks(items: Sequence[Item], count: int) -> list[Sequence[Item]]:
    """Split items into lists of at most ``count``, in order."""
    return [items[start : start + count] for start in range(0, len(items), count)]
