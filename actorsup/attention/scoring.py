"""The stage: every tube of a shard's videos is scored for every action class (Section 3.2)."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial as bound
from pathlib import Path
from typing import Any

import numpy as np
import torch

from actorsup.attention.clips import Clip, ahead, read_clip, segment_frames
from actorsup.attention.model import ActorAttention, load_model
from actorsup.attention.scoring_settings import ScoringSettings
from actorsup.devices import resolve_device
from actorsup.errors import VideoError
from actorsup.frames.store import FrameStore, VideoFrames
from actorsup.logs import progress
from actorsup.storage import ShardReader, ShardWriter
from actorsup.tube_files import PREDICTIONS_SCHEMA, TUBES_SCHEMA, read_info, read_tubes, write_tubes
from actorsup.tubes import Tubes, tube_iou

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
) -> None:
    """Score all tubes of videos for every class.

    A video whose tubes are of another length is recorded as a failure; one that an earlier stage
    failed on is left out, being recorded there.

    Args:
        frames: The frame store, a shard.
        tubes: The shard of its tubes.
        model: What ``train_attention`` wrote.
        output: The shard of scored tubes to make (``PREDICTIONS_SCHEMA``); the file attribute
            ``classes`` names the classes.
        videos: Ids of the videos to score.
        settings: What the scores of classes are, and which tubes are predicted.
        device: ``auto``, ``cpu``, ``cuda``, ...
        provenance: What makes the shard.

    Raises:
        DataError: The model or a shard cannot be used as a whole.
    """
    where = resolve_device(device)
    network = load_model(model).to(where)
    attributes = {"classes": list(network.classes)}
    with (
        FrameStore(frames) as store,
        ShardReader(tubes, TUBES_SCHEMA) as found,
        ShardWriter(output, PREDICTIONS_SCHEMA, provenance, attributes) as writer,
    ):
        there = [v for v in sorted(videos) if v in store and v in found]
        if left_out := len(videos) - len(there):
            _LOG.info("%d videos left out: earlier stages failed on them", left_out)
        there = [video for video in there if not writer.finished(video)]
        jobs = (bound(_read, network, store[video], found, video) for video in there)
        read = zip(there, ahead(jobs), strict=True)
        for video, job in progress(read, len(there), "scoring tubes"):
            if isinstance(job, VideoError):
                writer.fail(video, str(job))
                continue
            clip, unscored = job
            scored = score_tubes(network, clip, unscored, settings.class_score)
            if settings.nms_iou is not None:
                scored = suppress_tubes(scored, settings.nms_iou)
            write_tubes(writer, video, read_info(found[video]), scored)


def _read(
    network: ActorAttention, images: VideoFrames, found: ShardReader, video: str
) -> tuple[Clip, Tubes] | VideoError:
    """The frames in the middle of a video's segments, and its tubes; or why they cannot be had."""
    group = found[video]
    tubes = read_tubes(group)
    info = read_info(group)
    size = (images.width, images.height)
    if (tubes.frames, info.width, info.height) != (len(images), *size):
        return VideoError(
            f"{group.file.filename}: tubes over {tubes.frames} frames of {info.width}x{info.height}, but the "
            f"video has {len(images)} of {images.width}x{images.height}; make them again"
        )
    chosen = segment_frames(len(images), network.settings.frames, None)
    return read_clip(images, tubes.boxes, chosen, network.settings.shorter_side), tubes


@torch.no_grad()
def score_tubes(network: ActorAttention, clip: Clip, tubes: Tubes, class_score: str = "tube") -> Tubes:
    """The same P tubes with their scores for the C classes.

    Args:
        network: In evaluation mode.
        clip: Frames of the video, and all its tubes in them.
        tubes: The tubes.
        class_score: Over what the softmax is (``ScoringSettings``).

    Returns:
        Tubes with ``class_logit`` (P, C), each tube's own, and ``class_score``, their softmax;
        both are NaN, no prediction, for a tube that is in none of the clip's frames.
    """
    device = network.classifier.weight.device
    logits = network(torch.from_numpy(clip.frames).to(device), torch.from_numpy(clip.boxes).to(device))
    there = torch.from_numpy(clip.tubes_there).to(device)
    # in double precision: tubes whose scores round to 1 would be ranked by nothing
    scores = torch.full_like(logits, torch.nan, dtype=torch.float64)
    if class_score == "tube":
        scores[there] = logits[there].double().softmax(1)
    else:
        scores[there] = logits[there].double().flatten().softmax(0).view(-1, logits.shape[1])
    logits[~there] = torch.nan
    logit, score = logits.cpu().numpy(), scores.cpu().numpy()
    return replace(tubes, class_logit=logit, class_score=score)


def suppress_tubes(tubes: Tubes, iou: float) -> Tubes:
    """Non-maximum suppression of scored tubes, for each class by itself.

    Args:
        tubes: P tubes with ``class_score`` (P, C).
        iou: A tube whose tube IoU with a kept one of a higher score is strictly above it is
            suppressed; of equal scores the earlier tube is kept.

    Returns:
        All P tubes; ``class_score`` is NaN, no prediction, where one is suppressed.
    """
    assert tubes.class_score is not None, "the tubes are not scored"
    score = tubes.class_score.copy()
    above = tube_iou(tubes.boxes, tubes.boxes) > iou
    for column in score.T:
        suppressed = np.isnan(column)
        for best in np.argsort(-column, kind="stable"):  # NaN comes last
            if not suppressed[best]:
                suppressed |= above[best]
                suppressed[best] = False
        column[suppressed] = np.nan
    return replace(tubes, class_score=score)
