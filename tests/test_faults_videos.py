"""Videos made to hurt: frames come out of each, or a line that says why not; never a crash, never a hang."""

import logging
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from malformed_videos import make, sound, turned

from actorsup.datasets.base import VideoRecord
from actorsup.datasets.digests import content_digests
from actorsup.frames.settings import DecodingLimits, FrameSettings
from actorsup.frames.stage import decode_videos
from actorsup.frames.store import FrameStore

LIMITS = DecodingLimits(time_limit=20)
CODECS = {"avi": "mpeg4", "mp4": "libx264", "mkv": "mpeg4", "webm": "libvpx"}


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(logging.CRITICAL)


def decode(folder: Path, paths: list[Path]) -> FrameStore:
    """The store of videos by the name of their file, all of them there or failed with their name."""
    records = [VideoRecord(path.name, path, "", ()) for path in paths]
    decode_videos(records, folder / "store.h5", FrameSettings(), {}, LIMITS)
    store = FrameStore(folder / "store.h5")
    assert {*store.videos, *store.failures} == {path.name for path in paths}
    for video, reason in store.failures.items():
        assert str(folder / video) in reason and "\n" not in reason
        # a decoder that crashes or hangs would be a find of its own
        assert "crashed" not in reason and "no frame decoded" not in reason
    for video in store.videos:
        assert len(store[video]) and store[video][-1].shape == (store[video].height, store[video].width, 3)
    return store


