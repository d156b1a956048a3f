"""The type ``small_ssd``: a small network for small frames, trained on images with boxes."""

from collections.abc import Sequence
from pathlib import Path

from actorsup.detection.base import Detector, DetectorType
from actorsup.detection.settings import DetectorSettings, TrainableSection


def _build(settings: DetectorSettings, actors: Sequence[int], weights: Path | None, device: str) -> Detector:
    from actorsup.detection.torchvision_models import torchvision_detector
    from actorsup.training.devices import resolve_device

    return torchvision_detector("small_ssd", settings, actors, weights, resolve_device(device))


TYPE = DetectorType(_build, TrainableSection, trunk=True)
