"""Data sets: THUMOS13 against its published facts, folders, pickles, digests, ground truth."""

import hashlib
import pickle
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from published_sets import write_thumos13

from actorsup.config.read import check_config
from actorsup.datasets.base import GroundTruth, Listing, VideoRecord, shard_index
from actorsup.datasets.digests import content_digests
from actorsup.datasets.files import find_videos
from actorsup.datasets.ground_truth import write_ground_truth
from actorsup.datasets.pickles import read_numbers
from actorsup.datasets.readers import open_dataset
from actorsup.datasets.readers.folder import Folder
from actorsup.datasets.readers.thumos13 import Thumos13
from actorsup.errors import ConfigError, DataError
from actorsup.formats.ground_truth_csv import read_ground_truth_table


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())


# ---------------------------------------------------------------------------- THUMOS13


def test_thumos13_as_write_thumos13(tmp_path):
    listing = Thumos13(write_thumos13(tmp_path)).listing()
    assert [(r.video, r.split, r.labels) for r in listing.records] == [
        ("Jump/v_Jump_g01_c01", "test", ("Jump",)),
        ("Run/v_Run_g01_c01", "test", ("Run",)),
        ("Run/v_Run_g02_c01", "train", ("Run",)),  # no boxes, but a label
    ]
    assert [record.video for record in listing.missing] == ["Run/v_Run_g03_c01"]
    assert listing.classes == ("Jump", "Run")


def test_thumos13_boxes_do_not_wrap_around(tmp_path):
    truth = Thumos13(write_thumos13(tmp_path)).ground_truth()
    rows = truth.boxes[truth.boxes["video"] == "Jump/v_Jump_g01_c01"]
    assert rows["frame"].tolist() == [3, 4]
    assert rows[["x1", "y1", "x2", "y2"]].to_numpy().tolist() == [[0, 0, 20, 30], [199, 4, 299, 94]]
    assert set(truth.size.values()) == {(320, 240)}


def test_invalid_thumos13_files(tmp_path):
    root = write_thumos13(tmp_path)
    touch(root, "UCF-101/Run/v_Run_g01_c01.mkv")
    with pytest.raises(DataError, match="two videos have the id 'Run/v_Run_g01_c01'"):
        Thumos13(root).listing()
    with pytest.raises(DataError, match="trainlist02"):
        Thumos13(root, 2).listing()
    (root / "annotations" / "pyannot.pkl").write_bytes(pickle.dumps({"Run/x": {"annotations": [{"sf": 0}]}}))
    with pytest.raises(DataError, match="Run/x: not in the published form"):
        Thumos13(root).ground_truth()


def test_the_real_annotations_have_their_published_counts(shared):
    thumos13 = Thumos13(shared / "data" / "thumos13")
    listing = thumos13.listing()
    everything = [*listing.records, *listing.missing]
    rows = thumos13.ground_truth().boxes
    tubes = rows.drop_duplicates(["video", "tube"])
    split = {record.video: record.split for record in everything}
    assert (len(everything), rows["video"].nunique(), len(tubes)) == (3194, 3194, 4458)
    counts = tubes["video"].map(split).value_counts()
    assert (counts["train"], counts["test"]) == (3143, 1315)
    assert sum(s == "train" for s in split.values()) == 2284
    assert len(listing.classes) == 24
    assert len(listing.records) == 10
    assert (tubes["class"] == tubes["video"].str.split("/").str[0]).all()
    # traps: corners stay where they are although x + w passes 255 in uint8
    raw = read_numbers(shared / "data" / "thumos13" / "annotations" / "pyannot.pkl")
    wrapped = sum(
        bool((np.asarray(tube["boxes"])[:, 0].astype(int) + np.asarray(tube["boxes"])[:, 2] > 255).any())
        and np.asarray(tube["boxes"]).dtype == np.uint8
        for video in raw.values()
        for tube in video["annotations"]
    )
    assert wrapped == 1445
    assert (rows["x2"] > rows["x1"]).all() and rows["x2"].max() <= 321 and rows["x1"].min() >= -1
    without = sum(
        rows_of["frame"].nunique() < int(raw[video]["numf"]) for video, rows_of in rows.groupby("video")
    )
    assert without == 1249


# ------------------------------------------------------------------------------ pickles


class Evil:
    def __reduce__(self):
        return Path.touch, (Path("executed"),)


def test_a_pickle_executes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps({"a": Evil()}))
    with pytest.raises(DataError, match=r"evil\.pkl: not a pickle of numbers"):
        read_numbers(tmp_path / "evil.pkl")
    assert not (tmp_path / "executed").exists()
    (tmp_path / "cut.pkl").write_bytes(pickle.dumps({"a": np.arange(9)})[:-20])
    with pytest.raises(DataError, match=r"cut\.pkl"):
        read_numbers(tmp_path / "cut.pkl")


