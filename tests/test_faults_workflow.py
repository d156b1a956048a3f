"""Random kills, two runs in one folder and a wrong clock: the tables stay the same."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from test_frames import file_video, images
from workflow_runs import TINY, copy_workflow, snakemake, would_run

from actorsup.datasets.base import VideoRecord
from actorsup.demo.settings import DemoSettings
from actorsup.demo.videos import make_videos
from actorsup.frames import decoder
from actorsup.frames.settings import FrameSettings
from actorsup.frames.stage import decode_videos
from actorsup.frames.store import FrameStore

KILLS = int(os.environ.get("KILLS", 20))
TARGETS = ("results/small_map.csv", "results/small_recall.csv", "results/small/predictions.json")


def small(base: Path, repository: Path, name: str) -> Path:
    """Copy the workflow for six videos, with every stage real and tiny."""
    data = base / "data"
    if not data.exists():
        make_videos(data, DemoSettings(train=4, test=2, frames=6, seed=1))
        truth = pd.read_csv(data / "ground_truth.csv")
        found = truth.assign(score=0.9, category="person").drop(columns=["tube", "class", "actor"])
        found.to_csv(data / "detections.csv", index=False)
    changes = {
        "datasets.small": {
            "type": "folder", "root": str(data), "table": str(data / "videos.csv"),
            "ground_truth": str(data / "ground_truth.csv"), "actors": ["person"], "linkers": ["fixed"],
            "models": ["tiny"], "seeds": [0], "shards": 2,
        },
        "detectors.given": {"type": "supplied", "path": str(data / "detections.csv")},
        "linkers.fixed": {"type": "static", "detector": "given", "tubes": 3},
        "models.tiny": {**TINY, "epochs": 2},
        "training.checkpoint_steps": 1,
    }  # fmt: skip
    return copy_workflow(repository, base / name, changes)


def tables(folder: Path) -> dict[str, bytes]:
    names = (*TARGETS, "results/small/failures.csv", "results/small/videos.csv")
    return {name: (folder / name).read_bytes() for name in names}


def begin(folder: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *TARGETS]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=folder, start_new_session=True, **quiet)


def processes(session: int) -> list[int]:
    """Return the processes of a run, Snakemake's first."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(") ", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return sorted(found)


@pytest.mark.slow
def test_kills_at_random_moments_change_no_byte_of_the_tables(repository, tmp_path):
    whole, killed = small(tmp_path, repository, "whole"), small(tmp_path, repository, "killed")
    start = time.monotonic()
    snakemake(whole, *TARGETS)
    seconds = time.monotonic() - start
    chance, done = random.Random(0), 0
    while done < KILLS:
        run = begin(killed)
        time.sleep(chance.uniform(0.2, 0.6) * seconds)
        alive = processes(run.pid)
        if not alive or run.poll() is not None:
            # the run is complete: start over, so that early stages are killed too
            subprocess.run(["rm", "-rf", str(killed / "results")], check=True)
            continue
        if done % 2:
            # kill everything at once, as a crash of the machine does
            for process in alive:
                os.kill(process, signal.SIGKILL)
        else:
            # kill one running job or decoder; Snakemake may go on or fail
            os.kill(chance.choice(alive[1:] or alive), signal.SIGKILL)
        run.wait()
        done += 1
        subprocess.run([sys.executable, "-m", "snakemake", "--unlock"], cwd=killed, capture_output=True)
    snakemake(killed, *TARGETS)
    # no table contains the path of its folder
    assert tables(killed) == tables(whole)
    assert not list((killed / "results").rglob("*.partial"))


def test_a_killed_shard_resumes_after_its_last_finished_video(tmp_path, monkeypatch):
    names = ["a", "b", "c", "hangs", "y", "z"]
    paths = [file_video(tmp_path / f"{name}.avi", images(3)) for name in names]
    code = (
        "import sys; from types import SimpleNamespace; from pathlib import Path\n"
        "from actorsup.datasets.base import VideoRecord\n"
        "from actorsup.frames import decoder, settings, stage\n"
        "decoder.child = SimpleNamespace(__name__='hurting_child')\n"
        f"records = [VideoRecord(n, Path({str(tmp_path)!r}) / (n + '.avi'), '', ()) for n in {names}]\n"
        f"stage.decode_videos(records, Path({str(tmp_path / '0.h5')!r}), settings.FrameSettings(), {{}})\n"
    )
    here = Path(__file__).parent
    folders = os.pathsep.join([str(here / "faults"), str(here.parent)])
    job = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": folders})
    partial = tmp_path / "0.h5.partial"
    deadline = time.monotonic() + 60
    while len(list(partial.glob("*.h5"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    job.kill()
    job.wait()
    decoded = []
    real = decoder.Decoder.decode

    def decode(self: decoder.Decoder, record: VideoRecord, part: Path) -> None:
        decoded.append(record.video)
        real(self, record, part)

    monkeypatch.setattr(decoder.Decoder, "decode", decode)
    decode_videos([VideoRecord(p.stem, p, "", ()) for p in paths], tmp_path / "0.h5", FrameSettings(), {})
    assert decoded == ["hangs", "y", "z"]
    with FrameStore(tmp_path / "0.h5") as store:
        assert store.videos == names
    decode_videos([VideoRecord(p.stem, p, "", ()) for p in paths], tmp_path / "1.h5", FrameSettings(), {})
    assert (tmp_path / "0.h5").read_bytes() == (tmp_path / "1.h5").read_bytes()


@pytest.mark.slow
def test_two_runs_in_one_folder_a_wrong_clock_and_a_damaged_artifact(repository, tmp_path):
    folder = small(tmp_path, repository, "run")
    first = begin(folder)
    while not list(folder.glob(".snakemake/locks/*")):
        time.sleep(0.05)
    text = snakemake(folder, *TARGETS, fails=True)
    assert "cannot be locked" in text and "--unlock" in text
    assert first.wait() == 0
    before = tables(folder)
    # dates ten days ahead, as a wrong clock leaves them, and dates in 1972
    for days, pattern in ((10, "*.h5"), (-20000, "*.pt"), (10, "ground_truth.csv")):
        for path in (folder / "results").rglob(pattern):
            os.utime(path, (time.time() + days * 86400,) * 2)
    for path in (tmp_path / "data").rglob("*.avi"):
        os.utime(path, (time.time() + 10 * 86400,) * 2)
    assert would_run(folder, *TARGETS) == {}
    # a damaged artifact of an earlier stage is reported, and remade once it is deleted
    tubes = sorted((folder / "results/small/tubes/fixed").glob("*.h5"))[-1]
    data = bytearray(tubes.read_bytes())
    data[len(data) // 2] ^= 1
    tubes.write_bytes(data)
    (folder / "results/small_recall.csv").unlink()
    text = snakemake(folder, *TARGETS, fails=True)
    assert f"{tubes.relative_to(folder)}: damaged" in text and "delete it and run again" in text
    tubes.unlink()
    # Snakemake refuses an input from the future and names it
    text = snakemake(folder, *TARGETS, fails=True)
    assert "older modification time" in text and "clock skew" in text
    for path in [*(folder / "results").rglob("*.h5"), *(folder / "results").rglob("*.csv")]:
        path.touch()
    snakemake(folder, *TARGETS)
    assert tables(folder) == before
