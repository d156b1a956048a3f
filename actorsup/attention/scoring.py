"""Pipeline stage that scores the tubes of a shard for every action class (Section 3.2 of the paper)."""

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
from actorsup.attention.clips import Clip, loader_threads, move_clip, prefetch, read_clip, sample_frames
from actorsup.attention.model import ActorAttention, PooledTubes, load_model
from actorsup.attention.scoring_settings import ScoringSettings
from actorsup.attention.tube_scores import TubeLogits, score_tubes
from actorsup.errors import REBUILD, DataError, VideoError
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
    """Score all tubes of videos for every action class.

    A video whose tubes have a different length or frame size is recorded as a failure. A video that failed
    in an earlier stage is skipped, because that stage recorded the failure.

    Args:
        frames: Path of the frame store.
        tubes: Path of the shard of tubes.
        model: Path of the model file that ``train_attention`` wrote.
        output: Path of the shard of scored tubes to write (``PREDICTIONS_SCHEMA``).
        videos: Ids of the videos to score.
        settings: Settings of the scoring and selection of tubes.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
        provenance: Inputs and settings that the shard depends on.
        classes: Names of the action classes of the data set; empty if the data set has no labels.

    Raises:
        DataError: The model or a shard is damaged, or the model has none of the classes of the data set.
    """
    torch_device = resolve_device(device)
    network = load_model(model).to(torch_device)
    check_classes(model, network.classes, classes)
    attributes = {"classes": list(network.classes)}
    with (
        FrameStore(frames) as store,
        ShardReader(tubes, TUBES_SCHEMA) as tube_shard,
        ShardWriter(output, PREDICTIONS_SCHEMA, provenance, attributes) as writer,
    ):
        available_videos = [v for v in sorted(videos) if v in store and v in tube_shard]
        if num_missing := len(videos) - len(available_videos):
            _LOG.info("skipping %d videos that failed in earlier stages", num_missing)
        pending_videos = [video for video in available_videos if not writer.finished(video)]
        jobs = (
            partial(_read_input, network, store[video], tube_shard[video], settings)
            for video in pending_videos
        )
        inputs_by_video = zip(pending_videos, prefetch(jobs, loader_threads(torch_device)), strict=True)
        for batch in _group_by_shape(
            progress(inputs_by_video, len(pending_videos), "scoring tubes"), scoring_batch_size(torch_device)
        ):
            inputs = [(video, item) for video, item in batch if isinstance(item, ScoringInput)]
            logits = compute_logits(network, [item for _, item in inputs], settings.trim is not None)
            for (video, item), video_logits in zip(inputs, logits, strict=True):
                write_tubes(
                    writer,
                    video,
                    read_info(tube_shard[video]),
                    score_tubes(item.tubes, video_logits, settings),
                    video_logits.video,
                )
            for video, error in batch:
                if isinstance(error, VideoError):
                    writer.fail(video, str(error))


def check_classes(model: Path, model_classes: Sequence[str], dataset_classes: Sequence[str]) -> None:
    """Check that a model has at least one class of a data set, and warn if it lacks other classes.

    Args:
        model: Path of the model file, for messages.
        model_classes: Names of the classes of the model.
        dataset_classes: Names of the classes of the data set.

    Raises:
        DataError: The model has none of the classes of the data set.
    """
    unknown_classes = [name for name in dataset_classes if name not in model_classes]
    if unknown_classes and len(unknown_classes) == len(dataset_classes):
        raise DataError(
            f"{model}: knows the classes {', '.join(model_classes)}, none of the data set's "
            f"{', '.join(dataset_classes)}; "
            "train a model on the data set, or give its labels the model's names"
        )
    if unknown_classes:
        _LOG.warning(
            "%s does not know the classes %s and never predicts them", model, ", ".join(unknown_classes)
        )


@dataclass(frozen=True)
class ScoringInput:
    """Network input of one video.

    Attributes:
        clip: Sampled frames, from the middle of each segment, with the boxes of the tubes.
        tubes: All tubes of the video.
        frame_indices: (segments * snippet,) int64 0-based indices of the sampled frames.
    """

    clip: Clip
    tubes: Tubes
    frame_indices: NDArray[np.int64]


