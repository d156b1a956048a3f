"""Kubernetes without a cluster: what a pod is asked for, and that its command does the job."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from buckets import Bucket
from test_workflow import own_changes, own_videos
from workflow_runs import copy_workflow

TUBES = "results/mine/tubes/fixed/0001.h5"


@pytest.fixture(scope="module")
def pods(bucket: Bucket, repository, tmp_path_factory) -> dict[str, list[dict]]:
    """The pods of a run, by their rule; the first one of the run is killed before it does anything."""
    base = tmp_path_factory.mktemp("kubernetes")
    own_videos(base / "data")
    folder = copy_workflow(repository, base / "house", own_changes(base / "data"))
    # the files that are checked out are handed to the pods
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org"]
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "all"]):
        subprocess.run([*git, *arguments], cwd=folder, check=True)
    written = base / "pods"
    (written / "bin").mkdir(parents=True)
    for name, command in (("pip", "true"), ("python", f'exec {sys.executable} "$@"')):
        program = written / "bin" / name
        program.write_text(f"#!/bin/sh\n{command}\n")
        program.chmod(0o755)
    command = [sys.executable, str(Path(__file__).with_name("pods.py")), str(written), TUBES]
    command += ["--profile", "profiles/kubernetes", "--config", "device=cuda"]
    command += ["--default-storage-prefix", f"s3://{bucket.name}/kubernetes"]
    command += ["--storage-s3-endpoint-url", bucket.address]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **bucket.keys}, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-8000:] + (written / "pods.log").read_text()[-8000:]
    found: dict[str, list[dict]] = {}
    for path in sorted(written.glob("*.json")):
        job = json.loads(path.read_text())
        rule = job["spec"]["template"]["spec"]["containers"][0]["args"][1].split("--target-jobs '")[1]
        found.setdefault(rule.split(":")[0], []).append(job)
    return found


def container(job: dict) -> dict:
    (only,) = job["spec"]["template"]["spec"]["containers"]
    return only


def test_a_pods_needs_are_those_of_its_rule(pods):
    decode = container(pods["decode_frames"][-1])
    assert decode["image"] == "actorsup:latest"
    # one thread, of which the executor leaves the node 5 %; 3000 MB, doubled once
    assert decode["resources"]["limits"]["cpu"] == "1000m"
    assert decode["resources"]["requests"]["cpu"] == "950m"
    for kind in ("limits", "requests"):
        assert decode["resources"][kind]["memory"] == "6000M"
        assert "nvidia.com/gpu" not in decode["resources"][kind]


def test_a_pod_asks_for_a_gpu_where_the_configuration_says_so(pods):
    (link,) = pods["link_actors"]
    # Kubernetes takes a GPU only among the limits, or in both
    assert {container(link)["resources"][kind]["nvidia.com/gpu"] for kind in ("limits", "requests")} == {"1"}
    tolerated = link["spec"]["template"]["spec"]["tolerations"]
    assert [each["key"] for each in tolerated] == ["nvidia.com/gpu"]
    assert "tolerations" not in pods["decode_frames"][0]["spec"]["template"]["spec"]


def test_a_pod_that_is_killed_is_made_again_with_twice_the_memory(pods):
    memory = [container(job)["resources"]["limits"]["memory"] for job in pods["decode_frames"]]
    assert memory == ["3000M", "6000M"]


def test_keys_are_in_a_secret_and_in_no_pod(pods, bucket):
    for job in (job for jobs in pods.values() for job in jobs):
        text = json.dumps(job)
        assert not any(key in text for key in bucket.keys.values())
        names = {variable["name"] for variable in container(job)["env"]}
        assert names >= set(bucket.keys)


def test_what_pods_have_made_is_in_the_bucket(pods, bucket):
    assert f"kubernetes/{TUBES}" in bucket.files()
