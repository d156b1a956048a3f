"""Features of regions that are cut out of those of whole frames: the shared mode."""

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from actorsup.detection.base import Image
from actorsup.linking.siamese.crops import mean_colour, resample
from actorsup.linking.siamese.regions import Encode, Regions
from actorsup.training.devices import int_tensor


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

    def __call__(self, regions: Regions, pixels: int) -> Tensor:
        """Features (B * K, C, S, S) of regions that are ``pixels`` pixels wide when they are encoded."""
        cells = (pixels - self._receptive) // self._stride + 1
        inside = torch.arange(cells, dtype=torch.float64) * self._stride + self._receptive / 2
        inside = inside.to(regions.side.device)
        # which sizes of the frames are wanted is for the host to know: a GPU is waited for here
        ratios = (regions.side / pixels).cpu().numpy()
        by_map: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
        for place, size in np.ndindex(*ratios.shape):
            video, frame = id(regions.images[place]), regions.frame[place]
            by_map.setdefault((video, frame, self._level(float(ratios[place, size]))), []).append(
                (place, size)
            )
        found: list[Tensor] = [torch.empty(0)] * ratios.size
        for key, some in by_map.items():
            places, sizes = (int_tensor(one, inside.device) for one in zip(*some, strict=True))
            features = self._frame(key, regions.images[some[0][0]])
            centre, side = regions.centre[places], regions.side[places, sizes, None]
            # where the cells' middles are: along x and y, in pixels of the frame
            middles = (centre - side / 2)[:, None] + inside[None, :, None] * (side / pixels)[:, None]
            sampled = self._sample(features, middles / self._ratio(key[2]))
            for (place, size), one in zip(some, sampled, strict=True):
                found[place * ratios.shape[1] + size] = one
        return torch.stack(found)

    def _level(self, ratio: float) -> int:
        """The number of the size for regions with so many pixels of the frame for one of theirs."""
        return round(np.log(max(ratio, 1)) / np.log(self._step))

    def _ratio(self, level: int) -> float:
        """Pixels of the frame for each one that is encoded."""
        return float(self._step**level)

    def _frame(self, key: tuple[int, int, int], images: Sequence[Image]) -> Tensor:
        """Features (C, h, w) of a frame at the key's size."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key][1]
        image, ratio = images[key[1]], self._ratio(key[2])
        height, width = (int(np.ceil(side / ratio)) + 2 * self._margin for side in image.shape[:2])
        padded = np.empty((height, width, 3), np.uint8)
        corner = np.full(2, -self._margin * ratio)
        resample(image, corner, ratio, mean_colour(image), padded)
        features = self._encode(torch.from_numpy(padded[None]))[0].contiguous()
        self._keep(key, images, features)
        return features

    def _keep(self, key: tuple[int, int, int], images: Sequence[Image], features: Tensor) -> None:
        # the images too, so that their id stays theirs
        self._kept[key] = images, features
        self._bytes += features.nbytes
        while self._bytes > self._memory and len(self._kept) > 1:
            _, (_, dropped) = self._kept.popitem(last=False)
            self._bytes -= dropped.nbytes

    def _sample(self, features: Tensor, places: Tensor) -> Tensor:
        """(B, C, S, S) of one frame's features at places (B, S, 2), pixels as encoded, bilinearly."""
        places = (places + self._margin - self._receptive / 2) / self._stride
        height, width = features.shape[1:]
        lasts = (max(width - 1, 1), max(height - 1, 1))
        x, y = ((places[..., axis] / last * 2 - 1).float() for axis, last in enumerate(lasts))
        count, cells = x.shape
        grid = torch.stack([x[:, None].expand(-1, cells, -1), y[:, :, None].expand(-1, -1, cells)], dim=-1)
        sampled = functional.grid_sample(
            features[None],
            grid.reshape(1, count * cells, cells, 2),
            mode="bilinear",
            padding_mode="border",
            align_corners=True,
        )
        return sampled[0].unflatten(1, (count, cells)).transpose(0, 1)
