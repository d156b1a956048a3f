"""Messages about settings: one line for each mistake, with the value and what is allowed."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatch
from typing import Any

from pydantic import TypeAdapter, ValidationError

from actorsup.errors import did_you_mean

RENAMED = {"evaluation.like": "evaluation.protocol"}
"""Renamed settings: old names and new ones. A pattern such as ``models.*.k`` stands for every section."""

NOT_A_NAME = "is not a name; a name holds only letters, digits, '_' and '-'"
_WORDS = {
    "array": "a list such as [a, b]",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "a section of keys",
    "string": "text",
}
_TYPES = {
    bool: "boolean", dict: "object", float: "number", int: "integer",
    list: "array", str: "string", type(None): "null",
}  # fmt: skip
_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
}


def mistakes(error: ValidationError, model: Any, where: str = "") -> list[str]:
    """One line for each mistake in the values of a settings class.

    Args:
        error: What pydantic raised.
        model: The settings class.
        where: The section of the configuration, such as ``linkers.siamese``.
    """
    schema = TypeAdapter(model).json_schema()
    return sorted({_line(each, schema, where) for each in error.errors(include_url=False)})


def _line(error: Any, schema: Mapping[str, Any], where: str) -> str:
    loc = list(error["loc"]) or [""]
    if isinstance(loc[0], int):  # a positional argument
        loc[0] = dict(enumerate(schema["properties"])).get(loc[0], f"argument {loc[0] + 1}")
    *parents, name = loc
    section = ".".join(map(str, [*filter(None, [where]), *parents]))
    key = ".".join(filter(None, [section, str(name)])) or "settings"
    value = error["input"]
    match error["type"]:
        case "unexpected_keyword_argument":
            return unknown_key(section, name, schema_of(schema, parents)["properties"])
        case "missing":
            return f"{section or 'settings'}: the key {name!r} is missing"
        case "literal_error":
            node = schema_of(schema, loc)
            allowed = [*(str(each) for each in node.get("enum", [node.get("const")])), *_null(node)]
            return f"{key}: {value!r} is not allowed; {listed(allowed, str(value))}"
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            return f"{key}: {value!r} is out of range; allowed: {bounds(schema_of(schema, loc))}"
        case "too_short":
            found = f"names {len(value)}" if value else "the list is empty"
            return f"{key}: {found}; name at least {error['ctx']['min_length']}"
        case "string_pattern_mismatch":
            return f"{key}: {value!r} {NOT_A_NAME}"
        case "value_error":
            return f"{key}: {error['ctx']['error']}"
        case kind if kind.endswith("_type"):
            node = schema_of(schema, loc)
            return f"{key}: {mistyped(value, [node['type'], *_null(node)])}"
        case _:
            return f"{key}: {value!r}: {error['msg']}"


def schema_of(schema: Mapping[str, Any], path: Iterable[str | int]) -> Mapping[str, Any]:
    """The JSON Schema of a field, or of an item of a list; ``nullable`` is true if null is allowed too."""
    node = schema
    for part in path:
        node = node["items"] if isinstance(part, int) else node["properties"][part]
        if "anyOf" in node:
            node = {**node["anyOf"][0], "nullable": True}
        if "$ref" in node:
            node = {**node, **schema["$defs"][node["$ref"].rsplit("/", 1)[1]]}
    return node


def _null(node: Mapping[str, Any]) -> list[str]:
    return ["null"] if node.get("nullable") else []


def unknown_key(section: str, name: str, allowed: Iterable[str]) -> str:
    """The message about a key that a section does not have, or no longer has."""
    for old, new in RENAMED.items():
        if fnmatch(f"{section}.{name}", old):
            return f"{section}.{name}: this setting has a new name; write {new}"
    return f"{section or 'settings'}: unknown key {name!r}; {listed(allowed, name)}"


def odd_keys(section: Mapping[Any, Any], where: str) -> Iterator[str]:
    """One line for each key that YAML does not read as text, such as ``no`` and ``1``."""
    for key, value in section.items():
        if not isinstance(key, str):
            yield f"{where}: the key {key!r} is not text; write it in quotes"
        if isinstance(value, Mapping):
            yield from odd_keys(value, str(key) if where == "config.yaml" else f"{where}.{key}")


def mistyped(value: Any, allowed: Sequence[str]) -> str:
    """What a value is, which types of JSON Schema are allowed, and how to write it."""
    found = "nothing" if value is None else f"{value!r} is {_WORDS[_TYPES.get(type(value), 'string')]}"
    text = f"{found}; allowed: {' or '.join(_WORDS[one] for one in allowed)}"
    if "array" in allowed and isinstance(value, str):
        return f"{text}; write [{value}]"
    if "integer" in allowed and isinstance(value, float) and value.is_integer():
        return f"{text}; write {int(value)}"
    return text


def as_written(value: Any) -> Any:
    """The number, boolean or null that a text stands for, else the value; items of a list too.

    Snakemake reads nested values of ``--config`` as text, and YAML reads ``1e-3`` so.
    """
    if isinstance(value, list):
        return [as_written(item) for item in value]
    if not isinstance(value, str):
        return value
    if re.fullmatch(r"[-+]?\d{1,18}", value):
        return int(value)
    if re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", value):
        return float(value)
    return {"true": True, "false": False, "null": None}.get(value.lower(), value)


def listed(allowed: Iterable[Any], name: str) -> str:
    """The allowed names, and the one that is nearest to a wrong name."""
    names = [str(each) for each in allowed]
    return f"allowed: {', '.join(names)}{did_you_mean(name, names)}"


def bounds(schema: Mapping[str, Any]) -> str:
    """The range of a number, in words; empty if it has none."""
    words = [f"{word} {schema[name]}" for name, word in _BOUNDS.items() if name in schema]
    return ", ".join([*words, *(["or null"] if words and schema.get("nullable") else [])])
