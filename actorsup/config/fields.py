"""How settings classes are written: checked fields, each with the stages that a change of it re-runs.

A settings class is a frozen pydantic dataclass. The string below a field says in one sentence what it is,
its unit and the paper's section; ``docs/configuration.md`` and the JSON Schema are derived from it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, dataclass_transform, get_args

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from actorsup.config.messages import as_written, mistakes, mistyped
from actorsup.errors import ConfigError

Integer = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Boolean = Annotated[bool, Field(strict=True)]
Count = Annotated[Integer, Field(ge=1)]
Natural = Annotated[Integer, Field(ge=0)]
Fraction = Annotated[Number, Field(ge=0, le=1)]
Positive = Annotated[Number, Field(gt=0)]
NonNegative = Annotated[Number, Field(ge=0)]
Name = Annotated[str, Field(pattern="^[A-Za-z0-9_-]+$")]


def _unique(values: Sequence[Any]) -> Sequence[Any]:
    if len(set(values)) < len(values):
        raise ValueError(f"{list(values)!r} has duplicates; name each once")
    return values


_UNIQUE = Field(min_length=1, json_schema_extra={"uniqueItems": True})
Names = Annotated[list[str], _UNIQUE, AfterValidator(_unique)]
Seeds = Annotated[list[Natural], _UNIQUE, AfterValidator(_unique)]


def affects(*stages: str, indirect: bool = False) -> Any:
    """Declare which stages re-run when a field changes; required of every field of a settings class.

    Args:
        stages: Names of rules. None: a change re-runs nothing.
        indirect: Whether the field reaches these stages through their input files or through other
            settings, and is not one of their parameters.
    """
    return Field(json_schema_extra={"stages": list(stages), "indirect": indirect})


@dataclass_transform(frozen_default=True)
def settings(cls: type[Any]) -> Any:
    """Make a class of annotated fields a frozen dataclass that checks its values.

    Raises:
        TypeError: A field does not declare its stages with ``affects``.
        ConfigError: Raised by the constructor: one line for each mistake.
    """
    for name, hint in cls.__annotations__.items():
        if not _holds_text(hint):
            cls.__annotations__[name] = Annotated[hint, BeforeValidator(as_written)]
    made: Any = dataclass(cls, frozen=True, config=ConfigDict(extra="forbid"))
    for name in made.__pydantic_fields__:
        if "stages" not in _extra(made, name):
            raise TypeError(
                f"{cls.__module__}.{cls.__name__}.{name}: no stages; annotate it with affects('RULE'), or "
                "affects() if a change re-runs nothing"
            )
    checked = made.__init__

    def init(self: Any, *args: Any, **values: Any) -> None:
        try:
            checked(self, *args, **values)
        except ValidationError as error:
            raise ConfigError("\n".join(mistakes(error, made))) from None

    made.__init__ = init
    return made


def checked(model: Any, section: Any, where: str) -> dict[str, Any]:
    """Check a section of the configuration.

    Args:
        model: The settings class of the section.
        section: The keys that a user gives.
        where: Name of the section in messages; empty for the whole configuration.

    Returns:
        The given keys, sorted, with their values in one form: ``1`` and ``"1"`` are ``1.0`` where a decimal
        number is allowed. So a number that is written in another way re-runs nothing.

    Raises:
        ConfigError: One line for each mistake.
    """
    if not isinstance(section, Mapping):
        raise ConfigError(f"{where}: {mistyped(section, ['object'])}")
    try:
        values = model.__pydantic_validator__.validate_python(dict(section))
    except ValidationError as error:
        raise ConfigError("\n".join(mistakes(error, model, where))) from None
    except ConfigError as error:  # of values that contradict each other
        raise ConfigError(f"{where}.{error}" if where else str(error)) from None
    given: dict[str, Any] = _given(values, section)
    return given


def _given(value: Any, section: Any) -> Any:
    if is_dataclass(value) and isinstance(section, Mapping):
        return {key: _given(getattr(value, key), section[key]) for key in sorted(section)}
    return list(value) if isinstance(value, tuple) else value


def parameters(model: Any, stage: str, indirect: bool = False) -> set[str]:
    """Return the names of the fields that are parameters of a stage, or that reach it indirectly."""
    extras = {each.name: _extra(model, each.name) for each in fields(model)}
    return {
        name for name, extra in extras.items() if stage in extra["stages"] and extra["indirect"] == indirect
    }


def select(section: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the keys of a section that are among some names, sorted."""
    return {key: section[key] for key in sorted(section.keys() & set(names))}


def _holds_text(hint: Any) -> bool:
    return hint in (str, Any) or any(map(_holds_text, get_args(hint)))


def _extra(model: Any, field: str) -> dict[str, Any]:
    extra = model.__pydantic_fields__[field].json_schema_extra
    return extra if isinstance(extra, dict) else {}
