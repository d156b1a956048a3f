"""The sample configuration, on real THUMOS13 clips with their real annotations."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from actorsup.artifacts.shards import ShardReader
from actorsup.artifacts.tube_files import TUBES_SCHEMA, read_tubes

CLIPS = ("Basketball/v_Basketball_g01_c02.mp4", "Fencing/v_Fencing_g01_c06.mp4", "Surfing/v_Surfing_g25_c02")
"""Two test clips, one with a wrong header, and a folder of frames to train on."""


@pytest.fixture(scope="module")
def sample(shared, repository, tmp_path_factory) -> Path:
    """The tables of three clips, made by the command at the top of the sample configuration."""
    root = tmp_path_factory.mktemp("clips")
    clips = shared / "data" / "thumos13"
    for name in ("ucfTrainTestlist", "annotations"):
        (root / name).symlink_to(clips / name)
    for clip in CLIPS:
        target = root / "UCF-101" / clip
        target.parent.mkdir(parents=True)
        source = clips / "UCF-101" / clip
        target.symlink_to(source)
    work = tmp_path_factory.mktemp("sample")
    (work / "config.yaml").symlink_to(repository / "config.yaml")
    # fewer epochs and smaller frames than the paper's, which take minutes without a GPU
    (work / "quick.yaml").write_text("models: {paper: {epochs: 1, frames: 4, shorter_side: 120}}\n")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(repository / "Snakefile")]
    command += ["--workflow-profile", str(repository / "profiles" / "default"), "--directory", str(work)]
    command += ["--cores", "2", "results/thumos13_map.csv", "results/thumos13_recall.csv"]
    command += ["results/thumos13/tubes.png"]
    command += ["--configfile", str(repository / "samples" / "thumos13.yaml"), str(work / "quick.yaml")]
    environment = os.environ | {"CLIPS": str(root), "WEIGHTS": str(shared / "weights")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return work / "results"


@pytest.mark.slow
def test_tables_of_real_clips(sample):
    table = pd.read_csv(sample / "thumos13_map.csv")
    # absent test videos are left out, with their ground truth
    counted = table[(table["iou_threshold"] == "0.5") & (table["ground_truth"] > 0)]
    assert set(counted["class"]) == {"Basketball", "Fencing", "mean"}
    assert counted.set_index("class")["ground_truth"]["Fencing"] == 2
    recall = pd.read_csv(sample / "thumos13_recall.csv").query("group == 'all' and proposals == 10")
    assert recall.set_index("iou_threshold")["recall"][0.2] >= 2 / 3


@pytest.mark.slow
def test_missing_videos_are_recorded(sample):
    failures = pd.read_csv(sample / "thumos13" / "failures.csv")
    missing = failures[failures["stage"] == "manifest"]
    assert "Biking/v_Biking_g02_c05" in set(missing["video"]) or len(missing) > 900
    assert not set(missing["video"]) & {clip.removesuffix(".mp4") for clip in CLIPS}
    assert len(pd.read_csv(sample / "thumos13" / "videos.csv")) == len(CLIPS)


@pytest.mark.slow
def test_tubes_of_real_clips_are_on_their_frames(sample):
    for shard in (sample / "thumos13" / "tubes" / "nanotrack").glob("*.h5"):
        with ShardReader(shard, TUBES_SCHEMA) as reader:
            for video in reader:
                tubes = read_tubes(reader[video])
                size = np.array([reader[video].attrs["width"], reader[video].attrs["height"]] * 2)
                assert 1 <= len(tubes) <= 10
                assert (tubes.boxes >= 0).all() and (tubes.boxes <= size).all()
