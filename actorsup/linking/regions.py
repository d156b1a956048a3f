"""Features of exemplars and search regions: of a crop each, or cut out of those of the whole frame.

A region is a square around a target. Cell (i, j) of its features looks at the crop around the point
``receptive / 2 + stride * (j, i)``, in pixels of a crop of ``pixels`` pixels.
"""

import copy
import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from actorsup.backbones import normalise
from actorsup.detection.base import Image
from actorsup.linking.crops import Colour, crop, mean_colour, resample

Item = TypeVar("Item")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Region:
    """A square in a frame.

    Attributes:
        images: Frames of the video.
        frame: Which of them, 0-based.
        centre: (2,) x and y of its middle in pixels.
        side: In pixels of the frame.
        padding: The colour outside the frame.
    """

    images: Sequence[Image]
    frame: int
    centre: NDArray[np.float64]
    side: float
    padding: Colour


class Regions(Protocol):
    """Makes features of regions."""

    def features(self, regions: Sequence[Region], pixels: int) -> Tensor:
        """Features (B, C, S, S) of regions that are ``pixels`` pixels wide when they are encoded."""
        ...


class Encode:
    """Images to features.

    Args:
        trunk: Of valid convolutions, in evaluation mode.
        device: Where it runs.
        precision: ``float32`` or ``bfloat16``, of its weights and arithmetic.
    """

    def __init__(self, trunk: nn.Module, device: torch.device, precision: str = "float32") -> None:
        self._device, self._dtype = device, getattr(torch, precision)
        # a copy: another precision, or order in memory, is no matter of whom the trunk belongs to
        self.trunk = copy.deepcopy(trunk).eval()
        self.trunk.to(device, self._dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, images: NDArray[np.uint8]) -> Tensor:
        """(B, H, W, 3) uint8 RGB to (B, C, h, w) float32; in halves where a GPU's memory is too small."""
        try:
            return self._features(images)
        except torch.OutOfMemoryError:
            if len(images) == 1:
                raise
        # after the handler, whose error holds on to the memory
        torch.cuda.empty_cache()
        _LOG.info("not enough memory for %d images at once: they go in halves", len(images))
        half = len(images) // 2
        return torch.cat([self(images[:half]), self(images[half:])])

    def _features(self, images: NDArray[np.uint8]) -> Tensor:
        pixels = normalise(torch.from_numpy(images).to(self._device))
        return self.trunk(pixels.to(self._dtype)).float()


class CroppedRegions:
    """A crop of each region is encoded: the exact mode.

    Args:
        encode: The trunk.
        crops: How many crops go through it at once.
    """

    def __init__(self, encode: Encode, crops: int) -> None:
        self._encode, self._crops = encode, crops

    def features(self, regions: Sequence[Region], pixels: int) -> Tensor:
        """Features (B, C, S, S) of regions that are ``pixels`` pixels wide when they are encoded."""
        found = []
        for some in chunks(regions, self._crops):
            crops = np.empty((len(some), pixels, pixels, 3), np.uint8)
            for region, output in zip(some, crops, strict=True):
                crop(region.images[region.frame], region.centre, region.side, region.padding, output)
            found.append(self._encode(crops))
        return torch.cat(found).contiguous()


