"""The types of linkers that do without a tracker: a module for each, named as its type."""

from actorsup.linking.base import LinkerType
from actorsup.registry import Registry

LINKERS: Registry[LinkerType] = Registry("linker", "actorsup.linking.linkers", group="actorsup.linkers")
