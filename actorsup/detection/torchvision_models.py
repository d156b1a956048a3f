"""Detectors of torchvision's form: its COCO models, and the small SSD."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models.detection import FCOS, FasterRCNN, RetinaNet
from torchvision.models.detection.ssd import SSD

from actorsup.artifacts.images import Image
from actorsup.coco import NAME_OF
from actorsup.detection.base import ImageDetections
from actorsup.detection.networks import Network, load_network, random_network
from actorsup.detection.settings import DetectorSettings
from actorsup.errors import ConfigError, VideoError


class TorchvisionDetector:
    """A network of torchvision's form that finds only the actors of interest.

    The columns of other classes are dropped before decoding, sorting and suppression. The
    scores are those of the whole network. Where the whole network would find more objects
    than its limit (100 to 300 an image), actors that others crowd out there are found here.

    Args:
        network: The network and the category of each of its classes.
        actors: COCO category ids (1-90) of the actors of interest.
        settings: Score threshold and IoU of the suppression.
        device: Where it runs.

    Raises:
        ConfigError: The network does not know an actor.
    """

    def __init__(
        self, network: Network, actors: Sequence[int], settings: DetectorSettings, device: torch.device
    ) -> None:
        unknown = [NAME_OF[actor] for actor in actors if actor not in network.categories]
        if unknown:
            known = ", ".join(NAME_OF[c] for c in network.categories if c)
            raise ConfigError(f"actors: the detector has not learned {unknown[0]!r}; it knows: {known}")
        columns = [network.categories.index(actor) for actor in actors]
        self._actor_of = _keep_columns(network.module, columns, actors)
        limits = network.module.roi_heads if isinstance(network.module, FasterRCNN) else network.module
        # these networks keep what is strictly above the threshold
        limits.score_thresh = float(np.nextafter(np.float32(settings.min_score), np.float32(-1)))
        limits.nms_thresh = settings.nms_iou
        self._device = device
        self._network = network.module.to(device).eval()

    @torch.inference_mode()
    def detect(self, images: Sequence[Image]) -> list[ImageDetections]:
        """Detections of the actors of interest in each image.

        Raises:
            VideoError: The GPU's memory does not hold the batch.
        """
        try:
            batch = torch.from_numpy(np.stack(images)).to(self._device).permute(0, 3, 1, 2).float() / 255
            return [self._converted(found) for found in self._network(list(batch))]
        except torch.OutOfMemoryError as error:
            height, width = images[0].shape[:2]
            raise VideoError(
                f"the GPU's memory does not hold {len(images)} frames of {width}x{height}; "
                "lower the detector's batch"
            ) from error

    def _converted(self, found: dict[str, Tensor]) -> ImageDetections:
        return ImageDetections(
            boxes=found["boxes"].cpu().numpy(),
            score=found["scores"].cpu().numpy(),
            actor=self._actor_of[found["labels"].cpu().numpy()],
        )


def torchvision_detector(
    architecture: str,
    settings: DetectorSettings,
    actors: Sequence[int],
    weights: Path | None,
    device: torch.device,
) -> TorchvisionDetector:
    """A detector of this architecture with the weights of a file, or random ones without."""
    network = load_network(architecture, weights) if weights else random_network(architecture, actors)
    return TorchvisionDetector(network, actors, settings, device)


def _keep_columns(module: nn.Module, columns: list[int], actors: Sequence[int]) -> np.ndarray:
    """Cut a network's scores to some classes; returns the category of each class left."""
    with_background = np.array([0, *actors], np.int16)
    if isinstance(module, FasterRCNN):
        module.roi_heads.box_predictor.register_forward_hook(_RoiColumns(columns))
        return with_background
    if isinstance(module, SSD):
        module.head.register_forward_hook(
            lambda head, inputs, output: output | {"cls_logits": merge_others(output["cls_logits"], columns)}
        )
        return with_background
    assert isinstance(module, RetinaNet | FCOS)  # a sigmoid for each class: no background
    module.head.register_forward_hook(
        lambda head, inputs, output: output | {"cls_logits": output["cls_logits"][..., columns]}
    )
    return with_background[1:]


class _RoiColumns:
    """The same for Faster R-CNN's box predictor, whose boxes are by class too."""

    def __init__(self, columns: list[int]) -> None:
        self._columns = columns

    def __call__(
        self, predictor: nn.Module, inputs: Any, output: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        logits, boxes = output
        boxes = boxes.unflatten(1, (-1, 4))[:, [0, *self._columns]].flatten(1)
        return merge_others(logits, self._columns), boxes


def merge_others(logits: Tensor, columns: list[int]) -> Tensor:
    """Class logits (..., C) to (..., 1 + len(columns)) with the same softmax for ``columns``.

    All other classes, the background among them, become the first one.
    """
    others = [column for column in range(logits.shape[-1]) if column not in columns]
    rest = logits[..., others].logsumexp(-1, keepdim=True)
    return torch.cat([rest, logits[..., columns]], -1)
