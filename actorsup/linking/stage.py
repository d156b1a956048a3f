"""The stage: detections of a shard's videos are linked into tubes (Section 3.1)."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from actorsup import boxes
from actorsup.artifacts.shards import ShardReader, ShardWriter
from actorsup.artifacts.tube_files import TUBES_SCHEMA, VideoInfo, read_info, write_tubes
from actorsup.detection.base import SCHEMA as DETECTIONS_SCHEMA
from actorsup.detection.base import Detections, read_detections
from actorsup.errors import REBUILD, VideoError
from actorsup.frames.store import CachedFrames, FrameStore, Pictures, VideoFrames
from actorsup.linking.algorithm import TrackingLinker
from actorsup.linking.base import Linker, Tracker, VideoDetections
from actorsup.linking.gaps import fill_gaps
from actorsup.linking.linkers import LINKERS
from actorsup.linking.settings import LinkerSettings
from actorsup.linking.trackers import TRACKERS
from actorsup.logs import progress
from actorsup.tubes import Tubes

_GROUP_BYTES = 1 << 28
"""Maximum bytes of decoded frames in memory; a longer video is read again for each tube."""
_LOG = logging.getLogger(__name__)


def link_videos(
    frames: Path,
    detections: Path,
    output: Path,
    settings: LinkerSettings,
    weights: Path | None,
    device: str,
    provenance: Mapping[str, Any],
) -> None:
    """Link the detections of the videos of a shard into tubes.

    A video whose detections cannot be used is recorded as a failure. A video on which detection failed is
    left out, because its failure is already recorded.

    Args:
        frames: The frame store, a shard.
        detections: The shard of detections.
        output: The shard of tubes to write (``actorsup.artifacts.tube_files``); boxes in pixels of the source
            frame, clipped to it.
        settings: The linker's section.
        weights: The weights file of the linker or tracker. None: random weights, or a type without weights.
        device: ``auto``, ``cpu``, ``cuda``, ...
        provenance: The inputs and settings of the shard, stored with it.

    Raises:
        ConfigError: A setting cannot be used.
        DataError: The weights or a shard cannot be used as a whole.
    """
    linker = build_linker(settings, weights, device)
    with (
        FrameStore(frames) as store,
        ShardReader(detections, DETECTIONS_SCHEMA) as found,
        ShardWriter(output, TUBES_SCHEMA, provenance) as writer,
    ):
        videos = [v for v in store.videos if v not in found.failures and not writer.finished(v)]
        usable = _usable(videos, store, found, writer)
        linked = _linked(linker, usable, _GROUP_BYTES if getattr(linker, "batches_videos", False) else 0)
        for video, images, tubes in progress(linked, len(videos), "linking actors"):
            info = VideoInfo(len(images), images.fps, images.width, images.height, images.times)
            write_tubes(writer, video, info, tubes)


def build_linker(settings: LinkerSettings, weights: Path | None, device: str) -> Linker:
    """Build the linker of a section.

    Raises:
        ConfigError: The type is unknown, or a setting cannot be used.
        DataError: The weights cannot be used.
    """
    if settings.type in LINKERS:
        return LINKERS[settings.type].build(settings, weights, device)
    tracker = build_tracker(settings, weights, device)
    return TrackingLinker(tracker, settings.tubes, settings.filter_iou, settings.seeds_ahead)


def build_tracker(settings: LinkerSettings, weights: Path | None, device: str) -> Tracker:
    """Build the tracker of a section; raises like ``build_linker``."""
    return TRACKERS[TRACKERS.known(settings.type)].build(settings, weights, device)


Job = tuple[str, VideoFrames, Detections]
"""A video's id, its frames, and its detections in pixels of the source frame."""


def _usable(
    videos: Sequence[str], store: FrameStore, found: ShardReader, writer: ShardWriter
) -> Iterator[Job]:
    """Yield the videos whose detections can be used; record the others as failures."""
    for video in videos:
        images = store[video]
        try:
            if video not in found:
                raise VideoError(f"{found.file.filename}: no detections of this video; {REBUILD}")
            group = found[video]
            detections = read_detections(group)
            _check(detections, read_info(group), images, found.file.filename)
        except VideoError as error:
            writer.fail(video, str(error))
            continue
        yield video, images, detections


def _check(detections: Detections, info: VideoInfo, images: VideoFrames, path: str) -> None:
    """Raise VideoError where detections are not of this video, or no box can be tracked."""
    if difference := images.describe_mismatch(info):
        raise VideoError(f"{path}: detections of {difference}; {REBUILD}")
    wrong = {
        "a frame that the video has not": (detections.frame < 0) | (detections.frame >= len(images)),
        "a box or score that is not finite": ~np.isfinite(detections.boxes).all(1)
        | ~np.isfinite(detections.score),
        "a frame without a picture": ~images.has_picture[detections.frame.clip(0, len(images) - 1)],
        "a box without area": ~(detections.boxes[:, 2:] > detections.boxes[:, :2]).all(1),
    }
    for what, rows in wrong.items():
        if rows.any():
            row = int(np.argmax(rows))
            raise VideoError(
                f"{path}: detection {row} of {len(detections)} has {what} (frame {detections.frame[row]}, "
                f"box {detections.boxes[row].tolist()}, score {detections.score[row]}); make them again"
            )


def _linked(linker: Linker, jobs: Iterator[Job], together: int) -> Iterator[tuple[str, VideoFrames, Tubes]]:
    """Link videos in groups with at most ``together`` bytes of decoded frames, or one by one."""
    group: list[Job] = []
    used = 0
    for job in jobs:
        size = _decoded_bytes(Pictures(job[1]))
        if group and used + size > together:
            yield from link_group(linker, group)
            group, used = [], 0
        group.append(job)
        used += size
    if group:
        yield from link_group(linker, group)


def _decoded_bytes(pictures: Pictures) -> int:
    return len(pictures) * pictures[0].nbytes


def link_group(linker: Linker, group: Sequence[Job]) -> Iterator[tuple[str, VideoFrames, Tubes]]:
    """Link videos together; tubes are in pixels of the source frame, clipped to it.

    A linker sees only the frames with a picture; ``fill_gaps`` adds the others to its tubes.
    """
    jobs = []
    for _, images, detections in group:
        pictures = Pictures(images)
        stored = boxes.scale(detections.boxes, 1 / images.scale_x, 1 / images.scale_y)
        kept = CachedFrames(pictures) if _decoded_bytes(pictures) <= _GROUP_BYTES else pictures
        frame = np.searchsorted(images.pictures, detections.frame).astype(np.int32)
        jobs.append(VideoDetections(kept, replace(detections, frame=frame, boxes=stored)))
    for (video, images, _), linked in zip(group, linker.link(jobs), strict=True):
        tubes = fill_gaps(linked, images.pictures, len(images))
        scaled = boxes.scale(tubes.boxes, images.scale_x, images.scale_y)
        yield video, images, replace(tubes, boxes=boxes.clip(scaled, images.width, images.height))
