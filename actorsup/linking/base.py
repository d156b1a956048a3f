"""The interfaces of trackers and linkers (Section 3.1, actor linking)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from actorsup.detection.base import Detections, Image
from actorsup.linking.settings import LinkerSettings
from actorsup.tubes import Tubes


@dataclass(frozen=True)
class Seed:
    """One target to track, forward and backward, through the whole video.

    Attributes:
        images: The video's frames, N times (H, W, 3) uint8 RGB; read in any order.
        frame: The seed's frame, 0-based.
        box: (4,) float32 xyxy in pixels of these images.
    """

    images: Sequence[Image]
    frame: int
    box: NDArray[np.float32]


@dataclass(frozen=True)
class Track:
    """Where a target is in every frame.

    Attributes:
        boxes: (N, 4) float32 xyxy in pixels of the seed's images, not cut to the frame.
        score: (N,) float32 in [0, 1]: the tracker's response through a sigmoid, 1 at the seed.
    """

    boxes: NDArray[np.float32]
    score: NDArray[np.float32]


class Tracker(Protocol):
    """Follows many targets at once, in one video or in several.

    A tracker that is faster on the seeds of several videos at once says so by an attribute
    ``batches_videos`` that is true; without it each video's tubes are written as soon as they are made.
    """

    def track(self, seeds: Sequence[Seed]) -> list[Track]:
        """One track a seed, in the same order; a track depends on its own seed alone."""
        ...


@dataclass(frozen=True)
class VideoDetections:
    """A video's frames with its detections, in the pixels of these images.

    Attributes:
        images: N frames, each (H, W, 3) uint8 RGB.
        detections: The actors found in them, boxes in pixels of these images.
    """

    images: Sequence[Image]
    detections: Detections


class Linker(Protocol):
    """Makes tubes of detections."""

    def link(self, videos: Sequence[VideoDetections]) -> list[Tubes]:
        """The tubes of each video, best first, in pixels of its images and cut to them."""
        ...


@dataclass(frozen=True)
class TrackerType:
    """A type of tracker, which Algorithm 1 links with: how to build it, and what planning needs to know.

    Attributes:
        build: Builds a tracker of a section, the file of its weights (None is random) and a device.
            Packages that take long to import are imported inside.
        section: Settings class of its sections, a subclass of ``TrackingSection``. Settings of its own reach
            ``build`` as ``settings.options``. One with ``weights`` says where its weights come from.
        files: Settings of a section that name its files; they are its weights.
        published: The name of the published weights of a section, None where nobody publishes any.
    """

    build: Callable[[LinkerSettings, Path | None, str], Tracker]
    section: type[Any]
    files: tuple[str, ...] = ()
    published: Callable[[Mapping[str, Any]], str | None] = lambda section: None


@dataclass(frozen=True)
class LinkerType:
    """A type of linker that does without a tracker; attributes as those of ``TrackerType``."""

    build: Callable[[LinkerSettings, Path | None, str], Linker]
    section: type[Any]
    files: tuple[str, ...] = ()
    published: Callable[[Mapping[str, Any]], str | None] = lambda section: None
