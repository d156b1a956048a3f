"""The types of trackers: a module for each, named as its type; ``TRACKERS`` finds them."""

from actorsup.linking.base import TrackerType
from actorsup.registry import Registry

TRACKERS: Registry[TrackerType] = Registry("tracker", "actorsup.linking.trackers", group="actorsup.trackers")