class Array:
    """An array that is pickled with any type and state."""

    def __init__(self, *state: object) -> None:
        self.state = state

    def __reduce__(self):
        return np._core.multiarray._reconstruct, (np.ndarray, (0,), b"b"), self.state


class Kind:
    """A type that is pickled as it says."""

    def __init__(self, code: str, *state: object) -> None:
        self.code, self.state = code, state

    def __reduce__(self):
        return np.dtype, (self.code, False, True), self.state or (3, "<", None, None, None, -1, -1, 0)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (np.array([None], object), "an array of 'O8', which are not numbers"),
        (np.zeros(2, "i4,f4"), "which are not numbers"),
        # bytes that numpy would take for the addresses of objects, were its own state believed
        (Array(1, (1,), Kind("O8"), False, b"\1" * 8), "an array of 'O8', which are not numbers"),
        (Array(1, (2,), Kind("i8"), False, b"\1" * 8), r"an array of \(2,\) int64 has 8 bytes"),
        (Array(1, (-1, -1), Kind("i8"), False, b"\1" * 8), "has 8 bytes"),
        (Array(1, (1 << 62, 4), Kind("i8"), False, b"\1" * 8), "has 8 bytes"),
        (Array(1, (1,), Kind("U2"), False, b"\xff" * 8), "has 8 bytes"),
    ],
)
def test_a_pickle_with_other_arrays_than_numbers_is_refused(tmp_path, value, reason):
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"a": value}, protocol=2))
    with pytest.raises(DataError, match=reason):
        read_numbers(tmp_path / "x.pkl")


def test_flags_of_a_pickled_dtype_are_ignored(tmp_path):
    # the flags 63 are those of objects: numbers would be taken for their addresses
    flagged = Array(1, (1,), Kind("i8", 3, "<", None, None, None, 8, 1, 63), False, b"\1" * 8)
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(flagged, protocol=2))
    found = read_numbers(tmp_path / "x.pkl")
    assert found.dtype == np.int64 and found.dtype.flags == 0 and found.tolist() == [0x0101010101010101]


def test_a_pickle_of_numbers(tmp_path):
    content = {
        "a": np.arange(6, dtype=np.uint16).reshape(2, 3),
        "b": [np.float64(1.5), "x", (1, None), np.str_("wörd")],
        "c": np.arange(6, dtype=">f4").reshape(2, 3, order="F"),
    }
    for protocol in (0, 2, 4):
        (tmp_path / "x.pkl").write_bytes(pickle.dumps(content, protocol=protocol))
        found = read_numbers(tmp_path / "x.pkl")
        np.testing.assert_array_equal(found["a"], content["a"])
        np.testing.assert_array_equal(found["c"], content["c"])
        assert found["a"].dtype == np.uint16 and found["b"] == content["b"]


# ------------------------------------------------------------------------------ folders


def folder(root: Path, table: str | None = None, **more: object) -> Folder:
    touch(
        root / "videos",
        "b.mp4",
        'it\'s "x"/ä 1.AVI',
        "frames/1.jpg",
        "frames/2.jpg",
        ".hidden.avi",
        "notes.txt",
    )
    path = None
    if table is not None:
        path = root / "videos.csv"
        path.write_text(table, encoding="utf-8")
    return Folder(root / "videos", path, **more)


def test_a_folder_of_unlabeled_videos(tmp_path):
    listing = folder(tmp_path).listing()
    assert [r.video for r in listing.records] == ["b", "frames", 'it\'s "x"/ä 1']
    assert {(r.split, r.labels) for r in listing.records} == {("", ())}


def test_a_folder_with_a_table(tmp_path):
    table = 'video,label,split\nb.mp4,run|jump,train\nframes,run,test\ngone,jump,test\n"it\'s ""x""/ä 1",,\n'
    listing = folder(tmp_path, table).listing()
    assert [(r.video, r.labels, r.split) for r in listing.records] == [
        ("b", ("run", "jump"), "train"),
        ("frames", ("run",), "test"),
        ('it\'s "x"/ä 1', (), ""),
    ]
    assert [record.video for record in listing.missing] == ["gone"]
    assert listing.classes == ("jump", "run")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("video,label\nb,run\n", "column 'split' is missing"),
        ("video,label,split\nb,run,val\n", "line 2: 'b': split is 'val'; allowed: train, test or nothing"),
        ("video,label,split\nb,,train\n", "without a label"),
        (
            "video,label,split\nb,runn,train\n",
            "class 'runn' is unknown; allowed: jump, run; did you mean 'run'",
        ),
        ("video,label,split\nb,run,train\nb.mp4,run,test\n", "line 3.*line 2 has the video 'b' too"),
        ("video,label,split\n../b,run,train\n", "not a path below"),
        ("video,label,split\n,run,train\n", "line 2: '' is not a path below"),
        ("video,label,split\n.,run,train\n", "not a path below"),
    ],
)
def test_invalid_tables(tmp_path, table, words):
    with pytest.raises(DataError, match=words):
        folder(tmp_path, table, classes=("jump", "run")).listing()


