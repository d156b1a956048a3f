"""The training set of actor attention: frames, tubes and video labels, and no other input."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.shards import ShardReader
from actorsup.artifacts.tube_files import TUBES_SCHEMA, read_info
from actorsup.attention.clips import Clip, read_clip, segment_frames
from actorsup.attention.settings import AttentionSettings
from actorsup.errors import DataError
from actorsup.frames.store import FrameStore, VideoFrames

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingVideo:
    """A labeled video.

    Attributes:
        video: Video id.
        images: Its frames.
        boxes: (P, N, 4) dataset of its P tubes in its N frames.
        target: (C,) float32, the share of each class in its label; they sum to 1.
    """

    video: str
    images: VideoFrames
    boxes: h5py.Dataset
    target: NDArray[np.float32]

    def random(self, seed: int, epoch: int) -> np.random.Generator:
        """Return a random generator seeded for this video and epoch."""
        name = int.from_bytes(blake2b(self.video.encode(), digest_size=8).digest())
        return np.random.default_rng([seed, epoch, name])

    def clip(self, settings: AttentionSettings, seed: int, epoch: int) -> Clip:
        """Read the clip of an epoch: random frames of the segments, flipped at random."""
        random = self.random(seed, epoch)
        sampled = segment_frames(
            len(self.images), settings.frames, random, settings.snippet, settings.snippet_step
        )
        clip = read_clip(self.images, self.boxes[: settings.tubes], sampled)
        return clip.flipped() if random.random() < settings.flip else clip


@contextmanager
def training_videos(
    frames: Sequence[Path],
    tubes: Sequence[Path],
    labels: Mapping[str, Sequence[str]],
    classes: Sequence[str],
) -> Iterator[list[TrainingVideo]]:
    """Open the labeled videos that have tubes, ordered by id.

    Args:
        frames: Frame stores.
        tubes: Shards of tubes.
        labels: Action classes of each training video; other videos are ignored.
        classes: Names of the C action classes.

    Raises:
        DataError: A label is not a known class; no video is left; a shard is damaged, or its tubes belong to
            a video of another length or size.
    """
    targets = {video: target_of(video, labels[video], classes) for video in sorted(labels)}
    with ExitStack() as files:
        stores = [files.enter_context(FrameStore(path)) for path in frames]
        shards = [files.enter_context(ShardReader(path, TUBES_SCHEMA)) for path in tubes]
        images = {v: store[v] for store in stores for v in store.videos if v in targets}
        groups = {v: shard[v] for shard in shards for v in shard.videos if v in targets}
        videos = [
            TrainingVideo(video, images[video], groups[video]["boxes"], target)
            for video, target in targets.items()
            if _usable(video, images, groups)
        ]
        if not videos:
            raise DataError(
                f"none of the {len(targets)} labeled training videos has a tube; see failures.csv, "
                "and lower the detector's min_score if it has few detections"
            )
        _LOG.info("training on %d of %d labeled videos", len(videos), len(targets))
        totals = np.sum([video.target for video in videos], axis=0)
        if unseen := [name for name, total in zip(classes, totals, strict=True) if total == 0]:
            _LOG.warning("no training video has the class %s; its scores are meaningless", ", ".join(unseen))
        yield videos


def target_of(video: str, labels: Sequence[str], classes: Sequence[str]) -> NDArray[np.float32]:
    """Return the share of each class in the label of a video, (C,): several labels have equal shares.

    Raises:
        DataError: The video has no label, or a label that is not a known class.
    """
    if not labels:
        raise DataError(f"{video}: has no label; remove it from the training videos")
    if unknown := [label for label in labels if label not in classes]:
        raise DataError(
            f"{video}: the label {unknown[0]!r} is not a known class; allowed: {', '.join(classes)}"
        )
    target = np.array([name in labels for name in classes], np.float32)
    return target / target.sum()


def _usable(video: str, images: Mapping[str, VideoFrames], groups: Mapping[str, h5py.Group]) -> bool:
    """Return whether a video has frames and tubes; earlier stages record why it has none."""
    if video not in images or video not in groups:
        _LOG.info("%s: no %s; skipped", video, "tubes" if video in images else "frames")
        return False
    if difference := images[video].describe_mismatch(read_info(groups[video])):
        raise DataError(
            f"{groups[video].file.filename}: {video} has tubes over {difference}; "
            "delete the file and run again"
        )
    if not len(groups[video]["boxes"]):
        _LOG.info("%s: no actor was found; skipped", video)
        return False
    return True
