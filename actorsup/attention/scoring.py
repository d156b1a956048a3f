"""The stage that scores the tubes of a shard for every action class (Section 3.2)."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from actorsup.artifacts.shards import ShardReader, ShardWriter
from actorsup.artifacts.tube_files import PREDICTIONS_SCHEMA, TUBES_SCHEMA, read_info, read_tubes, write_tubes
from actorsup.attention.clips import Clip, loader_threads, on_device, prefetch, read_clip, segment_frames
from actorsup.attention.model import ActorAttention, Pooled, load_model
from actorsup.attention.scoring_settings import ScoringSettings
from actorsup.attention.selection import SELECTIONS
from actorsup.attention.tube_scores import TubeLogits, score_tubes
from actorsup.errors import DataError, VideoError
from actorsup.frames.store import FrameStore, VideoFrames
from actorsup.logs import progress
from actorsup.training.devices import resolve_device
from actorsup.tubes import Tubes

_LOG = logging.getLogger(__name__)


def score_videos(
    frames: Path,
    tubes: Path,
    model: Path,
    output: Path,
    videos: Collection[str],
    settings: ScoringSettings,
    device: str,
    provenance: Mapping[str, Any],
    classes: Sequence[str] = (),
) -> None:
    """Score all tubes of videos for every class.

    A video whose tubes have another length or size is recorded as a failure. A video that failed in an
    earlier stage is skipped; that stage has recorded it.

    Args:
        frames: The frame store of the shard.
        tubes: The tubes of the shard.
        model: The model file that ``train_attention`` wrote.
        output: The shard of scored tubes to write (``PREDICTIONS_SCHEMA``); its file attribute ``classes``
            names the classes.
        videos: Ids of the videos to score.
        settings: How tubes are scored and which are predicted.
        device: ``auto``, ``cpu``, ``cuda``, ...
        provenance: Inputs and settings that the shard depends on.
        classes: Names of the data set's action classes; empty if it has no labels.

    Raises:
        DataError: The model or a shard is damaged, or the model knows none of the classes.
    """
    where = resolve_device(device)
    network = load_model(model).to(where)
    check_classes(model, network.classes, classes)
    attributes = {"classes": list(network.classes)}
    with (
        FrameStore(frames) as store,
        ShardReader(tubes, TUBES_SCHEMA) as tube_shard,
        ShardWriter(output, PREDICTIONS_SCHEMA, provenance, attributes) as writer,
    ):
        available = [v for v in sorted(videos) if v in store and v in tube_shard]
        if missing := len(videos) - len(available):
            _LOG.info("skipping %d videos that failed in earlier stages", missing)
        todo = [video for video in available if not writer.finished(video)]
        jobs = (partial(_read, network, store[video], tube_shard[video], settings) for video in todo)
        read = zip(todo, prefetch(jobs, loader_threads(where)), strict=True)
        for batch in _batches(progress(read, len(todo), "scoring tubes"), videos_at_once(where)):
            inputs = [(video, item) for video, item in batch if isinstance(item, ScoringInput)]
            logits = compute_logits(network, [item for _, item in inputs], settings.trim is not None)
            for (video, item), of_video in zip(inputs, logits, strict=True):
                write_tubes(
                    writer, video, read_info(tube_shard[video]), score_tubes(item.tubes, of_video, settings)
                )
            for video, error in batch:
                if isinstance(error, VideoError):
                    writer.fail(video, str(error))


def check_classes(model: Path, known: Sequence[str], wanted: Sequence[str]) -> None:
    """Check that a model fits the classes of a data set.

    Raises:
        DataError: The model knows none of the classes.
    """
    unknown = [name for name in wanted if name not in known]
    if unknown and len(unknown) == len(wanted):
        raise DataError(
            f"{model}: knows the classes {', '.join(known)}, none of the data set's {', '.join(wanted)}; "
            "train a model on the data set, or give its labels the model's names"
        )
    if unknown:
        _LOG.warning("%s does not know the classes %s and never predicts them", model, ", ".join(unknown))


@dataclass(frozen=True)
class ScoringInput:
    """Input of the network for one video.

    Attributes:
        clip: The sampled frames, from the middle of each segment.
        tubes: All tubes of the video.
        sampled: (segments * snippet,) 0-based indices of these frames.
    """

    clip: Clip
    tubes: Tubes
    sampled: NDArray[np.int64]


def _read(
    network: ActorAttention, images: VideoFrames, group: h5py.Group, settings: ScoringSettings
) -> ScoringInput | VideoError:
    tubes = read_tubes(group)
    if difference := images.describe_mismatch(replace(read_info(group), frames=tubes.frames)):
        return VideoError(f"{group.file.filename}: tubes over {difference}; delete the file and run again")
    return prepare_input(network, images, tubes, settings.score_frames)


def prepare_input(
    network: ActorAttention, images: VideoFrames, tubes: Tubes, segments: int | None = None
) -> ScoringInput:
    """Read the input of a network for one video: this many segments, or as many as in training."""
    settings = network.settings
    sampled = segment_frames(
        len(images), segments or settings.frames, None, settings.snippet, settings.snippet_step
    )
    return ScoringInput(read_clip(images, tubes.boxes, sampled), tubes, sampled)


def _batches(
    read: Iterable[tuple[str, ScoringInput | VideoError]], size: int
) -> Iterator[list[tuple[str, ScoringInput | VideoError]]]:
    """Group consecutive videos whose frames have one size, at most ``size`` videos each."""

    def shape(pair: tuple[str, ScoringInput | VideoError]) -> tuple[int, ...]:
        return pair[1].clip.frames.shape if isinstance(pair[1], ScoringInput) else ()

    for _, same in groupby(read, shape):
        while batch := list(islice(same, size)):
            yield batch


def videos_at_once(device: torch.device) -> int:
    """Return the batch size: one video fits the caches of a CPU and is fastest there."""
    return 1 if device.type == "cpu" else 8


@torch.no_grad()
def compute_logits(
    network: ActorAttention, inputs: Sequence[ScoringInput], per_frame: bool = False
) -> list[TubeLogits]:
    """Compute the logits of the tubes of some videos.

    Args:
        network: A network in evaluation mode.
        inputs: Its input for each video; all frames have one size.
        per_frame: Return the logits of each frame too.
    """
    if not inputs:
        return []
    device = network.classifier.weight.device
    side, shorter_side = network.encoder.info.side, network.settings.shorter_side
    clips = [on_device(each.clip, shorter_side, side, device) for each in inputs]
    images = torch.cat([images for images, _ in clips])
    pooled = network.pool(images, [boxes for _, boxes in clips], per_frame)
    return [
        _logits(network, each.sampled, features, per_frame)
        for each, features in zip(inputs, pooled, strict=True)
    ]


def _logits(
    network: ActorAttention, sampled: NDArray[np.int64], pooled: Pooled, per_frame: bool
) -> TubeLogits:
    settings = network.settings
    select, k = SELECTIONS[settings.selection], settings.k_of(settings.epochs - 1)
    tubes, present = network(pooled), pooled.present.any(1)
    tubes[~present] = torch.nan
    video = (
        select(tubes[present], k) if present.any() else torch.full_like(network.classifier.bias, torch.nan)
    )
    frames = None
    if per_frame:
        logits = network.frame_logits(pooled)
        logits[~pooled.present] = torch.nan
        # snippets may overlap, and at the ends of a video they repeat a frame
        sampled, first = np.unique(sampled, return_index=True)
        frames = logits[:, torch.from_numpy(first).to(logits.device)].cpu().numpy()
    return TubeLogits(tubes.cpu().numpy(), video.cpu().numpy(), frames, sampled)
