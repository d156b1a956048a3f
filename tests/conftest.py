"""Fixtures for all tests: the repository, and the real clips and weights if they are available."""

import os
from pathlib import Path

import pytest

# pytest-xdist runs one worker on each core; set before torch is imported, and inherited by subprocesses
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = REPOSITORY.parent / "shared"


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real clips, annotations and weights, which are not part of the project."""
    if not (SHARED / "data").is_dir():
        pytest.skip("needs the real clips and weights in ../shared")
    return SHARED
