"""Checking of the configuration: every mistake becomes one line that says how to mend it."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from actorsup.coco import ID_OF
from actorsup.errors import ConfigError, did_you_mean

SCHEMA = Path(__file__).resolve().parent.parent / "schemas" / "config.schema.yaml"

_READ_ONCE_TRAINED = (
    "trained", "attention", "class_score", "video_score", "score_frames", "trim", "trim_smooth", "nms_iou",
)  # fmt: skip
_USED = ("linkers", "models")
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
# JSON takes 2.0 for an integer; range() and a seed do not
_integers_are_whole = Draft202012Validator.TYPE_CHECKER.redefine(
    "integer", lambda checker, value: isinstance(value, int) and not isinstance(value, bool)
)


def read_config(overlays: Sequence[Path] = ()) -> dict[str, Any]:
    """The configuration as Snakemake puts it together: ``config.yaml`` and what is laid over it.

    That of the current folder, or the one beside the library where it has none.

    Args:
        overlays: Files of ``--configfile``, a later one over an earlier one.

    Raises:
        ConfigError: A file is missing or no YAML of sections.
    """
    here = Path("config.yaml")
    merged: dict[str, Any] = {}
    for path in (here if here.exists() else SCHEMA.parent.parent / "config.yaml", *overlays):
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigError(f"{path}: cannot be read as YAML ({' '.join(str(error).split())})") from error
        if not isinstance(content, Mapping):
            raise ConfigError(f"{path}: holds no sections; wanted such as config.yaml's")
        merged = _laid_over(merged, content)
    return merged


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Sections that both have are merged key by key; anything else is that of ``above``."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _laid_over(merged[key], value) if both else value
    return merged


def check_config(config: Mapping[str, Any]) -> None:
    """Check a whole configuration, without touching the data.

    Raises:
        ConfigError: One line for each mistake: the key, the value, what is allowed, and the
            nearest right name.
    """
    if not isinstance(config, Mapping):
        raise ConfigError(f"config.yaml: {_mistyped(config, ['object'])}")
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    validator = extend(Draft202012Validator, type_checker=_integers_are_whole)(schema)
    whole = with_variants(config)
    # a section's mistake is told once, not for each of its variants too
    for each in (config, whole):
        errors = sorted(validator.iter_errors(each), key=lambda e: str(list(e.absolute_path)))
        lines = [line for error in errors for line in _lines(error)]
        lines = lines or [*_unread_keys(each, schema), *_wrong_names(each, whole)]
        if lines:
            raise ConfigError("\n".join(lines))


def with_variants(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration in which every variant that is used is a section of its own.

    A linker or model that a data set or an ablation names as ``demo+k=1+tubes=5`` is the section
    ``demo`` with those settings changed; values are read as YAML.

    Args:
        config: The whole configuration, not checked yet; what is not of its form is left to the check.
    """
    made = dict(config)
    for kind in _USED:
        sections = made.get(kind)
        if isinstance(sections, Mapping):
            used = {name for name in _names_used(config, kind) if name not in sections}
            variants = {name for name in used if "+" in name and base_of(name) in sections}
            made[kind] = {**sections, **{name: _variant(sections, name) for name in sorted(variants)}}
    return made


def base_of(variant: str) -> str:
    """The section that a variant is of."""
    return variant.split("+", 1)[0]


def changes_of(variant: str) -> dict[str, Any]:
    """The settings that a variant changes."""
    pairs = (change.partition("=") for change in variant.split("+")[1:])
    return {key: yaml.safe_load(value) for key, _, value in pairs}


def _names_used(config: Mapping[str, Any], kind: str) -> Iterable[str]:
    """Names of linkers or models in the lists of data sets, ablations and the paper's."""
    for users in ("datasets", "ablations"):
        sections = config.get(users)
        for section in sections.values() if isinstance(sections, Mapping) else ():
            listed = section.get(kind) if isinstance(section, Mapping) else None
            if isinstance(listed, list):
                yield from (name for name in listed if isinstance(name, str))
    if kind == "linkers" and isinstance(config.get("paper"), Mapping):
        listed = config["paper"].get(kind)
        yield from (name for name in listed if isinstance(name, str)) if isinstance(listed, list) else ()


def _variant(sections: Mapping[str, Any], name: str) -> Any:
    section = sections[base_of(name)]
    return {**section, **changes_of(name)} if isinstance(section, Mapping) else section


def expand_path(path: str, key: str) -> Path:
    """A path of the configuration with ``~`` and ``${VARIABLE}`` replaced.

    Raises:
        ConfigError: The variable is not set.
    """
    for name in re.findall(r"\$\{?(\w+)\}?", path):
        if name not in os.environ:
            raise ConfigError(
                f"{key}: {path!r} needs the environment variable {name}; set it or write the path"
            )
    return Path(os.path.expandvars(path)).expanduser()


def existing_path(path: str, key: str, remedy: str = "") -> Path:
    """A path of the configuration that must be there.

    Args:
        path: As the configuration has it.
        key: Where it has it.
        remedy: What to do, where it is not there.

    Raises:
        ConfigError: It is not there; the nearest name beside it is given.
    """
    found = expand_path(path, key)
    if not found.exists():
        beside = [entry.name for entry in found.parent.iterdir()] if found.parent.is_dir() else []
        hint = (f"; {remedy}" if remedy else "") + did_you_mean(found.name, beside)
        raise ConfigError(f"{key}: no such file or folder: {found}{hint}")
    return found


