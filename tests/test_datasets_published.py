"""UCF-Sports, A2D and the three forms of UCF101-24's annotations, as they are published."""

import json
import pickle
import re
import tarfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from published_sets import write_a2d, write_mat, write_ucf_sports
from scipy.io import savemat

from actorsup.datasets.a2d_frames import ACTIONS, ACTORS, CODES, class_name, read_frame
from actorsup.datasets.ground_truth import write_annotated_frames
from actorsup.datasets.pickles import read_numbers
from actorsup.datasets.readers.a2d import A2D, cached_codes
from actorsup.datasets.readers.folder import Folder
from actorsup.datasets.readers.thumos13 import Thumos13
from actorsup.datasets.readers.ucf_sports import FOLDERS, UcfSports
from actorsup.errors import ConfigError, DataError
from actorsup.workflow.dataset import PlannedDataset

CORNERS = ["x1", "y1", "x2", "y2"]


def corners(truth, video):
    rows = truth.boxes[truth.boxes["video"] == video]
    return rows["frame"].tolist(), rows[CORNERS].to_numpy().tolist()


# --------------------------------------------------------------------------- UCF-Sports


def test_ucf_sports_as_published(tmp_path):
    listing = UcfSports(write_ucf_sports(tmp_path)).listing()
    assert [
        (r.video, r.split, r.labels, r.path.relative_to(tmp_path).as_posix()) for r in listing.records
    ] == [
        ("Diving-Side/001", "test", ("Diving",), "Diving-Side/001"),
        (
            "Diving-Side/005",
            "train",
            ("Diving",),
            "Diving-Side/005",
        ),  # frames take precedence over their video
        ("Golf-Swing-Side/001", "train", ("Golf-Swing",), "Golf-Swing-Side/001/3283-8_700991.avi"),
    ]
    assert len(listing.missing) == 147 and len(listing.classes) == 10


def test_ucf_sports_boxes_match_their_frames(tmp_path):
    root = write_ucf_sports(tmp_path)
    (root / "Diving-Side/001/gt/2538-5_70133a.tif.txt").unlink()  # a frame without a box
    truth = UcfSports(root).ground_truth()
    frames, boxes = corners(truth, "Diving-Side/001")
    assert frames == [0, 2] and boxes == [[10, 5, 30, 35], [12, 5, 32, 35]]
    # numbers are compared as numbers: 9 comes before 10; labels are ignored
    assert corners(truth, "Diving-Side/005") == (
        [0, 1, 2],
        [[10, 5, 30, 35], [11, 5, 31, 35], [12, 5, 32, 35]],
    )
    assert set(truth.boxes["class"]) == {"Diving", "Golf-Swing"}
    # the boxes of a video file are in order, and their count is the expected number of frames
    assert corners(truth, "Golf-Swing-Side/001")[0] == [0, 1, 2]
    assert truth.frames == {"Golf-Swing-Side/001": 3}


def test_ucf_sports_logs_unused_boxes(tmp_path, caplog):
    root = write_ucf_sports(tmp_path)
    gt = root / "Diving-Side/001/gt"
    (gt / "2538-5_70133.tif.txt").write_text("388\t126\t3\t0\tRunning\n")
    (gt / "2538-5_99999.tif.txt").write_text("1 1 5 5 Running\n")
    (gt / "2538-5_70140.tif.txt").write_text("1 1 5 5 Running\n7 7 7 7 Horse\n")
    frames, boxes = corners(UcfSports(root).ground_truth(), "Diving-Side/001")
    assert frames == [1, 2] and boxes[1] == [1, 1, 6, 6]
    for words in (
        "1 boxes have no area and are left out: 2538-5_70133.tif.txt",
        "1 boxes belong to frames that the video lacks and are left out: 2538-5_99999.tif.txt",
        "1 files have several lines; the first is used: 2538-5_70140.tif.txt",
    ):
        assert words in caplog.text


