"""The multi-scale fully-convolutional Siamese tracker (Section 4.2), for many targets at once."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from actorsup.linking.base import Seed, Track
from actorsup.linking.crops import context_side, mean_colour
from actorsup.linking.regions import CroppedRegions, Encode, Region, Regions, SharedRegions, chunks
from actorsup.linking.settings import LinkerSettings
from actorsup.linking.siamese import TRUNKS, SiameseNetwork, crop_sizes, without_normalisation

UPSAMPLING = 16
"""Ratio of the response that peaks are sought in to the network's (SiamFC: 17 to 272 cells)."""

SMALLEST, LARGEST = 0.2, 5.0
"""Limits of a target's size, of that of its seed (SiamFC's release)."""

_CROPS = 48
"""Search regions at once."""


class SiameseTracker:
    """Follows targets forward and backward at once, each with the exemplar of its seed.

    All targets of one call go frame by frame together; a direction that reaches the video's end
    leaves. Memory does not depend on how many there are, beyond their exemplars.

    Args:
        network: Its trunk is kept without batch normalisation.
        settings: Sizes and constants.
        device: Where the network runs.

    Raises:
        ConfigError: Sizes that do not go together.
    """

    def __init__(self, network: SiameseNetwork, settings: LinkerSettings, device: torch.device) -> None:
        self._settings = settings
        self._exemplar_size, self._search_size, self._stride = crop_sizes(settings)
        self._network = network.eval().to(device)
        trunk = without_normalisation(network.trunk)
        self._regions = self._regions_of(Encode(trunk, device, settings.precision), device)
        steps = np.arange(settings.scales) - settings.scales // 2
        self._factors = settings.scale_step**steps
        penalty = torch.full((settings.scales,), 1 - settings.scale_penalty)
        penalty[settings.scales // 2] = 0
        self._penalty = penalty.to(device)
        cells = (self._search_size - self._exemplar_size) // self._stride + 1
        self._upsample = _bicubic(cells, UPSAMPLING).to(device)
        window = torch.hann_window(cells * UPSAMPLING, periodic=False)
        window = torch.outer(window, window)
        self._window = (window / window.sum()).to(device)

    def track(self, seeds: Sequence[Seed]) -> list[Track]:
        """One track a seed, in the same order."""
        if not seeds:
            return []
        targets = [target for seed in seeds for target in (_Target(seed, 1), _Target(seed, -1))]
        tracks = [_empty_track(seed) for seed in seeds]
        with torch.inference_mode():
            exemplars = self._regions.features(
                [target.region(0, self._settings.context) for target in targets[::2]], self._exemplar_size
            )
            step = 1
            while active := [i for i, target in enumerate(targets) if target.has(step)]:
                for some in chunks(active, max(1, _CROPS // self._settings.scales)):
                    scores = self._step([targets[i] for i in some], exemplars[[i // 2 for i in some]], step)
                    for i, score in zip(some, scores, strict=True):
                        frame = targets[i].frame(step)
                        tracks[i // 2].boxes[frame] = targets[i].box()
                        tracks[i // 2].score[frame] = score
                step += 1
        return tracks

    def _regions_of(self, encode: Encode, device: torch.device) -> Regions:
        kind = TRUNKS[self._settings.trunk]
        if self._settings.mode == "exact":
            return CroppedRegions(encode, kind.crops if device.type == "cpu" else _CROPS)
        step, memory = self._settings.size_step, round(self._settings.feature_memory * 2**30)
        return SharedRegions(encode, kind.stride, kind.receptive, step, memory)

    def _step(self, targets: Sequence["_Target"], exemplars: Tensor, step: int) -> NDArray[np.float32]:
        """Move the targets to where they are in their next frame; (B,) their scores there."""
        pixels = self._search_size
        middle = [target.region(step, self._settings.context) for target in targets]
        sides = np.array([region.side for region in middle]) * pixels / self._exemplar_size
        regions = [
            replace(region, side=float(side * factor))
            for region, side in zip(middle, sides, strict=True)
            for factor in self._factors
        ]
        features = self._regions.features(regions, pixels)
        responses = self._network(exemplars, features.unflatten(0, (len(targets), len(self._factors))))
        scale, offset, score = (value.cpu().numpy() for value in self._peak(responses))
        factors = self._factors[scale]
        moves = offset * self._stride / pixels * (sides * factors)[:, None]
        damping = self._settings.scale_damping
        for target, move, factor in zip(targets, moves, 1 - damping + damping * factors, strict=True):
            target.move(move, factor)
        return np.asarray(score, np.float32)

    def _peak(self, responses: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Where responses (B, K, R, R) are highest.

        Returns:
            The scale (B,) int64; x and y (B, 2) float64 from the middle, in cells; the sigmoid
            of the response there (B,).
        """
        responses = self._upsample @ responses @ self._upsample.T
        peaks = responses.amax((2, 3))
        scale = (peaks - self._penalty * peaks.abs()).argmax(1)
        best = responses[torch.arange(len(scale), device=scale.device), scale]
        # a distribution, as the window is one
        response = best - best.amin((1, 2), keepdim=True)
        response = response / (response.sum((1, 2), keepdim=True) + 1e-16)
        influence = self._settings.window_influence
        place = ((1 - influence) * response + influence * self._window).flatten(1).argmax(1)
        side = best.shape[-1]
        xy = torch.stack([place % side, place // side], 1).double()
        score = best.flatten(1).gather(1, place[:, None])[:, 0].sigmoid()
        return scale, (xy - (side - 1) / 2) / UPSAMPLING, score


class _Target:
    """One seed in one direction, and where it is by now."""

    def __init__(self, seed: Seed, direction: int) -> None:
        box = seed.box.astype(np.float64)
        self._seed, self._direction = seed, direction
        self.centre: NDArray[np.float64] = (box[:2] + box[2:]) / 2
        self._first_size: NDArray[np.float64] = box[2:] - box[:2]
        self._scale = 1.0
        self._padding = mean_colour(seed.images[seed.frame])

    @property
    def size(self) -> NDArray[np.float64]:
        """Width and height; their ratio is the seed's."""
        return self._first_size * self._scale

    def frame(self, step: int) -> int:
        return self._seed.frame + self._direction * step

    def has(self, step: int) -> bool:
        return 0 <= self.frame(step) < len(self._seed.images)

    def region(self, step: int, context: float) -> Region:
        """The square of the target with its context, at its place by now, in a frame."""
        side = float(context_side(self.size, context))
        return Region(self._seed.images, self.frame(step), self.centre, side, self._padding)

    def move(self, by: NDArray[np.floating], factor: float) -> None:
        self.centre = self.centre + by
        self._scale = min(max(self._scale * factor, SMALLEST), LARGEST)

    def box(self) -> NDArray[np.float64]:
        return np.concatenate([self.centre - self.size / 2, self.centre + self.size / 2])


def _empty_track(seed: Seed) -> Track:
    """A track with the seed's frame alone filled in."""
    count = len(seed.images)
    track = Track(np.full((count, 4), np.nan, np.float32), np.full(count, np.nan, np.float32))
    track.boxes[seed.frame], track.score[seed.frame] = seed.box, 1
    return track


def _bicubic(cells: int, ratio: int) -> Tensor:
    """The matrix (ratio * cells, cells) that bicubic interpolation along one axis is."""
    identity = torch.eye(cells)[None, None]
    size = (ratio * cells, cells)
    return functional.interpolate(identity, size=size, mode="bicubic", align_corners=False)[0, 0]
