"""What is said of a configuration that is not as its schema has it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from pydantic import ValidationError as InvalidSettings

from actorsup.errors import did_you_mean

if TYPE_CHECKING:  # every stage imports this module through its settings
    from jsonschema.exceptions import ValidationError

RENAMED = {"evaluation.like": "protocol"}
"""Settings that had another name in an earlier version, and their names now."""

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


def lines_of(error: "ValidationError") -> Iterable[str]:
    """What a violation of the schema means, and how to write it."""
    key = ".".join(str(part) for part in error.absolute_path) or "config.yaml"
    value = error.instance
    match error.validator:
        case "additionalProperties":
            allowed = list(error.schema["properties"])
            for name in value.keys() - set(allowed):
                if new := RENAMED.get(f"{key}.{name}"):
                    yield f"{key}: the key {name!r} is called {new!r} since version 0.2.0"
                    continue
                hint = did_you_mean(name, allowed)
                yield f"{key}: unknown key {name!r}; allowed: {listed(allowed)}{hint}"
        case "required":
            name = error.message.split("'")[1]
            yield f"{key}: the key {name!r} is missing"
        case "enum":
            names = [str(one) for one in error.validator_value]
            hint = did_you_mean(str(value), names)
            yield f"{key}: {value!r} is not allowed; allowed: {listed(names)}{hint}"
        case "type":
            allowed = error.validator_value
            wanted = [allowed] if isinstance(allowed, str) else allowed
            yield f"{key}: {mistyped(value, wanted)}"
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
            yield f"{key}: {value!r} is out of range; allowed: {_range(error.schema)}"
        case "pattern" if "propertyNames" in error.absolute_schema_path:
            more = "; settings are changed after it: NAME+k=1" if "+" in str(value) else ""
            yield f"{key}: {value!r} is no name; a name holds only letters, digits, '_' and '-'{more}"
        case "minItems":
            found = f"names {len(value)}" if value else "the list is empty"
            yield f"{key}: {found}; name at least {error.validator_value}"
        case "dependentRequired":
            for name, others in error.validator_value.items():
                if name in value and (lacking := [one for one in others if one not in value]):
                    yield f"{key}: {name} also needs {lacking[0]!r}"
        case "anyOf":
            choices = [" and ".join(choice["required"]) for choice in error.validator_value]
            yield f"{key}: lacks {' or '.join(choices)}"
        case _:
            yield f"{key}: {error.message}"


def odd_keys(section: Mapping[Any, Any], where: str) -> Iterator[str]:
    """Keys that YAML takes for something else than text, such as ``no`` and ``1``."""
    for key, value in section.items():
        if not isinstance(key, str):
            yield f"{where}: the key {key!r} is no text; write it in quotes"
        if isinstance(value, Mapping):
            yield from odd_keys(value, str(key) if where == "config.yaml" else f"{where}.{key}")


def mistyped(value: Any, wanted: Sequence[str]) -> str:
    """What a value is, what it should be, and how to write it."""
    found = "nothing" if value is None else f"{value!r} is {_WORDS[_TYPES.get(type(value), 'string')]}"
    told = f"{found}; allowed: {' or '.join(_WORDS[one] for one in wanted)}"
    if "array" in wanted and isinstance(value, str):
        return f"{told}; write [{value}]"
    if "integer" in wanted and isinstance(value, float) and value.is_integer():
        return f"{told}; write {int(value)}"
    if "number" in wanted and isinstance(value, str):
        try:
            # YAML takes 1e-3 for text
            return f"{told}; write {float(value)}"
        except ValueError:
            pass
    return told


def listed(names: Iterable[Any]) -> str:
    """Names one after the other."""
    return ", ".join(str(name) for name in names)


def _range(schema: Mapping[str, Any]) -> str:
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "above",
        "maximum": "at most",
        "exclusiveMaximum": "below",
    }
    return ", ".join(f"{word} {schema[name]}" for name, word in words.items() if name in schema)


def mistakes(error: InvalidSettings, model: Any, where: str = "") -> list[str]:
    """One line for each mistake in the values of a settings class.

    Args:
        error: What pydantic raised.
        model: The settings class.
        where: The section of the configuration, such as ``linkers.siamese``.
    """
    schema = TypeAdapter(model).json_schema()
    return [_line(each, schema, where) for each in error.errors(include_url=False)]


def _line(error: Any, schema: Mapping[str, Any], where: str) -> str:
    *parents, name = error["loc"] or ("",)
    section = ".".join(map(str, [*filter(None, [where]), *parents]))
    key = ".".join(filter(None, [section, str(name)])) or "settings"
    value = error["input"]
    match error["type"]:
        case "unexpected_keyword_argument":
            allowed = list(_node(schema, parents)["properties"])
            hint = did_you_mean(str(name), allowed)
            return f"{section or 'settings'}: unknown key {name!r}; allowed: {listed(allowed)}{hint}"
        case "missing":
            return f"{section or 'settings'}: the key {name!r} is missing"
        case "literal_error":
            node = _node(schema, error["loc"])
            allowed = [*(str(each) for each in node.get("enum", [node.get("const")])), *_null(node)]
            hint = did_you_mean(str(value), allowed)
            return f"{key}: {value!r} is not allowed; allowed: {listed(allowed)}{hint}"
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            return f"{key}: {value!r} is out of range; allowed: {_range(_node(schema, error['loc']))}"
        case "too_short":
            found = f"names {len(value)}" if value else "the list is empty"
            return f"{key}: {found}; name at least {error['ctx']['min_length']}"
        case "value_error":
            return f"{key}: {error['ctx']['error']}"
        case kind if kind.endswith("_type"):
            node = _node(schema, error["loc"])
            return f"{key}: {mistyped(value, [node['type'], *_null(node)])}"
        case _:
            return f"{key}: {value!r}: {error['msg']}"


def _node(schema: Mapping[str, Any], path: Iterable[str | int]) -> dict[str, Any]:
    """The part of a JSON Schema that a field, or an item of a list, is checked by."""
    node = dict(schema)
    for part in ["", *path]:
        if part != "":
            node = node["items"] if isinstance(part, int) else node["properties"][part]
        if "anyOf" in node:
            node = {**node["anyOf"][0], "nullable": True}
        if "$ref" in node:
            node = {**node, **schema["$defs"][node["$ref"].rsplit("/", 1)[1]]}
    return node


def _null(node: Mapping[str, Any]) -> list[str]:
    return ["null"] if node.get("nullable") else []
