"""Architecture: the order of imports, thin scripts, short files, locked versions."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from actorsup.artifacts.provenance import imported_modules

# packages in the order of the data: each imports only earlier ones; all others come first
ORDER = (
    "formats", "datasets", "frames", "detection", "linking", "attention", "evaluation", "report",
)  # fmt: skip
LAST = ("config", "workflow", "predict", "cli")


def modules(repository: Path) -> list[str]:
    paths = sorted((repository / "actorsup").rglob("*.py"))
    names = [path.relative_to(repository).with_suffix("").as_posix().replace("/", ".") for path in paths]
    return [name.removesuffix(".__init__") for name in names]


def level(module: str) -> int:
    parts = module.split(".")
    package = parts[1] if len(parts) > 1 else ""
    if module in ("actorsup.config.fields", "actorsup.config.messages"):  # base of the settings classes
        return 0
    if package in LAST:
        return len(ORDER) + 1
    return ORDER.index(package) + 1 if package in ORDER else 0


def test_no_package_imports_a_later_one(repository):
    upward = [
        f"{module} imports {imported}"
        for module in modules(repository)
        for imported in imported_modules(module)
        # the demo is one of the data sets; its package is at their level
        if level(imported) > level(module) and not module.startswith("actorsup.demo")
    ]
    assert upward == []
    demo = {i for m in modules(repository) if m.startswith("actorsup.demo") for i in imported_modules(m)}
    assert all(level(imported) <= ORDER.index("datasets") + 1 for imported in demo)


def test_the_library_never_imports_snakemake(repository):
    for path in (repository / "actorsup").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "snakemake" for name in names), path


def test_importing_the_package_loads_no_heavy_library(repository):
    loaded = "print({'torch', 'cv2', 'torchvision'} & set(sys.modules))"
    code = f"import sys, actorsup, actorsup.workflow.plan; {loaded}"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=repository)
    assert done.stdout.strip() == "set()", done.stderr


def rules(repository: Path) -> dict[str, str]:
    found = {}
    for path in (repository / "rules").glob("*.smk"):
        for rule in re.split(r"^rule ", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
            found[rule.split(":")[0]] = rule
    return found


def test_every_rule_has_a_thin_script_a_log_and_a_message(repository):
    scripts = {path.stem for path in (repository / "workflow_scripts").glob("*.py")}
    named = set()
    for rule, text in rules(repository).items():
        script = re.search(r'"\.\./workflow_scripts/(\w+)\.py"', text)
        assert script, rule
        assert script[1] == rule
        named.add(script[1])
        for part in ("log:", "message:", "conda:"):
            assert part in text, f"{rule} lacks {part}"
    assert scripts == named
    for name in scripts:
        lines = (repository / "workflow_scripts" / f"{name}.py").read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 40, name


def test_the_code_digest_of_every_rule_covers_its_script(repository):
    # these change no output; decoding needs the reader only for the root
    shared = {"actorsup.logs", "actorsup.artifacts.provenance", "actorsup.datasets.readers"}
    for rule, text in rules(repository).items():
        if rule == "fetch_weights":  # checked against a published digest
            continue
        digests = re.search(r"code_digest\(([^)]*)", text)
        assert digests, rule
        covered = reached(set(re.findall(r'"(actorsup[\w.]+)"', digests[1])))
        script = ast.parse((repository / "workflow_scripts" / f"{rule}.py").read_text(encoding="utf-8"))
        used = {node.module for node in ast.walk(script) if isinstance(node, ast.ImportFrom)}
        assert {name for name in used if name.startswith("actorsup")} - shared <= covered, rule


def reached(modules: set[str]) -> set[str]:
    todo, seen = list(modules), set()
    while todo:
        module = todo.pop()
        if module not in seen:
            seen.add(module)
            todo += imported_modules(module)
    return seen


def test_files_are_short_enough_to_read(repository):
    for folder in ("actorsup", "workflow_scripts", "rules"):
        for path in (repository / folder).rglob("*.*"):
            if path.suffix in (".py", ".smk"):
                assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, path


def requirement(text: str) -> tuple[str, str]:
    name, version = re.fullmatch(r"([A-Za-z0-9_.-]+)(?:\[[\w,]+\])?\s*(.*)", text).groups()
    return name.lower().replace("_", "-"), version.replace(" ", "")


def test_conda_files_match_pyproject(repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = dict(requirement(text) for text in project["dependencies"])
    # conda's names of the same packages
    for ours, theirs in (("torch", "pytorch"), ("opencv-python-headless", "py-opencv")):
        wanted[theirs] = wanted.pop(ours)
    for path in (repository / "envs").glob("*.yaml"):
        for dependency in yaml.safe_load(path.read_text(encoding="utf-8"))["dependencies"]:
            name, version = requirement(dependency)
            if name == "python":
                assert version == project["requires-python"].replace(" ", ""), path
            else:
                assert wanted[name] == version, f"{path}: {name}"


def tracked(repository: Path) -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=repository, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [repository / name for name in done.stdout.split("\0") if name]


def test_no_file_names_a_local_path_or_a_package_index(repository):
    wrong = re.compile(
        r"/(?:work|root)/|/home/[a-z]|--(?:index|find)-(?:url|links)|pypi[.]org|files[.]pythonhosted"
    )
    for path in tracked(repository):
        if path.suffix in (".png", ".jpg") or not path.exists():
            continue
        found = wrong.search(path.read_text(encoding="utf-8", errors="replace"))
        assert not found, f"{path}: {found[0]}"


def test_every_version_is_locked_with_hashes(repository):
    text = (repository / "requirements.txt").read_text(encoding="utf-8")
    locked = re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, flags=re.M)
    assert len(locked) > 30
    blocks = re.split(r"^(?=[\w.-]+==)", text, flags=re.M)[1:]
    assert all("--hash=sha256:" in block for block in blocks)
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {name.lower().replace("_", "-") for name, _ in locked}
    assert {requirement(text)[0] for text in project["dependencies"]} <= names
