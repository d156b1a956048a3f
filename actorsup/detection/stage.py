"""The stage: actors of interest in every frame of a shard's videos (Section 3.1)."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from actorsup import boxes
from actorsup.artifacts.shards import ShardWriter
from actorsup.coco import category_ids
from actorsup.detection.base import SCHEMA, Detections, Detector, ImageDetections, VideoDetector
from actorsup.detection.detectors import DETECTORS
from actorsup.detection.settings import DetectorSettings
from actorsup.errors import VideoError
from actorsup.frames.store import FrameStore, VideoFrames
from actorsup.logs import progress

_LOG = logging.getLogger(__name__)

Find = Callable[[str, VideoFrames], Detections]
"""A video's id and frames to its detections, boxes in pixels of the source frame."""


def detect_videos(
    frames: Path,
    output: Path,
    settings: DetectorSettings,
    actors: Sequence[str],
    weights: Path | None,
    device: str,
    provenance: Mapping[str, Any],
) -> None:
    """Find the actors of interest in every frame of the videos of a frame store.

    Args:
        frames: The frame store, a shard.
        output: The shard of detections to make; a group holds ``Detections.arrays()`` and the
            attributes ``frames``, ``fps``, ``width`` and ``height``.
        settings: The detector's section.
        actors: COCO names of the actors of interest.
        weights: The detector's weights, or the file of the type ``supplied``; None is random.
        device: ``auto``, ``cpu``, ``cuda``, ...
        provenance: The inputs and settings of the shard, stored with it.

    Raises:
        ConfigError: An actor or the model is unknown.
        DataError: The weights, or the supplied detections, cannot be used as a whole.
    """
    find = finder(settings, actors, weights, device)
    with FrameStore(frames) as store, ShardWriter(output, SCHEMA, provenance) as writer:
        for video in progress(store.videos, len(store.videos), "detecting actors"):
            if writer.finished(video):
                continue
            images = store[video]
            try:
                found = find(video, images)
            except VideoError as error:
                writer.fail(video, str(error))
                continue
            size = {"width": images.width, "height": images.height}
            writer.add(video, found.arrays(), {"frames": len(images), "fps": images.fps, **size})


def finder(settings: DetectorSettings, actors: Sequence[str], weights: Path | None, device: str) -> Find:
    """Return a function that detects the actors of a video; arguments as in ``detect_videos``."""
    find = _finder(settings, actors, weights, device)
    return lambda video, images: _usable(video, find(video, images), images)


def build_detector(
    settings: DetectorSettings, actors: Sequence[int], weights: Path | None, device: str
) -> Detector | VideoDetector:
    """Build the detector of a section.

    Args:
        settings: The section; its type is one of ``DETECTORS``.
        actors: COCO category ids of the actors of interest.
        weights: The file of its weights; None is random.
        device: ``auto``, ``cpu``, ``cuda``, ...

    Raises:
        ConfigError: The type or model is unknown.
        DataError: The weights cannot be used.
    """
    return DETECTORS[DETECTORS.known(settings.type)].build(settings, actors, weights, device)


def _finder(settings: DetectorSettings, actors: Sequence[str], weights: Path | None, device: str) -> Find:
    detector = build_detector(settings, category_ids(list(actors)), weights, device)
    if isinstance(detector, VideoDetector):
        return detector.detect_video
    return lambda video, images: _detect(detector, images, settings.batch)


def _detect(detector: Detector, images: VideoFrames, batch: int) -> Detections:
    """Run a detector over all frames of a video that have a picture, a batch at a time."""
    found: list[ImageDetections] = []
    pictures = images.pictures.tolist()
    for start in range(0, len(pictures), batch):
        found += detector.detect(images.read(pictures[start : start + batch]))
    video = Detections.of_images(pictures, found)
    scaled = boxes.scale(video.boxes, images.scale_x, images.scale_y)
    return Detections(video.frame, scaled, video.score, video.actor)


def _usable(video: str, found: Detections, images: VideoFrames) -> Detections:
    """Clip boxes to the frame; drop those without area there, not finite, or of a frame without a picture."""
    cut = boxes.clip(found.boxes, images.width, images.height)
    inside = np.isfinite(cut).all(1) & (boxes.area(cut) > 0)
    has_picture = images.has_picture[found.frame.clip(0, len(images) - 1)]
    for usable, problem in (
        (inside, "of no area inside the frame"),
        (has_picture, "in frames without a picture"),
    ):
        if dropped := int((~usable).sum()):
            _LOG.info("%s: %d boxes %s dropped", video, dropped, problem)
    usable = inside & has_picture
    return Detections(found.frame[usable], cut[usable], found.score[usable], found.actor[usable])
