"""The stage: every tube of a shard's videos is scored for every action class (Section 3.2)."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from actorsup.artifacts.shards import ShardReader, ShardWriter
from actorsup.artifacts.tube_files import PREDICTIONS_SCHEMA, TUBES_SCHEMA, read_info, read_tubes, write_tubes
from actorsup.attention.clips import Clip, loader_threads, on_device, prefetch, read_clip, segment_frames
from actorsup.attention.model import ActorAttention, Pooled, load_model
from actorsup.attention.scoring_settings import ScoringSettings
from actorsup.attention.selection import SELECTIONS
from actorsup.attention.tube_scores import TubeLogits, scored
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
        classes: Names of the data set's action classes; none where it has no labels.

    Raises:
        DataError: The model or a shard cannot be used as a whole, or it knows none of the classes.
    """
    where = resolve_device(device)
    network = load_model(model).to(where)
    check_classes(model, network.classes, classes)
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
        jobs = (partial(_read, network, store[video], found, video, settings) for video in there)
        read = zip(there, prefetch(jobs, loader_threads(where)), strict=True)
        for group in _together(progress(read, len(there), "scoring tubes"), where):
            for video, error in ((v, job) for v, job in group if isinstance(job, VideoError)):
                writer.fail(video, str(error))
            seen = [(video, job) for video, job in group if isinstance(job, ScoringInput)]
            logits = logits_of(network, [job for _, job in seen], settings.trim is not None) if seen else []
            for (video, job), made in zip(seen, logits, strict=True):
                write_tubes(writer, video, read_info(found[video]), scored(job.tubes, made, settings))


def check_classes(model: Path, known: Sequence[str], wanted: Sequence[str]) -> None:
    """Whether a model fits the classes of a data set.

    Raises:
        DataError: It knows none of them.
    """
    unknown = [name for name in wanted if name not in known]
    if unknown and len(unknown) == len(wanted):
        raise DataError(
            f"{model}: knows the classes {', '.join(known)}, none of the data set's {', '.join(wanted)}; "
            "train a model on the data set, or give its labels the model's names"
        )
    if unknown:
        _LOG.warning("%s does not know the classes %s; it never predicts them", model, ", ".join(unknown))


@dataclass(frozen=True)
class ScoringInput:
    """What the network sees of a video.

    Attributes:
        clip: The frames in the middle of the video's segments.
        tubes: All tubes of the video.
        chosen: (M * snippet,) which frames they are.
    """

    clip: Clip
    tubes: Tubes
    chosen: NDArray[np.int64]


def _read(
    network: ActorAttention, images: VideoFrames, found: ShardReader, video: str, settings: ScoringSettings
) -> ScoringInput | VideoError:
    """What the network is to see of a video; or why it cannot be had."""
    group = found[video]
    tubes = read_tubes(group)
    if difference := images.mismatch(replace(read_info(group), frames=tubes.frames)):
        return VideoError(f"{group.file.filename}: tubes over {difference}; delete the file and run again")
    return prepare(network, images, tubes, settings.score_frames)


def prepare(
    network: ActorAttention, images: VideoFrames, tubes: Tubes, count: int | None = None
) -> ScoringInput:
    """What a network sees of a video and its tubes: so many segments of it, or as many as in training."""
    how = network.settings
    chosen = segment_frames(len(images), count or how.frames, None, how.snippet, how.snippet_step)
    return ScoringInput(read_clip(images, tubes.boxes, chosen), tubes, chosen)


def _together(
    read: Iterable[tuple[str, ScoringInput | VideoError]], device: torch.device
) -> Iterator[list[tuple[str, ScoringInput | VideoError]]]:
    """Videos that go through the network together: neighbours of one size."""

    def shape(pair: tuple[str, ScoringInput | VideoError]) -> tuple[int, ...]:
        return pair[1].clip.frames.shape if isinstance(pair[1], ScoringInput) else ()

    at_once = videos_at_once(device)
    for _, same in groupby(read, shape):
        part: list[tuple[str, ScoringInput | VideoError]] = []
        for pair in same:
            part.append(pair)
            if len(part) == at_once:
                yield part
                part = []
        if part:
            yield part


def videos_at_once(device: torch.device) -> int:
    """Videos that go through the network together: on a CPU one, which its caches hold, is fastest."""
    return 1 if device.type == "cpu" else 8


@torch.no_grad()
def logits_of(
    network: ActorAttention, seen: Sequence[ScoringInput], of_frames: bool = False
) -> list[TubeLogits]:
    """What a network makes of the tubes of some videos.

    Args:
        network: In evaluation mode.
        seen: What it is to see; all frames of one size.
        of_frames: Whether the logits of each frame are wanted.
    """
    device = network.classifier.weight.device
    side, shorter_side = network.encoder.info.side, network.settings.shorter_side
    there = [on_device(each.clip, shorter_side, side, device) for each in seen]
    images = torch.cat([images for images, _ in there])
    pooled = network.pool(images, [boxes for _, boxes in there], per_frame=of_frames)
    return [_logits(network, each, of, of_frames) for each, of in zip(seen, pooled, strict=True)]


def _logits(network: ActorAttention, seen: ScoringInput, pooled: Pooled, of_frames: bool) -> TubeLogits:
    tubes = network(pooled)
    absent = ~pooled.present.any(1)
    settings = network.settings
    select, k = SELECTIONS[settings.selection], settings.k_of(settings.epochs - 1)
    tubes[absent] = torch.nan
    known = tubes[~absent]
    video = select(known, k) if len(known) else torch.full_like(network.classifier.bias, torch.nan)
    frames, chosen = None, seen.chosen
    if of_frames:
        of_each = network.frame_logits(pooled)
        of_each[~pooled.present] = torch.nan
        # a snippet at a video's end repeats a frame, and snippets may overlap
        chosen, first = np.unique(seen.chosen, return_index=True)
        frames = of_each[:, torch.from_numpy(first).to(of_each.device)].cpu().numpy()
    return TubeLogits(tubes.cpu().numpy(), video.cpu().numpy(), frames, chosen)
