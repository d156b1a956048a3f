"""Cache of the pooled features of training videos, for training with a frozen encoder."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import torch

from actorsup.artifacts.hdf5_files import create_hdf5
from actorsup.attention.model import PooledTubes
from actorsup.attention.settings import AttentionSettings
from actorsup.training import distributed


@dataclass(frozen=True)
class PooledFeatures:
    """Cache of pooled features by video id and draw (choice of sampled frames and flip).

    Attributes:
        settings: Settings of the attention network.
        file: Open HDF5 file of the cache; None if the encoder is trained, which disables the cache.
    """

    settings: AttentionSettings
    file: h5py.File | None

    def draw(self, epoch: int) -> int:
        """Return the 0-based index of the draw of sampled frames and flips for a 0-based epoch."""
        return epoch if self.settings.train_encoder else epoch % self.settings.draws

    def get(self, video: str, draw: int) -> PooledTubes | None:
        """Return the cached features of a video on the CPU, or None if they are not cached."""
        if self.file is None or f"{video}/{draw}" not in self.file:
            return None
        group = self.file[f"{video}/{draw}"]
        return PooledTubes(*(torch.from_numpy(group[name][()]) for name in ("features", "present")))

    def put(self, video: str, draw: int, pooled_tubes: PooledTubes) -> None:
        """Cache the pooled features of a video, averaged over time if training needs only the mean."""
        if self.file is not None:
            pooled_tubes = (
                pooled_tubes.average_over_time() if self.settings.frame_share == 1 else pooled_tubes
            )
            group = self.file.create_group(f"{video}/{draw}")
            group["features"] = pooled_tubes.features.cpu().numpy()
            group["present"] = pooled_tubes.is_present.cpu().numpy()


@contextmanager
def open_pooled_features(output: Path, settings: AttentionSettings) -> Iterator[PooledFeatures]:
    """Context manager that opens an empty cache in the folder of the model file and deletes it at the end."""
    if settings.train_encoder:
        yield PooledFeatures(settings, None)
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    # the name is fixed, so that the next run replaces the cache of a killed run
    path = output.with_name(f".{output.stem}.pooled{distributed.rank()}.h5")
    try:
        with create_hdf5(path) as file:
            yield PooledFeatures(settings, file)
    finally:
        path.unlink(missing_ok=True)
