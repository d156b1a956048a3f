"""Files that are damaged, disks that are full, power that fails: nothing that is broken looks whole."""

import json
import os
import pickle
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from test_frames import decode, file_video, images

from actorsup.artifacts import access, shards
from actorsup.artifacts.atomic import write_text_atomically
from actorsup.artifacts.checksums import check_checksum_file, check_embedded_checksum, write_checksum_file
from actorsup.artifacts.provenance import provenance
from actorsup.artifacts.shards import ShardReader, ShardWriter
from actorsup.datasets.pickles import read_numbers
from actorsup.errors import DamagedError, DataError
from actorsup.frames.store import FrameStore
from actorsup.training.weights import load_weights, save_weights


def shard(path: Path, videos: str = "abc") -> Path:
    with ShardWriter(path, "x/1", {"a": 1}) as writer:
        for video in videos:
            writer.add(video, {"x": np.arange(20)}, {"frames": 2})
    return path


# ------------------------------------------------------- artifacts of an earlier stage


def test_a_flipped_bit_anywhere_in_a_shard_is_detected(tmp_path, monkeypatch):
    monkeypatch.setattr(access, "find_writers", lambda path: iter(()))  # which takes 20 ms
    path = shard(tmp_path / "0.h5")
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    for at in range(0, len(whole), 23):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << random.integers(8)]) + whole[at + 1 :])
        start = "not a file of actorsup" if at < 17 else "compared twice.*delete it and run again"
        with pytest.raises(DamagedError, match=rf"0\.h5.*{start}"):
            check_embedded_checksum(path)
    for wrong in (b"", whole[:100], whole[:-1], whole + b"\0", bytes(len(whole)), whole[512:1024]):
        path.write_bytes(wrong)
        with pytest.raises(DataError, match=r"0\.h5.*run again"):
            ShardReader(path, "x/1")
        with pytest.raises(DataError, match=r"0\.h5.*run again"):
            provenance("stage", {}, [path])
    path.write_bytes(whole)
    with ShardReader(path, "x/1") as reader:
        assert reader.videos == ["a", "b", "c"]


def test_damaged_frames_are_detected_on_opening(tmp_path):
    path = decode(tmp_path / "0.h5", {"v": file_video(tmp_path / "v.avi", images(3))})
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    with pytest.raises(DataError, match="damaged"):
        FrameStore(path)


def test_any_hdf5_reader_reads_a_file_with_a_checksum(tmp_path):
    path = shard(tmp_path / "0.h5")
    with h5py.File(path) as file:
        assert file.userblock_size == 512 and file["v000001/x"][()].tolist() == list(range(20))


