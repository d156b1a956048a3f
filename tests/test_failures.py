import pytest

from actorsup.artifacts.shards import ShardWriter
from actorsup.errors import DataError
from actorsup.workflow.failures import write_failures


def shard(path, schema, failures):
    with ShardWriter(path, schema, {}) as writer:
        for video, reason in failures.items():
            writer.fail(video, reason)
    return path


def test_failures_of_all_stages_sorted_and_once(tmp_path):
    frames = shard(tmp_path / "f.h5", "frames/1", {"b": 'a "quoted", reason'})
    tubes = [shard(tmp_path / f"{n}.h5", "tubes/1", {"a": "no tracker"}) for n in range(2)]
    write_failures({"tubes": tubes, "frames": [frames]}, [("c", "/c.avi")], tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines() == [
        "video,stage,reason",
        "a,tubes,no tracker",
        'b,frames,"a ""quoted"", reason"',
        "c,manifest,no such video: /c.avi",
    ]


def test_only_a_header_when_nothing_failed(tmp_path):
    write_failures({"frames": [shard(tmp_path / "f.h5", "frames/1", {})]}, [], tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "video,stage,reason\n"


def test_a_damaged_shard_is_an_error(tmp_path):
    (tmp_path / "f.h5").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"f\.h5"):
        write_failures({"frames": [tmp_path / "f.h5"]}, [], tmp_path / "out.csv")


def test_the_reason_names_the_file_found_instead_of_a_video(tmp_path):
    (tmp_path / "a.zip").touch()
    (tmp_path / "b").mkdir()
    missing = [(name, str(tmp_path / name)) for name in "abc"]
    write_failures({}, missing, tmp_path / "out.csv")
    first, second, third = (tmp_path / "out.csv").read_text().splitlines()[1:]
    assert "a.zip is not a video, by its suffix or its first bytes" in first
    assert second.endswith(f"no video: {tmp_path / 'b'} is a folder without images")
    assert third.endswith(f"no such video: {tmp_path / 'c'}")
