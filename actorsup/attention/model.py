"""The actor attention network (Section 3.2) and files of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from actorsup.attention.encoder import ENCODERS
from actorsup.attention.pooling import actor_pooling
from actorsup.attention.settings import AttentionSettings
from actorsup.backbones import normalise
from actorsup.errors import ConfigError, DataError
from actorsup.weights import load_weights, put_weights

ARCHITECTURE = "actor_attention"


class ActorAttention(nn.Module):
    """Encoder, actor-of-interest pooling and one fully connected layer.

    Args:
        settings: The encoder and the grid; how frames are taken.
        classes: Names of the C action classes.
    """

    def __init__(self, settings: AttentionSettings, classes: Sequence[str]) -> None:
        super().__init__()
        self.settings, self.classes = settings, tuple(classes)
        self.encoder = ENCODERS[settings.encoder]()
        self.classifier = nn.Linear(self.encoder.channels * settings.grid**2, len(self.classes))
        # "with Xavier technique" (4.2)
        nn.init.xavier_uniform_(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, frames: Tensor, boxes: Tensor) -> Tensor:
        """Logits of the tubes of one video, before any attention.

        Args:
            frames: (N, H, W, 3) uint8 RGB.
            boxes: (P, N, 4) float32 xyxy in pixels of these frames; NaN is an absent frame.

        Returns:
            (P, C) float32.
        """
        features = self.encoder(normalise(frames))
        encoder = self.encoder
        pooled = actor_pooling(features, boxes, encoder.stride, self.settings.grid, encoder.origin)
        return self.classifier(pooled.flatten(1))


def topk_mean(logits: Tensor, k: int) -> Tensor:
    """Attention: each class averages its k highest tubes (Section 3.2, top-k selection).

    The other tubes have no part in the gradient; of equal ones as many are taken as make k.

    Args:
        logits: (P, C) of at least one tube.
        k: Tubes of a class; all of them where there are fewer.

    Returns:
        (C,), the logits of the video.
    """
    return logits.topk(min(k, len(logits)), dim=0).values.mean(0)


def random_model(settings: AttentionSettings, classes: Sequence[str], seed: int) -> ActorAttention:
    """An untrained network on the CPU, the same for one seed."""
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
    try:
        settings = AttentionSettings(**content["settings"])
        model = random_model(settings, content["classes"], seed=0)
        state = content["state"]
    except (KeyError, TypeError, ConfigError) as error:
        raise DataError(f"{path}: a model of another version ({error}); train it again") from error
    put_weights(model, state, path)
    return model.eval()
