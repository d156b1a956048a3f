"""Results in a bucket of S3, of a run on a user's own videos: the same tables as in a folder."""

import os
import subprocess
import sys
from pathlib import Path

from buckets import Bucket
from test_workflow import own_changes, own_videos
from workflow_runs import copy_workflow, snakemake

PAPER = ("results/paper/table1.csv", "results/paper/linking.csv")
TABLES = ("results/mine_map.csv", "results/mine_recall.csv", "results/mine/failures.csv", *PAPER)


def stored(folder: Path, bucket: Bucket, *arguments: str) -> str:
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *TABLES, *arguments]
    command += ["--default-storage-provider", "s3", "--default-storage-prefix", f"s3://{bucket.name}/run"]
    command += ["--storage-s3-endpoint-url", bucket.address]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **bucket.keys}, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-8000:]
    return done.stdout + done.stderr


def test_results_in_a_bucket_are_those_in_a_folder(bucket, repository, tmp_path):
    own_videos(tmp_path / "data")
    changes = own_changes(tmp_path / "data")
    changes |= {"paper.thumos13": "mine", "paper.linkers": ["fixed", "fewer"]}
    changes["linkers.fewer"] = {"type": "static", "detector": "given", "tubes": 2}
    folder = copy_workflow(repository, tmp_path / "house", changes)
    stored(folder, bucket)
    files = bucket.files()
    assert {f"run/{name}" for name in TABLES} <= set(files)
    assert "run/results/mine/models/fixed/tiny/seed0.pt" in files
    # of what Snakemake knows nothing is in the folder
    assert not list((folder / "results").rglob("*.h5")) and not list((folder / "results").rglob("*.csv"))
    assert "Nothing to be done" in stored(folder, bucket, "--dry-run")
    local = copy_workflow(repository, tmp_path / "local", changes)
    snakemake(local, *TABLES)
    for name in TABLES:
        assert bucket.read(f"run/{name}") == (local / name).read_bytes(), name
