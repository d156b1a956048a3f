import json

import h5py
import numpy as np
import pytest

from actorsup.artifacts.atomic import open_text_atomically, write_text_atomically
from actorsup.artifacts.shards import ShardReader, ShardWriter
from actorsup.errors import DataError

ODD_NAMES = ["a/b c", 'it\'s "quoted"', "päth/ünïcode/日本", "../up"]


def write(path, videos, provenance=None, failed=()):
    with ShardWriter(path, "things/1", provenance or {"a": 1}) as writer:
        for video in videos:
            writer.add(video, {"x": np.arange(len(video))}, {"frames": len(video)})
        for video in failed:
            writer.fail(video, "broken")


def test_round_trip_sorts_by_id_and_accepts_any_name(tmp_path):
    write(tmp_path / "0.h5", ODD_NAMES, failed=["z"])
    with ShardReader(tmp_path / "0.h5", "things/1") as reader:
        assert reader.videos == sorted(ODD_NAMES)
        assert reader.failures == {"z": "broken"}
        assert reader.provenance == {"a": 1}
        for video in ODD_NAMES:
            assert reader[video]["x"][()].tolist() == list(range(len(video)))
            assert reader[video].attrs["frames"] == len(video)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.h5"]


def test_a_root_dataset_lists_ids_and_groups(tmp_path):
    write(tmp_path / "0.h5", ["b/c", "a"])
    with h5py.File(tmp_path / "0.h5") as file:
        rows = [(video.decode(), group.decode()) for video, group in file["videos"][()]]
        assert [video for video, _ in rows] == ["a", "b/c"]
        assert [len(file[group]["x"]) for _, group in rows] == [1, 3]
        assert json.loads(file.attrs["provenance"]) == {"a": 1}


def test_an_empty_shard_can_be_read(tmp_path):
    write(tmp_path / "0.h5", [])
    with ShardReader(tmp_path / "0.h5", "things/1") as reader:
        assert reader.videos == [] and reader.failures == {}


def test_a_killed_job_resumes_after_its_last_finished_video(tmp_path):
    path = tmp_path / "0.h5"
    with pytest.raises(KeyboardInterrupt), ShardWriter(path, "things/1", {"a": 1}) as writer:
        writer.add("first", {"x": np.zeros(1)}, {})
        raise KeyboardInterrupt
    assert not path.exists()
    with ShardWriter(path, "things/1", {"a": 1}) as writer:
        assert writer.finished("first") and not writer.finished("second")
        writer.add("second", {"x": np.zeros(1)}, {})
    with ShardReader(path, "things/1") as reader:
        assert reader.videos == ["first", "second"]


def test_partial_work_of_other_settings_is_discarded(tmp_path):
    writer = ShardWriter(tmp_path / "0.h5", "things/1", {"a": 1})
    writer.add("first", {"x": np.zeros(1)}, {})
    assert not ShardWriter(tmp_path / "0.h5", "things/1", {"a": 2}).finished("first")


def test_an_error_while_adding_a_video_leaves_no_part(tmp_path):
    with ShardWriter(tmp_path / "0.h5", "things/1", {"a": 1}) as writer:
        with pytest.raises(TypeError):
            writer.add("bad", {"x": np.zeros(2), "y": object()}, {})
        assert not writer.finished("bad")


def test_same_content_gives_same_bytes(tmp_path):
    write(tmp_path / "0.h5", ["a", "b"])
    write(tmp_path / "1.h5", ["b", "a"])
    assert (tmp_path / "0.h5").read_bytes() == (tmp_path / "1.h5").read_bytes()


@pytest.mark.parametrize("damage", ["missing", "truncated", "not hdf5", "other schema"])
def test_errors_name_a_damaged_shard(tmp_path, damage):
    path = tmp_path / "0.h5"
    write(path, ["a"])
    schema = "things/1"
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:500])
    elif damage == "not hdf5":
        path.write_text("hello")
    else:
        schema = "things/2"
    with pytest.raises(DataError, match=r"0\.h5"):
        ShardReader(path, schema)


def test_write_whole_creates_the_folder_and_one_file(tmp_path):
    write_text_atomically(tmp_path / "a" / "b.csv", "x\né\n")
    assert (tmp_path / "a" / "b.csv").read_text(encoding="utf-8") == "x\né\n"
    assert len(list((tmp_path / "a").iterdir())) == 1


def test_an_error_of_another_file_while_writing_passes_through(tmp_path):
    path, missing = tmp_path / "deep" / "table.csv", tmp_path / "missing.csv"
    with pytest.raises(FileNotFoundError, match=r"missing\.csv"), open_text_atomically(path) as stream:
        stream.write("half a table")
        missing.read_text()
    assert list(path.parent.iterdir()) == []