@pytest.mark.parametrize("text", ["", "1 2 3\n", "1 2 x 4 Running\n", "1 2 nan 4 Running\n"])
def test_invalid_ucf_sports_box_files(tmp_path, text):
    root = write_ucf_sports(tmp_path)
    (root / "Diving-Side/001/gt/2538-5_70133.tif.txt").write_text(text)
    with pytest.raises(DataError, match=r"2538-5_70133\.tif\.txt: .*wanted a line 'x y w h label'"):
        UcfSports(root).ground_truth()


def test_invalid_ucf_sports_folders(tmp_path):
    with pytest.raises(DataError, match=r"has none of the folders of UCF-Sports; wanted .*Diving-Side"):
        UcfSports(tmp_path).listing()
    root = write_ucf_sports(tmp_path)
    with pytest.raises(DataError, match=r"elsewhere: has no gt/\*\.txt"):
        UcfSports(root, Path("elsewhere")).ground_truth()
    (root / "Golf-Swing-Side/001/other.avi").touch()
    with pytest.raises(DataError, match="Golf-Swing-Side/001: contains 2 videos"):
        UcfSports(root).listing()


def test_the_split_of_lan_et_al(shared, tmp_path):
    split = json.loads((shared / "data" / "ucf_sports" / "lan_split.json").read_text())
    listing = UcfSports(write_ucf_sports(tmp_path)).listing()
    # sorted by id, they are in folder order: 001 to 150
    in_order = sorted((*listing.records, *listing.missing), key=lambda record: record.video)
    for name in ("train", "test"):
        assert [n for n, record in enumerate(in_order, 1) if record.split == name] == split[name]
    for name in {name for name, _, _ in FOLDERS.values()}:
        # as they describe it: a third of each class
        of_class = [(count, tests) for other, count, tests in FOLDERS.values() if other == name]
        assert sum(tests for _, tests in of_class) == sum(count for count, _ in of_class) // 3


