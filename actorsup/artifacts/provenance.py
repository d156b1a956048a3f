"""Provenance of artifacts: digests of settings, weights and code.

The code digest covers the syntax trees, without docstrings, of a module and of every module of this
library that it imports, except ``NO_RESULTS``. Stages look up their types (detectors, trackers, ...) in a
registry, which imports none of them; a rule adds the modules of the types that its section names. An edit
therefore re-runs exactly the stages whose results it can change. Edits of comments, docstrings, messages
and formatting re-run nothing. Data files that a module names next to ``__file__`` (templates, tables) count
as part of it.
"""

import ast
import hashlib
import json
import os
import platform
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec, resolve_name
from pathlib import Path
from typing import Any, NamedTuple

from actorsup import __version__
from actorsup.artifacts.checksums import check_embedded_checksum
from actorsup.errors import report_read_errors

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
"""Modules excluded from every digest: they affect messages and logs, but no result. A registry maps the
name of a type to its module, and the digest includes that module's name and content."""


def provenance(
    stage: str, settings: Mapping[str, Any], inputs: Iterable[str | Path] = (), **more: Any
) -> dict[str, Any]:
    """Return the provenance record of an artifact: stage, settings, inputs and versions.

    Args:
        stage: The rule's name.
        settings: The part of the configuration that the stage uses.
        inputs: Its input files. A shard is represented by the digest of its own provenance, any other
            file (weights, models, tables) by the sha256 of its content.
        more: Additional entries, such as ``code`` and ``seed``.
    """
    versions = {"actorsup": __version__, "python": platform.python_version()}
    for package in ("numpy", "h5py", "opencv-python-headless", "torch", "torchvision"):
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    return {
        "stage": stage,
        "settings": dict(settings),
        "settings_digest": settings_digest(settings),
        "inputs": {Path(path).as_posix(): _input_digest(Path(path)) for path in inputs},
        "versions": versions,
    } | more


def machine() -> str:
    """Describe this machine for a reader: processor, usable cores, GPUs."""
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
    with (
        report_read_errors(path, "not a valid shard; delete it and run again"),
        h5py.File(path, "r") as shard,
    ):
        return hashlib.sha256(str(shard.attrs["provenance"]).encode()).hexdigest()


def settings_digest(settings: Any) -> str:
    """Digest of JSON-serializable settings, independent of the order of keys."""
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def file_digest(path: str | Path) -> str:
    """sha256 of a file's content, hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def code_digest(*modules: str) -> str:
    """Digest of modules (``"actorsup.linking.stage"``) and of everything they import.

    Args:
        modules: Modules of this library, or of a package that adds types to it. Imports from this library
            and from the module's own package are followed.
    """
    lines = []
    for module in closure(*modules):
        lines.append(f"{module} {_parsed(module).code}")
        lines += [f"{path.name} {file_digest(path)}" for path in _data_files(module)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def closure(*modules: str) -> list[str]:
    """Modules that ``code_digest`` includes for the same arguments, sorted."""
    packages = {_PACKAGE, *(module.split(".")[0] for module in modules)}
    todo, seen = list(modules), set[str]()
    while todo:
        module = todo.pop()
        if module not in seen and module not in NO_RESULTS:
            seen.add(module)
            todo += _imported(module, packages)
    # importing a module also runs its parent packages; what these import does not affect it
    parents = {module.rsplit(".", n)[0] for module in seen for n in range(1, module.count(".") + 1)}
    return sorted(seen | {package for package in parents if _source(package)})


def imported_modules(module: str) -> set[str]:
    """Modules of this library that a module imports directly, at the top or inside functions."""
    return set(_imported(module, {_PACKAGE}))


class _Parsed(NamedTuple):
    """What the digest needs of a module's source.

    Attributes:
        code: Its syntax tree without docstrings, as text.
        imports: Names of the modules and objects that it imports.
        names: Strings that may name data files; empty if it does not use ``__file__``.
    """

    code: str
    imports: tuple[str, ...]
    names: tuple[str, ...]


def _parsed(module: str) -> _Parsed:
    path = _source(module)
    if path is None:
        raise ModuleNotFoundError(f"no module {module!r} in {_ROOT}")
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return _parse(path.read_text(encoding="utf-8"), package)


@cache
def _parse(source: str, package: str) -> _Parsed:
    """Parse a module once: the digests of most stages share it."""
    tree = ast.parse(source)
    imports = tuple(_import_names(tree, package))
    constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    names = tuple(value for value in constants if isinstance(value, str)) if "__file__" in source else ()
    return _Parsed(ast.dump(_WithoutDocstrings().visit(tree)), imports, names)


def _data_files(module: str) -> list[Path]:
    """Data files that a module names in its own folder, and all files in the folders that it names."""
    names, path = _parsed(module).names, _source(module)
    entries = [entry for entry in path.parent.iterdir() if entry.name in names] if names and path else []
    files = [file for entry in entries for file in (entry.rglob("*") if entry.is_dir() else [entry])]
    return sorted(file for file in files if file.is_file() and file.suffix not in (".py", ".pyc"))


def _imported(module: str, packages: Collection[str]) -> list[str]:
    return [name for name in _parsed(module).imports if name.split(".")[0] in packages and _source(name)]


def _import_names(tree: ast.AST, package: str) -> list[str]:
    names: list[str] = []
    for node in _runtime_nodes(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = resolve_name("." * node.level + (node.module or ""), package)
            names.append(origin)
            names += [f"{origin}.{alias.name}" for alias in node.names]
    return names


def _runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All statements except those under ``if TYPE_CHECKING``, which never run."""
    yield tree
    for node in ast.iter_child_nodes(tree):
        condition = node.test if isinstance(node, ast.If) else None
        unused = isinstance(condition, ast.Name) and condition.id == "TYPE_CHECKING"
        if not unused and not isinstance(node, ast.expr):
            yield from _runtime_nodes(node)


def _source(module: str) -> Path | None:
    package, *rest = module.split(".")
    folders: Iterable[str | Path] = [_ROOT]
    if package != _PACKAGE:  # an installed package, or a single file, that adds types
        found = find_spec(package)
        folders = (found and found.submodule_search_locations) or []
        if found and found.origin and not folders:
            return Path(found.origin) if not rest else None
    paths = [Path(folder, *rest) for folder in folders]
    files = [file for path in paths for file in (path.with_suffix(".py"), path / "__init__.py")]
    return next((file for file in files if file.is_file()), None)


class _WithoutDocstrings(ast.NodeTransformer):
    def generic_visit(self, node: ast.AST) -> ast.AST:
        # an expression contains no statement; most nodes are in expressions
        return node if isinstance(node, ast.expr) else super().generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        # a bare string has no effect anywhere, not only at the top of a body
        bare_string = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if bare_string else node
