"""Profiles and what rules ask for, as far as no cluster is needed; tests/cluster has the rest."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from workflow_runs import copy_workflow

from actorsup.workflow.plan import Plan

ASKING = """
configfile: "config.yaml"


include: "rules/common.smk"


rule ask:
    output:
        "asked.txt",
    resources:
        mem_mb=need(100),
        runtime=need(7),
        gpu=GPU,
        told=lambda wildcards, attempt: attempt,
    shell:
        "test {resources.told} -gt 1 && echo {resources} > {output}"


rule grow:
    output:
        trained("grown_{dataset}_{shard}.txt"),
    resources:
        mem_mb=need(100, each=2.5),
    shell:
        "echo {resources.mem_mb} > {output}"
"""


def plan(repository: Path, **changes) -> Plan:
    config = yaml.safe_load((repository / "config.yaml").read_text(encoding="utf-8"))
    return Plan({**config, **changes})


def test_cuda_asks_for_a_gpu_whatever_this_machine_has(repository, monkeypatch):
    for here in (True, False):
        monkeypatch.setattr(Path, "exists", lambda _, here=here: here)
        told = {
            device: plan(repository, device=device).uses_gpu for device in ("cpu", "auto", "cuda", "cuda:1")
        }
        assert told == {"cpu": False, "auto": here, "cuda": True, "cuda:1": True}


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
    # what a network was trained to is write-protected where the configuration says so
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
    # targets after the options: a profile of several values would take them
    text = run(asking, "asked.txt", *cores, *profile, "--retries", "1", "--forceall")
    # how a limit is shown differs with Snakemake's version
    assert re.search(rf'gpu=(Resource\("gpu", )?{limit}\b', text), text
