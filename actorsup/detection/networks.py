"""Detection networks by name, and files of their weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import detection as torchvision_detection
from torchvision.models import get_model_builder, list_models

from actorsup.coco import NAME_OF
from actorsup.detection.small import SIZE, small_ssd
from actorsup.errors import ConfigError, DataError, report_read_errors
from actorsup.training.weights import load_state, load_weights

SMALL_SSD = "small_ssd"
COCO_COLUMNS = tuple(i if i in NAME_OF else 0 for i in range(91))
"""The classes of torchvision's COCO models: column i is category i; 0 is the background or none."""

_FREE_OF_EPSILON = ("fasterrcnn_resnet50_fpn", "retinanet_resnet50_fpn")
"""Their published weights were trained with batch normalization without epsilon."""


@dataclass(frozen=True)
class Network:
    """A detection network of torchvision's form.

    Attributes:
        module: Takes a list of (3, H, W) images in [0, 1] and, in training, targets.
        categories: COCO category id of each class that it scores; 0 is the background or none.
    """

    module: nn.Module
    categories: tuple[int, ...]


def build_network(architecture: str, categories: Sequence[int], size: tuple[int, int] = SIZE) -> Network:
    """Build a network with random weights, without downloading anything.

    Args:
        architecture: ``small_ssd``, or torchvision's name of a detection model.
        categories: COCO category ids by class, beginning with 0, the background.
        size: Width and height in pixels of the input of ``small_ssd``.

    Raises:
        ConfigError: torchvision has no such detection model.
    """
    if architecture == SMALL_SSD:
        return Network(small_ssd(len(categories), size), tuple(categories))
    allowed = [n for n in list_models(torchvision_detection) if not n.startswith(("mask", "keypoint"))]
    if architecture not in allowed:
        raise ConfigError(
            f"model: {architecture!r} is no detector of torchvision; allowed: {', '.join(allowed)}"
        )
    builder = get_model_builder(architecture)
    module = builder(weights=None, weights_backbone=None, num_classes=len(categories))
    return Network(module, tuple(categories))


def load_network(architecture: str, path: str | Path) -> Network:
    """Build a network with the weights of a file, from ``train_detector`` or torchvision.

    Raises:
        DataError: The file is damaged, or is of another architecture.
    """
    content = load_weights(path)
    if "architecture" in content:
        return _trained(architecture, content, path)
    network = build_network(architecture, COCO_COLUMNS)
    load_state(network.module, content, path)
    if architecture in _FREE_OF_EPSILON:
        for layer in network.module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eps = 0.0
    return network


def _trained(architecture: str, content: dict[str, Any], path: str | Path) -> Network:
    if content["architecture"] != architecture:
        raise DataError(f"{path}: weights of {content['architecture']!r}, wanted those of {architecture!r}")
    with report_read_errors(path, "weights of another version; train it again"):
        network = build_network(architecture, content["categories"], tuple(content["size"]))
        load_state(network.module, content["state"], path)
    return network


def random_network(architecture: str, actors: Sequence[int]) -> Network:
    """Build a network with fixed random weights, for trying out a pipeline."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_network(architecture, (0, *actors) if architecture == SMALL_SSD else COCO_COLUMNS)


def weights_content(
    architecture: str, network: Network, size: tuple[int, int], provenance: dict[str, Any]
) -> dict[str, Any]:
    """Return the content of a weights file: plain values, and tensors on the CPU."""
    state: dict[str, Tensor] = {name: value.cpu() for name, value in network.module.state_dict().items()}
    return {
        "architecture": architecture,
        "categories": list(network.categories),
        "size": list(size),
        "state": state,
        "provenance": provenance,
    }
