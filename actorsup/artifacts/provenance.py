"""What made an artifact: digests of settings, weights and code.

The digest of code is that of its syntax tree without docstrings, over a module and every
module of this library that it imports, except ``NO_RESULTS``. A stage's module finds its types
(of detectors, trackers, ...) through a registry, which imports none of them; a rule adds the modules of
the types that its section names. So an edit re-runs exactly the stages whose results it can change,
and a comment, a docstring, a message or the formatting re-runs nothing.
"""

import ast
import hashlib
import json
import os
import platform
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec, resolve_name
from pathlib import Path
from typing import Any

from actorsup import __version__
from actorsup.artifacts.checksums import check_embedded_checksum
from actorsup.errors import DataError

_ROOT = Path(__file__).resolve().parents[1]
_PACKAGE = _ROOT.name
NO_RESULTS = frozenset(
    {
        "actorsup.errors",
        "actorsup.logs",
        "actorsup.registry",
        "actorsup.config.fields",
        "actorsup.config.messages",
    }
)
"""Modules that no digest includes: what they do reaches messages and logs, but no result. A registry
turns a type's name into its module, and that module's name and content are in the digest."""


def provenance(
    stage: str, settings: Mapping[str, Any], inputs: Iterable[str | Path] = (), **more: Any
) -> dict[str, Any]:
    """The record that an artifact carries: what made it, from what, with which versions.

    Args:
        stage: The rule's name.
        settings: The section of the configuration, or the part of it that the stage uses.
        inputs: Files that it is made from. Of a shard the digest of its own provenance is
            kept, of any other file (weights, models, tables) the sha256 of its content.
        more: Further entries, such as ``code`` and ``seed``.
    """
    packages = ("numpy", "h5py", "opencv-python-headless", "torch", "torchvision")
    versions = {"actorsup": __version__, "python": platform.python_version()}
    for package in packages:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "stage": stage,
        "settings": dict(settings),
        "settings_digest": settings_digest(settings),
        "inputs": {Path(path).as_posix(): _input_digest(Path(path)) for path in inputs},
        "versions": versions,
    } | more


def machine() -> str:
    """The machine that this runs on, for a person: processor, cores that may be used, GPUs."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gpus = len(list(Path("/proc/driver/nvidia/gpus").glob("*")))
    return f"{next(named, platform.machine())}, {cores} cores, {gpus or 'no'} GPU"


def _input_digest(path: Path) -> str:
    if path.suffix != ".h5":
        return file_digest(path)
    import h5py

    check_embedded_checksum(path)
    try:
        with h5py.File(path, "r") as shard:
            return hashlib.sha256(str(shard.attrs["provenance"]).encode()).hexdigest()
    except (OSError, KeyError) as error:
        raise DataError(f"{path}: cannot be read ({error}); delete it and run again") from error


def settings_digest(settings: Any) -> str:
    """Digest of plain settings (what JSON can hold), independent of the order of keys."""
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def file_digest(path: str | Path) -> str:
    """sha256 of a file's content, in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def code_digest(*modules: str) -> str:
    """Digest of modules (``"actorsup.linking.stage"``) and of all that they import.

    Args:
        modules: Of this library, or of a package that adds types to it; of each, the modules of
            this library and of the module's own package count.
    """
    lines = [f"{module} {ast.dump(_without_docstrings(_tree(module)))}" for module in closure(*modules)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def closure(*modules: str) -> list[str]:
    """The modules whose code ``code_digest`` includes, sorted; arguments as there."""
    packages = {_PACKAGE, *(module.split(".")[0] for module in modules)}
    todo, seen = list(modules), set[str]()
    while todo:
        module = todo.pop()
        if module not in seen and module not in NO_RESULTS:
            seen.add(module)
            todo += _imported(module, packages)
    # Python runs the packages around a module too; the names that these import change nothing in it
    around = {module.rsplit(".", n)[0] for module in seen for n in range(1, module.count(".") + 1)}
    return sorted(seen | {package for package in around if _exists(package)})


def imported_modules(module: str) -> set[str]:
    """Modules of this library that a module imports itself, at its top or inside functions."""
    return set(_imported(module, {_PACKAGE}))


def _tree(module: str) -> ast.AST:
    return ast.parse(_path_of(module).read_text(encoding="utf-8"))


def _imported(module: str, packages: Collection[str]) -> list[str]:
    names: list[str] = []
    package = module if _path_of(module).name == "__init__.py" else module.rpartition(".")[0]
    for node in _run(_tree(module)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = resolve_name("." * node.level + (node.module or ""), package)
            names.append(origin)
            names += [f"{origin}.{alias.name}" for alias in node.names]
    return [name for name in names if name.split(".")[0] in packages and _exists(name)]


def _run(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those under ``if TYPE_CHECKING``, which no run reaches."""
    yield tree
    for node in ast.iter_child_nodes(tree):
        condition = node.test if isinstance(node, ast.If) else None
        if not (isinstance(condition, ast.Name) and condition.id == "TYPE_CHECKING"):
            yield from _run(node)


def _candidates(module: str) -> list[Path]:
    package, *rest = module.split(".")
    if package == _PACKAGE:
        path = _ROOT.joinpath(*rest)
        return [path.with_suffix(".py"), path / "__init__.py"]
    # a package that adds types: Python knows where it lies, or it is one file
    found = find_spec(package)
    if found is None:
        return []
    if not found.submodule_search_locations:
        return [Path(found.origin)] if found.origin and not rest else []
    paths = [Path(folder).joinpath(*rest) for folder in found.submodule_search_locations]
    return [path for each in paths for path in (each.with_suffix(".py"), each / "__init__.py")]


def _exists(module: str) -> bool:
    return any(path.is_file() for path in _candidates(module))


def _path_of(module: str) -> Path:
    for path in _candidates(module):
        if path.is_file():
            return path
    raise ModuleNotFoundError(f"no module {module!r} in {_ROOT}")


def _without_docstrings(tree: ast.AST) -> ast.AST:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        # a bare string is a docstring wherever it stands: nothing can read its value
        node.body = [  # type: ignore[attr-defined]
            line
            for line in body
            if not (
                isinstance(line, ast.Expr)
                and isinstance(line.value, ast.Constant)
                and isinstance(line.value.value, str)
            )
        ]
    return tree