def test_the_real_annotations_of_ucf_sports(shared, tmp_path, caplog):
    with tarfile.open(shared / "data" / "ucf_sports" / "annotations.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    sports = UcfSports(next(tmp_path.glob("**/Annotations")))
    truth = sports.ground_truth()
    assert len(sports.listing().missing) == truth.boxes["video"].nunique() == 150
    assert len(truth.boxes) == 9580 - 4
    assert len(re.findall("boxes have no area", caplog.text)) == 3  # two of them in one video
    assert (truth.boxes[["x1", "y1"]].to_numpy() >= 0).all()
    assert sum(truth.frames.values()) == 9580
    split = {record.video: record.split for record in sports.listing().missing}
    assert pd.Series(split).value_counts().to_dict() == {"train": 103, "test": 47}


# ---------------------------------------------------------------------------------- A2D


def test_a2d_as_published(tmp_path):
    listing = A2D(write_a2d(tmp_path)).listing()
    assert [(r.video, r.split, r.labels) for r in listing.records] == [
        ("test_bird", "test", ("adult-walking", "bird-flying")),  # several labels
        ("train_baby", "train", ("baby-crawling",)),
        ("train_dogs", "train", ("dog-running",)),  # actors without an action are no labels
    ]
    assert len(listing.classes) == 36


def test_a2d_ground_truth_covers_annotated_frames_only(tmp_path):
    truth = A2D(write_a2d(tmp_path)).ground_truth()
    assert corners(truth, "train_baby") == ([0, 2], [[10, 10, 30, 40], [12, 10, 32, 40]])
    bird = truth.boxes[truth.boxes["video"] == "test_bird"]
    assert set(zip(bird["class"], bird["actor"], strict=True)) == {
        ("bird-flying", "bird"),
        ("adult-walking", "adult"),
    }
    annotated = {video: frames.tolist() for video, frames in truth.annotated.items()}
    assert annotated == {"test_bird": [1, 2], "train_baby": [0, 2], "train_dogs": [1, 3]}
    assert set(truth.size.values()) == {(80, 60)} and set(truth.frames.values()) == {4}


def test_a2d_instances_are_linked_by_their_nearest_centers(tmp_path):
    rows = A2D(write_a2d(tmp_path)).ground_truth().boxes
    dogs = rows[rows["video"] == "train_dogs"]
    assert set(dogs["class"]) == {"dog-running"}
    assert sorted(tube["x1"].tolist() for _, tube in dogs.groupby("tube")) == [[0, 2], [50, 52]]


def test_a2d_instances_with_numbers_are_linked_by_number(tmp_path):
    root = write_a2d(tmp_path)
    for name, numbers in (("00002", [4, 9, 1]), ("00004", [4, 9, 1])):  # now the dogs swap places
        with h5py.File(root / "Annotations/mat/train_dogs" / f"{name}.mat", "a") as file:
            file["instance"] = np.array(numbers, np.int64)
    rows = A2D(root).ground_truth().boxes
    dogs = rows[rows["video"] == "train_dogs"]
    assert sorted(tube["x1"].tolist() for _, tube in dogs.groupby("tube")) == [[0, 52], [50, 2]]


FOUR = [(11, (3, 4, 20, 30)), (72, (1, 1, 80, 60)), (72, (5, 6, 7, 8)), (72, (20, 2, 30, 50))]


@pytest.mark.parametrize("instances", [FOUR[:1], FOUR[:2], FOUR])
def test_a2d_boxes_around_masks_equal_the_boxes_of_the_file(tmp_path, instances):
    write_mat(tmp_path / "1.mat", instances)
    write_mat(tmp_path / "2.mat", instances, boxes=False)
    write_mat(tmp_path / "3.mat", instances, masks=False)
    first, second, third = (read_frame(tmp_path / f"{n}.mat") for n in (1, 2, 3))
    assert first.boxes.tolist() == second.boxes.tolist() == third.boxes.tolist()
    assert first.boxes[0].tolist() == [2, 3, 20, 30] and len(first.boxes) == len(instances)
    assert (first.size, third.size) == ((80, 60), None)


def test_a2d_codes_cover_all_real_videos(shared):
    table = pd.read_csv(shared / "data" / "a2d" / "newVideoSet.csv", dtype=str)
    found = {int(float(code)) for label in table["label"] for code in label.split()}
    assert found == set(CODES) and len(found) == 43
    assert len(ACTORS) == 7 and len(ACTIONS) == 9
    assert (class_name(11), class_name(79), class_name(44)) == ("adult-climbing", "dog-none", "bird-flying")
    videos = table.assign(video=table["img_id"].str.split("/").str[1]).groupby("usage")["video"].nunique()
    assert videos.to_dict() == {"0": 3036, "1": 746}


def damage(path: Path, change) -> None:
    with h5py.File(path, "a") as file:
        change(file)


def replace(name, value):
    def change(file):
        del file[name]
        file[name] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (replace("id", [[14.0]]), "id: 14.0 is not a code"),
        (lambda file: file.__delitem__("id"), "'id' is missing; found reBBox, reMask"),
        (
            replace("reBBox", np.ones((4, 2))),
            r"reBBox: found the shape \(4, 2\) for 1 codes; wanted \(4, 1\)",
        ),
        (replace("reBBox", [9.0, 1, 2, 5]), "wanted x1 <= x2"),
        (replace("reMask", np.ones(4)), "reMask: found the shape"),
    ],
)
def test_invalid_a2d_frames(tmp_path, change, words):
    write_mat(tmp_path / "00001.mat", [(11, (1, 1, 5, 5))])
    damage(tmp_path / "00001.mat", change)
    with pytest.raises(DataError, match=r"00001\.mat: .*" + words):
        read_frame(tmp_path / "00001.mat")


