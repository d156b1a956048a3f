"""Read and check the configuration; each mistake is reported in one line with its remedy."""

import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from actorsup.coco import ID_OF
from actorsup.config.fields import checked
from actorsup.config.messages import NOT_A_NAME, listed, mistyped, odd_keys
from actorsup.config.sections import KINDS, Configuration, model_of
from actorsup.errors import ConfigError, access_problem

_DEFAULT = Path(__file__).resolve().parents[2] / "config.yaml"
_USED = ("linkers", "models")
NAME = "[A-Za-z0-9_-]+"
# a section, or one with settings changed: demo+k=1+tubes=5
VARIANT = rf"{NAME}(\+[a-z_]+=[A-Za-z0-9_.-]+)*"


def read_config(configfiles: Iterable[Path] = (), values: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the configuration: each layer overrides the layers before it, setting by setting.

    1. ``config.yaml`` of the checkout, with every setting
    2. ``config.yaml`` of the working folder, if it is another file
    3. the files of ``--configfile``, in their order
    4. the values of ``--config``

    Relative paths in all layers are relative to the working folder, which also contains ``results/``.

    Args:
        configfiles: Files of ``--configfile``.
        values: Values of ``--config``.

    Raises:
        ConfigError: A file is missing or is not a YAML mapping of sections.
    """
    return read_layers([*own_files(), *configfiles], values or {})


def read_layers(files: Iterable[Path], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of files and of ``values``, each layer overriding those before it.

    Raises:
        ConfigError: A file is missing or is not a YAML mapping of sections.
    """
    merged: dict[str, Any] = {}
    for path in files:
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {access_problem(error) or error}") from error
        except (ValueError, RecursionError, yaml.YAMLError) as error:
            raise ConfigError(f"{path}: cannot be read as YAML ({' '.join(str(error).split())})") from error
        if not isinstance(content, Mapping):
            raise ConfigError(f"{path}: holds no sections; wanted such as config.yaml's")
        merged = _merge(merged, content)
    return _merge(merged, values)


def own_files(as_module: bool = False) -> list[Path]:
    """Return the first two layers of ``read_config``.

    Args:
        as_module: Whether the working folder belongs to a workflow that uses this one as a module, so that
            its ``config.yaml`` has other settings.
    """
    here = Path("config.yaml")
    if as_module or not here.is_file() or (_DEFAULT.is_file() and here.samefile(_DEFAULT)):
        return [_DEFAULT]
    return [_DEFAULT, here] if _DEFAULT.is_file() else [here]


def describe_sources(files: Iterable[str | Path], values: str = "") -> str:
    """Return the line for the log that lists the sources of the configuration, in the order of reading.

    Args:
        files: Configuration files.
        values: Where further settings are from, such as ``"--config"``; empty if there are none.
    """
    sources = [*(str(Path(file).absolute()) for file in files), *([values] if values else [])]
    return f"Configuration: {', then '.join(sources)}"


def parse_values(texts: Iterable[str]) -> dict[str, Any]:
    """Parse the values of ``--config``, such as ``device=cpu`` or ``datasets={mine: {shards: 2}}``.

    Numbers stay text, as those that Snakemake passes; ``check_config`` converts them.

    Raises:
        ConfigError: A text is not ``NAME=VALUE``, or its value is not YAML.
    """
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        try:
            if not (name and equals):
                raise ValueError("expected NAME=VALUE")
            values = _merge(values, {name: yaml.load(value, yaml.BaseLoader) if value else None})
        except (ValueError, RecursionError, yaml.YAMLError) as error:
            raise ConfigError(f"--config {text[:80]}: {' '.join(str(error).split())}") from error
    return values


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two mappings recursively; values of ``above`` override those of ``below``."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def check_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Check a whole configuration, without touching the data.

    Returns:
        The configuration with a section for each variant that it names, and normalized values
        (``fields.checked``).

    Raises:
        ConfigError: One line for each mistake: the key, the value, what is allowed, and the
            closest valid name.
    """
    if not isinstance(config, Mapping):
        raise ConfigError(f"config.yaml: {mistyped(config, ['object'])}")
    if lines := [*odd_keys(config, "config.yaml")]:
        raise ConfigError("\n".join(lines))
    # first as written: a mistake in a section is reported once, not for each variant too
    _checked(config)
    whole = _checked(with_variants(config))
    for each in (config, whole):
        if lines := [*_wrong_names(each, whole)]:
            raise ConfigError("\n".join(lines))
    return whole


def _checked(config: Mapping[str, Any]) -> dict[str, Any]:
    lines: list[str] = []

    def check(model: Any, section: Any, where: str) -> dict[str, Any]:
        try:
            return checked(model(), section, where)
        except ConfigError as error:
            lines.extend(str(error).split("\n"))
            return {}

    made = check(lambda: Configuration, config, "")
    for kind in KINDS:
        sections = config.get(kind)
        for name, section in sections.items() if isinstance(sections, Mapping) else ():
            where = f"{kind}.{name}"
            if not re.fullmatch(VARIANT if kind in _USED else NAME, name):
                more = "; settings are changed after it: NAME+k=1" if "+" in name else ""
                lines.append(f"{kind}: {name!r} {NOT_A_NAME}{more}")
                continue
            found = check(partial(model_of, kind, section, where), section, where)
            if made:
                made[kind] = {**made[kind], name: found}
    if lines:
        raise ConfigError("\n".join(lines))
    return made


def with_variants(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration with a section for every variant that is used.

    A linker or model that a data set or an ablation names as ``demo+k=1+tubes=5`` is the section
    ``demo`` with those settings changed; values are read as YAML.

    Args:
        config: The whole configuration, not checked yet; malformed parts stay unchanged.
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
    """Return the name of the section that a variant modifies."""
    return variant.split("+", 1)[0]


def changes_of(variant: str) -> dict[str, Any]:
    """Return the settings that a variant changes.

    Raises:
        ConfigError: A value is not valid YAML.
    """
    pairs = (change.partition("=") for change in variant.split("+")[1:])
    try:
        return {key: yaml.safe_load(value) for key, _, value in pairs}
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise ConfigError(
            f"{variant[:80]!r}: a value that is no YAML; wanted such as {base_of(variant)}+k=1"
        ) from error


def _names_used(config: Mapping[str, Any], kind: str) -> Iterable[str]:
    """Yield the linkers or models that ``datasets``, ``ablations`` and ``paper`` name."""
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


def _wrong_names(config: Mapping[str, Any], whole: Mapping[str, Any]) -> Iterable[str]:
    """Report references to unknown sections; ``whole`` includes the variants."""

    def unknown(key: str, name: str, allowed: Iterable[str]) -> Iterable[str]:
        allowed = list(allowed)
        if name not in allowed:
            yield f"{key}: {name!r} is not there; {listed(allowed, name)}"

    for users in ("datasets", "ablations"):
        for name, section in config.get(users, {}).items():
            for kind in _USED:
                for used in set(section.get(kind) or ()) - set(whole[kind]):
                    yield from unknown(f"{users}.{name}.{kind}", used, config[kind])
    for used in set(config.get("paper", {}).get("linkers", ())) - set(whole["linkers"]):
        yield from unknown("paper.linkers", used, config["linkers"])
    for name, section in config["datasets"].items():
        for actor in section["actors"]:
            yield from unknown(f"datasets.{name}.actors", actor, ID_OF)
    for name, section in config["linkers"].items():
        yield from unknown(f"linkers.{name}.detector", section["detector"], config["detectors"])
    for name, section in config["models"].items():
        if section.get("weights", "").startswith("detector:"):
            detector = section["weights"].removeprefix("detector:")
            yield from unknown(f"models.{name}.weights", detector, config["detectors"])
