"""The type ``torchvision``: COCO detectors by torchvision's names."""

from collections.abc import Sequence
from pathlib import Path

from actorsup.detection.base import Detector, DetectorType
from actorsup.detection.settings import DetectorSettings, TorchvisionSection


def _build(settings: DetectorSettings, actors: Sequence[int], weights: Path | None, device: str) -> Detector:
    from actorsup.detection.torchvision_models import torchvision_detector
    from actorsup.training.devices import resolve_device

    return torchvision_detector(settings.model, settings, actors, weights, resolve_device(device))


TYPE = DetectorType(
    _build,
    TorchvisionSection,
    published=lambda section: section.get("model", DetectorSettings.model),
    trunk=True,
)