def _lines(error: ValidationError) -> Iterable[str]:
    key = ".".join(str(part) for part in error.absolute_path) or "config.yaml"
    value = error.instance
    match error.validator:
        case "additionalProperties":
            allowed = list(error.schema["properties"])
            for name in value.keys() - set(allowed):
                hint = did_you_mean(name, allowed)
                yield f"{key}: unknown key {name!r}; allowed: {_listed(allowed)}{hint}"
        case "required":
            name = error.message.split("'")[1]
            yield f"{key}: the key {name!r} is missing"
        case "enum":
            names = [str(one) for one in error.validator_value]
            hint = did_you_mean(str(value), names)
            yield f"{key}: {value!r} is not allowed; allowed: {_listed(names)}{hint}"
        case "type":
            allowed = error.validator_value
            wanted = [allowed] if isinstance(allowed, str) else allowed
            yield f"{key}: {_mistyped(value, wanted)}"
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
            yield f"{key}: {value!r} is out of range; allowed: {_range(error.schema)}"
        case "pattern" if "propertyNames" in error.absolute_schema_path:
            more = "; settings are changed after it: NAME+k=1" if "+" in str(value) else ""
            yield f"{key}: {value!r} is no name; a name holds letters, digits, '_' and '-' alone{more}"
        case "minItems":
            found = f"names {len(value)}" if value else "the list is empty"
            yield f"{key}: {found}; name at least {error.validator_value}"
        case "dependentRequired":
            for name, others in error.validator_value.items():
                if name in value and (lacking := [one for one in others if one not in value]):
                    yield f"{key}: {name} needs {lacking[0]!r} beside it"
        case "anyOf":
            choices = [" and ".join(choice["required"]) for choice in error.validator_value]
            yield f"{key}: lacks {' or '.join(choices)}"
        case _:
            yield f"{key}: {error.message}"


def _mistyped(value: Any, wanted: Sequence[str]) -> str:
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


def _unread_keys(config: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterable[str]:
    """Keys that a section of their type does not read, and so would change nothing."""
    for kind, definition in (("datasets", "dataset"), ("detectors", "detector"), ("linkers", "linker")):
        readers = {
            key: about["readBy"]
            for key, about in schema["$defs"][definition]["properties"].items()
            if "readBy" in about
        }
        for name, section in config[kind].items():
            for key in section:
                if section["type"] not in readers.get(key, [section["type"]]):
                    known = _listed(readers[key])
                    yield f"{kind}.{name}: the type {section['type']} does not read {key!r}; {known} does"
    for name, section in config["models"].items():
        unread = [key for key in section if key not in _READ_ONCE_TRAINED]
        if "trained" in section and unread:
            yield (
                f"models.{name}: a model that is trained already does not read {unread[0]!r}; "
                f"allowed: {_listed(_READ_ONCE_TRAINED)}"
            )


def _range(schema: Mapping[str, Any]) -> str:
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "above",
        "maximum": "at most",
        "exclusiveMaximum": "below",
    }
    return ", ".join(f"{word} {schema[name]}" for name, word in words.items() if name in schema)


def _wrong_names(config: Mapping[str, Any], whole: Mapping[str, Any]) -> Iterable[str]:
    """References from one section to another that lead nowhere; ``whole`` has the variants too."""

    def unknown(key: str, name: str, allowed: Iterable[str]) -> Iterable[str]:
        allowed = list(allowed)
        if name not in allowed:
            yield f"{key}: {name!r} is not there; allowed: {_listed(allowed)}{did_you_mean(name, allowed)}"

    for users in ("datasets", "ablations"):
        for name, section in config.get(users, {}).items():
            for kind in _USED:
                for used in set(section.get(kind, ())) - set(whole[kind]):
                    yield from unknown(f"{users}.{name}.{kind}", used, config[kind])
    for used in set(config.get("paper", {}).get("linkers", ())) - set(whole["linkers"]):
        yield from unknown("paper.linkers", used, config["linkers"])
    for name, section in config["datasets"].items():
        for actor in section["actors"]:
            yield from unknown(f"datasets.{name}.actors", actor, ID_OF)
    for name, section in config["linkers"].items():
        yield from unknown(f"linkers.{name}.detector", section["detector"], config["detectors"])
        exemplar, search = section.get("exemplar_size"), section.get("search_size")
        if exemplar and search and search <= exemplar:
            wanted = f"above exemplar_size, {exemplar}"
            yield f"linkers.{name}.search_size: {search} is out of range; allowed: {wanted}"
        if section.get("scales", 3) % 2 == 0:
            wanted = "an odd number, so that one is the last size"
            yield f"linkers.{name}.scales: {section['scales']}; allowed: {wanted}"
    for name, section in config["models"].items():
        if section.get("weights", "").startswith("detector:"):
            detector = section["weights"].removeprefix("detector:")
            yield from unknown(f"models.{name}.weights", detector, config["detectors"])


def _listed(names: Iterable[Any]) -> str:
    return ", ".join(str(name) for name in names)