class SharedRegions:
    """The trunk sees each frame once, at a few sizes; regions are sampled from its features.

    A frame is encoded at the size at which a region is nearest to its ``pixels``, of the frame's own
    and smaller ones that are ``step`` apart, when a region first asks for it, and its features are
    kept while there is memory for them. Outside the frame features are those of its edge, which see
    mostly padding.

    Args:
        encode: The trunk.
        stride: The trunk's.
        receptive: Pixels that one of its cells sees, along a side.
        step: Ratio of one size to the next.
        memory: Bytes of features that are kept.
    """

    def __init__(self, encode: Encode, stride: int, receptive: int, step: float, memory: int) -> None:
        self._encode, self._stride, self._receptive = encode, stride, receptive
        self._step, self._memory = step, memory
        # so that the first cell's middle lies at the frame's edge or outside
        self._margin = receptive // 2 + stride
        self._kept: OrderedDict[tuple[int, int, int], tuple[Sequence[Image], Tensor]] = OrderedDict()
        self._bytes = 0

    def features(self, regions: Sequence[Region], pixels: int) -> Tensor:
        """Features (B, C, S, S) of regions that are ``pixels`` pixels wide when they are encoded."""
        cells = (pixels - self._receptive) // self._stride + 1
        inside = torch.arange(cells, dtype=torch.float64) * self._stride + self._receptive / 2
        by_map: dict[tuple[int, int, int], list[int]] = {}
        for number, region in enumerate(regions):
            level = self._level(region.side / pixels)
            by_map.setdefault((id(region.images), region.frame, level), []).append(number)
        found: list[Tensor] = [torch.empty(0)] * len(regions)
        for key, numbers in by_map.items():
            some = [regions[number] for number in numbers]
            features = self._frame(key, some[0])
            sampled = self._sample(features, some, pixels, inside, self._ratio(key[2]))
            for number, one in zip(numbers, sampled, strict=True):
                found[number] = one
        return torch.stack(found)

    def _level(self, ratio: float) -> int:
        """The number of the size for regions with so many pixels of the frame for one of theirs."""
        return round(np.log(max(ratio, 1)) / np.log(self._step))

    def _ratio(self, level: int) -> float:
        """Pixels of the frame for each one that is encoded."""
        return float(self._step**level)

    def _frame(self, key: tuple[int, int, int], region: Region) -> Tensor:
        """Features (C, h, w) of the region's frame at the key's size."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key][1]
        image, ratio = region.images[region.frame], self._ratio(key[2])
        height, width = (int(np.ceil(side / ratio)) + 2 * self._margin for side in image.shape[:2])
        padded = np.empty((height, width, 3), np.uint8)
        corner = np.full(2, -self._margin * ratio)
        resample(image, corner, ratio, mean_colour(image), padded)
        features = self._encode(padded[None])[0].contiguous()
        self._keep(key, region.images, features)
        return features

    def _keep(self, key: tuple[int, int, int], images: Sequence[Image], features: Tensor) -> None:
        # the images too, so that their id stays theirs
        self._kept[key] = images, features
        self._bytes += features.nbytes
        while self._bytes > self._memory and len(self._kept) > 1:
            _, (_, dropped) = self._kept.popitem(last=False)
            self._bytes -= dropped.nbytes

    def _sample(
        self, features: Tensor, regions: Sequence[Region], pixels: int, inside: Tensor, ratio: float
    ) -> Tensor:
        """(B, C, S, S) of regions of one frame, bilinearly."""
        centre = torch.from_numpy(np.stack([region.centre for region in regions]))
        side = torch.tensor([region.side for region in regions], dtype=torch.float64)[:, None]
        # where the cells' middles are: along x and y, in pixels of the frame, then in its cells
        places = (centre - side / 2)[:, None] + inside[None, :, None] * (side / pixels)[:, None]
        places = (places / ratio + self._margin - self._receptive / 2) / self._stride
        height, width = features.shape[1:]
        last = torch.tensor([width - 1, height - 1], dtype=torch.float64).clamp(min=1)
        x, y = (places / last * 2 - 1).to(torch.float32).unbind(-1)
        cells = len(inside)
        grid = torch.stack([x[:, None].expand(-1, cells, -1), y[:, :, None].expand(-1, -1, cells)], dim=-1)
        grid = grid.reshape(1, len(regions) * cells, cells, 2).to(features.device)
        sampled = functional.grid_sample(
            features[None], grid, mode="bilinear", padding_mode="border", align_corners=True
        )
        return sampled[0].unflatten(1, (len(regions), cells)).transpose(0, 1)


def chunks(items: Sequence[Item], count: int) -> list[Sequence[Item]]:
    """Items in their order, ``count`` at a time."""
    return [items[start : start + count] for start in range(0, len(items), count)]
