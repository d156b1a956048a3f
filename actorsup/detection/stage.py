"""The stage: actors of interest in every frame of a shard's videos (Section 3.1)."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from actorsup import boxes
from actorsup.coco import category_ids
from actorsup.detection.base import Detections, Detector, ImageDetections
from actorsup.detection.settings import DetectorSettings
from actorsup.errors import ConfigError, VideoError
from actorsup.frames.store import FrameStore, VideoFrames
from actorsup.logs import progress
from actorsup.storage import ShardWriter

SCHEMA = "detections/1"
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
        provenance: What makes the shard.

    Raises:
        ConfigError: An actor or a model that there is not.
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
    """What finds the actors of a video; its network is loaded once. Arguments as ``detect_videos``'s."""
    find = _finder(settings, actors, weights, device)
    return lambda video, images: _inside(video, find(video, images), images.width, images.height)


def read_detections(group: h5py.Group) -> Detections:
    """The detections of one video from its group of a shard of detections."""
    return Detections(**{name: group[name][()] for name in ("frame", "boxes", "score", "actor")})


def build_detector(
    settings: DetectorSettings, actors: Sequence[int], weights: Path | None, device: str
) -> Detector:
    """The detector of a section.

    Args:
        settings: The section; its type is a key of ``DETECTORS``.
        actors: COCO category ids of the actors of interest.
        weights: The file of its weights; None is random.
        device: ``auto``, ``cpu``, ``cuda``, ...

    Raises:
        ConfigError: There is no such type or model.
        DataError: The weights cannot be used.
    """
    if settings.type not in DETECTORS:
        raise ConfigError(f"type: {settings.type!r} is no detector; allowed: {', '.join(DETECTORS)}")
    return DETECTORS[settings.type](settings, actors, weights, device)


def _torchvision(
    settings: DetectorSettings, actors: Sequence[int], weights: Path | None, device: str
) -> Detector:
    from actorsup.detection.torchvision_models import torchvision_detector
    from actorsup.devices import resolve_device

    model = "small_ssd" if settings.type == "small_ssd" else settings.model
    return torchvision_detector(model, settings, actors, weights, resolve_device(device))


def _yolox(settings: DetectorSettings, actors: Sequence[int], weights: Path | None, device: str) -> Detector:
    from actorsup.detection.yolox import YoloxDetector

    if weights is None:
        raise ConfigError("weights: a detector of the type yolox needs an ONNX file")
    return YoloxDetector(weights, actors, settings)


DETECTORS: dict[str, Callable[[DetectorSettings, Sequence[int], Path | None, str], Detector]] = {
    "torchvision": _torchvision,
    "small_ssd": _torchvision,
    "yolox": _yolox,
}
"""What builds a detector, by the type of its section. Heavy imports wait until one is built."""


def _finder(settings: DetectorSettings, actors: Sequence[str], weights: Path | None, device: str) -> Find:
    ids = category_ids(list(actors))
    if settings.type == "supplied":
        from actorsup.detection.supplied import SuppliedDetections

        if weights is None:
            raise ConfigError("path: a detector of the type supplied needs a file")
        supplied = SuppliedDetections(weights, ids, settings)
        return lambda video, images: supplied.detections(video, len(images), images.width, images.height)
    detector = build_detector(settings, ids, weights, device)
    return lambda video, images: _detect(detector, images, settings.batch)


def _detect(detector: Detector, images: VideoFrames, batch: int) -> Detections:
    """Run a detector over all frames of a video, a batch at a time."""
    found: list[ImageDetections] = []
    for start in range(0, len(images), batch):
        found += detector.detect(images.read(range(start, min(start + batch, len(images)))))
    video = Detections.of_images(range(len(images)), found)
    scaled = boxes.scale(video.boxes, images.scale_x, images.scale_y)
    return Detections(video.frame, scaled, video.score, video.actor)


def _inside(video: str, found: Detections, width: int, height: int) -> Detections:
    """Boxes cut to the frame, without those that are not finite or have no area left."""
    cut = boxes.clip(found.boxes, width, height)
    usable = np.isfinite(cut).all(1) & (boxes.area(cut) > 0)
    if dropped := int((~usable).sum()):
        _LOG.info("%s: %d boxes of no area inside the frame dropped", video, dropped)
    return Detections(found.frame[usable], cut[usable], found.score[usable], found.actor[usable])
