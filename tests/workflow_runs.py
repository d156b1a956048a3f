"""Copies of the workflow that a test may edit, and runs of Snakemake in them."""

import atexit
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

PARTS = (
    "Snakefile", "rules", "workflow_scripts", "actorsup", "config.yaml", "profiles", "envs",
    "samples", "report",
)  # fmt: skip
TINY = {
    "encoder": "small", "weights": "random", "shorter_side": 60,
    "tubes": 4, "k": 2, "epochs": 1, "frames": 4,
}  # fmt: skip
"""A model that trains in a second."""

Changes = Mapping[str, object]


def copy_workflow(repository: Path, folder: Path, changes: Changes) -> Path:
    """Copy the workflow and change some of its settings."""
    folder.mkdir(parents=True)
    for name in PARTS:
        source = repository / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)
    configure(folder, changes)
    return folder


def configure(folder: Path, changes: Changes) -> None:
    """Change settings by their path, such as ``models.demo.k``."""
    config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    for key, value in changes.items():
        *parents, name = key.split(".")
        section = config
        for parent in parents:
            section = section.setdefault(parent, {})
        section[name] = value
    (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")


@cache
def warm_process() -> subprocess.Popen:
    """The process that forks for every run; it ends when this one does."""
    script = Path(__file__).with_name("warm_snakemake.py")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command, pipes = [sys.executable, str(script)], {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    server = subprocess.Popen(command, text=True, env=environment, **pipes)
    atexit.register(server.communicate)
    return server


def snakemake(folder: Path, *arguments: str, fails: bool = False, fork_jobs: bool = False) -> str:
    """Run Snakemake on two cores and return its output.

    Args:
        folder: Where it runs.
        arguments: Targets and options.
        fails: Whether it must fail instead of succeed.
        fork_jobs: Whether jobs are forked as well, which saves them the import of PyTorch. They then have no
            benchmark record.
    """
    server = warm_process()
    with tempfile.NamedTemporaryFile("r") as stdout, tempfile.NamedTemporaryFile("r") as stderr:
        request = {
            "arguments": ["--cores", "2", *arguments],
            "folder": str(folder),
            "environment": dict(os.environ),
            "stdout": stdout.name,
            "stderr": stderr.name,
            "fork_jobs": fork_jobs,
        }
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        failed = server.stdout.readline() != "0\n"
        written, reported = stdout.read(), stderr.read()
    assert failed == fails, written[-4000:] + reported[-8000:]
    return written + reported


def would_run(folder: Path, *targets: str) -> dict[str, int]:
    """Count the jobs of each rule that would run."""
    text = snakemake(folder, "--dry-run", *targets)
    stats = re.search(r"^job +count\n-[- ]+\n(.*?)^total", text, flags=re.M | re.S)
    if not stats:
        assert "Nothing to be done" in text
        return {}
    return {name: int(count) for name, count in (line.split() for line in stats[1].strip().split("\n"))}


def edit(path: Path, old: str, new: str) -> None:
    """Replace the first occurrence of a text in a file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