def _read_input(
    network: ActorAttention, images: VideoFrames, group: h5py.Group, settings: ScoringSettings
) -> ScoringInput | VideoError:
    tubes = read_tubes(group)
    if difference := images.describe_mismatch(replace(read_info(group), frames=tubes.frames)):
        return VideoError(f"{group.file.filename}: tubes over {difference}; {REBUILD}")
    return prepare_input(network, images, tubes, settings.score_frames)


def prepare_input(
    network: ActorAttention, images: VideoFrames, tubes: Tubes, segments: int | None = None
) -> ScoringInput:
    """Sample and read the network input of one video.

    Args:
        network: Attention network.
        images: Frames of the video in the frame store.
        tubes: Tubes of the video.
        segments: Number of segments to sample frames from; None uses the number of training.
    """
    settings = network.settings
    frame_indices = sample_frames(
        images, segments or settings.frames, None, settings.snippet, settings.snippet_step
    )
    return ScoringInput(read_clip(images, tubes.boxes, frame_indices), tubes, frame_indices)


def _group_by_shape(
    inputs_by_video: Iterable[tuple[str, ScoringInput | VideoError]], size: int
) -> Iterator[list[tuple[str, ScoringInput | VideoError]]]:
    """Yield groups of at most ``size`` consecutive videos whose frames have the same shape."""

    def shape(pair: tuple[str, ScoringInput | VideoError]) -> tuple[int, ...]:
        return pair[1].clip.frames.shape if isinstance(pair[1], ScoringInput) else ()

    for _, shape_group in groupby(inputs_by_video, shape):
        while batch := list(islice(shape_group, size)):
            yield batch


def scoring_batch_size(device: torch.device) -> int:
    """Return the number of videos per batch: 1 on a CPU, whose caches fit one video, and 8 on a GPU."""
    return 1 if device.type == "cpu" else 8


@torch.no_grad()
def compute_logits(
    network: ActorAttention, inputs: Sequence[ScoringInput], per_frame: bool = False
) -> list[TubeLogits]:
    """Compute the class logits of the tubes of several videos.

    Args:
        network: Network in evaluation mode.
        inputs: Network inputs, one per video; all frames must have the same shape.
        per_frame: Whether to also return the logits of each tube in each frame.

    Returns:
        Logits of the tubes, one item per video.
    """
    if not inputs:
        return []
    device = network.classifier.weight.device
    side, shorter_side = network.encoder.info.input_size, network.settings.shorter_side
    clips = [move_clip(scoring_input.clip, shorter_side, side, device) for scoring_input in inputs]
    images = torch.cat([images for images, _ in clips])
    pooled_tubes = network.pool(images, [boxes for _, boxes in clips], per_frame)
    return [
        _compute_video_logits(network, scoring_input.frame_indices, features, per_frame)
        for scoring_input, features in zip(inputs, pooled_tubes, strict=True)
    ]


def _compute_video_logits(
    network: ActorAttention, frame_indices: NDArray[np.int64], pooled_tubes: PooledTubes, per_frame: bool
) -> TubeLogits:
    settings = network.settings
    tubes, is_present = network(pooled_tubes), pooled_tubes.is_present.any(1)
    tubes[~is_present] = torch.nan
    # training uses only the best tubes of a video
    is_counted = is_present & (torch.arange(len(tubes), device=tubes.device) < settings.tubes)
    video = (
        network.video_logits(tubes[is_counted], settings.epochs - 1)
        if is_counted.any()
        else torch.full_like(network.classifier.bias, torch.nan)
    )
    frames = None
    if per_frame:
        logits = network.frame_logits(pooled_tubes)
        logits[~pooled_tubes.is_present] = torch.nan
        # overlapping snippets, and snippets at the ends of a video, sample a frame repeatedly
        frame_indices, first_indices = np.unique(frame_indices, return_index=True)
        frames = logits[:, torch.from_numpy(first_indices).to(logits.device)].cpu().numpy()
    return TubeLogits(tubes.cpu().numpy(), video.cpu().numpy(), frames, frame_indices)