def test_duplicate_video_ids_and_a_missing_folder(tmp_path):
    touch(tmp_path, "a.avi", "a.mp4")
    with pytest.raises(DataError, match="two videos have the id 'a'"):
        find_videos(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        find_videos(tmp_path / "gone")


def test_an_image_next_to_videos_does_not_hide_them(tmp_path):
    touch(tmp_path, "kitchen/a.mp4", "kitchen/b.mp4", "kitchen/cover.jpg", "frames/0001.jpg")
    assert list(find_videos(tmp_path)) == ["frames", "kitchen/a", "kitchen/b"]


def test_video_ids_of_boxes_may_have_an_extension(tmp_path):
    header = "video,tube,class,frame,x1,y1,x2,y2\n"
    (tmp_path / "gt.csv").write_text(header + "b.mp4,0,run,0,1,1,2,2\n./v1.5,0,run,0,1,1,2,2\n")
    boxes = folder(tmp_path, "video,label,split\nb,run,train\n", boxes=tmp_path / "gt.csv").ground_truth()
    assert sorted(boxes.boxes["video"]) == ["b", "v1.5"]


def test_links_are_followed_without_loops(tmp_path):
    (tmp_path / "root" / "in").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.avi").touch()
    (tmp_path / "root" / "in" / "a.avi").touch()
    (tmp_path / "root" / "in" / "loop").symlink_to(tmp_path / "root")
    (tmp_path / "root" / "kitchen").symlink_to(tmp_path / "elsewhere")
    assert sorted(find_videos(tmp_path / "root")) == ["in/a", "kitchen/b"]


def test_an_image_does_not_hide_videos_below_it(tmp_path):
    for name in ("k/cover.jpg", "k/d1/a.avi", "f/1.png", "f/thumbnails/readme.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert sorted(find_videos(tmp_path)) == ["f", "k/d1/a"]


def test_unicode_forms_of_an_accent_are_equal(tmp_path):
    (tmp_path / "cafe\u0301.avi").touch()
    (tmp_path / "videos.csv").write_text("video,label,split\ncaf\u00e9,run,train\n", encoding="utf-8")
    listing = Folder(tmp_path, tmp_path / "videos.csv").listing()
    assert [r.video for r in listing.records] == ["caf\u00e9"] and not listing.missing
    assert listing.records[0].path.exists()


@pytest.mark.parametrize("name", ["mean", "all"])
def test_reserved_class_names(tmp_path, name):
    (tmp_path / "videos.csv").write_text(f"video,label,split\na,{name},train\n")
    with pytest.raises(DataError, match=f"the class name '{name}' is reserved"):
        Folder(tmp_path, tmp_path / "videos.csv").listing()


def test_ground_truth_of_an_unknown_class(tmp_path):
    (tmp_path / "gt.csv").write_text("video,tube,class,frame,x1,y1,x2,y2\nb,0,rum,0,1,1,2,2\n")
    table = "video,label,split\nb,run,train\n"
    with pytest.raises(DataError, match="class 'rum' is unknown; allowed: run; did you mean 'run'"):
        folder(tmp_path, table, boxes=tmp_path / "gt.csv").ground_truth()


# ------------------------------------------------------------------- tables of ground truth


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("b,0,run,0.5,1,1,2,2", "whole number"),
        ("b,0,run,-1,1,1,2,2", "whole number"),
        ("b,0,run,0,nan,1,2,2", "no finite number"),
        ("b,0,run,0,x,1,2,2", "x1 is 'x'; wanted a number"),
        ("b,0,run,0,1,1,0,2", "x1 <= x2"),
        ("b,0,run,7,1,1,2,3", "in this frame already, in line 2"),
        ("b,0,jump,8,1,1,2,2", "several classes"),
        ("b,1,,8,1,1,2,2", "it has no class"),
    ],
)
def test_invalid_ground_truth(tmp_path, row, words):
    path = tmp_path / "gt.csv"
    path.write_text(f"video,tube,class,frame,x1,y1,x2,y2\nb,0,run,7,1,1,2,2\n{row}\n")
    with pytest.raises(DataError, match=rf"gt\.csv: line [23]: .*{words}"):
        read_ground_truth_table(path)


class Annotated:
    """A data set with ground truth in frames of 100x50."""

    def __init__(self, rows: list[tuple]) -> None:
        columns = ["video", "tube", "class", "frame", "x1", "y1", "x2", "y2"]
        self.rows = pd.DataFrame(rows, columns=columns)

    def listing(self) -> Listing:
        raise NotImplementedError

    def ground_truth(self) -> GroundTruth:
        return GroundTruth(self.rows, {video: (100, 50) for video in self.rows["video"]})


