"""What the tests of clusters share: packages that must be there, said loudly where they are not."""

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
    """Install Slurm from the distribution where this may be done, and fail where it is not there then."""
    if missing_programs() and os.geteuid() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "DPKG_LOCK_TIMEOUT": "300"}
        subprocess.run(["sh", "-c", INSTALL], env=environment, stdout=subprocess.DEVNULL, check=False)
    if missing := missing_programs():
        pytest.fail(f"Slurm is not installed ({', '.join(missing)}): as root, {INSTALL}")


@pytest.fixture(scope="session")
def cluster() -> Slurm:
    """A Slurm of one node, with more memory and CPUs in name than are used at once."""
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
