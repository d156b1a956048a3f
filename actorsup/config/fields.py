"""How settings classes are written: checked fields, each with the stages that a change of it re-runs.

A settings class is a frozen pydantic dataclass. The string below a field says in one sentence what it is,
its unit and the paper's section; ``docs/configuration.md`` and the JSON Schema are derived from it.
"""

from collections.abc import Sequence
from dataclasses import fields
from typing import Annotated, Any, dataclass_transform

from pydantic import AfterValidator, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from actorsup.config.messages import mistakes
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
        raise ValueError(f"{list(values)!r} names one twice; name each once")
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


def stages_of(model: type, field: str) -> tuple[str, ...]:
    """Stages that a change of a field re-runs."""
    return tuple(_extra(model, field)["stages"])


def parameters(model: type, stage: str) -> set[str]:
    """Names of the fields that are parameters of a stage."""
    return {
        each.name
        for each in fields(model)
        if stage in stages_of(model, each.name) and not _extra(model, each.name)["indirect"]
    }


def _extra(model: Any, field: str) -> dict[str, Any]:
    extra = model.__pydantic_fields__[field].json_schema_extra
    return extra if isinstance(extra, dict) else {}