def test_ground_truth_is_scaled_and_clipped_to_the_videos(tmp_path, caplog):
    (tmp_path / "videos.csv").write_text(
        "video,path,split,label,frames,fps,width,height,duration,shard\n"
        "a,,test,,5,25,200,150,1,0000\nb,,test,,0,,,,,0000\nc,,test,,5,25,100,50,1,0000\n"
    )
    rows = [
        ("a", 0, "run", 0, 10, 10, 20, 20),
        ("b", 0, "run", 0, 10, 10, 20, 20),
        ("c", 0, "run", 9, 90, -10, 130, 20),
        ("c", 1, "run", 1, 110, 0, 130, 20),
        ("elsewhere", 0, "run", 0, 1, 1, 2, 2),
    ]
    write_ground_truth(Annotated(rows), tmp_path / "videos.csv", tmp_path / "out.csv")
    found = read_ground_truth_table(tmp_path / "out.csv")
    assert found[["x1", "y1", "x2", "y2"]].to_numpy().tolist() == [
        [20, 30, 40, 60],  # twice as wide, three times as high
        [10, 10, 20, 20],  # a failed video's stay as they are
        [90, 0, 100, 20],
        [100, 0, 100, 20],
    ]
    for words in ("2 boxes reach out", "1 boxes have no area", "1 boxes lie after the last frame, in c"):
        assert words in caplog.text


# ------------------------------------------------------------------------------ digests


def test_digests_follow_content_not_dates(tmp_path):
    touch(tmp_path, "a.avi", "f/1.jpg", "f/2.jpg")
    records = [VideoRecord("a", tmp_path / "a.avi", "", ()), VideoRecord("f", tmp_path / "f", "", ())]
    cache = tmp_path / "digests.json"
    first = content_digests(records, cache)
    for path in (tmp_path / "a.avi", tmp_path / "f" / "1.jpg"):
        shutil.copystat(__file__, path)
    assert content_digests(records, cache) == first
    (tmp_path / "f" / "1.jpg").write_bytes(b"changed")
    second = content_digests(records, cache)
    assert second["a"] == first["a"] and second["f"] != first["f"]
    cache.write_text("{damaged")
    assert content_digests(records, cache) == second


def test_an_untouched_video_is_not_read_again(tmp_path, monkeypatch):
    touch(tmp_path, "a.avi")
    records = [VideoRecord("a", tmp_path / "a.avi", "", ())]
    first = content_digests(records, tmp_path / "digests.json")
    monkeypatch.setattr("actorsup.datasets.digests.content_digest", lambda path: pytest.fail("read again"))
    assert content_digests(records, tmp_path / "digests.json") == first


def test_digests_without_a_writable_cache(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"content")
    (tmp_path / "file").write_text("not a folder")
    record = VideoRecord("a", tmp_path / "a.mp4", "train", ("x",))
    stored = content_digests([record], tmp_path / "cache.json")
    assert content_digests([record], tmp_path / "file" / "cache.json") == stored


def test_an_unreadable_video_has_a_digest(tmp_path):
    records = [VideoRecord("a", tmp_path / "gone.avi", "", ())]
    assert content_digests(records, tmp_path / "digests.json") == {"a": "unreadable"}


def test_a_bucket_depends_only_on_the_video_id():
    digest = hashlib.blake2b(b"a/b", digest_size=8).digest()
    assert shard_index("a/b", 96) == int.from_bytes(digest, "big") % 96  # results are laid out by it
    assert all(0 <= shard_index(f"v{n}", 7) < 7 for n in range(50))
    counts = np.bincount([shard_index(f"v{n}", 10) for n in range(5000)], minlength=10)
    assert counts.min() > 400


# ----------------------------------------------------------------------------- registry


def test_sections_open_their_data_sets(tmp_path, monkeypatch, repository):
    import yaml

    config = yaml.safe_load((repository / "config.yaml").read_text())
    check_config(config)
    demo = open_dataset("demo", config["datasets"]["demo"], 0).listing()
    assert len(demo.records) == 216 + 48 and len(demo.classes) == 6
    monkeypatch.delenv("MY_VIDEOS", raising=False)
    with pytest.raises(ConfigError, match=r"datasets\.mine\.root: .*MY_VIDEOS"):
        open_dataset("mine", {"type": "folder", "root": "${MY_VIDEOS}"}, 0)
    with pytest.raises(ConfigError, match=r"datasets\.mine\.root: no such file or folder"):
        open_dataset("mine", {"type": "folder", "root": str(tmp_path / "gone")}, 0)
