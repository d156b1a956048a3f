"""Features of regions, sampled from the features of whole frames: the shared mode."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from actorsup.artifacts.images import Image
from actorsup.linking.siamese.byte_cache import ByteCache
from actorsup.linking.siamese.crops import mean_colour, resample
from actorsup.linking.siamese.regions import Encode, Regions
from actorsup.training.devices import int_tensor


class SharedRegions:
    """Encodes each frame once per size and samples regions from its features.

    The sizes are the frame's own and smaller ones, each smaller than the one before by the factor ``step``.
    A region uses the size at which it is closest to ``pixels`` wide. A frame is encoded when a region first
    needs it. Outside the frame, features are those at its edge, which see mostly padding.

    Args:
        encode: The trunk.
        stride: The trunk's stride in pixels.
        receptive: Side of a cell's receptive field in pixels.
        step: Ratio of one size to the next.
        memory: Bytes of features to keep.
    """

    def __init__(self, encode: Encode, stride: int, receptive: int, step: float, memory: int) -> None:
        self._encode, self._stride, self._receptive = encode, stride, receptive
        self._step, self._cache = step, ByteCache(memory)
        # puts the center of the first cell at the frame's edge or outside
        self._margin = receptive // 2 + stride

    def __call__(self, regions: Regions, pixels: int) -> Tensor:
        """Return features (B * K, C, S, S) of regions scaled to ``pixels`` pixels."""
        cells = (pixels - self._receptive) // self._stride + 1
        inside = torch.arange(cells, dtype=torch.float64) * self._stride + self._receptive / 2
        inside = inside.to(regions.side.device)
        # the host decides which sizes to encode, so it waits here for a GPU
        ratios = (regions.side / pixels).cpu().numpy()
        by_map: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
        for place, size in np.ndindex(*ratios.shape):
            level = round(np.log(max(float(ratios[place, size]), 1)) / np.log(self._step))
            key = id(regions.images[place]), regions.frame[place], level
            by_map.setdefault(key, []).append((place, size))
        found: list[Tensor] = [torch.empty(0)] * ratios.size
        for key, some in by_map.items():
            places, sizes = (int_tensor(one, inside.device) for one in zip(*some, strict=True))
            ratio = float(self._step ** key[2])  # pixels of the frame per encoded pixel
            features = self._cache.get(key)
            if features is None:
                images = regions.images[some[0][0]]
                features = self._cache.put(key, images, self._encoded(images[key[1]], ratio))
            centre, side = regions.centre[places], regions.side[places, sizes, None]
            # x and y of the cells' centers in pixels of the frame
            middles = (centre - side / 2)[:, None] + inside[None, :, None] * (side / pixels)[:, None]
            sampled = self._sample(features, middles / ratio)
            for (place, size), one in zip(some, sampled, strict=True):
                found[place * ratios.shape[1] + size] = one
        return torch.stack(found)

    def _encoded(self, image: Image, ratio: float) -> Tensor:
        """Features (C, h, w) of a frame that is scaled by 1 / ``ratio`` and padded by the margin."""
        height, width = (int(np.ceil(side / ratio)) + 2 * self._margin for side in image.shape[:2])
        padded = np.empty((height, width, 3), np.uint8)
        resample(image, np.full(2, -self._margin * ratio), ratio, mean_colour(image), padded)
        return self._encode(torch.from_numpy(padded[None]))[0].contiguous()

    def _sample(self, features: Tensor, places: Tensor) -> Tensor:
        """Sample one frame's features bilinearly at ``places`` (B, S, 2) in encoded pixels: (B, C, S, S)."""
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
