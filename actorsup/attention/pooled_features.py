"""Cache of the pooled features of training videos, for epochs with a frozen encoder."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import torch

from actorsup.attention.model import Pooled
from actorsup.attention.settings import AttentionSettings
from actorsup.training import distributed


@dataclass(frozen=True)
class PooledFeatures:
    """Pooled features by video and draw.

    Attributes:
        settings: The model's section.
        file: The HDF5 file of the cache; None if the encoder is trained, so that nothing is cached.
    """

    settings: AttentionSettings
    file: h5py.File | None

    def draw(self, epoch: int) -> int:
        """Return which choice of frames and flips an epoch uses, counted from 0."""
        return epoch if self.settings.train_encoder else epoch % self.settings.draws

    def get(self, video: str, draw: int) -> Pooled | None:
        """Return the pooled features of a video, on the CPU; None if they are not cached."""
        if self.file is None or f"{video}/{draw}" not in self.file:
            return None
        group = self.file[f"{video}/{draw}"]
        return Pooled(*(torch.from_numpy(group[name][()]) for name in ("features", "present")))

    def put(self, video: str, draw: int, pooled: Pooled) -> None:
        """Cache the pooled features of a video, averaged over time if training needs only the mean."""
        if self.file is not None:
            pooled = pooled.averaged() if self.settings.frame_share == 1 else pooled
            group = self.file.create_group(f"{video}/{draw}")
            group["features"], group["present"] = pooled.features.cpu().numpy(), pooled.present.cpu().numpy()


@contextmanager
def pooled_features(output: Path, settings: AttentionSettings) -> Iterator[PooledFeatures]:
    """Open a cache next to the model file; it is deleted when the context ends."""
    if settings.train_encoder:
        yield PooledFeatures(settings, None)
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    # a fixed name, so that the next run replaces the cache of a killed run
    path = output.with_name(f".{output.stem}.pooled{distributed.rank()}.h5")
    try:
        with h5py.File(path, "w") as file:
            yield PooledFeatures(settings, file)
    finally:
        path.unlink(missing_ok=True)
