"""Registries: the types of one kind (detectors, trackers, ...) by their names in the configuration.

A type of this project is the module of that name in one package; other packages add types through entry
points. A module is imported only when its type is used, so planning a run imports no unused network.
"""

import pkgutil
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TypeVar

from actorsup.errors import ConfigError, did_you_mean

Type = TypeVar("Type")
_ROOT = Path(__file__).resolve().parent


class Registry(Mapping[str, Type]):
    """Types of one kind.

    Args:
        kind: The kind in error messages, such as ``detector``.
        package: The package whose modules each define a type as ``TYPE``.
        group: Group of the entry points of other packages, such as ``actorsup.detectors``. An entry point
            gives the name of a type and its object: ``change = "my_package.change:TYPE"``.
    """

    def __init__(self, kind: str, package: str, group: str) -> None:
        self._kind, self._package, self._group = kind, package, group

    @cached_property
    def _builtin(self) -> list[str]:
        folder = _ROOT.joinpath(*self._package.split(".")[1:])
        return sorted(module.name for module in pkgutil.iter_modules([str(folder)]))

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self._group)}

    def __iter__(self) -> Iterator[str]:
        return iter([*self._builtin, *sorted(self._plugins.keys() - set(self._builtin))])

    def __len__(self) -> int:
        return len({*self._builtin, *self._plugins})

    def __contains__(self, name: object) -> bool:
        return name in self._builtin or name in self._plugins

    def __getitem__(self, name: str) -> Type:
        """Return the type of this name.

        Raises:
            KeyError: The name is unknown.
            ConfigError: The package that adds the type cannot be imported.
        """
        if name in self._builtin:
            type_: Type = import_module(self.module(name)).TYPE
            return type_
        try:
            return self._plugins[name].load()
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f"type: the {self._kind} {name!r} ({self._plugins[name].value}) cannot be loaded: {error}; "
                "reinstall the package that adds it"
            ) from error

    def module(self, name: str) -> str:
        """Return the name of the module that defines a type; raises KeyError."""
        return f"{self._package}.{name}" if name in self._builtin else self._plugins[name].module

    def known(self, name: str) -> str:
        """Return the name if it is a registered type.

        Raises:
            ConfigError: The name is unknown.
        """
        if name not in self:
            allowed = f"allowed: {', '.join(self)}{did_you_mean(name, self)}"
            raise ConfigError(f"type: unknown {self._kind} {name!r}; {allowed}")
        return name
