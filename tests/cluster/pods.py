"""Snakemake with a Kubernetes of our own: pods are written down, and run on this machine.

``python pods.py FOLDER ARGUMENT ...`` takes Snakemake's arguments. Only the calls to the cluster are
replaced, those of ``kubernetes.client``: what the executor makes of a job is what a cluster would get.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import kubernetes
from snakemake.cli import main

FOLDER = Path(sys.argv[1])
SECRETS: dict[str, dict[str, str]] = {}
ENDED: dict[str, int] = {}


def create_secret(_: Any, namespace: str, secret: Any) -> None:
    SECRETS[secret.metadata.name] = secret.data


def create_job(_: Any, namespace: str, body: Any) -> Any:
    job = kubernetes.client.ApiClient().sanitize_for_serialization(body)
    number = len(ENDED)
    (FOLDER / f"{number:03d}.json").write_text(json.dumps({"namespace": namespace, **job}))
    if number == 0:  # as the kernel kills one that goes over its memory
        ENDED[body.metadata.name] = 137
        return body
    ENDED[body.metadata.name] = run(body.spec.template.spec.containers[0])
    return body


def run(container: Any) -> int:
    """Run a container's command in an empty folder, with only its own environment."""
    # `pip install` of the storage plugin, which the executor puts first, is no business of a test
    environment = {"PATH": os.pathsep.join([str(FOLDER / "bin"), os.environ["PATH"]]), "HOME": str(FOLDER)}
    for variable in container.env:
        of = variable.value_from.secret_key_ref
        environment[variable.name] = base64.b64decode(SECRETS[of.name][of.key]).decode()
    command = [*container.command, *container.args]
    with tempfile.TemporaryDirectory(dir=FOLDER) as workdir:
        done = subprocess.run(command, cwd=workdir, env=environment, capture_output=True, text=True)
    with open(FOLDER / "pods.log", "a") as log:
        log.write(f"$ {command[-1]}\n{done.stdout[-3000:]}{done.stderr[-5000:]}\n")
    return done.returncode


def job_status(_: Any, name: str, namespace: str) -> Any:
    done = ENDED[name] == 0
    return SimpleNamespace(status=SimpleNamespace(failed=int(not done), succeeded=int(done)))


def nothing(*_: Any, **__: Any) -> Any:
    return SimpleNamespace(items=[])


kubernetes.config.load_kube_config = nothing
core, batch = kubernetes.client.CoreV1Api, kubernetes.client.BatchV1Api
core.create_namespaced_secret, core.delete_namespaced_secret = create_secret, nothing
core.list_namespaced_pod = nothing
batch.create_namespaced_job, batch.read_namespaced_job_status = create_job, job_status
batch.delete_namespaced_job = nothing
main(sys.argv[2:])
