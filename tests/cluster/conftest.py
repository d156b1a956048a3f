"""Fixtures of the cluster tests; a missing package fails them with the command that installs it."""

import importlib.util
import os
import subprocess

import pytest
from buckets import Bucket, bucket_on_this_machine
from slurm import INSTALL, Slurm, missing_programs, slurm

PLUGINS = "pip install --require-hashes -r requirements-cluster.txt"


def pytest_collection_modifyitems(items):
    for item in items:
        if "cluster" in item.path.parts:
            item.add_marker(pytest.mark.slow)


def need_modules(*names: str) -> None:
    """Fail where modules of requirements-cluster.txt are not installed."""
    missing = [name for name in names if not importlib.util.find_spec(name)]
    if missing:
        pytest.fail(f"{', '.join(missing)} is not installed: {PLUGINS} (`make test-all` does it)")


def need_slurm() -> None:
    """Install Slurm from the distribution where root may do so, and fail if it is still missing."""
    if missing_programs() and os.geteuid() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "DPKG_LOCK_TIMEOUT": "300"}
        subprocess.run(["sh", "-c", INSTALL], env=environment, stdout=subprocess.DEVNULL, check=False)
    if missing := missing_programs():
        pytest.fail(f"Slurm is not installed ({', '.join(missing)}): as root, {INSTALL}")


@pytest.fixture(scope="session")
def cluster() -> Slurm:
    """A Slurm of one node, that claims more memory and CPUs than are used at once."""
    need_modules("snakemake_executor_plugin_slurm")
    need_slurm()
    with slurm(cpus=4, memory=16000) as running:
        yield running


@pytest.fixture(scope="session")
def bucket() -> Bucket:
    """A bucket of an S3 server on this machine."""
    need_modules("moto", "snakemake_storage_plugin_s3", "snakemake_executor_plugin_kubernetes")
    with bucket_on_this_machine("actorsup") as running:
        yield running
