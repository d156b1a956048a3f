"""Files that are locked, open elsewhere or unreadable for a moment are not taken for damaged ones."""

import ast
import errno
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from test_faults_files import shard
from test_frames import decode, file_video, images

from actorsup.artifacts import access, hdf5_files
from actorsup.artifacts.checksums import check_checksum_file, check_embedded_checksum, write_checksum_file
from actorsup.artifacts.hdf5_files import open_hdf5
from actorsup.artifacts.provenance import provenance
from actorsup.artifacts.shards import ShardReader, ShardWriter
from actorsup.cli import main
from actorsup.datasets.a2d_frames import read_codes
from actorsup.errors import DamagedError, DataError
from actorsup.frames.store import FrameStore
from actorsup.training.weights import load_weights, save_weights

ERRNOS = [errno.EAGAIN, errno.EACCES, errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP]


@contextmanager
def open_elsewhere(path: Path, code: str = "h5py.File(sys.argv[1], 'r+')") -> Iterator[subprocess.Popen]:
    """Another process, such as a notebook, that has a file open."""
    script = f"import h5py, sys; file = {code}; print('ready', flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    # with locks, whatever this machine sets
    environment = os.environ | {"HDF5_USE_FILE_LOCKING": "TRUE"}
    with subprocess.Popen([sys.executable, "-c", script, str(path)], env=environment, **pipes) as process:
        assert process.stdout.readline() == b"ready\n"
        yield process
        process.stdin.close()


@pytest.fixture
def clean_environment(monkeypatch):
    monkeypatch.delenv("HDF5_USE_FILE_LOCKING", raising=False)


# ------------------------------------------------------------------------- locks of others


def test_a_shard_that_a_notebook_holds_open_for_writing_is_read(tmp_path, clean_environment):
    path = shard(tmp_path / "0.h5")
    frames = decode(tmp_path / "frames.h5", {"v": file_video(tmp_path / "v.avi", images(3))})
    with open_elsewhere(path), open_elsewhere(frames):
        with pytest.raises(OSError, match="lock"):
            h5py.File(path, "r", locking=True)
        with ShardReader(path, "x/1") as reader:
            assert reader.videos == ["a", "b", "c"] and reader["b"]["x"][()].tolist() == list(range(20))
        with FrameStore(frames) as store:
            assert len(store["v"]) == 3
        assert provenance("stage", {}, [path])["inputs"]
        assert main(["inspect", str(path)]) == 0


def test_a_shard_that_a_killed_notebook_had_open_for_writing_is_read(tmp_path):
    path = shard(tmp_path / "0.h5")
    whole = path.read_bytes()
    with open_elsewhere(path) as notebook:
        notebook.kill()
        notebook.wait()
        assert path.read_bytes() != whole, "HDF5 marks the file as open for writing"
        with ShardReader(path, "x/1") as reader:
            assert reader.videos == ["a", "b", "c"]
        notebook.stdin = open(os.devnull, "wb")


def test_a_notebook_may_have_the_same_file_open_in_the_same_process(tmp_path):
    path = shard(tmp_path / "0.h5")
    for mode in ("r", "r+"):
        with h5py.File(path, mode) as mine, ShardReader(path, "x/1") as reader:
            assert reader["b"]["x"][()].tolist() == mine["v000001/x"][()].tolist()


def test_a_shard_is_replaced_while_a_notebook_holds_it_open(tmp_path):
    path = shard(tmp_path / "0.h5")
    with open_elsewhere(path):
        shard(path, "de")
    with ShardReader(path, "x/1") as reader:
        assert reader.videos == ["d", "e"]


def test_a_file_that_another_program_writes_is_no_damaged_file(tmp_path):
    path = shard(tmp_path / "0.h5")
    with open_elsewhere(
        path, "open(sys.argv[1], 'r+b'); file.seek(3000); file.write(b'x' * 9); file.flush()"
    ) as it:
        with pytest.raises(
            DataError, match=rf"0\.h5: open for writing in process {it.pid} .*keep it"
        ) as error:
            ShardReader(path, "x/1")
        assert not isinstance(error.value, DamagedError) and "delete" not in str(error.value)
    with pytest.raises(DamagedError, match=r"compared twice; if no other program.*delete it"):
        ShardReader(path, "x/1")


def test_only_a_reader_elsewhere_does_not_hide_damage(tmp_path):
    path = shard(tmp_path / "0.h5")
    path.write_bytes(path.read_bytes()[:-1])
    with open_elsewhere(path, "open(sys.argv[1], 'rb')"), pytest.raises(DamagedError, match="delete it"):
        ShardReader(path, "x/1")


