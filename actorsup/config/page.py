"""Print docs/configuration.md: ``python -m actorsup.config.page > docs/configuration.md``."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from importlib import import_module
from itertools import pairwise
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter

from actorsup.config.messages import schema_of
from actorsup.config.sections import REGISTRIES, AblationSection, Configuration, ModelSection, TrainedSection

_INTRODUCTION = """\
# Settings

Every setting of `config.yaml`. Write the settings that you change into a file of your own, here `mine.yaml`,
and run `snakemake TARGET --configfile mine.yaml`; all others keep their values of `config.yaml`. Paths may
contain environment variables: `${HOME}/videos`.

- *default*: the value if a section omits the key. The sections in `config.yaml` set many keys.
- *runs again*: the rules that re-run after a change. Rules that use their results follow.
- *Paper*: the section of the paper that describes the setting.

A change of a section re-runs only the jobs that use the section.
This page is the output of `python -m actorsup.config.page`.
"""
_HEADER = "| key | values | default | meaning | runs again |\n| --- | --- | --- | --- | --- |"
_NOUNS = {
    "boolean": "`true`, `false`", "integer": "whole number", "number": "number", "object": "section",
    "string": "text",
}  # fmt: skip
_PLURALS = {"integer": "whole numbers", "number": "numbers", "string": "names"}


def page() -> str:
    """Return the text of the page."""
    meanings = _docstrings(Configuration)
    parts = [_INTRODUCTION, "## Top level", ""]
    parts += _table(_rows(Configuration, [field for field in fields(Configuration) if _is_value(field)]))
    for field in fields(Configuration):
        if not _is_value(field):
            parts += ["", f"## {field.name}", "", meanings[field.name]]
            parts += _section(field.name)
    return "\n".join(parts) + "\n"


def _is_value(field: Field[Any]) -> bool:
    return field.name in ("seed", "device")


def _section(name: str) -> Iterator[str]:
    """The lines below the heading of a section."""
    if name == "models":
        kinds = {"Models to train": ModelSection, "Models that are already trained": TrainedSection}
        yield from _variants(kinds, "All models")
    elif name == "ablations":
        yield from ["", *_table(_rows(AblationSection, fields(AblationSection)))]
    elif name in REGISTRIES:
        types = {
            f"`{key}`": (registry[key].section, registry.module(key))
            for registry in REGISTRIES[name]
            for key in registry
            if registry.module(key).startswith("actorsup.")
        }
        yield from ["", "| `type` | meaning |", "| --- | --- |"]
        yield from (f"| {key} | {_summary(module)} |" for key, (_, module) in types.items())
        yield from _variants({key: section for key, (section, _) in types.items()}, "All types")
    else:
        model: Any = get_type_hints(Configuration)[name]
        yield from ["", *_table(_rows(model, fields(model)))]


def _variants(models: Mapping[str, Any], title_of_all: str) -> Iterator[str]:
    """A table for each set of kinds of a section that share settings."""
    tables: dict[tuple[str, ...], list[str]] = {}
    for model in models.values():
        for field in fields(model):
            owner = _owner(model, field.name)
            having = tuple(name for name, other in models.items() if issubclass(other, owner))
            rows = tables.setdefault(having, [])
            if field.name != "type":
                rows += (row for row in _rows(model, [field]) if row not in rows)
    for having, rows in tables.items():
        title = title_of_all if len(having) == len(models) else ", ".join(having)
        yield from ["", f"### {title}", "", *_table(rows)]


def _table(rows: Iterable[str]) -> list[str]:
    return [_HEADER, *rows]


def _rows(model: Any, of: Iterable[Field[Any]], prefix: str = "") -> Iterator[str]:
    """A row for each field, and for each field of a settings class inside it."""
    schema, meanings = TypeAdapter(model).json_schema(), _docstrings(model)
    for field in of:
        about = model.__pydantic_fields__[field.name]
        meaning, unit = meanings[field.name], ""
        if stated := re.search(r" Unit: ([^.]*)\.", meaning):
            meaning, unit = meaning.replace(stated[0], ""), f" ({stated[1]})"
        values = _values(schema_of(schema, [field.name]), unit)
        stages = ", ".join(f"`{stage}`" for stage in about.json_schema_extra["stages"]) or "nothing"
        yield f"| `{prefix}{field.name}` | {values} | {_default(field)} | {meaning} | {stages} |"
        for hint in (about.annotation, *get_args(about.annotation)):
            if is_dataclass(hint):
                yield from _rows(hint, fields(hint), f"{prefix}{field.name}.")


def _values(node: Mapping[str, Any], unit: str) -> str:
    if "enum" in node:
        words = ", ".join(f"`{each}`" for each in node["enum"])
    elif node["type"] == "array":
        least = f"at least {node['minItems']} " if node["minItems"] > 1 else ""
        words = f"list of {least}{_PLURALS[node['items']['type']]}{_range(node['items'])}"
    else:
        words = _NOUNS[node["type"]] + _range(node) + unit
    return f"{words} or `null`" if node.get("nullable") else words


def _range(node: Mapping[str, Any]) -> str:
    """The range of a number, in mathematical notation."""
    low = node.get("minimum", node.get("exclusiveMinimum"))
    high = node.get("maximum", node.get("exclusiveMaximum"))
    if high is None:
        return "" if low is None else f" {'≥' if 'minimum' in node else '>'} {low}"
    return f" in {'[' if 'minimum' in node else '('}{low}, {high}{']' if 'maximum' in node else ')'}"


def _default(field: Field[Any]) -> str:
    value = field.default if field.default_factory is MISSING else field.default_factory()
    match value:
        case _ if value is MISSING:
            return "required"
        case bool() | None:
            return {True: "`true`", False: "`false`", None: "`null`"}[value]
        case list() | tuple():
            return f"`[{', '.join(map(str, value))}]`"
    return f"`{value}`" if value != "" else '`""`'


def _owner(model: Any, name: str) -> Any:
    """The class that declares a field."""
    return next(base for base in model.__mro__ if name in inspect.get_annotations(base))


@cache
def _docstrings(model: Any) -> dict[str, str]:
    """The strings below the fields of a settings class, in one line of Markdown each."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__[:-1]):
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0].body  # type: ignore[attr-defined]
        for field, text in pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
                found[field.target.id] = _markdown(text.value.value)  # type: ignore[union-attr, attr-defined]
    return found


def _summary(module: str) -> str:
    """The first line of the docstring of a type's module."""
    text = re.sub(r"^The type ``\w+``: ", "", str(import_module(module).__doc__).partition("\n")[0])
    return _markdown(text[:1].upper() + text[1:])


def _markdown(text: str) -> str:
    line = " ".join(text.replace("``", "`").replace("|", r"\|").split())
    return re.sub(r"docs/(\w+\.md)", r"[\1](\1)", line)


if __name__ == "__main__":
    print(page(), end="")
