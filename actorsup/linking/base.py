"""The interfaces of trackers and linkers (Section 3.1, actor linking)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.images import Image
from actorsup.detection.base import Detections
from actorsup.linking.settings import LinkerSettings
from actorsup.tubes import Tubes


@dataclass(frozen=True)
class Seed:
    """One target to track forward and backward through a whole video.

    Attributes:
        images: The N frames of the video, each (H, W, 3) uint8 RGB, in any order of access.
        frame: The frame of the seed, 0-based.
        box: (4,) float32 xyxy in pixels of these images.
    """

    images: Sequence[Image]
    frame: int
    box: NDArray[np.float32]


@dataclass(frozen=True)
class Track:
    """The position of one target in every frame.

    Attributes:
        boxes: (N, 4) float32 xyxy in pixels of the seed's images, not clipped to the frame.
        score: (N,) float32 in [0, 1]: the sigmoid of the tracker's response, and 1 at the seed.
    """

    boxes: NDArray[np.float32]
    score: NDArray[np.float32]


class Tracker(Protocol):
    """Tracks many targets at once, in one or several videos.

    Set the attribute ``batches_videos`` to True on a tracker that is faster on the seeds of several videos at
    once. Without it, videos are linked one by one, and each video's tubes are written immediately.
    """

    def track(self, seeds: Sequence[Seed]) -> list[Track]:
        """Return one track per seed, in the same order; a track depends only on its own seed."""
        ...


@dataclass(frozen=True)
class VideoDetections:
    """The frames of a video with its detections.

    Attributes:
        images: N frames, each (H, W, 3) uint8 RGB.
        detections: The detected actors, boxes in pixels of these images.
    """

    images: Sequence[Image]
    detections: Detections


class Linker(Protocol):
    """Links detections into tubes."""

    def link(self, videos: Sequence[VideoDetections]) -> list[Tubes]:
        """Return the tubes of each video, best first, in pixels of its images and clipped to them."""
        ...


Built = TypeVar("Built", Tracker, Linker)


@dataclass(frozen=True)
class _Type(Generic[Built]):
    """How to build a tracker or a linker, and what planning needs to know about it.

    Attributes:
        build: Builds one from its section, its weights file (None: random weights) and a device. Import
            packages that take long to import inside this function.
        section: The settings class of its sections; for a tracker a subclass of ``TrackingSection``. Settings
            of its own reach ``build`` as ``settings.options``; ``weights`` says where weights come from.
        files: Settings that name the files of a section; these files are its weights.
        published: Returns the name of the published weights for a section, or None if there are none.
    """

    build: Callable[[LinkerSettings, Path | None, str], Built]
    section: type[Any]
    files: tuple[str, ...] = ()
    published: Callable[[Mapping[str, Any]], str | None] = lambda section: None


@dataclass(frozen=True)
class TrackerType(_Type[Tracker]):
    """A type of tracker for Algorithm 1."""


@dataclass(frozen=True)
class LinkerType(_Type[Linker]):
    """A type of linker that works without a tracker."""
