"""Actor attention network (Section 3.2 of the paper), and reading and writing of model files."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from actorsup.attention.encoders import encoder_type
from actorsup.attention.pooling import actor_pooling
from actorsup.attention.selection import SELECTIONS, tube_logits
from actorsup.attention.settings import AttentionSettings
from actorsup.errors import ConfigError, DataError, report_read_errors
from actorsup.training.weights import load_state, load_weights

ARCHITECTURE = "actor_attention"
_MIN_NORM = 1e-6
"""Minimum norm that features are divided by, so that zero features remain zero."""


@dataclass(frozen=True)
class PooledTubes:
    """Pooled features of the P tubes of a video.

    Attributes:
        features: (P, N, C * X * Y) float32 features in each of N frames, or (P, 1, C * X * Y) float32 mean
            over the frames.
        is_present: (P, N) bool, whether a tube has a box in a frame; or (P, 1) bool for the mean.
    """

    features: Tensor
    is_present: Tensor

    def to(self, device: torch.device) -> "PooledTubes":
        """Copy the features to a device."""
        return PooledTubes(self.features.to(device), self.is_present.to(device))

    def average_over_time(self) -> "PooledTubes":
        """Average the features over the frames in which a tube is present (temporal average pooling)."""
        if self.features.shape[1] == 1:
            return self
        is_present = self.is_present.to(self.features)
        frame_weight = is_present / is_present.sum(1, keepdim=True).clamp(min=1)
        mean = torch.einsum("pnf,pn->pf", self.features, frame_weight)
        return PooledTubes(mean[:, None], self.is_present.any(1, keepdim=True))


class ActorAttention(nn.Module):
    """Video encoder, actor-of-interest pooling and actor classification (Section 3.2 of the paper).

    The operations of ``video_logits`` and the loss are in ``selection.py``.

    Args:
        settings: Settings of the encoder, the pooling and the sampling of frames.
        classes: Names of the action classes.

    Raises:
        ConfigError: The encoder is unknown, or does not accept the snippet length.
    """

    def __init__(self, settings: AttentionSettings, classes: Sequence[str]) -> None:
        super().__init__()
        self.settings, self.classes = settings, tuple(classes)
        encoder_factory = encoder_type(settings.encoder)
        encoder_factory.check_snippet(settings.snippet)
        self.encoder = encoder_factory.build().requires_grad_(settings.train_encoder)
        features = self.encoder.info.channels * settings.grid**2
        self.classifier = nn.Linear(features, len(self.classes))
        # "with Xavier technique" (Section 4.2 of the paper)
        nn.init.xavier_uniform_(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)
        self.log_variance = nn.Linear(features, 1) if settings.uncertainty else None
        if self.log_variance is not None:
            nn.init.zeros_(self.log_variance.weight)
            nn.init.zeros_(self.log_variance.bias)

    def train(self, mode: bool = True) -> Self:
        """Set the training mode of all layers except batch normalization and a frozen encoder.

        Batch normalization keeps its statistics, because the frames of one video are not a representative
        batch. A frozen encoder stays in evaluation mode, so that it applies no dropout.
        """
        super().train(mode)
        if not self.settings.train_encoder:
            self.encoder.eval()
        for layer in self.modules():
            if isinstance(layer, _BatchNorm):
                layer.eval()
        return self

    def pool(self, frames: Tensor, boxes: Sequence[Tensor], per_frame: bool = False) -> list[PooledTubes]:
        """Encode the frames of several videos and pool the features of their tubes, for ``forward``.

        Args:
            frames: (number of videos * N, H, W, 3) uint8 RGB frames, grouped by video.
            boxes: One (P, N, 4) float32 tensor per video, with the xyxy boxes of its P tubes in pixels of
                ``frames``; NaN where a tube is absent.
            per_frame: Whether to return features per frame even if ``forward`` needs only their mean.

        Returns:
            Pooled features of the tubes, one item per video.
        """
        settings, info = self.settings, self.encoder.info
        average = settings.frame_share == 1 and not per_frame
        with torch.autocast(frames.device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
            # U of all videos: (videos * N, C, H', W')
            response_maps = self.encoder(self.encoder.normalize(frames, settings.pixels), settings.snippet)
        pooled_tubes = []
        for U, tubes in zip(response_maps.float().split(len(frames) // len(boxes)), boxes, strict=True):
            # V of Equation 1: (P, N, X * Y, C), or its average over time: (P, 1, X * Y, C)
            V = actor_pooling(U, tubes, info.stride, settings.grid, info.origin, average)
            is_present = ~tubes.isnan().any(2)
            # the paper's order of the features, C * X * Y
            features = V.transpose(2, 3).flatten(2)
            if average:
                is_present = is_present.any(1, keepdim=True)
            pooled_tubes.append(PooledTubes(features, is_present))
        return pooled_tubes

    def normalize_features(self, pooled_tubes: PooledTubes) -> PooledTubes:
        """Scale features to the norm that the classifier expects (``AttentionSettings.feature_norm``).

        All frames of a tube are scaled by the same factor, so that the logits of a tube remain the mean of
        the logits of its frames.
        """
        if self.settings.feature_norm == "none":
            return pooled_tubes
        norm = pooled_tubes.average_over_time().features.norm(dim=2, keepdim=True).clamp(min=_MIN_NORM)
        return PooledTubes(
            pooled_tubes.features * (self.settings.feature_size / norm), pooled_tubes.is_present
        )

    def frame_logits(self, pooled_tubes: PooledTubes) -> Tensor:
        """Return the class logits of each tube in each frame: (P, N, number of classes) float32."""
        return self.classifier(self.normalize_features(pooled_tubes).features)

    def forward(self, pooled_tubes: PooledTubes) -> Tensor:
        """Return the class logits of the tubes of a video: (P, number of classes) float32."""
        pooled_tubes = self.normalize_features(pooled_tubes)
        if self.settings.frame_share == 1:
            # the classifier is linear: the mean of the logits is the logit of the mean
            pooled_tubes = pooled_tubes.average_over_time()
        return tube_logits(
            self.classifier(pooled_tubes.features), pooled_tubes.is_present, self.settings.frame_share
        )

    def video_logits(self, tube_logits: Tensor, epoch: int) -> Tensor:
        """Combine the logits of the tubes of a video (top-k selection, Section 3.2 of the paper).

        Training compares the result with the video's label, and class accuracy is measured by it.

        Args:
            tube_logits: (P, C) logits of the P > 0 tubes that count: those of the ``settings.tubes`` best
                proposals that are present in a sampled frame.
            epoch: 0-based index of the training epoch, which determines k.

        Returns:
            (C,) logits of the video.
        """
        return SELECTIONS[self.settings.selection](tube_logits, self.settings.k_of(epoch))


def random_model(settings: AttentionSettings, classes: Sequence[str], seed: int) -> ActorAttention:
    """Build an untrained network on the CPU, with random weights that depend only on the seed.

    Raises:
        ConfigError: The encoder is unknown.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ActorAttention(settings, classes)


def model_content(model: ActorAttention, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a model file, to be saved with ``save_weights`` and read with ``load_model``."""
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
        DataError: The file is damaged, or was not written by the rule ``train_attention``.
    """
    content = load_weights(path)
    if content.get("architecture") != ARCHITECTURE:
        raise DataError(
            f"{path}: holds {content.get('architecture', 'an unnamed network')!r}, wanted a trained "
            f"{ARCHITECTURE!r}; train one with the rule train_attention"
        )
    with report_read_errors(path, "a model of another version; train it again"):
        settings, classes, state = (content[name] for name in ("settings", "classes", "state"))
        return _build_model(path, settings, classes, state).eval()


def _build_model(
    path: str | Path, setting_values: Mapping[str, Any], classes: Sequence[str], state: Mapping[str, Tensor]
) -> ActorAttention:
    try:
        "".join(classes).encode()  # class names must be UTF-8 encodable, because tables contain them
        # older models have no setting feature_norm and classify unscaled features
        settings = AttentionSettings(**{"feature_norm": "none", **setting_values})
        shape = tuple(state["classifier.weight"].shape)
        # checked before memory is allocated according to the settings
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