def test_transposed_a2d_boxes_are_refused(tmp_path):
    write_mat(tmp_path / "1.mat", FOUR[:2])
    damage(tmp_path / "1.mat", replace("reBBox", np.array([box for _, box in FOUR[:2]], float)))
    with pytest.raises(DataError, match=r"reBBox: found the shape \(2, 4\) for 2 codes; wanted \(4, 2\)"):
        read_frame(tmp_path / "1.mat")


def test_invalid_a2d_files(tmp_path):
    root = write_a2d(tmp_path)
    frame = root / "Annotations/mat/train_baby/00003.mat"
    frame.write_bytes(frame.read_bytes()[:900])
    with pytest.raises(DataError, match=r"00003\.mat: cannot be read.*download it again"):
        A2D(root).listing()
    frame.rename(frame.with_name("last.mat"))
    with pytest.raises(DataError, match=r"last\.mat: wanted the number of a frame"):
        A2D(root).listing()
    text = (root / "videoset.csv").read_text()
    for wrong, words in (
        (text.replace(",1\n", ",2\n"), "line 3: split is '2'; wanted 0"),
        (text.replace(",4,2,0", ",four,2,0"), "line 1: frames is 'four'; wanted a whole number"),
        (text + text, "line 4: video is 'train_dogs'; wanted a unique id"),
        ("VID,label\n", "2 columns; wanted 9"),
    ):
        (root / "videoset.csv").write_text(wrong)
        with pytest.raises(DataError, match=rf"videoset\.csv: {words}"):
            A2D(root).listing()
    (root / "videoset.csv").write_text(text)
    with pytest.raises(DataError, match="elsewhere: no such folder; wanted A2D's annotations"):
        A2D(root, Path("elsewhere")).listing()


def test_a2d_labels_are_read_once(tmp_path):
    path, memory = tmp_path / "00001.mat", tmp_path / "labels.json"
    write_mat(path, [(11, (1, 1, 5, 5))])
    read: list[Path] = []

    def codes(file: Path) -> list[int]:
        read.append(file)
        return [18, 11]

    for _ in range(2):
        assert cached_codes({"a": [path]}, codes, memory) == {"a": [11, 18]}
    assert len(read) == 1
    write_mat(path, [(11, (1, 1, 5, 5)), (11, (1, 1, 5, 5))])
    cached_codes({"a": [path]}, codes, memory)
    assert len(read) == 2
    memory.write_text("{damaged")
    assert cached_codes({"a": [path]}, codes, memory) == {"a": [11, 18]}


# -------------------------------------------------------- the annotations of UCF101-24


def as_matlab(content: dict) -> dict:
    """The pickle in the form of finalAnnots.mat: a struct array, with sf and class 1-based."""
    videos = np.zeros((1, len(content)), [("num_imgs", "O"), ("name", "O"), ("tubes", "O")])
    for index, (name, entry) in enumerate(content.items()):
        tubes = np.zeros((1, len(entry["annotations"])), [(k, "O") for k in ("ef", "sf", "class", "boxes")])
        for tube, annotation in zip(tubes[0], entry["annotations"], strict=True):
            tube["sf"], tube["ef"] = float(annotation["sf"]) + 1, float(annotation["ef"])
            tube["class"], tube["boxes"] = float(annotation["label"]) + 1, annotation["boxes"]
        videos[0, index] = (float(entry["numf"]), name, tubes)
    return {"annot": videos}


CONTENT = {
    "Run/v_Run_g01_c01": {
        "numf": 9,
        "label": 1,
        "annotations": [
            {"label": 1, "sf": 3, "ef": 5, "boxes": np.array([[1, 1, 20, 30], [200, 5, 100, 90]], np.uint8)}
        ],
    },
    "Jump/v_Jump_g01_c01": {"numf": 4, "label": 0, "annotations": []},
}


