"""The training set of actor attention: frames, tubes and video labels; there is no other input."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Self

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
    """A video to train on.

    Attributes:
        video: Its id.
        images: Its frames.
        boxes: (P, N, 4) of its tubes in its N frames, as they are stored.
        target: (C,) float32, the share of each class in its label; they sum to 1.
    """

    video: str
    images: VideoFrames
    boxes: h5py.Dataset
    target: NDArray[np.float32]

    def chance(self, seed: int, epoch: int) -> np.random.Generator:
        """A stream of chance of its own for an epoch."""
        name = int.from_bytes(blake2b(self.video.encode(), digest_size=8).digest())
        return np.random.default_rng([seed, epoch, name])

    def clip(self, settings: AttentionSettings, seed: int, epoch: int) -> Clip:
        """What an epoch sees of it."""
        random = self.chance(seed, epoch)
        how = settings.snippet, settings.snippet_step
        chosen = segment_frames(len(self.images), settings.frames, random, *how)
        clip = read_clip(self.images, self.boxes[: settings.tubes], chosen)
        return clip.flipped() if random.random() < settings.flip else clip


class TrainingVideos(Sequence[TrainingVideo]):
    """The labeled videos that have tubes, ordered by id; open until the context ends.

    Args:
        frames: The frame stores that hold them.
        tubes: The shards of their tubes.
        labels: The action classes of each training video; other videos are not read.
        classes: Names of the C action classes.

    Raises:
        DataError: A label is no class; no video is left; a shard cannot be used, or is of
            another video's length or size.
    """

    def __init__(
        self,
        frames: Sequence[Path],
        tubes: Sequence[Path],
        labels: Mapping[str, Sequence[str]],
        classes: Sequence[str],
    ) -> None:
        targets = {video: target_of(video, labels[video], classes) for video in sorted(labels)}
        with ExitStack() as files:
            stores = [files.enter_context(FrameStore(path)) for path in frames]
            shards = [files.enter_context(ShardReader(path, TUBES_SCHEMA)) for path in tubes]
            images = {v: store[v] for store in stores for v in store.videos if v in targets}
            groups = {v: shard[v] for shard in shards for v in shard.videos if v in targets}
            self._videos = [
                TrainingVideo(video, images[video], groups[video]["boxes"], target)
                for video, target in targets.items()
                if _usable(video, images, groups)
            ]
            if not self._videos:
                raise DataError(
                    f"none of the {len(targets)} labeled training videos has a tube; see failures.csv, "
                    "and lower the detector's min_score if its detections are few"
                )
            self._files = files.pop_all()
        _LOG.info("training on %d of %d labeled videos", len(self._videos), len(targets))
        seen = np.sum([video.target for video in self._videos], axis=0)
        if unseen := [name for name, videos in zip(classes, seen, strict=True) if videos == 0]:
            _LOG.warning("no training video has the class %s; its scores mean nothing", ", ".join(unseen))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def __len__(self) -> int:
        return len(self._videos)

    def __getitem__(self, index: int) -> TrainingVideo:  # type: ignore[override]  # no slices
        return self._videos[index]


def target_of(video: str, labels: Sequence[str], classes: Sequence[str]) -> NDArray[np.float32]:
    """The share of each class in a video's label: equal ones for each of several labels, (C,).

    Raises:
        DataError: It has no label, or one that no class has.
    """
    if not labels:
        raise DataError(f"{video}: has no label; leave it out of the training videos")
    target = np.zeros(len(classes), np.float32)
    for label in labels:
        if label not in classes:
            raise DataError(f"{video}: the label {label!r} is no class; allowed: {', '.join(classes)}")
        target[list(classes).index(label)] = 1
    return target / target.sum()


def _usable(video: str, images: Mapping[str, VideoFrames], groups: Mapping[str, h5py.Group]) -> bool:
    """Whether there is anything to train on; what an earlier stage failed on is recorded there."""
    if video not in images or video not in groups:
        _LOG.info("%s: no %s; left out", video, "tubes" if video in images else "frames")
        return False
    if difference := images[video].mismatch(read_info(groups[video])):
        raise DataError(
            f"{groups[video].file.filename}: {video} has tubes over {difference}; "
            "delete the file and run again"
        )
    if not len(groups[video]["boxes"]):
        _LOG.info("%s: no actor was found; left out", video)
        return False
    return True
