"""Types of trackers: one module per type, named after it."""

from actorsup.linking.base import TrackerType
from actorsup.registry import Registry

TRACKERS: Registry[TrackerType] = Registry("tracker", "actorsup.linking.trackers", group="actorsup.trackers")
