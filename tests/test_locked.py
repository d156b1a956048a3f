"""The locked packages install with verified hashes. Needs the package index.

requirements.txt is not installed again, because `make` did and PyTorch is large.
"""

import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def install(python: Path, requirements: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-m", "pip", "install", "--require-hashes", *options, "-r", str(requirements)]
    return subprocess.run(command, capture_output=True, text=True, timeout=900)


def locked(path: Path) -> dict[str, str]:
    """Map ``name==version`` to the lines of the package."""
    blocks = re.split(r"^(?=[\w.-]+==)", path.read_text(encoding="utf-8"), flags=re.M)[1:]
    return {block.split()[0]: block for block in blocks}


def test_both_locked_files_agree(repository):
    base, cluster = (locked(repository / f"requirements{of}.txt") for of in ("", "-cluster"))
    known = {name.split("==")[0] for name in base}
    assert len(cluster) > 30
    # a package may have several versions, for several Pythons
    assert {name for name in cluster if name.split("==")[0] in known} <= set(base)


def test_locked_packages_install_with_verified_hashes(repository, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    # pip refuses a dependency that is not locked
    done = install(python, repository / "requirements-cluster.txt")
    assert done.returncode == 0, done.stderr[-4000:]


def test_a_package_with_a_wrong_hash_is_refused(repository, tmp_path):
    block = next(block for name, block in locked(repository / "requirements.txt").items() if "six==" in name)
    wrong = re.sub(r"sha256:\w{64}", "sha256:" + "0" * 64, block)
    for text, ends in ((block, 0), (wrong, 1)):
        (tmp_path / "one.txt").write_text(text)
        done = install(
            Path(sys.executable), tmp_path / "one.txt", "--no-deps", "--target", str(tmp_path / "to")
        )
        assert done.returncode == ends, done.stderr[-4000:]
    assert "DO NOT MATCH THE HASHES" in done.stderr