def test_an_incomplete_file_of_another_format_names_its_writer(tmp_path):
    path = tmp_path / "frame.mat"
    with open_elsewhere(path, "h5py.File(sys.argv[1], 'w', libver='latest'); file['id'] = 11") as it:
        with pytest.raises(DataError, match=rf"frame\.mat: .*(process {it.pid}|has it open for writing)"):
            read_codes(path)
    assert read_codes(path) == [11]


def test_a_table_that_is_saved_right_now_is_compared_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = Path("results/d_map.csv")
    table.parent.mkdir()
    table.write_text("class,value\n")
    write_checksum_file(table)
    table.write_text("class,")
    monkeypatch.setattr(access.time, "sleep", lambda seconds: table.write_text("class,value\n"))
    check_checksum_file(table)
    table.write_text("class,")
    versions = iter(["a", "b"])
    monkeypatch.setattr(access.time, "sleep", lambda seconds: table.write_text(next(versions)))
    with pytest.raises(DataError, match="is changing right now") as error:
        check_checksum_file(table)
    assert not isinstance(error.value, DamagedError)


def test_damaged_weights_that_are_open_elsewhere_are_not_to_be_deleted(tmp_path):
    path = tmp_path / "w.pt"
    save_weights(path, {"weight": torch.arange(1000.0)})
    data = bytearray(path.read_bytes())
    data[data.index(torch.arange(1000.0).numpy().tobytes()) + 9] ^= 1
    path.write_bytes(data)
    with open_elsewhere(path, "open(sys.argv[1], 'r+b')"):
        with pytest.raises(DataError, match=r"w\.pt: open for writing in process"):
            load_weights(path)
    with pytest.raises(DataError, match=r"w\.pt: damaged.*checksum.*delete it and run again"):
        load_weights(path)


# ------------------------------------------------------- file systems that refuse or fail


@pytest.fixture(scope="module")
def flock_shim(tmp_path_factory) -> Path:
    """A library that makes every flock fail, as on NFS and Lustre without locks."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not compiler:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("shim")
    source, library = folder / "flock.c", folder / "flock.so"
    source.write_text(
        "#include <errno.h>\n#include <stdlib.h>\n"
        'int flock(int file, int how) { errno = atoi(getenv("FLOCK_ERRNO")); return -1; }\n'
    )
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    return library


WITHOUT_LOCKS = """
import os, sys
from pathlib import Path
import h5py
import numpy as np
from actorsup.artifacts.provenance import provenance
from actorsup.artifacts.shards import ShardReader, ShardWriter
from actorsup.attention.pooled_features import open_pooled_features
from actorsup.attention.settings import AttentionSettings

for code in sys.argv[1:]:
    os.environ["FLOCK_ERRNO"] = code
    with ShardWriter(f"{code}.h5", "x/1", {}) as writer:
        writer.add("v", {"x": np.arange(3)}, {"frames": 3})
    with ShardReader(f"{code}.h5", "x/1") as reader:
        assert reader["v"]["x"][()].tolist() == [0, 1, 2]
    provenance("stage", {}, [f"{code}.h5"])
    with open_pooled_features(Path("m.pt"), AttentionSettings(train_encoder=False)) as cache:
        assert cache.file
    try:
        h5py.File(f"{code}.h5", "r")
    except OSError as error:
        print("refused", error.errno)
