"""What tests share: the repository, and the real clips and weights where they are at hand."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = REPOSITORY.parent / "shared"


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real clips, annotations and weights; they are not part of the project."""
    if not (SHARED / "data").is_dir():
        pytest.skip("needs the real clips and weights in ../shared, which are not here")
    return SHARED
