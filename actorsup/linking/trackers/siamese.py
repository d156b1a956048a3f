"""The type ``siamese``: the multi-scale fully-convolutional Siamese tracker (Section 4.2)."""

from pathlib import Path

from actorsup.linking.base import Tracker, TrackerType
from actorsup.linking.settings import LinkerSettings, SiameseSection


def _build(settings: LinkerSettings, weights: Path | None, device: str) -> Tracker:
    from actorsup.linking.siamese.network import siamese_network
    from actorsup.linking.siamese.tracker import SiameseTracker
    from actorsup.training.devices import resolve_device

    return SiameseTracker(siamese_network(settings.trunk, weights), settings, resolve_device(device))


TYPE = TrackerType(
    _build,
    SiameseSection,
    published=lambda section: "vgg16" if section.get("trunk", LinkerSettings.trunk) == "vgg16" else None,
)
