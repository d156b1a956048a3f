"""The actor attention network (Section 3.2) and files of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from actorsup.attention.encoder import build_encoder
from actorsup.attention.encoders import encoder_type
from actorsup.attention.pooling import actor_pooling
from actorsup.attention.selection import tube_logits
from actorsup.attention.settings import AttentionSettings
from actorsup.errors import ConfigError, DataError, report_read_errors
from actorsup.training.weights import load_weights, put_weights

ARCHITECTURE = "actor_attention"
_SMALLEST_NORM = 1e-6
"""Of a tube's features; smaller ones are scaled as if it were theirs, so that zero stays zero."""


@dataclass(frozen=True)
class Pooled:
    """What was pooled of the P tubes of a video.

    Attributes:
        features: (P, N, channels * grid * grid) float32, in each of N frames; or (P, 1, ...), their mean.
        present: (P, N) or (P, 1) whether a tube is there.
    """

    features: Tensor
    present: Tensor

    def to(self, device: torch.device) -> "Pooled":
        """The same on a device."""
        return Pooled(self.features.to(device), self.present.to(device))

    def averaged(self) -> "Pooled":
        """The mean over the frames that a tube is in."""
        if self.features.shape[1] == 1:
            return self
        present = self.present.to(self.features)
        share = present / present.sum(1, keepdim=True).clamp(min=1)
        mean = torch.einsum("pnf,pn->pf", self.features, share)
        return Pooled(mean[:, None], self.present.any(1, keepdim=True))


class ActorAttention(nn.Module):
    """Encoder, actor-of-interest pooling and one fully connected layer.

    Args:
        settings: The encoder and the grid; how frames are taken.
        classes: Names of the C action classes.

    Raises:
        ConfigError: There is no such encoder, or it does not take such snippets.
    """

    def __init__(self, settings: AttentionSettings, classes: Sequence[str]) -> None:
        super().__init__()
        self.settings, self.classes = settings, tuple(classes)
        encoder_type(settings.encoder).check_snippet(settings.snippet)
        self.encoder = build_encoder(settings.encoder)
        info = self.encoder.info
        self.encoder.requires_grad_(settings.train_encoder)
        features = info.channels * settings.grid**2
        self.classifier = nn.Linear(features, len(self.classes))
        # "with Xavier technique" (4.2)
        nn.init.xavier_uniform_(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)
        self.log_variance = nn.Linear(features, 1) if settings.uncertainty else None
        if self.log_variance is not None:
            nn.init.zeros_(self.log_variance.weight)
            nn.init.zeros_(self.log_variance.bias)

    def train(self, mode: bool = True) -> Self:
        """As any module; but batch normalization keeps its statistics.

        The frames of one video are no batch to take them of. An encoder that is not trained drops
        nothing at random either.
        """
        super().train(mode)
        if not self.settings.train_encoder:
            self.encoder.eval()
        for layer in self.modules():
            if isinstance(layer, _BatchNorm):
                layer.eval()
        return self

    def pool(self, frames: Tensor, boxes: Sequence[Tensor], of_frames: bool = False) -> list[Pooled]:
        """What is pooled of the tubes of some videos: what ``forward`` needs of it.

        Args:
            frames: (V * N, H, W, 3) uint8 RGB, of V videos one after another.
            boxes: Of each video, (P, N, 4) float32 xyxy in pixels of these frames; NaN is an
                absent frame.
            of_frames: Whether it is wanted in each frame, even if its mean is all that counts.
        """
        settings, info = self.settings, self.encoder.info
        with torch.autocast(frames.device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
            maps = self.encoder(self.encoder.normalize(frames, settings.pixels), settings.snippet)
        pooled, average = [], settings.frame_share == 1 and not of_frames
        for features, tubes in zip(maps.float().split(len(frames) // len(boxes)), boxes, strict=True):
            values = actor_pooling(features, tubes, info.stride, settings.grid, info.origin, average)
            present = ~tubes.isnan().any(2)
            # channels first, as in the paper's X x Y response maps
            values = values.transpose(2, 3).flatten(2)
            pooled.append(Pooled(values, present.any(1, keepdim=True) if average else present))
        return pooled

    def normalized(self, pooled: Pooled) -> Pooled:
        """Pooled features as the classifier takes them (``AttentionSettings.feature_norm``).

        All frames of a tube are scaled by one factor, so that a tube's logits stay the mean of its
        frames' logits.
        """
        if self.settings.feature_norm == "none":
            return pooled
        norm = pooled.averaged().features.norm(dim=2, keepdim=True).clamp(min=_SMALLEST_NORM)
        return Pooled(pooled.features * (self.settings.feature_size / norm), pooled.present)

    def frame_logits(self, pooled: Pooled) -> Tensor:
        """Logits of tubes in each frame, before any attention: (P, N, C) float32."""
        return self.classifier(self.normalized(pooled).features)

    def forward(self, pooled: Pooled) -> Tensor:
        """Logits of the tubes of one video, before any attention: (P, C) float32."""
        # the layer is linear: the mean of a tube's logits is the logit of its mean
        pooled = self.normalized(pooled)
        pooled = pooled.averaged() if self.settings.frame_share == 1 else pooled
        return tube_logits(self.classifier(pooled.features), pooled.present, self.settings.frame_share)


def random_model(settings: AttentionSettings, classes: Sequence[str], seed: int) -> ActorAttention:
    """An untrained network on the CPU, the same for one seed.

    Raises:
        ConfigError: Of an encoder that there is not.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ActorAttention(settings, classes)


def model_content(model: ActorAttention, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What the file of a trained model holds; ``load_model`` reads it."""
    return {
        "architecture": ARCHITECTURE,
        "classes": list(model.classes),
        "settings": asdict(model.settings),
        "state": {name: value.cpu() for name, value in model.state_dict().items()},
        "provenance": dict(provenance),
    }


def load_model(path: str | Path) -> ActorAttention:
    """A trained network, in evaluation mode, on the CPU.

    Raises:
        DataError: The file is damaged, or is none that ``train_attention`` wrote.
    """
    content = load_weights(path)
    if content.get("architecture") != ARCHITECTURE:
        raise DataError(
            f"{path}: holds {content.get('architecture', 'an unnamed network')!r}, wanted a trained "
            f"{ARCHITECTURE!r}; train one with the rule train_attention"
        )
    with report_read_errors(path, "a model of another version; train it again"):
        settings, classes, state = (content[name] for name in ("settings", "classes", "state"))
        return _loaded(path, settings, classes, state).eval()


def _loaded(
    path: str | Path, values: Mapping[str, Any], classes: Sequence[str], state: Mapping[str, Tensor]
) -> ActorAttention:
    try:
        "".join(classes).encode()  # or no table can name them
        # models from before there was a choice took features as they were pooled
        settings = AttentionSettings(**{"feature_norm": "none", **values})
        shape = tuple(state["classifier.weight"].shape)
        # before memory is asked for by settings alone
        if len(shape) != 2 or shape[0] != len(classes) or shape[1] % settings.grid**2:
            raise DataError(
                f"{path}: weights of another architecture: {shape} for {len(classes)} classes and a grid of "
                f"{settings.grid}"
            )
        model = random_model(settings, classes, seed=0)
    except ConfigError as error:
        raise DataError(f"{path}: a model of another version ({error}); train it again") from error
    put_weights(model, state, path)
    return model
