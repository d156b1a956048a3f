"""The actor attention network (Section 3.2), and its model files."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from actorsup.attention.encoders import encoder_type
from actorsup.attention.pooling import actor_pooling
from actorsup.attention.selection import tube_logits
from actorsup.attention.settings import AttentionSettings
from actorsup.errors import ConfigError, DataError, report_read_errors
from actorsup.training.weights import load_state, load_weights

ARCHITECTURE = "actor_attention"
_MIN_NORM = 1e-6
"""Lower bound of the norm that features are divided by, so that zero features stay zero."""


@dataclass(frozen=True)
class Pooled:
    """Pooled features of the P tubes of a video.

    Attributes:
        features: (P, N, C * X * Y) float32, one row for each of N frames; (P, 1, C * X * Y) for their mean.
        present: (P, N) or (P, 1) bool, whether the tube has a box there.
    """

    features: Tensor
    present: Tensor

    def to(self, device: torch.device) -> "Pooled":
        """Return the same features on a device."""
        return Pooled(self.features.to(device), self.present.to(device))

    def averaged(self) -> "Pooled":
        """Return the mean over the frames in which a tube is present (temporal average pooling)."""
        if self.features.shape[1] == 1:
            return self
        present = self.present.to(self.features)
        weight = present / present.sum(1, keepdim=True).clamp(min=1)
        mean = torch.einsum("pnf,pn->pf", self.features, weight)
        return Pooled(mean[:, None], self.present.any(1, keepdim=True))


class ActorAttention(nn.Module):
    """Video encoder, actor-of-interest pooling and actor classification (Section 3.2).

    Top-k selection and the loss are in ``selection.py``.

    Args:
        settings: Encoder, grid and sampling of frames.
        classes: Names of the action classes.

    Raises:
        ConfigError: The encoder is unknown, or does not accept this snippet length.
    """

    def __init__(self, settings: AttentionSettings, classes: Sequence[str]) -> None:
        super().__init__()
        self.settings, self.classes = settings, tuple(classes)
        kind = encoder_type(settings.encoder)
        kind.check_snippet(settings.snippet)
        self.encoder = kind.build().requires_grad_(settings.train_encoder)
        features = self.encoder.info.channels * settings.grid**2
        self.classifier = nn.Linear(features, len(self.classes))
        # "with Xavier technique" (4.2)
        nn.init.xavier_uniform_(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)
        self.log_variance = nn.Linear(features, 1) if settings.uncertainty else None
        if self.log_variance is not None:
            nn.init.zeros_(self.log_variance.weight)
            nn.init.zeros_(self.log_variance.bias)

    def train(self, mode: bool = True) -> Self:
        """Set the training mode, except for batch normalization and a frozen encoder.

        Batch normalization keeps its statistics, because the frames of one video are not a representative
        batch. An encoder that is not trained applies no dropout.
        """
        super().train(mode)
        if not self.settings.train_encoder:
            self.encoder.eval()
        for layer in self.modules():
            if isinstance(layer, _BatchNorm):
                layer.eval()
        return self

    def pool(self, frames: Tensor, boxes: Sequence[Tensor], per_frame: bool = False) -> list[Pooled]:
        """Encode the frames of videos and pool the features of their tubes, the input of ``forward``.

        Args:
            frames: (videos * N, H, W, 3) uint8 RGB, the frames of one video after another.
            boxes: For each video, (P, N, 4) float32 xyxy in pixels of these frames; NaN where a tube is
                absent.
            per_frame: Return features of each frame even if ``forward`` needs only their mean.
        """
        settings, info = self.settings, self.encoder.info
        average = settings.frame_share == 1 and not per_frame
        with torch.autocast(frames.device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
            # U of all videos: (videos * N, C, H', W')
            maps = self.encoder(self.encoder.normalize(frames, settings.pixels), settings.snippet)
        pooled = []
        for U, tubes in zip(maps.float().split(len(frames) // len(boxes)), boxes, strict=True):
            # V of Equation 1: (P, N, X * Y, C), or its average over time: (P, 1, X * Y, C)
            V = actor_pooling(U, tubes, info.stride, settings.grid, info.origin, average)
            present = ~tubes.isnan().any(2)
            # the paper's order of the features, C * X * Y
            features = V.transpose(2, 3).flatten(2)
            pooled.append(Pooled(features, present.any(1, keepdim=True) if average else present))
        return pooled

    def normalized(self, pooled: Pooled) -> Pooled:
        """Scale features to the norm that the classifier expects (``AttentionSettings.feature_norm``).

        All frames of a tube share one factor, so that the logits of a tube remain the mean of the logits of
        its frames.
        """
        if self.settings.feature_norm == "none":
            return pooled
        norm = pooled.averaged().features.norm(dim=2, keepdim=True).clamp(min=_MIN_NORM)
        return Pooled(pooled.features * (self.settings.feature_size / norm), pooled.present)

    def frame_logits(self, pooled: Pooled) -> Tensor:
        """Return the logits of each tube in each frame: (P, N, number of classes) float32."""
        return self.classifier(self.normalized(pooled).features)

    def forward(self, pooled: Pooled) -> Tensor:
        """Classify the tubes of a video: logits (P, number of classes) float32."""
        pooled = self.normalized(pooled)
        if self.settings.frame_share == 1:
            # the classifier is linear: the mean of the logits is the logit of the mean
            pooled = pooled.averaged()
        return tube_logits(self.classifier(pooled.features), pooled.present, self.settings.frame_share)


def random_model(settings: AttentionSettings, classes: Sequence[str], seed: int) -> ActorAttention:
    """Build an untrained network on the CPU, with weights that depend only on the seed.

    Raises:
        ConfigError: The encoder is unknown.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ActorAttention(settings, classes)


def model_content(model: ActorAttention, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a model file, for ``load_model``."""
    return {
        "architecture": ARCHITECTURE,
        "classes": list(model.classes),
        "settings": asdict(model.settings),
        "state": {name: value.cpu() for name, value in model.state_dict().items()},
        "provenance": dict(provenance),
    }


def load_model(path: str | Path) -> ActorAttention:
    """Load a trained network on the CPU, in evaluation mode.

    Raises:
        DataError: The file is damaged, or not a model that ``train_attention`` wrote.
    """
    content = load_weights(path)
    if content.get("architecture") != ARCHITECTURE:
        raise DataError(
            f"{path}: holds {content.get('architecture', 'an unnamed network')!r}, wanted a trained "
            f"{ARCHITECTURE!r}; train one with the rule train_attention"
        )
    with report_read_errors(path, "a model of another version; train it again"):
        settings, classes, state = (content[name] for name in ("settings", "classes", "state"))
        return _load(path, settings, classes, state).eval()


def _load(
    path: str | Path, values: Mapping[str, Any], classes: Sequence[str], state: Mapping[str, Tensor]
) -> ActorAttention:
    try:
        "".join(classes).encode()  # tables need class names that UTF-8 can encode
        # models older than the setting classify features as they were pooled
        settings = AttentionSettings(**{"feature_norm": "none", **values})
        shape = tuple(state["classifier.weight"].shape)
        # checked before the settings decide how much memory is allocated
        if len(shape) != 2 or shape[0] != len(classes) or shape[1] % settings.grid**2:
            raise DataError(
                f"{path}: weights of another architecture: {shape} for {len(classes)} classes and a grid of "
                f"{settings.grid}"
            )
        model = random_model(settings, classes, seed=0)
    except ConfigError as error:
        raise DataError(f"{path}: a model of another version ({error}); train it again") from error
    load_state(model, state, path)
    return model