def test_the_matlab_file_gives_the_tubes_of_the_pickle(tmp_path):
    (tmp_path / "pyannot.pkl").write_bytes(pickle.dumps(CONTENT, protocol=2))
    savemat(tmp_path / "finalAnnots.mat", as_matlab(CONTENT))
    both = [Thumos13(tmp_path, 1, Path(n)).ground_truth() for n in ("pyannot.pkl", "finalAnnots.mat")]
    pd.testing.assert_frame_equal(both[0].boxes, both[1].boxes)
    assert both[0].frames == both[1].frames == {"Run/v_Run_g01_c01": 9, "Jump/v_Jump_g01_c01": 4}
    assert corners(both[1], "Run/v_Run_g01_c01") == ([3, 4], [[0, 0, 20, 30], [199, 4, 299, 94]])


def test_the_real_matlab_file_gives_the_real_tubes(shared):
    root = shared / "data" / "thumos13"
    first, second = (
        Thumos13(root, 1, Path("annotations") / name).ground_truth()
        for name in ("pyannot.pkl", "finalAnnots.mat")
    )
    assert first.boxes["video"].nunique() == 3194
    pd.testing.assert_frame_equal(first.boxes, second.boxes)
    assert first.frames == second.frames


def test_acts_cache_has_the_tubes_of_the_corrected_annotations(shared):
    root = shared / "data" / "thumos13"
    cache = Thumos13(root, 1, shared / "data" / "act" / "tube_sample.pkl").ground_truth()
    corrected = Thumos13(root).ground_truth()
    videos = sorted(set(cache.boxes["video"]))
    assert len(videos) == 3 and len(cache.boxes) == 964
    wanted = corrected.boxes[corrected.boxes["video"].isin(videos)].reset_index(drop=True)
    pd.testing.assert_frame_equal(cache.boxes, wanted)
    assert cache.frames == {video: corrected.frames[video] for video in videos}


def test_acts_layout_with_its_own_lists(shared, tmp_path):
    cache = shared / "data" / "act" / "tube_sample.pkl"
    frame = tmp_path / "rgb-images" / "SalsaSpin" / "v_SalsaSpin_g11_c02" / "00001.jpg"
    frame.parent.mkdir(parents=True)
    frame.touch()
    listing = Thumos13(tmp_path, 3, cache).listing()
    assert [(r.video, r.split) for r in listing.records] == [("SalsaSpin/v_SalsaSpin_g11_c02", "test")]
    assert [r.split for r in listing.missing] == ["train", "train"]


def test_invalid_ucf101_24_annotations(tmp_path):
    def message(name: str) -> str:
        with pytest.raises(DataError) as error:
            Thumos13(tmp_path, 1, Path(name)).ground_truth()
        assert str(error.value).startswith(str(tmp_path / name)) and "\n" not in str(error.value)
        return str(error.value)

    savemat(tmp_path / "a.mat", as_matlab(CONTENT))
    (tmp_path / "cut.mat").write_bytes((tmp_path / "a.mat").read_bytes()[:-40])
    savemat(tmp_path / "other.mat", {"x": [1]})
    (tmp_path / "cut.pkl").write_bytes(pickle.dumps(CONTENT)[:-30])
    (tmp_path / "list.pkl").write_bytes(pickle.dumps([1]))
    rows = np.array([[2, 1, 1, 5, 5], [2, 1, 1, 5, 5]], np.float32)
    act = {"gttubes": {"Run/a": {0: [rows]}}, "nframes": {"Run/a": 9}, "train_videos": [], "test_videos": []}
    (tmp_path / "act.pkl").write_bytes(pickle.dumps(act))
    assert "not a MATLAB file" in message("cut.mat") and "not a MATLAB file" in message("other.mat")
    assert "No such file" in message("gone.mat") and "No such file" in message("gone.pkl")
    assert "not a pickle of numbers" in message("cut.pkl")
    assert "not a dictionary of videos" in message("list.pkl")
    assert "Run/a: not in the published form" in message("act.pkl") and "not ascending" in message("act.pkl")
    wrong = {
        "Run/a": {"numf": 9, "annotations": [CONTENT["Run/v_Run_g01_c01"]["annotations"][0] | {"ef": 9}]}
    }
    (tmp_path / "wrong.pkl").write_bytes(pickle.dumps(wrong))
    assert "Run/a: not in the published form" in message(
        "wrong.pkl"
    ) and "2 boxes for frames 3 to 9" in message("wrong.pkl")


