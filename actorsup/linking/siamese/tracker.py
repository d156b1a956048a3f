"""The multi-scale fully-convolutional Siamese tracker (Section 4.2), for many targets at once."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from actorsup.artifacts.images import Image
from actorsup.linking.base import Seed, Track
from actorsup.linking.settings import LinkerSettings
from actorsup.linking.siamese.crops import context_side, mean_colour
from actorsup.linking.siamese.network import TRUNKS, SiameseNetwork, crop_sizes, without_normalization
from actorsup.linking.siamese.regions import (
    CroppedRegions,
    DeviceRegions,
    Encode,
    RegionFeatures,
    Regions,
    chunks,
)
from actorsup.linking.siamese.shared_regions import SharedRegions
from actorsup.logs import progress
from actorsup.training.devices import int_tensor

UPSAMPLING = 16
"""Upsampling factor of the response before the peak is located (SiamFC: 17 to 272 cells)."""

SMALLEST, LARGEST = 0.2, 5.0
"""Limits of a target's size relative to its seed (SiamFC's release)."""

_CROPS = 48
"""Maximum number of search regions in a batch."""


class SiameseTracker:
    """Tracks many targets in both directions at the same time, each with the exemplar of its seed.

    One step moves all targets by one frame. A target leaves when it reaches the end of its video. Apart from
    the exemplars, memory does not grow with the number of targets.

    Args:
        network: The Siamese network. The tracker folds the batch normalization of its trunk.
        settings: Sizes and constants.
        device: The device of the network.

    Raises:
        ConfigError: The sizes of exemplar and search region do not fit together.
    """

    def __init__(self, network: SiameseNetwork, settings: LinkerSettings, device: torch.device) -> None:
        self._settings = settings
        self._exemplar_size, self._search_size, self._stride = crop_sizes(settings)
        self._network = network.eval().to(device)
        trunk = without_normalization(network.trunk)
        self._device = device
        self._features = self._features_of(Encode(trunk, device, settings.precision))
        self._together = max(1, _CROPS // settings.scales)
        # on a GPU the last digits of a result depend on the batch size, so batches are filled up
        self._fixed = device.type != "cpu"
        steps = np.arange(settings.scales) - settings.scales // 2
        self._factors = torch.from_numpy(settings.scale_step**steps).to(device)
        penalty = torch.full((settings.scales,), 1 - settings.scale_penalty)
        penalty[settings.scales // 2] = 0
        self._penalty = penalty.to(device)
        cells = (self._search_size - self._exemplar_size) // self._stride + 1
        self._upsample = _bicubic(cells, UPSAMPLING).to(device)
        window = torch.hann_window(cells * UPSAMPLING, periodic=False)
        window = torch.outer(window, window)
        self._window = (window / window.sum()).to(device)

    @property
    def batches_videos(self) -> bool:
        """Whether tracking the seeds of several videos at once is faster."""
        if self._settings.mode == "shared":
            return False  # other videos would only push the features of one out of the cache
        # one crop of VGG16 already keeps a CPU busy
        return self._settings.trunk == "small" or self._device.type != "cpu"

    def track(self, seeds: Sequence[Seed]) -> list[Track]:
        """Return one track per seed, in the same order."""
        return self._followed(_Targets(seeds, self._device)).tracks() if seeds else []

    @torch.inference_mode()
    def _followed(self, targets: "_Targets") -> "_Targets":
        """Track targets through all frames of their videos, without waiting for the device."""
        every = range(len(targets))
        exemplars = self._features(self._regions(targets, every[::2], 0), self._exemplar_size)
        steps = range(1, targets.steps + 1)
        for step in progress(
            steps, len(steps), f"tracking {len(exemplars)} seeds both ways", is_subtask=True
        ):
            active = [target for target in every if targets.has(target, step)]
            for some in chunks(active, self._together):
                self._step(targets, some, exemplars, step)
        return targets

    def _features_of(self, encode: Encode) -> RegionFeatures:
        kind = TRUNKS[self._settings.trunk]
        memory = round(self._settings.feature_memory * 2**30)
        if self._settings.mode == "shared":
            return SharedRegions(encode, kind.stride, kind.receptive, self._settings.size_step, memory)
        if self._device.type == "cpu":
            return CroppedRegions(encode, kind.crops)
        return DeviceRegions(encode, _CROPS, memory)

    def _regions(self, targets: "_Targets", some: Sequence[int], step: int) -> Regions:
        """Return the exemplar-sized regions around targets in their frames of a step."""
        index = int_tensor(some, self._device)
        side = context_side(targets.first_size[index] * targets.scale[index, None], self._settings.context)
        images, frames = zip(*(targets.image(target, step) for target in some), strict=True)
        return Regions(images, frames, targets.centre[index], side[:, None], targets.padding[index])

    def _step(self, targets: "_Targets", some: Sequence[int], exemplars: Tensor, step: int) -> None:
        """Find targets in their frames of a step, and record their boxes."""
        count, pixels = len(some), self._search_size
        if self._fixed:
            some = [*some, *[some[-1]] * (self._together - count)]
        index = int_tensor(some, self._device)
        regions = self._regions(targets, some, step)
        sides = regions.side * pixels / self._exemplar_size
        features = self._features(replace(regions, side=sides * self._factors), pixels)
        responses = self._network(exemplars[index // 2], features.unflatten(0, (len(some), -1)))
        scale, offset, score = self._peak(responses)
        factors = self._factors[scale]
        moves = offset * self._stride / pixels * (sides[:, 0] * factors)[:, None]
        damping = self._settings.scale_damping
        changes = 1 - damping + damping * factors
        targets.move(index[:count], moves[:count], changes[:count])
        targets.note(some[:count], step, score[:count])

    def _peak(self, responses: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Locate the peak of responses (B, K, R, R).

        Returns:
            Index of the scale (B,) int64; offset x and y from the center (B, 2) float64, in cells; sigmoid of
            the response at the peak (B,).
        """
        responses = self._upsample @ responses @ self._upsample.T
        peaks = responses.amax((2, 3))
        scale = (peaks - self._penalty * peaks.abs()).argmax(1)
        best = responses[torch.arange(len(scale), device=scale.device), scale]
        # normalize the response to sum 1, like the window
        response = best - best.amin((1, 2), keepdim=True)
        response = response / (response.sum((1, 2), keepdim=True) + 1e-16)
        influence = self._settings.window_influence
        place = ((1 - influence) * response + influence * self._window).flatten(1).argmax(1)
        side = best.shape[-1]
        xy = torch.stack([place % side, place // side], 1).double()
        score = best.flatten(1).gather(1, place[:, None])[:, 0].sigmoid()
        return scale, (xy - (side - 1) / 2) / UPSAMPLING, score


class _Targets:
    """The state of all targets. Target 2 * i is seed i tracked forward, and 2 * i + 1 backward.

    Attributes:
        centre: (T, 2) float64 x and y in pixels.
        first_size: (T, 2) float64 width and height of the seed; the aspect ratio stays.
        scale: (T,) float64 current size relative to the seed.
        padding: (T, 3) float64 mean color of the seed's frame.
    """

    def __init__(self, seeds: Sequence[Seed], device: torch.device) -> None:
        self._seeds, self._device = seeds, device
        boxes = np.repeat(np.stack([seed.box for seed in seeds]).astype(np.float64), 2, axis=0)
        colours = [mean_colour(seed.images[seed.frame]) for seed in seeds]
        self.padding = torch.tensor(np.repeat(np.array(colours, np.float64), 2, axis=0), device=device)
        corners = torch.from_numpy(boxes).to(device)
        self.centre = (corners[:, :2] + corners[:, 2:]) / 2
        self.first_size = corners[:, 2:] - corners[:, :2]
        self.scale = torch.ones(len(boxes), dtype=torch.float64, device=device)
        # all tracks, concatenated
        lengths = [len(seed.images) for seed in seeds]
        self._first = np.concatenate([[0], np.cumsum(lengths)])
        self._boxes = torch.full((int(self._first[-1]), 4), torch.nan, device=device)
        self._score = torch.full((int(self._first[-1]),), torch.nan, device=device)

    def __len__(self) -> int:
        return 2 * len(self._seeds)

    @property
    def steps(self) -> int:
        """Maximum number of frames from a seed to an end of its video."""
        return max(max(seed.frame, len(seed.images) - 1 - seed.frame) for seed in self._seeds)

    def _frame(self, target: int, step: int) -> int:
        return self._seeds[target // 2].frame + (-step if target % 2 else step)

    def has(self, target: int, step: int) -> bool:
        """Whether a target's video has a frame that many steps from the seed."""
        return 0 <= self._frame(target, step) < len(self._seeds[target // 2].images)

    def image(self, target: int, step: int) -> tuple[Sequence[Image], int]:
        """Return a target's video and its frame number at a step."""
        return self._seeds[target // 2].images, self._frame(target, step)

    def move(self, index: Tensor, by: Tensor, factor: Tensor) -> None:
        """Move targets by pixels (B, 2) and scale them by factors (B,)."""
        self.centre[index] += by
        self.scale[index] = (self.scale[index] * factor).clamp(SMALLEST, LARGEST)

    def note(self, some: Sequence[int], step: int, score: Tensor) -> None:
        """Record the boxes and scores of targets at a step."""
        index = int_tensor(some, self._device)
        rows = [int(self._first[target // 2]) + self._frame(target, step) for target in some]
        row = int_tensor(rows, self._device)
        half = self.first_size[index] * self.scale[index, None] / 2
        centre = self.centre[index]
        self._boxes[row] = torch.cat([centre - half, centre + half], 1).float()
        self._score[row] = score

    def tracks(self) -> list[Track]:
        """Return the track of each seed after the last step."""
        boxes, score = self._boxes.cpu().numpy(), self._score.cpu().numpy()
        found = []
        for seed, start, end in zip(self._seeds, self._first, self._first[1:], strict=False):
            boxes[start + seed.frame], score[start + seed.frame] = seed.box, 1
            found.append(Track(boxes[start:end].copy(), score[start:end].copy()))
        return found


def _bicubic(cells: int, ratio: int) -> Tensor:
    """Return bicubic interpolation along one axis as a matrix (ratio * cells, cells)."""
    identity = torch.eye(cells)[None, None]
    size = (ratio * cells, cells)
    return functional.interpolate(identity, size=size, mode="bicubic", align_corners=False)[0, 0]
