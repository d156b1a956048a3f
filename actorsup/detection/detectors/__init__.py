"""The types of detectors: a module for each, named as its type; ``DETECTORS`` finds them."""

from actorsup.detection.base import DetectorType
from actorsup.registry import Registry

DETECTORS: Registry[DetectorType] = Registry(
    "detector", "actorsup.detection.detectors", group="actorsup.detectors"
)