@pytest.mark.parametrize("form", CODECS)
def test_cut_at_every_tenth_of_its_length(tmp_path, form):
    whole = make(tmp_path / f"whole.{form}", frames=20, codec=CODECS[form])
    data = whole.read_bytes()
    cut = [tmp_path / f"{tenths}.{form}" for tenths in range(10)]
    for tenths, path in enumerate(cut):
        path.write_bytes(data[: len(data) * tenths // 10])
    with decode(tmp_path, [*cut, whole]) as store:
        assert len(store[whole.name]) == 20
        assert "an empty file" in store.failures[f"0.{form}"]
        # an MP4 has its index at its end; the others give what they have
        counts = [len(store[path.name]) if path.name in store else 0 for path in cut]
        assert counts == sorted(counts) and (form == "mp4" or counts[-1] > 10)


@pytest.mark.parametrize(("form", "copies"), [("avi", 25), ("mp4", 25)])
def test_with_random_bytes_flipped(tmp_path, form, copies):
    flipped_copies(tmp_path, form, copies, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("form", CODECS)
def test_with_random_bytes_flipped_in_200_copies(tmp_path, form):
    flipped_copies(tmp_path, form, 200, seed=1)


def flipped_copies(folder: Path, form: str, copies: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    whole = make(folder / f"whole.{form}", frames=20, codec=CODECS[form])
    paths = []
    for number in range(copies):
        data = np.frombuffer(whole.read_bytes(), np.uint8).copy()
        # every second copy is hurt in its header
        most = len(data) if number % 2 else min(len(data), 600)
        at = random.integers(0, most, random.integers(1, 20))
        data[at] = random.integers(0, 256, len(at))
        paths.append(folder / f"{number}.{form}")
        data.tofile(paths[-1])
    with decode(folder, [*paths, whole]) as store:
        assert len(store.videos) > copies // 4, "most flips hurt a few frames"
        assert len(store[whole.name]) == 20


def test_unusual_videos(tmp_path):
    times = [0, 10, 15, 400, 1000, 1001, 1500, 3000, 3500, 9000, 9100, 9200]
    paths = [
        make(tmp_path / "an mp4.avi", form="mp4"),
        make(tmp_path / "an avi.webm", form="avi"),
        make(tmp_path / "a raw stream.mp4", form="m4v"),
        make(tmp_path / "one pixel.avi", size=(1, 1), codec="ffv1", pixels="bgr0"),
        make(tmp_path / "variable.mkv", times=times),
        make(tmp_path / "streams.mkv", frames=2, streams=300),
        make(tmp_path / "line\nbreak; rm -rf $HOME `x`.avi"),
        sound(tmp_path / "sound.mp4"),
        tmp_path / "nothing.avi",
        tmp_path / "zeros.avi",
    ]
    paths[-2].touch()
    paths[-1].write_bytes(bytes(10_000))
    with decode(tmp_path, paths) as store:
        sizes = {name: (len(store[name]), store[name].width, store[name].height) for name in store.videos}
        assert sizes == {
            "an mp4.avi": (12, 64, 48),
            "an avi.webm": (12, 64, 48),
            "a raw stream.mp4": (12, 64, 48),
            "one pixel.avi": (12, 1, 1),
            # each of its frames once, whenever it is shown
            "variable.mkv": (12, 64, 48),
            "streams.mkv": (2, 64, 48),
            paths[6].name: (12, 64, 48),
        }
        assert store.failures.keys() == {"sound.mp4", "nothing.avi", "zeros.avi"}
        assert "contains only sound" in store.failures["sound.mp4"]


def test_frames_are_rotated_as_the_file_requests(tmp_path):
    """Boxes are in pixels of the turned frame: width and height are those that a viewer sees."""
    paths = [
        make(tmp_path / "0.mp4"),
        turned(make(tmp_path / "1.mp4"), 1),
        turned(make(tmp_path / "2.mp4"), 2),
    ]
    with decode(tmp_path, paths) as store:
        assert [(store[p.name].width, store[p.name].height) for p in paths] == [(64, 48), (48, 64), (64, 48)]


def test_large_frames_are_refused_by_the_header(tmp_path):
    """8K by 8K, in a header of a few bytes: nothing of that size is ever made."""
    small = make(tmp_path / "small.avi", codec="mjpeg", pixels="yuvj420p")
    data = bytearray(small.read_bytes())
    for name, at in ((b"avih", 8 + 32), (b"strf", 8 + 4)):
        place = data.index(name) + at
        data[place : place + 8] = (8192).to_bytes(4, "little") * 2
    jpeg_size = data.index(b"\xff\xc0") + 5
    assert data[jpeg_size : jpeg_size + 4] == bytes([0, 48, 0, 64])
    data = data.replace(
        data[jpeg_size - 5 : jpeg_size + 4], data[jpeg_size - 5 : jpeg_size] + b"\x20\0\x20\0"
    )
    (tmp_path / "large.avi").write_bytes(data)
    with decode(tmp_path, [tmp_path / "large.avi"]) as store:
        assert "frames of 8192x8192 pixels; the limit is 64,000,000" in store.failures["large.avi"]


def test_files_named_in_a_video_are_not_opened(tmp_path):
    """FFmpeg knows a file by its content: a list of files, or of addresses, may be called .avi too."""
    make(tmp_path / "secret.mp4")
    lists = {
        "concat.avi": "ffconcat version 1.0\nfile secret.mp4\n",
        "playlist.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n",
        "address.mp4": "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n",
        "session.avi": "v=0\no=- 0 0 IN IP4 ::1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
        "dash.webm": '<?xml version="1.0"?><MPD><Period><BaseURL>secret.mp4</BaseURL></Period></MPD>',
    }
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
    with decode(tmp_path, [tmp_path / name for name in lists]) as store:
        assert store.failures.keys() == lists.keys()


def test_devices_and_pipes_do_not_block(tmp_path):
    """A device or a pipe by the name of a video: neither the plan nor decoding reads it."""
    (tmp_path / "zero.avi").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe.avi")
    (tmp_path / "nowhere.avi").symlink_to(tmp_path / "not there")
    paths = [tmp_path / name for name in ("zero.avi", "pipe.avi", "nowhere.avi")]
    records = [VideoRecord(path.name, path, "", ()) for path in paths]
    assert set(content_digests(records, tmp_path / "digests.json").values()) == {"unreadable"}
    with decode(tmp_path, paths) as store:
        assert all("no such file or folder" in reason for reason in store.failures.values())


def test_a_pipe_in_a_folder_of_frames_does_not_block(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    os.mkfifo(folder / "1.png")
    limits = DecodingLimits(time_limit=0.5)
    decode_videos([VideoRecord("v", folder, "", ())], tmp_path / "0.h5", FrameSettings(), {}, limits)
    with FrameStore(tmp_path / "0.h5") as store:
        assert "no frame decoded for" in store.failures["v"] or "cannot be read" in store.failures["v"]


@pytest.mark.slow
def test_8k_by_8k_and_100_000_frames(tmp_path):
    big = make(tmp_path / "big.avi", frames=1, size=(8192, 8192), codec="mjpeg", pixels="yuvj420p")
    wide = make(tmp_path / "wide.avi", frames=2, size=(7680, 4320), codec="mjpeg", pixels="yuvj420p")
    long = make(tmp_path / "long.avi", frames=100_000, size=(16, 16))
    with decode(tmp_path, [big, wide, long]) as store:
        assert store.failures.keys() == {"big.avi"}
        assert len(store["long.avi"]) == 100_000 and len(store["wide.avi"]) == 2


def test_a_linked_video_is_read_and_nothing_is_written_next_to_it(tmp_path):
    """Data sets are often made of links; reading through one is all that is done."""
    elsewhere = make(tmp_path / "elsewhere.avi")
    before = sorted(tmp_path.rglob("*"))
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "v.avi").symlink_to(elsewhere)
    with decode(tmp_path / "set", [tmp_path / "set" / "v.avi"]) as store:
        assert len(store["v.avi"]) == 12
    shutil.rmtree(tmp_path / "set")
    assert sorted(tmp_path.rglob("*")) == before
