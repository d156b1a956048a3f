"""Fixtures for all tests: the repository, and the real clips and weights if they are available."""

import os
from pathlib import Path

import pytest

# pytest-xdist runs one worker on each core; set before torch is imported, and inherited by subprocesses
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = REPOSITORY.parent / "shared"
LONGEST = ("test_workflow", "test_extending", "test_faults_files", "test_siamese_training", "test_scale")
"""Files that start first, so that the workers end at about the same time."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run the tests of a file in one worker, which sets up its fixtures once, and long files first."""

    def group(item: pytest.Item) -> str:
        return f"{item.path.stem}_demo" if "demo" in getattr(item, "fixturenames", ()) else item.path.stem

    def rank(item: pytest.Item) -> int:
        return LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST)

    items.sort(key=rank)
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            item.add_marker(pytest.mark.xdist_group(group(item)))


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged or locked file is read again without a pause."""
    from actorsup.artifacts import access

    monkeypatch.setattr(access, "PAUSES", (0.0,) * len(access.PAUSES))
    monkeypatch.setattr(access, "SECONDS_BETWEEN_COMPARISONS", 0.0)


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real clips, annotations and weights, which are not part of the project."""
    if not (SHARED / "data").is_dir():
        pytest.skip("needs the real clips and weights in ../shared")
    return SHARED
