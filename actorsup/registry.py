"""Registries: the types of one kind (detectors, trackers, ...) by the name that a configuration uses.

A type of ours is the module of that name in one package. Other packages add types through an entry point.
A module is imported only when its type is used: planning a run loads no network that the run does not use.
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
        kind: What they are, for messages, such as ``detector``.
        package: The package whose modules are our types; each has its type as ``TYPE``.
        group: The entry points of other packages, such as ``actorsup.detectors``. An entry point is
            the name of the type and an object: ``change = "my_package.change:TYPE"``.
    """

    def __init__(self, kind: str, package: str, group: str) -> None:
        self._kind, self._package, self._group = kind, package, group

    @cached_property
    def _ours(self) -> list[str]:
        folder = _ROOT.joinpath(*self._package.split(".")[1:])
        return sorted(module.name for module in pkgutil.iter_modules([str(folder)]))

    @cached_property
    def _others(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self._group)}

    def __iter__(self) -> Iterator[str]:
        return iter([*self._ours, *sorted(self._others.keys() - set(self._ours))])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, name: object) -> bool:
        return name in self._ours or name in self._others

    def __getitem__(self, name: str) -> Type:
        """The type of a name.

        Raises:
            KeyError: There is none.
            ConfigError: The package that adds it cannot be imported.
        """
        if name in self._ours:
            found: Type = import_module(self.module(name)).TYPE
            return found
        try:
            return self._others[name].load()
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f"type: the {self._kind} {name!r} ({self._others[name].value}) cannot be loaded: {error}; "
                "reinstall the package that adds it"
            ) from error

    def module(self, name: str) -> str:
        """Name of the module in which a type is defined; raises KeyError."""
        return f"{self._package}.{name}" if name in self._ours else self._others[name].module

    def known(self, name: str) -> str:
        """The name itself, after a check.

        Raises:
            ConfigError: There is no such type.
        """
        if name not in self:
            allowed = list(self)
            raise ConfigError(
                f"type: {name!r} is no {self._kind}; allowed: {', '.join(allowed)}"
                f"{did_you_mean(name, allowed)}"
            )
        return name
