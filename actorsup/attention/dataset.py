"""Training set of the actor attention network: frames, tubes and video labels, and no other input."""

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
from actorsup.attention.clips import Clip, read_clip, sample_frames
from actorsup.attention.settings import AttentionSettings
from actorsup.errors import REBUILD, DataError
from actorsup.frames.store import FrameStore, VideoFrames

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingVideo:
    """Labeled video of the training set.

    Attributes:
        video: Video id.
        images: Frames of the video in the frame store.
        boxes: (P, N, 4) HDF5 dataset of the xyxy boxes of P tubes in N frames.
        target: (C,) float32 share of each class in the label of the video; the shares sum to 1.
    """

    video: str
    images: VideoFrames
    boxes: h5py.Dataset
    target: NDArray[np.float32]

    def random_generator(self, seed: int, epoch: int) -> np.random.Generator:
        """Return a random generator whose stream depends only on the seed, the epoch and the video id."""
        name = int.from_bytes(blake2b(self.video.encode(), digest_size=8).digest())
        return np.random.default_rng([seed, epoch, name])

    def clip(self, settings: AttentionSettings, seed: int, epoch: int) -> Clip:
        """Read the training clip of an epoch: one random frame per segment, with a random horizontal flip."""
        generator = self.random_generator(seed, epoch)
        frame_indices = sample_frames(
            self.images, settings.frames, generator, settings.snippet, settings.snippet_step
        )
        clip = read_clip(self.images, self.boxes[: settings.tubes], frame_indices)
        return clip.flip_horizontally() if generator.random() < settings.flip else clip


@contextmanager
def training_videos(
    frames: Sequence[Path],
    tubes: Sequence[Path],
    labels: Mapping[str, Sequence[str]],
    classes: Sequence[str],
) -> Iterator[list[TrainingVideo]]:
    """Context manager that opens the labeled videos with tubes, ordered by video id.

    Args:
        frames: Paths of the frame stores.
        tubes: Paths of the shards of tubes.
        labels: Action classes of each training video, by video id; videos without an entry are ignored.
        classes: Names of the C action classes.

    Raises:
        DataError: A label is not in ``classes``; no labeled video has a tube; a shard is damaged; or the
            tubes of a video belong to a video of a different length or frame size.
    """
    targets = {video: label_shares(video, labels[video], classes) for video in sorted(labels)}
    with ExitStack() as files:
        stores = [files.enter_context(FrameStore(path)) for path in frames]
        shards = [files.enter_context(ShardReader(path, TUBES_SCHEMA)) for path in tubes]
        images = {v: store[v] for store in stores for v in store.videos if v in targets}
        groups = {v: shard[v] for shard in shards for v in shard.videos if v in targets}
        videos = [
            TrainingVideo(video, images[video], groups[video]["boxes"], target)
            for video, target in targets.items()
            if _is_usable(video, images, groups)
        ]
        if not videos:
            raise DataError(
                f"none of the {len(targets)} labeled training videos has a tube; see failures.csv, "
                "and lower the detector's min_score if it has few detections"
            )
        _LOG.info("training on %d of %d labeled videos", len(videos), len(targets))
        class_totals = np.sum([video.target for video in videos], axis=0)
        if unseen_classes := [
            name for name, class_total in zip(classes, class_totals, strict=True) if class_total == 0
        ]:
            names = ", ".join(unseen_classes)
            _LOG.warning("no training video has the class %s; its scores are meaningless", names)
        yield videos


def label_shares(video: str, labels: Sequence[str], classes: Sequence[str]) -> NDArray[np.float32]:
    """Return the shares (C,) float32 of the classes in the label of a video; its labels have equal shares.

    Raises:
        DataError: The video has no label, or a label that is not in ``classes``.
    """
    if not labels:
        raise DataError(f"{video}: has no label; remove it from the training videos")
    if unknown_labels := [label for label in labels if label not in classes]:
        raise DataError(
            f"{video}: the label {unknown_labels[0]!r} is not a known class; allowed: {', '.join(classes)}"
        )
    target = np.array([name in labels for name in classes], np.float32)
    return target / target.sum()


def _is_usable(video: str, images: Mapping[str, VideoFrames], groups: Mapping[str, h5py.Group]) -> bool:
    """Return whether a video has frames and tubes; earlier stages record the reason if it has none."""
    if video not in images or video not in groups:
        _LOG.info("%s: no %s; skipped", video, "tubes" if video in images else "frames")
        return False
    if difference := images[video].describe_mismatch(read_info(groups[video])):
        raise DataError(f"{groups[video].file.filename}: {video} has tubes over {difference}; {REBUILD}")
    if not len(groups[video]["boxes"]):
        _LOG.info("%s: no actor was found; skipped", video)
        return False
    return True
