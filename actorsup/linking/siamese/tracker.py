"""The multi-scale fully-convolutional Siamese tracker (Section 4.2), for many targets at once."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from actorsup.detection.base import Image
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
from actorsup.training.devices import put

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
        network: Its trunk is kept without batch normalization.
        settings: Sizes and constants.
        device: Where the network runs.

    Raises:
        ConfigError: Sizes that do not go together.
    """

    def __init__(self, network: SiameseNetwork, settings: LinkerSettings, device: torch.device) -> None:
        self._settings = settings
        self._exemplar_size, self._search_size, self._stride = crop_sizes(settings)
        self._network = network.eval().to(device)
        trunk = without_normalization(network.trunk)
        self._device = device
        self._features = self._features_of(Encode(trunk, device, settings.precision))
        self._together = max(1, _CROPS // settings.scales)
        # on a GPU the last digits of a result depend on its batch's shape: it is always the same
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
        """Whether seeds of several videos at once are faster than those of one."""
        if self._settings.mode == "shared":
            return False  # the shared features are one video's; others would only push them out
        # a crop of 255 pixels keeps a CPU as busy as many of them
        return self._settings.trunk == "small" or self._device.type != "cpu"

    def track(self, seeds: Sequence[Seed]) -> list[Track]:
        """One track a seed, in the same order."""
        return self._followed(_Targets(seeds, self._device)).tracks() if seeds else []

    @torch.inference_mode()
    def _followed(self, targets: "_Targets") -> "_Targets":
        """Follow targets through all frames of their videos; nothing in it waits for the device."""
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
        """Squares around targets with their context, as exemplars are cut, in their frames of a step."""
        index = put(some, self._device)
        side = context_side(targets.first_size[index] * targets.scale[index, None], self._settings.context)
        images, frames = zip(*(targets.image(target, step) for target in some), strict=True)
        return Regions(images, frames, targets.centre[index], side[:, None], targets.padding[index])

    def _step(self, targets: "_Targets", some: Sequence[int], exemplars: Tensor, step: int) -> None:
        """Move targets to where they are in their next frame, and note it."""
        count, pixels = len(some), self._search_size
        if self._fixed:
            some = [*some, *[some[-1]] * (self._together - count)]
        index = put(some, self._device)
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


class _Targets:
    """Seeds, each in two directions, and where they are by now.

    Target 2 * i is seed i forward, 2 * i + 1 the same backward.

    Attributes:
        centre: (T, 2) float64 x and y in pixels.
        first_size: (T, 2) float64 width and height of the seed; their ratio stays.
        scale: (T,) float64, by which it has grown since.
        padding: (T, 3) float64, the mean colour of the seed's frame.
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
        # the tracks, one after the other
        lengths = [len(seed.images) for seed in seeds]
        self._first = np.concatenate([[0], np.cumsum(lengths)])
        self._boxes = torch.full((int(self._first[-1]), 4), torch.nan, device=device)
        self._score = torch.full((int(self._first[-1]),), torch.nan, device=device)

    def __len__(self) -> int:
        return 2 * len(self._seeds)

    @property
    def steps(self) -> int:
        """Frames from a seed to the end of its video, at most."""
        return max(max(seed.frame, len(seed.images) - 1 - seed.frame) for seed in self._seeds)

    def _frame(self, target: int, step: int) -> int:
        return self._seeds[target // 2].frame + (-step if target % 2 else step)

    def has(self, target: int, step: int) -> bool:
        """Whether a target's video has a frame so many steps from its seed."""
        return 0 <= self._frame(target, step) < len(self._seeds[target // 2].images)

    def image(self, target: int, step: int) -> tuple[Sequence[Image], int]:
        """The frames of a target's video, and the number of that so many steps from its seed."""
        return self._seeds[target // 2].images, self._frame(target, step)

    def move(self, index: Tensor, by: Tensor, factor: Tensor) -> None:
        """Move targets by pixels (B, 2), and grow them by factors (B,)."""
        self.centre[index] += by
        self.scale[index] = (self.scale[index] * factor).clamp(SMALLEST, LARGEST)

    def note(self, some: Sequence[int], step: int, score: Tensor) -> None:
        """Write down where targets are in the frame so many steps from their seeds."""
        index = put(some, self._device)
        rows = [int(self._first[target // 2]) + self._frame(target, step) for target in some]
        row = put(rows, self._device)
        half = self.first_size[index] * self.scale[index, None] / 2
        centre = self.centre[index]
        self._boxes[row] = torch.cat([centre - half, centre + half], 1).float()
        self._score[row] = score

    def tracks(self) -> list[Track]:
        """The track of each seed, when all steps are done."""
        boxes, score = self._boxes.cpu().numpy(), self._score.cpu().numpy()
        found = []
        for seed, start, end in zip(self._seeds, self._first, self._first[1:], strict=False):
            boxes[start + seed.frame], score[start + seed.frame] = seed.box, 1
            found.append(Track(boxes[start:end].copy(), score[start:end].copy()))
        return found


def _bicubic(cells: int, ratio: int) -> Tensor:
    """The matrix (ratio * cells, cells) that bicubic interpolation along one axis is."""
    identity = torch.eye(cells)[None, None]
    size = (ratio * cells, cells)
    return functional.interpolate(identity, size=size, mode="bicubic", align_corners=False)[0, 0]