"""


def test_shards_are_written_and_read_where_every_lock_is_refused(tmp_path, repository, flock_shim):
    environment = {key: value for key, value in os.environ.items() if key != "HDF5_USE_FILE_LOCKING"}
    environment |= {"LD_PRELOAD": str(flock_shim), "PYTHONPATH": str(repository)}
    command = [sys.executable, "-c", WITHOUT_LOCKS, *map(str, ERRNOS)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # h5py's default is refused, except that HDF5 tolerates ENOSYS
    refused = [f"refused {code}" for code in ERRNOS if code != errno.ENOSYS]
    assert done.stdout.split("\n")[:-1] == refused


def failing_open(
    monkeypatch, codes: list[int], message: str = "unable to lock file, errno = {}"
) -> list[int]:
    """Make h5py fail to open a file with these error numbers, one after another; then it succeeds."""
    left, real = list(codes), h5py.File

    def open_or_fail(*arguments, **options):
        if left:
            code = left.pop(0)
            raise OSError(code, f"Unable to synchronously open file ({message.format(code)})")
        return real(*arguments, **options)

    monkeypatch.setattr(hdf5_files.h5py, "File", open_or_fail)
    return left


@pytest.mark.parametrize("code", [*ERRNOS, errno.EIO, errno.ESTALE], ids=errno.errorcode.get)
def test_a_refusal_says_what_it_is_and_never_to_delete(tmp_path, monkeypatch, capsys, code):
    path = shard(tmp_path / "0.h5")
    message = "file read failed, errno = {}" if code in (errno.EIO, errno.ESTALE) else "unable to lock file"
    failing_open(monkeypatch, [code] * 100, message)
    for read in (lambda: ShardReader(path, "x/1"), lambda: provenance("stage", {}, [path])):
        with pytest.raises(DataError) as error:
            read()
        line = str(error.value)
        assert not isinstance(error.value, DamagedError)
        assert line.startswith(f"{path}: cannot be read: {os.strerror(code)}") and "keep the file" in line
        assert not re.search("delete|damaged|defect|not a valid", line)
        assert ("HDF5_USE_FILE_LOCKING=FALSE" in line) == (code not in (errno.EIO, errno.ESTALE))
    assert main(["inspect", str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"actorsup: {path}: cannot be read")


def test_a_failure_of_a_moment_is_retried(tmp_path, monkeypatch):
    path = shard(tmp_path / "0.h5")
    left = failing_open(monkeypatch, [errno.EAGAIN, errno.EIO, errno.ESTALE])
    with ShardReader(path, "x/1") as reader:
        assert reader.videos == ["a", "b", "c"] and not left
    # a file that a network file system lists, but does not find yet
    left = failing_open(monkeypatch, [errno.ENOENT], "no such file")
    open_hdf5(path, "a shard").close()
    assert not left


def test_what_does_not_change_is_not_tried_again(tmp_path, monkeypatch):
    path, slept = shard(tmp_path / "0.h5"), []
    monkeypatch.setattr(access.time, "sleep", slept.append)
    left = failing_open(monkeypatch, [errno.EACCES] * 2, "unable to open file")
    with pytest.raises(DataError, match="Permission denied; check the permissions"):
        open_hdf5(path, "a shard")
    assert len(left) == 1 and not slept
    with pytest.raises(
        DataError, match=r"none\.h5: cannot be read: No such file or directory; check the path"
    ):
        ShardReader(tmp_path / "none.h5", "x/1")
    assert not slept


def test_a_finished_part_that_cannot_be_read_now_is_kept(tmp_path, monkeypatch):
    path = tmp_path / "0.h5"
    with pytest.raises(KeyboardInterrupt), ShardWriter(path, "x/1", {}) as writer:
        writer.add("a", {"x": np.arange(20)}, {})
        raise KeyboardInterrupt
    part = writer._part_path("a")
    real = os.pread

    def fail(*arguments):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "pread", fail)
    with pytest.raises(DataError, match=r"Input/output error.*keep the file"):
        ShardWriter(path, "x/1", {}).finished("a")
    monkeypatch.setattr(os, "pread", real)
    whole = part.read_bytes()
    part.write_bytes(whole[:-1])
    with open_elsewhere(part, "open(sys.argv[1], 'r+b')"), pytest.raises(DataError, match="open for writing"):
        ShardWriter(path, "x/1", {}).finished("a")
    part.write_bytes(whole)
    assert ShardWriter(path, "x/1", {}).finished("a")


def test_a_text_file_is_not_called_damaged(tmp_path):
    path = tmp_path / "notes.h5"
    path.write_text("my only copy")
    with pytest.raises(DataError, match="not a file of actorsup, or damaged; check the path") as error:
        check_embedded_checksum(path)
    assert "delete" not in str(error.value)


def messages(path: Path) -> Iterator[str]:
    """All string constants of a module except docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def test_no_message_advises_deletion_except_after_the_comparison(repository):
    """Only ``raise_if_damaged`` compares twice and looks for writers; its argument is the advice."""
    advice = re.compile(r"\bdelete (it|the file|this file) and|make it again")
    found = {
        path.name
        for path in (repository / "actorsup").rglob("*.py")
        if any(map(advice.search, messages(path)))
    }
    assert found == {"access.py", "weights.py"}


def test_hdf5_is_opened_by_two_functions_only(repository):
    users = [
        path.relative_to(repository).as_posix()
        for path in sorted((repository / "actorsup").rglob("*.py"))
        if "h5py.File(" in path.read_text(encoding="utf-8")
    ]
    assert users == ["actorsup/artifacts/hdf5_files.py"]
