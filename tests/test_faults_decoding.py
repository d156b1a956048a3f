"""A decoder that crashes, hangs or eats memory costs one video, and not the run."""

import logging
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from test_frames import file_video, images

from actorsup.artifacts.shards import ShardWriter
from actorsup.datasets.base import VideoRecord
from actorsup.datasets.digests import content_digest
from actorsup.errors import DataError
from actorsup.frames import decoder
from actorsup.frames.settings import DecodingLimits, FrameSettings
from actorsup.frames.stage import decode_videos
from actorsup.frames.store import FrameStore

FAULTS = Path(__file__).parent / "faults"
FAILURES = {
    "crashes": r"its decoder crashed \(SIGSEGV\)",
    "crashes later": r"its decoder crashed \(SIGSEGV\)",
    "aborts": r"its decoder crashed \(SIGABRT\)",
    "leaves": r"its decoder crashed \(exit code 3\)",
    "hangs": "no frame decoded for 3 s; .* raise frames.time_limit",
    "grabs": "needs more than 0.2 GiB of memory; .* raise frames.memory_limit",
    "eats": "needs more than 0.2 GiB of memory",
    "killed": r"its decoder was killed \(SIGKILL\), twice",
    "never ends": "more than 50 frames",
}
LIMITS = DecodingLimits(time_limit=3, memory_limit=0.2)


@pytest.fixture
def hurt(monkeypatch):
    """Decoding in a process that videos can hurt."""
    monkeypatch.setenv("PYTHONPATH", str(FAULTS))
    monkeypatch.setattr(decoder, "child", SimpleNamespace(__name__="hurting_child"))


def decode(output: Path, paths: list[Path], limits: DecodingLimits = LIMITS, **more: object) -> FrameStore:
    records = [VideoRecord(path.stem, path, "", ()) for path in paths]
    decode_videos(records, output, FrameSettings(), {}, limits, **more)
    return FrameStore(output)


def test_each_fault_affects_only_its_video(tmp_path, hurt, caplog):
    caplog.set_level(logging.CRITICAL)
    good = ["a", "killed once", "chatters", "z"]
    paths = [file_video(tmp_path / f"{name}.avi", images(3)) for name in ["a", *FAILURES, *good[1:]]]
    with decode(tmp_path / "all.h5", paths) as store, decode(tmp_path / "one.h5", paths[:1]) as single:
        assert store.videos == sorted(good)
        assert store.failures.keys() == FAILURES.keys()
        for video, reason in store.failures.items():
            assert f"{video}.avi: " in reason
            assert re.search(FAILURES[video], reason), reason
        for video in good:
            np.testing.assert_array_equal(store[video][2], single["a"][2])


def test_one_process_decodes_many_videos_until_a_fault(tmp_path, hurt, monkeypatch):
    started = []
    real = decoder._start
    monkeypatch.setattr(decoder, "_start", lambda: started.append(1) or real())
    paths = [file_video(tmp_path / f"{name}.avi", images(2)) for name in ("a", "b", "crashes", "d", "e")]
    (tmp_path / "text.avi").write_text("no video\n" * 99)
    decode(tmp_path / "0.h5", [tmp_path / "text.avi", *paths]).__exit__(None, None, None)
    assert len(started) == 2


@pytest.mark.parametrize("when", [0, 1.5])  # seconds: before it has begun, and while it hangs
def test_a_decoder_ends_with_its_job(tmp_path, when):
    video = file_video(tmp_path / "hangs.avi", images(2))
    code = (
        "import sys; from types import SimpleNamespace; from pathlib import Path\n"
        "from actorsup.datasets.base import VideoRecord; from actorsup.frames import decoder, settings\n"
        "decoder.child = SimpleNamespace(__name__='hurting_child')\n"
        "d = decoder.Decoder(settings.FrameSettings(), settings.DecodingLimits())\n"
        "real = decoder._start\n"
        "def start():\n    p = real(); print(p.pid, flush=True); return p\n"
        "decoder._start = start\n"
        f"d.decode(VideoRecord('v', Path({str(video)!r}), '', ()), Path({str(tmp_path / 'part')!r}))\n"
    )
    paths = os.pathsep.join([str(FAULTS), str(FAULTS.parents[1])])
    job = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": paths}
    )
    child = int(job.stdout.readline())
    time.sleep(when)
    job.kill()
    job.wait()
    job.stdout.close()
    deadline = time.monotonic() + 10
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(child)


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except OSError:
        return False


def test_limits_grow_with_the_file_and_the_frames():
    limits = DecodingLimits(time_limit=10, memory_limit=1)
    assert limits.seconds(0) == 10 and limits.seconds(1_000_000_000) == 110
    assert limits.memory(0, 0) == 2**30 and limits.memory(1000, 500) == 2**30 + 50_000_000


def test_large_frames_decode_within_the_default_limits(tmp_path):
    path = file_video(tmp_path / "v.avi", images(2, 3840, 2160))
    with decode(tmp_path / "0.h5", [path], DecodingLimits()) as store:
        assert len(store["v"]) == 2


def test_a_video_that_changed_since_planning_is_a_failure(tmp_path):
    paths = [file_video(tmp_path / f"{name}.avi", images(2, seed=ord(name))) for name in "abcd"]
    planned = {path.stem: content_digest(path) for path in paths} | {"d": "unreadable"}
    paths[1].write_bytes(paths[0].read_bytes())
    paths[2].unlink()
    with decode(tmp_path / "0.h5", paths, digests=planned) as store:
        assert store.videos == ["a", "d"]
        assert "b.avi: changed since this run was planned; run again" in store.failures["b"]
        assert "there is no such file" in store.failures["c"]


def test_an_unwritable_store_ends_the_job_without_a_failed_video(tmp_path, monkeypatch):
    path = file_video(tmp_path / "v.avi", images(2))
    monkeypatch.setattr(ShardWriter, "_part_path", lambda self, video: tmp_path / "nowhere" / "v.h5")
    with pytest.raises(DataError, match=r"nowhere.*cannot be written"):
        decode(tmp_path / "0.h5", [path])
