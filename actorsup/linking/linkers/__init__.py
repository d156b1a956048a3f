"""Types of linkers that work without a tracker: one module per type, named after it."""

from actorsup.linking.base import LinkerType
from actorsup.registry import Registry

LINKERS: Registry[LinkerType] = Registry("linker", "actorsup.linking.linkers", group="actorsup.linkers")
