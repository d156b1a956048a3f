"""Profiles, resources and conda environments of the rules; tests/cluster tests them on a cluster."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from workflow_runs import copy_workflow

from actorsup.artifacts import provenance
from actorsup.workflow.plan import Plan

ASKING = """
configfile: "config.yaml"


include: "rules/common.smk"


rule ask:
    output:
        "asked.txt",
    resources:
        mem_mb=scaled(100),
        runtime=scaled(7),
        gpu=GPU,
        attempt=lambda wildcards, attempt: attempt,
    shell:
        "test {resources.attempt} -gt 1 && echo {resources} > {output}"


rule grow:
    output:
        protected_if_configured("grown_{dataset}_{shard}.txt"),
    resources:
        mem_mb=scaled(100, per_video=2.5),
    shell:
        "echo {resources.mem_mb} > {output}"
"""


def plan(repository: Path, **changes) -> Plan:
    config = yaml.safe_load((repository / "config.yaml").read_text(encoding="utf-8"))
    return Plan({**config, **changes})


def test_cuda_asks_for_a_gpu_whatever_this_machine_has(repository, monkeypatch):
    for here in (True, False):
        monkeypatch.setattr(Path, "exists", lambda _, here=here: here)
        uses_gpu = {
            device: plan(repository, device=device).uses_gpu for device in ("cpu", "auto", "cuda", "cuda:1")
        }
        assert uses_gpu == {"cpu": False, "auto": here, "cuda": True, "cuda:1": True}


@pytest.fixture(scope="module")
def asking(repository, tmp_path_factory) -> Path:
    changes = {"device": "cuda", "training.protect": True}
    folder = copy_workflow(repository, tmp_path_factory.mktemp("asking") / "house", changes)
    (folder / "asking.smk").write_text(ASKING)
    return folder


def run(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "snakemake", "--snakefile", "asking.smk", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout + done.stderr


def test_needs_double_with_attempts_and_grow_with_the_videos_of_a_shard(asking, repository):
    shards = plan(repository).dataset("demo").shards
    name = min(shards)
    run(asking, "--cores", "1", "--retries", "1", "asked.txt", f"grown_demo_{name}.txt")
    asked = (asking / "asked.txt").read_text().split()
    assert {"200", "14"} <= set(asked)
    grown = asking / f"grown_demo_{name}.txt"
    assert int(grown.read_text()) == -(-(1000 + 25 * len(shards[name])) // 10)
    # training.protect: trained networks are write-protected
    assert grown.stat().st_mode & 0o222 == 0


@pytest.mark.parametrize(
    ("profile", "limit"),
    [
        ((), 1),
        (("--resources", "gpu=3"), 3),
        (("--profile", "profiles/gpu"), 1),
    ],
)
def test_one_job_at_a_time_uses_the_gpu_of_this_machine(asking, profile, limit):
    cores = () if "--profile" in profile else ("--cores", "4")
    # targets come first: a profile option that takes several values would swallow them
    text = run(asking, "asked.txt", *cores, *profile, "--retries", "1", "--forceall")
    # Snakemake versions print a limit differently
    assert re.search(rf'gpu=(Resource\("gpu", )?{limit}\b', text), text


def imports(modules: set[str]) -> set[str]:
    """Packages that modules of this library import, directly or through others of its modules."""
    parsed = [provenance._parse_module(module) for module in provenance.find_dependencies(*modules)]
    names = {name.split(".")[0] for module in parsed for name in module.imports}
    # jinja2 depends on markupsafe
    return names - sys.stdlib_module_names - {"actorsup", "markupsafe"}


def test_each_conda_environment_has_the_packages_that_its_rules_import(repository, monkeypatch):
    monkeypatch.setattr(provenance, "MODULES_WITHOUT_RESULTS", frozenset())
    conda_names = {
        "cv2": "py-opencv",
        "torch": "pytorch",
        "yaml": "pyyaml",
        "vl_convert": "vl-convert-python",
    }
    rules = re.split(
        r"^rule ", "".join(path.read_text() for path in (repository / "rules").glob("*.smk")), flags=re.M
    )
    for name in ("vision", "tables", "figures"):
        scripts = {
            re.search(r"workflow_scripts/\w+\.py", rule)[0]
            for rule in rules
            if f"{name.upper()}_ENV\n" in rule
        }
        trees = [ast.parse((repository / script).read_text(encoding="utf-8")) for script in scripts]
        modules = {
            module
            for tree in trees
            for module in provenance._import_names(tree, "")
            if module.startswith("actorsup") and provenance._find_source(module)
        }
        if name == "vision":  # its rules also import the types that a configuration names
            kinds = ("detection/detectors", "linking/trackers", "linking/linkers", "attention/encoders")
            paths = [path for kind in kinds for path in (repository / "actorsup" / kind).glob("[a-z]*.py")]
            modules |= {".".join(path.relative_to(repository).with_suffix("").parts) for path in paths}
        environment = yaml.safe_load((repository / "envs" / f"{name}.yaml").read_text(encoding="utf-8"))
        listed = {dependency.split()[0] for dependency in environment["dependencies"]}
        assert {conda_names.get(package, package) for package in imports(modules)} <= listed, name