def test_a_video_in_both_splits_is_an_error(tmp_path):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(CONTENT))
    (tmp_path / "ucfTrainTestlist").mkdir()
    for split in ("train", "test"):
        (tmp_path / "ucfTrainTestlist" / f"{split}list01.txt").write_text("Run/v_Run_g01_c01.avi 1\n")
    with pytest.raises(DataError, match="'Run/v_Run_g01_c01' is in the lists of both splits"):
        Thumos13(tmp_path, 1, Path("a.pkl")).listing()


def test_every_published_split(shared):
    content = read_numbers(shared / "data" / "act" / "tube_sample.pkl")
    assert [len(videos) for videos in content["test_videos"]] == [1, 1, 1]
    with pytest.raises(DataError, match="trainlist02"):
        Thumos13(shared / "data" / "thumos13", 2).listing()  # only the first is available


# ---------------------------------------------------------------- folders, a few frames


def sparse(root: Path, annotated: str) -> Folder:
    root.mkdir(exist_ok=True)
    (root / "a.avi").touch()
    (root / "videos.csv").write_text("video,label,split\na,run,test\n")
    (root / "gt.csv").write_text("video,tube,class,frame,x1,y1,x2,y2\na,0,run,3,1,1,2,2\n")
    (root / "annotated.csv").write_text(annotated)
    return Folder(root, root / "videos.csv", root / "gt.csv", annotated=root / "annotated.csv")


def test_a_sparsely_annotated_folder(tmp_path):
    folder = sparse(tmp_path, "video,frame\na.avi,9\na,3\n")
    (tmp_path / "run.csv").write_text("video,frames\na,12\n")
    write_annotated_frames(folder, tmp_path / "run.csv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "video,frame\na,3\na,9\n"
    section = {"type": "folder", "root": str(tmp_path)}
    section |= {"ground_truth": str(tmp_path / "gt.csv"), "annotated": str(tmp_path / "annotated.csv")}
    planned = PlannedDataset("mine", section, 0)
    assert planned.annotated_table() == ["results/mine/annotated.csv"]
    assert len(planned.annotation_files()) == 2
    assert PlannedDataset("mine", {"type": "folder"}, 0).annotated_table() == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("video,frame\na,1.5\n", r"annotated\.csv: line 2: frame is 1\.5"),
        ("video,frame\na,-1\n", r"annotated\.csv: line 2: frame is -1"),
        ("video\na\n", r"annotated\.csv: column 'frame' is missing"),
        ("video,frame\na,4\n", "'a' has a box in frame 3, which .* does not list"),
    ],
)
def test_invalid_tables_of_annotated_frames(tmp_path, text, words):
    with pytest.raises(DataError, match=words):
        sparse(tmp_path, text).ground_truth()


def test_missing_annotations_are_an_error(tmp_path):
    root = write_ucf_sports(tmp_path)
    section = {"type": "ucf_sports", "root": str(root), "annotations": "Annotations"}
    with pytest.raises(ConfigError, match=r"datasets\.sports\.annotations: no such file or folder"):
        PlannedDataset("sports", section, 0).listing  # noqa: B018


def test_a_changed_annotation_of_many_files_is_noticed(tmp_path):
    root = write_ucf_sports(tmp_path)
    section = {"type": "ucf_sports", "root": str(root)}
    before = PlannedDataset("sports", section, 0).annotations_digest()
    text = root / "Diving-Side/001/gt/2538-5_70133.tif.txt"
    text.touch()
    assert PlannedDataset("sports", section, 0).annotations_digest() == before
    text.write_bytes(text.read_bytes().replace(b"\t20\t", b"\t21\t"))  # of the same size
    assert PlannedDataset("sports", section, 0).annotations_digest() != before
