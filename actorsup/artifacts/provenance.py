"""Provenance of output files: digests of settings, weights and code.

The code digest of a module covers the syntax trees, without docstrings, of the module and of all modules of
this library that it imports, except ``MODULES_WITHOUT_RESULTS``. Stages look up detectors, trackers and other
types in a registry, which imports none of them; a rule adds the modules of the types that its configuration
section names. An edit therefore re-runs exactly the stages whose results it can change. Edits of comments,
docstrings and formatting re-run nothing. If a module uses ``__file__``, the digest includes the data files in
its folder that it names (templates, tables).
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
from actorsup.artifacts.access import retry
from actorsup.artifacts.checksums import check_embedded_checksum
from actorsup.errors import REBUILD, report_read_errors

_ROOT = Path(__file__).resolve().parents[1]
_PACKAGE = _ROOT.name
MODULES_WITHOUT_RESULTS = frozenset(
    {
        "actorsup.errors",
        "actorsup.logs",
        "actorsup.registry",
        "actorsup.artifacts.access",
        "actorsup.config.fields",
        "actorsup.config.messages",
    }
)
"""Modules that every code digest omits, because they affect messages and logs but no results. The registry
is among them: it maps the name of a type to a module, and the digest includes that module."""


def provenance(
    stage: str, settings: Mapping[str, Any], inputs: Iterable[str | Path] = (), **extra_entries: Any
) -> dict[str, Any]:
    """Return the provenance of an output file: stage, settings, inputs and versions.

    Args:
        stage: Name of the Snakemake rule.
        settings: Part of the configuration that the stage uses.
        inputs: Paths of the input files. A shard is represented by the digest of its provenance, any other
            file (weights, models, tables) by the SHA-256 of its content.
        extra_entries: Additional entries of the provenance, such as ``code`` and ``seed``.
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
    } | extra_entries


def machine() -> str:
    """Return a description of this computer for the report: processor, number of usable cores and of GPUs."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    model_names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gpus = len(list(Path("/proc/driver/nvidia/gpus").glob("*")))
    return f"{next(model_names, platform.machine())}, {cores} cores, {gpus or 'no'} GPU"


def _input_digest(path: Path) -> str:
    wanted = f"not a valid shard; {REBUILD}"
    with report_read_errors(path, wanted):
        if path.suffix != ".h5":
            return retry(lambda: file_digest(path), path)
        from actorsup.artifacts.hdf5_files import open_hdf5

        check_embedded_checksum(path)
        with open_hdf5(path, wanted) as shard:
            return hashlib.sha256(str(shard.attrs["provenance"]).encode()).hexdigest()


def settings_digest(settings: Any) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of settings; the order of keys has no effect."""
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def file_digest(path: str | Path) -> str:
    """Return the SHA-256 of the content of a file, in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def code_digest(*modules: str) -> str:
    """Return a digest of the code of modules and of the modules that they import.

    Args:
        modules: Names of modules of this library (``"actorsup.linking.stage"``) or of a plugin package.
            Imports from this library and from the module's own package are followed.
    """
    lines = []
    for module in find_dependencies(*modules):
        lines.append(f"{module} {_parse_module(module).code}")
        lines += [f"{path.name} {file_digest(path)}" for path in _data_files(module)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def find_dependencies(*modules: str) -> list[str]:
    """Return the sorted names of all modules that ``code_digest(*modules)`` covers."""
    packages = {_PACKAGE, *(module.split(".")[0] for module in modules)}
    queue, visited = list(modules), set[str]()
    while queue:
        module = queue.pop()
        if module not in visited and module not in MODULES_WITHOUT_RESULTS:
            visited.add(module)
            queue += _find_imports(module, packages)
    # importing a module also runs its parent packages, but their imports do not affect the module
    parent_packages = {
        module.rsplit(".", n)[0] for module in visited for n in range(1, module.count(".") + 1)
    }
    return sorted(visited | {package for package in parent_packages if _find_source(package)})


def imported_modules(module: str) -> set[str]:
    """Return the modules of this library that a module imports directly, at the top or inside functions."""
    return set(_find_imports(module, {_PACKAGE}))


class _ModuleSyntax(NamedTuple):
    """Parts of the source of a module that its digest depends on.

    Attributes:
        code: Text of the syntax tree without docstrings.
        imports: Names of the imported modules and objects.
        names: String constants, which may name data files; empty if the module does not use ``__file__``.
    """

    code: str
    imports: tuple[str, ...]
    names: tuple[str, ...]


def _parse_module(module: str) -> _ModuleSyntax:
    path = _find_source(module)
    if path is None:
        raise ModuleNotFoundError(f"no module {module!r} in {_ROOT}")
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return _parse_source(path.read_text(encoding="utf-8"), package)


@cache
def _parse_source(source: str, package: str) -> _ModuleSyntax:
    """Parse the source of a module; cached, because the digests of most stages share modules."""
    tree = ast.parse(source)
    imports = tuple(_import_names(tree, package))
    constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    names = tuple(value for value in constants if isinstance(value, str)) if "__file__" in source else ()
    return _ModuleSyntax(ast.dump(_DocstringRemover().visit(tree)), imports, names)


def _data_files(module: str) -> list[Path]:
    """Return the data files, next to a module or in subfolders, that the source of the module names."""
    names, path = _parse_module(module).names, _find_source(module)
    entries = [entry for entry in path.parent.iterdir() if entry.name in names] if names and path else []
    files = [file for entry in entries for file in (entry.rglob("*") if entry.is_dir() else [entry])]
    return sorted(file for file in files if file.is_file() and file.suffix not in (".py", ".pyc"))


def _find_imports(module: str, packages: Collection[str]) -> list[str]:
    return [
        name
        for name in _parse_module(module).imports
        if name.split(".")[0] in packages and _find_source(name)
    ]


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
    """Yield the nodes of all statements except those under ``if TYPE_CHECKING``, which never run."""
    yield tree
    for node in ast.iter_child_nodes(tree):
        condition = node.test if isinstance(node, ast.If) else None
        is_type_checking = isinstance(condition, ast.Name) and condition.id == "TYPE_CHECKING"
        if not is_type_checking and not isinstance(node, ast.expr):
            yield from _runtime_nodes(node)


def _find_source(module: str) -> Path | None:
    package, *submodules = module.split(".")
    folders: Iterable[str | Path] = [_ROOT]
    if package != _PACKAGE:  # an installed package, or a single file, that adds types
        spec = find_spec(package)
        folders = (spec and spec.submodule_search_locations) or []
        if spec and spec.origin and not folders:
            return Path(spec.origin) if not submodules else None
    paths = [Path(folder, *submodules) for folder in folders]
    files = [file for path in paths for file in (path.with_suffix(".py"), path / "__init__.py")]
    return next((file for file in files if file.is_file()), None)


class _DocstringRemover(ast.NodeTransformer):
    def generic_visit(self, node: ast.AST) -> ast.AST:
        # an expression contains no statement; most nodes are in expressions
        return node if isinstance(node, ast.expr) else super().generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        # a bare string has no effect anywhere, not only at the top of a body
        bare_string = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if bare_string else node
