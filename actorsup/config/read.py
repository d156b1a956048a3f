"""Checking of the configuration: every mistake becomes one line that says how to mend it."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.validators import extend

from actorsup.coco import ID_OF
from actorsup.config.messages import lines_of, listed, mistyped, odd_keys
from actorsup.datasets.readers import DATASETS
from actorsup.detection.detectors import DETECTORS
from actorsup.errors import ConfigError, did_you_mean
from actorsup.linking.linkers import LINKERS
from actorsup.linking.trackers import TRACKERS
from actorsup.registry import Registry

SCHEMA = Path(__file__).resolve().parents[2] / "schemas" / "config.schema.yaml"

_READ_ONCE_TRAINED = (
    "trained", "attention", "class_score", "video_score", "score_frames", "trim", "trim_smooth", "nms_iou",
)  # fmt: skip
_USED = ("linkers", "models")
_TYPES: tuple[tuple[str, str, tuple[Registry[Any], ...]], ...] = (
    ("datasets", "dataset", (DATASETS,)),
    ("detectors", "detector", (DETECTORS,)),
    ("linkers", "linker", (TRACKERS, LINKERS)),
)
"""Where types stand: the sections, the definition in the schema, and who knows the types."""
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
        except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
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
        raise ConfigError(f"config.yaml: {mistyped(config, ['object'])}")
    if lines := [*odd_keys(config, "config.yaml")]:
        raise ConfigError("\n".join(lines))
    schema = _schema(config)
    validator = extend(Draft202012Validator, type_checker=_integers_are_whole)(schema)
    whole = with_variants(config)
    # a section's mistake is told once, not for each of its variants too
    for each in (config, whole):
        errors = sorted(validator.iter_errors(each), key=lambda e: str(list(e.absolute_path)))
        lines = [line for error in errors for line in lines_of(error)]
        lines = lines or [*_unread_keys(each, schema), *_wrong_names(each, whole)]
        if lines:
            raise ConfigError("\n".join(lines))


def _schema(config: Mapping[str, Any]) -> dict[str, Any]:
    """The schema, with the registered types that it lacks where a section of ``config`` is of one."""
    schema: dict[str, Any] = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    for kind, definition, registries in _TYPES:
        sections = config.get(kind)
        values = sections.values() if isinstance(sections, Mapping) else ()
        used = {str(section.get("type")) for section in values if isinstance(section, Mapping)}
        properties = schema["$defs"][definition]["properties"]
        listed_types = set(properties["type"]["enum"])
        for registry in registries:
            added = sorted(registry.keys() - listed_types)
            properties["type"]["enum"] += added
            for name in (name for name in added if name in used):
                _add_type(properties, name, registry[name])
    return schema


def _add_type(properties: dict[str, Any], name: str, type_: Any) -> None:
    """Enter the settings of a type into those of its kind."""
    shared = {"weights"} if getattr(type_, "weights", False) else set()
    for key in {*type_.reads, *shared} & properties.keys():
        if "readBy" in properties[key]:
            properties[key]["readBy"].append(name)
    for key, about in type_.settings.items():
        if key in properties:
            raise ConfigError(
                f"type: {name!r} has a setting {key!r}, which is a setting of other types too; its package "
                "should give it another name, or list it among what it reads"
            )
        properties[key] = {**about, "readBy": [name]}


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
    """The settings that a variant changes.

    Raises:
        ConfigError: A value is no YAML.
    """
    pairs = (change.partition("=") for change in variant.split("+")[1:])
    try:
        return {key: yaml.safe_load(value) for key, _, value in pairs}
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise ConfigError(
            f"{variant[:80]!r}: a value that is no YAML; wanted such as {base_of(variant)}+k=1"
        ) from error


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
                    known = listed(readers[key])
                    yield f"{kind}.{name}: the type {section['type']} does not read {key!r}; {known} does"
    for name, section in config["models"].items():
        unread = [key for key in section if key not in _READ_ONCE_TRAINED]
        if "trained" in section and unread:
            yield (
                f"models.{name}: a model that is trained already does not read {unread[0]!r}; "
                f"allowed: {listed(_READ_ONCE_TRAINED)}"
            )


def _wrong_names(config: Mapping[str, Any], whole: Mapping[str, Any]) -> Iterable[str]:
    """References from one section to another that lead nowhere; ``whole`` has the variants too."""

    def unknown(key: str, name: str, allowed: Iterable[str]) -> Iterable[str]:
        allowed = list(allowed)
        if name not in allowed:
            yield f"{key}: {name!r} is not there; allowed: {listed(allowed)}{did_you_mean(name, allowed)}"

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