def test_a_flipped_bit_in_weights_is_detected(tmp_path):
    path = tmp_path / "w.pt"
    save_weights(path, {"weight": torch.arange(1000.0)})
    whole = path.read_bytes()
    values = whole.index(torch.arange(1000.0).numpy().tobytes())
    for at in (values, values + 2002, values + 3999):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(DataError, match=r"w\.pt.*checksum"):
            load_weights(path)
    for tenths in range(10):
        path.write_bytes(whole[: len(whole) * tenths // 10])
        with pytest.raises(DataError, match=r"w\.pt"):
            load_weights(path)


def test_a_flipped_bit_in_a_table_or_a_folder_is_detected(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Path("results/d/report_data/0001")
    (folder / "videos").mkdir(parents=True)
    table, inside, other = Path("results/d_map.csv"), folder / "videos" / "0.json", folder / "b.jpg"
    for path in (table, inside, other):
        path.write_text("class,value\nkick,0.5\nsquat,0.25\n")
    for made in (table, folder):
        check_checksum_file(made)
        write_checksum_file(made)
        check_checksum_file(made)
    for path, named in ((table, table), (inside, folder)):
        whole = path.read_bytes()
        cut_at_a_line = whole[: whole.index(b"squat")]
        flipped = (
            whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :] for at in range(len(whole))
        )
        for wrong in (b"", cut_at_a_line, whole + b"\n", *flipped):
            path.write_bytes(wrong)
            with pytest.raises(DataError, match=f"{named}: damaged.*compared twice.*delete it and run again"):
                check_checksum_file(named)
        path.write_bytes(whole)
        check_checksum_file(named)
    (folder / ".snakemake_timestamp").touch()
    check_checksum_file(folder)
    other.rename(folder / "c.jpg")
    with pytest.raises(DataError, match="damaged"):
        check_checksum_file(folder)
    write_checksum_file(folder)
    check_checksum_file(folder)
    # what is not of this workflow's making has no seal
    mine = tmp_path / "mine.csv"
    mine.write_text("x")
    write_checksum_file(mine)
    check_checksum_file(mine)
    assert {path.name for path in tmp_path.rglob("*.crc32")} == {".d_map.csv.crc32", ".0001.crc32"}


def test_a_checksum_that_does_not_fit_on_the_disk_is_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = Path("results/d_map.csv")
    table.parent.mkdir()
    table.write_text("class\n")
    (table.parent / "..d_map.csv.crc32.tmp").symlink_to("/dev/full")
    with pytest.raises(DataError, match=r"d_map\.csv\.crc32: cannot be written \(No space left on device"):
        write_checksum_file(table)


# ------------------------------------------------------------------- power that fails


@pytest.mark.parametrize("left", [b"", b"\0" * 4000, b"half", "half of it"])
def test_a_part_lost_in_a_power_failure_is_made_again(tmp_path, left):
    path = tmp_path / "0.h5"
    with pytest.raises(KeyboardInterrupt), ShardWriter(path, "x/1", {"a": 1}) as writer:
        for video in "abc":
            writer.add(video, {"x": np.arange(20)}, {"frames": 2})
        raise KeyboardInterrupt
    part = writer._part_path("b")
    data = part.read_bytes()
    if isinstance(left, str):
        left = data[: len(data) // 2]
    part.write_bytes(left)
    (part.parent / "whole.tmp").write_bytes(b"\x89HDF\r\n\x1a\n")
    with ShardWriter(path, "x/1", {"a": 1}) as writer:
        assert [writer.finished(video) for video in "abc"] == [True, False, True]
        writer.add("b", {"x": np.arange(20)}, {"frames": 2})
    assert path.read_bytes() == shard(tmp_path / "whole.h5").read_bytes()


def test_parts_of_unknown_provenance_are_not_reused(tmp_path):
    writer = ShardWriter(tmp_path / "0.h5", "x/1", {"a": 1})
    writer.add("a", {"x": np.zeros(3)}, {})
    (writer._partial_folder / "provenance.json").write_bytes(b"")
    assert not ShardWriter(tmp_path / "0.h5", "x/1", {"a": 1}).finished("a")


def test_a_file_is_synced_before_it_is_renamed(tmp_path, monkeypatch):
    done = []
    real = os.replace
    monkeypatch.setattr(os, "fsync", lambda number: done.append(Path(os.readlink(f"/proc/self/fd/{number}"))))
    monkeypatch.setattr(os, "replace", lambda a, b: (done.append((Path(a), Path(b))), real(a, b)))
    shard(tmp_path / "0.h5")
    write_text_atomically(tmp_path / "t.csv", "x\n")
    save_weights(tmp_path / "w.pt", {"x": torch.zeros(1)})
    for name in ("0.h5", "t.csv", "w.pt"):
        renamed = next(one for one in done if isinstance(one, tuple) and one[1] == tmp_path / name)
        assert renamed[0] in done[: done.index(renamed)], name


# ---------------------------------------------------------- disks that cannot be written


def add(path: Path) -> None:
    with ShardWriter(path, "x/1", {}) as writer:
        writer.add("v", {"x": np.random.default_rng(0).random(200_000)}, {})


def when_full(folder: Path, video: Path) -> list[str]:
    """The message of each writer on a full disk."""
    jobs = {
        "frames.h5": lambda path: decode(path, {"v": video}),
        "shard.h5": add,
        "table.csv": lambda path: write_text_atomically(path, "x" * 2_000_000),
        "weights.pt": lambda path: save_weights(path, {"x": torch.zeros(500_000)}),
    }
    messages = []
    for name, make in jobs.items():
        with pytest.raises(DataError) as error:
            make(folder / name)
        messages.append(str(error.value))
    return messages


def check_messages(messages: list[str], folder: Path, reason: str) -> None:
    names = ("frames.h5", "shard.h5", "table.csv", "weights.pt")
    assert len(messages) == len(names)
    for line, name in zip(messages, names, strict=True):
        assert f"{folder}/{name}" in line and f"cannot be written ({reason})" in line and "run again" in line
        assert not (folder / name).exists(), "no artifact is left that looks whole"


@pytest.fixture
def video(tmp_path) -> Path:
    noise = np.random.default_rng(0).integers(0, 255, (20, 240, 320, 3), np.uint8)
    return file_video(tmp_path / "noise.avi", list(noise))


def test_a_file_size_limit_is_reported(tmp_path, video):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, before[1]))
    try:
        messages = when_full(tmp_path / "x", video)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    check_messages(messages, tmp_path / "x", "File too large")


def run(*command: str | Path) -> bool:
    return not subprocess.run(command, capture_output=True).returncode


@contextmanager
def mounted(folder: Path, *options: str | Path) -> Iterator[Path]:
    folder.mkdir()
    if not run("mount", *options, folder):
        pytest.skip("only root can mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(
    ("options", "reason"), [("size=400k", "No space left on device"), ("ro", "Read-only file system")]
)
def test_a_full_and_a_read_only_disk_are_reported(tmp_path, video, options, reason):
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", options, "tmpfs") as disk:
        check_messages(when_full(disk, video), disk, reason)


def test_a_quota_is_reported(tmp_path, video):
    """A quota of the file system's own, Btrfs's, on a disk that has room."""
    image = tmp_path / "image"
    with open(image, "wb") as stream:
        stream.truncate(200 << 20)
    if not shutil.which("mkfs.btrfs"):
        pytest.skip("no mkfs.btrfs here (Debian's btrfs-progs) to make a disk with quotas")
    assert run("mkfs.btrfs", "--quiet", image)
    with mounted(tmp_path / "disk", "-o", "loop", image) as disk:
        mine = disk / "mine"
        assert run("btrfs", "quota", "enable", disk) and run("btrfs", "subvolume", "create", mine)
        assert run("btrfs", "qgroup", "limit", "400k", mine)
        check_messages(when_full(mine, video), mine, "Disk quota exceeded")


# -------------------------------------------------------------------- untrusted files


def outside(path: Path) -> None:
    """A shard of another program's making whose group is that of another file."""
    with h5py.File(path, "w") as file:
        file.attrs.update(schema="x/1", provenance="{}")
        text = h5py.string_dtype("utf-8")
        file["videos"] = np.array([("v", "g")], dtype=[("video", text), ("group", text)])
        file["failures"] = np.array([], dtype=[("video", text), ("reason", text)])


def test_external_hdf5_links_are_not_followed(tmp_path):
    secret = tmp_path / "secret.bin"
    secret.write_bytes(b"s" * 800)
    shard(tmp_path / "other.h5")

    def linked(file: h5py.File) -> None:
        file["g"] = h5py.ExternalLink("other.h5", "/v000000")

    def linked_inside(file: h5py.File) -> None:
        file.create_group("g")["x"] = h5py.ExternalLink("other.h5", "/v000000/x")

    def soft(file: h5py.File) -> None:
        file.create_group("g")["x"] = h5py.SoftLink("/videos")

    def raw(file: h5py.File) -> None:
        file.create_dataset("g/x", (100,), "i8", external=[(str(secret), 0, 800)])

    def virtual(file: h5py.File) -> None:
        layout = h5py.VirtualLayout((20,), "i8")
        layout[:] = h5py.VirtualSource("other.h5", "v000000/x", (20,))
        file.create_group("g").create_virtual_dataset("x", layout)

    def bomb(file: h5py.File) -> None:
        file.create_dataset("g/x", (1 << 40,), "f8", chunks=(1 << 16,))

    def compressed_bomb(file: h5py.File) -> None:
        file.create_dataset("g/x", (1 << 16, 1 << 16), "f8", chunks=(1 << 8, 1 << 8), compression="gzip")

    def reference(file: h5py.File) -> None:
        file.create_dataset("g/x", data=np.array([file["videos"].ref], h5py.ref_dtype))

    words = "link|link|link|other files|other files|declares|declares|expected numbers".split("|")
    for index, make in enumerate(
        (linked, linked_inside, soft, raw, virtual, bomb, compressed_bomb, reference)
    ):
        path = tmp_path / f"{index}.h5"
        outside(path)
        with h5py.File(path, "r+") as file:
            make(file)
        with ShardReader(path, "x/1") as reader, pytest.raises(DataError, match=words[index]):
            reader["v"]


class Touch:
    """What unpickling would execute."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", range(6))
def test_code_in_pickles_and_weights_is_not_executed(tmp_path, protocol):
    bad = {"a": Touch(tmp_path / "done")}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(bad, protocol))
    with pytest.raises(DataError, match=r"a\.pkl"):
        read_numbers(tmp_path / "a.pkl")
    for name, old in (("zip.pt", True), ("old.pt", False)):
        torch.save(bad, tmp_path / name, _use_new_zipfile_serialization=old)
        with pytest.raises(DataError, match=name):
            load_weights(tmp_path / name)
    with pytest.raises(DataError, match=r"a\.pkl"):
        load_weights(tmp_path / "a.pkl")
    assert not (tmp_path / "done").exists()


def test_a_pickle_cannot_exhaust_memory(tmp_path):
    """A few bytes that name a place far out in the memo would make Python's reader fill 32 GB."""
    most = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    for data in (
        b"Nr\xff\xff\xff\x7f.",
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7fN.",
        b"\x8e\xff\xff\xff\xff\xff\xff\x00\x00x.",
        b"(" * 1000 + b"l" * 1000 + b".",
        b"]" * 50 + b"a" * 49 + b".",
    ):
        (tmp_path / "a.pkl").write_bytes(data)
        resource.setrlimit(resource.RLIMIT_AS, (used + (2 << 30), most[1]))
        try:
            read_numbers(tmp_path / "a.pkl")
        except DataError as error:
            assert "a.pkl" in str(error)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, most)


def test_json_in_an_artifact_stays_text(tmp_path):
    with ShardWriter(tmp_path / "0.h5", "x/1", {"a": "__import__('os')"}) as writer:
        writer.fail("../../etc/passwd", "$(touch done)")
    with ShardReader(tmp_path / "0.h5", "x/1") as reader:
        assert json.dumps(reader.provenance) and reader.failures == {"../../etc/passwd": "$(touch done)"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.h5"]


def test_other_errors_are_not_reported_as_disk_errors():
    with pytest.raises(RuntimeError, match="ours"), shards.report_write_errors(Path("x")):
        raise RuntimeError("ours")
