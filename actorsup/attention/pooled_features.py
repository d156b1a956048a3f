"""What was pooled of the training videos, kept between epochs while the encoder is not trained."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import h5py
import torch

from actorsup.attention.model import Pooled
from actorsup.attention.settings import AttentionSettings
from actorsup.training import distributed


class PooledFeatures:
    """A file beside the model on its way, deleted when the context ends; nothing if the encoder is trained.

    Args:
        output: The model's file.
        settings: The model's section.
    """

    def __init__(self, output: Path, settings: AttentionSettings) -> None:
        self._settings = settings
        self._file: h5py.File | None = None
        self._open = ExitStack()
        if not settings.train_encoder:
            output.parent.mkdir(parents=True, exist_ok=True)
            # of one name, so that the file of a run that was killed does not stay
            path = output.with_name(f".{output.stem}.pooled{distributed.rank()}.h5")
            self._open.callback(path.unlink, missing_ok=True)
            self._file = self._open.enter_context(h5py.File(path, "w"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def draw(self, epoch: int) -> int:
        """Which choice of frames and flips an epoch sees, counted from 0."""
        return epoch if self._settings.train_encoder else epoch % self._settings.draws

    def get(self, video: str, draw: int) -> Pooled | None:
        """What was pooled of a video, on the CPU; None if nothing is kept."""
        if self._file is None or video not in self._file or str(draw) not in self._file[video]:
            return None
        group = self._file[video][str(draw)]
        return Pooled(*(torch.from_numpy(group[name][()]) for name in ("features", "present")))

    def put(self, video: str, draw: int, pooled: Pooled) -> None:
        """Keep what was pooled of a video: in each frame, or their mean where that is all that counts."""
        if self._file is not None:
            pooled = pooled.averaged() if self._settings.frame_share == 1 else pooled
            group = self._file.create_group(f"{video}/{draw}")
            group["features"], group["present"] = pooled.features.cpu().numpy(), pooled.present.cpu().numpy()
