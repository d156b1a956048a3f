"""Folders of frames: which file is which frame, layouts that people have, and frames without a picture."""

import logging
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from malformed_videos import make

from actorsup.artifacts.shards import ShardReader
from actorsup.artifacts.tube_files import TUBES_SCHEMA, read_tubes
from actorsup.attention.clips import sample_frames
from actorsup.config.read import check_config, read_config
from actorsup.datasets.base import VideoRecord
from actorsup.datasets.contents import FrameNaming
from actorsup.datasets.digests import content_digest
from actorsup.datasets.files import find_videos, scan_folder
from actorsup.datasets.frame_names import folder_frames
from actorsup.datasets.readers.folder import Folder
from actorsup.detection.base import Detections, ImageDetections
from actorsup.detection.settings import DetectorSettings
from actorsup.detection.stage import detect_videos
from actorsup.errors import VideoError
from actorsup.frames.decode import decode_video
from actorsup.frames.probe import probe_video
from actorsup.frames.settings import FrameSettings
from actorsup.frames.stage import decode_videos
from actorsup.frames.store import FrameStore
from actorsup.linking.gaps import fill_gaps
from actorsup.linking.settings import LinkerSettings
from actorsup.linking.stage import link_videos
from actorsup.tubes import Tubes
from actorsup.workflow.check import inspect_dataset
from actorsup.workflow.dataset import PlannedDataset


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def pictures(folder: Path, *names: str, size: tuple[int, int] = (32, 24)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(names):
        image = np.full((size[1], size[0], 3), 10 * index + 20, np.uint8)
        (folder / name).write_bytes(cv2.imencode(Path(name).suffix, image)[1].tobytes())
    return folder


def read(folder: Path, **naming) -> tuple[list[str | None], str]:
    """The stem of the file of each frame, None for no picture; and the notes."""
    frames = folder_frames(folder, FrameNaming(**naming))
    return [path and path.stem for path in frames.paths], "; ".join(map(str, frames.notes))


# ------------------------------------------------- numbers in names

NO_NOTE = {
    "from 0": (["0", "1", "2"], ["0", "1", "2"]),
    "from 1": (["0001", "0002"], ["0001", "0002"]),
    "unpadded": (["frame1", "frame2", "frame10", "frame9", "frame3", "frame4", "frame5", "frame6", "frame7",
                  "frame8"], [f"frame{n}" for n in range(1, 11)]),
    "a constant number before and after": (
        ["cam2_000001_1080p", "cam2_000002_1080p"], ["cam2_000001_1080p", "cam2_000002_1080p"]),
    "the number of the video": (["v_2_g01_0", "v_2_g01_1"], ["v_2_g01_0", "v_2_g01_1"]),
    "two numbers that count, the frame's has fewer gaps": (
        ["f1_t40", "f2_t80", "f3_t120"], ["f1_t40", "f2_t80", "f3_t120"]),
    "one picture": (["0000"], ["0000"]),
}  # fmt: skip


@pytest.mark.parametrize("case", NO_NOTE)
def test_ordinary_names(tmp_path, case):
    names, expected = NO_NOTE[case]
    assert read(touch(tmp_path, *(f"{name}.jpg" for name in names))) == (expected, "")


UNUSUAL = {
    "a gap": (["1", "2", "4"], ["1", "2", None, "4"], "missing numbers, .*: 1: 3; ",
              {"frame_numbers": "names"}),
    "every fifth": (["00000", "00005", "00010"], ["00000", *[None] * 4, "00005", *[None] * 4, "00010"],
                    "only every n-th number.*: n = 5;", {"frame_numbers": "names"}),
    "a start": (["7", "8"], ["7", "8"], "a first number that is not 0 or 1; it is frame 0: 7; ",
                {"first_frame": 7}),
    "no numbers": (["b", "a"], ["a", "b"], "names without frame numbers.*: a.jpg to b.jpg; ",
                   {"frame_numbers": "order"}),
    "nanoseconds": (["1403715273262142976", "1403715273312143104"],
                    ["1403715273262142976", "1403715273312143104"],
                    "names without frame numbers", {"frame_numbers": "order"}),
    "seconds": (["1305031102.975304", "1305031103.011214"], ["1305031102.975304", "1305031103.011214"],
                "names without frame numbers", {"frame_numbers": "order"}),
    "milliseconds": (["100000", "9900000", "5000000"], ["100000", "5000000", "9900000"],
                     "names without frame numbers", {"frame_numbers": "order"}),
    "a cover": (["1", "2", "cover"], ["1", "2"],
                "images without a number next to its frames, .*: cover.jpg; ",
                {"frame_names": "[0-9]*"}),
}  # fmt: skip


@pytest.mark.parametrize("case", UNUSUAL)
def test_unusual_names_are_reported_unless_a_setting_answers(tmp_path, case):
    names, expected, words, answer = UNUSUAL[case]
    touch(tmp_path, *(f"{name}.jpg" for name in names))
    frames, notes = read(tmp_path)
    assert frames == expected
    assert re.search(words, notes), notes
    assert read(tmp_path, **answer) == (expected, "")


def test_settings_choose_the_first_frame_the_numbers_and_the_images(tmp_path):
    touch(tmp_path, "3.jpg", "4.jpg", "6.jpg")
    assert read(tmp_path, first_frame=1, frame_numbers="names")[0] == [None, None, "3", "4", None, "6"]
    assert read(tmp_path, frame_numbers="order") == (["3", "4", "6"], "")
    with pytest.raises(VideoError, match=r"the number of 3\.jpg is below first_frame \(4\)"):
        read(tmp_path, first_frame=4)
    with pytest.raises(VideoError, match=r"a folder without images \(img_\*\)"):
        read(tmp_path, frame_names="img_*")


AMBIGUOUS = {
    "rgb and flow": (["img_1.jpg", "img_2.jpg", "flow_x_1.jpg", "flow_y_1.jpg"], "img_*",
                     r"flow_x_\* \(1\), flow_y_\* \(1\), img_\* \(2\).*frame_names: 'img_\*'"),
    "two cameras": (["cam1_1.jpg", "cam1_2.jpg", "cam2_1.jpg", "cam2_2.jpg"], "cam2*",
                    r"cam1_\* \(2\), cam2_\* \(2\)"),
    "two suffixes": (["1.jpg", "2.jpg", "1.png", "2.png"], "*.png",
                     r"1\.jpg and 1\.png have the number 1 \(2 \.jpg, 2 \.png\).*frame_names: '\*\.jpg'"),
    "two paddings": (["1.jpg", "001.jpg", "2.jpg"], "?.jpg", r"001\.jpg and 1\.jpg have the number 1"),
}  # fmt: skip


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_ambiguous_names_are_an_error_that_names_the_choice(tmp_path, case):
    names, chosen, words = AMBIGUOUS[case]
    touch(tmp_path, *names)
    with pytest.raises(VideoError, match=words):
        folder_frames(tmp_path)
    frames, notes = read(tmp_path, frame_names=chosen)
    assert len(frames) == 2 and not notes


def test_two_suffixes_with_different_numbers_are_one_video(tmp_path):
    frames, notes = read(touch(tmp_path, "1.jpg", "2.png", "3.JPEG"))
    assert (
        frames == ["1", "2", "3"]
        and "frames of several suffixes, which are one video: 2 .jpg, 1 .png" in notes
    )


def test_hidden_files_and_folders_are_no_frames(tmp_path):
    touch(tmp_path, "1.jpg", "2.jpg", "._1.jpg", ".3.jpg", "Thumbs.db", "@eaDir/1.jpg/thumb.jpg", "4.jpg/x")
    assert read(tmp_path) == (["1", "2"], "")


# ------------------------------------------------- layouts


def test_folders_of_a_system_and_of_other_pictures_are_no_videos(tmp_path):
    for folder in ("@eaDir/1.jpg", "__MACOSX", ".thumbnails", "lost+found", "$RECYCLE.BIN", "#recycle"):
        touch(tmp_path / "v" / folder, "1.jpg", "2.jpg")
    for folder in ("", "mask", "deeper"):
        touch(tmp_path / "v" / folder, "1.jpg", "2.jpg")
    for folder in ("rgb", "depth", "Flow", "rgb_mask"):
        touch(tmp_path / "w" / folder, "1.png", "2.png")
    touch(tmp_path, "depth/1.png", "depth/2.png")
    contents = scan_folder(tmp_path)
    assert contents.videos == {"v": tmp_path / "v", "w/rgb": tmp_path / "w" / "rgb"} and contents.ignored == 6
    others = {"v/mask", "v/deeper", "w/depth", "w/Flow", "w/rgb_mask", "depth"}
    assert (
        contents.companions.keys()
        == others
        == {entry.path.relative_to(tmp_path).as_posix() for entry in contents.unused}
    )


def test_a_table_can_name_any_folder_of_frames(tmp_path):
    for folder in ("clip.mp4", "w/rgb", "w/depth"):
        touch(tmp_path / folder, "1.png", "2.png")
    (tmp_path / "t.csv").write_text("video,label,split\nclip.mp4,run,train\nw/depth,run,test\n")
    listing = Folder(tmp_path, tmp_path / "t.csv").listing()
    assert [(r.video, r.path.name) for r in listing.records] == [("clip", "clip.mp4"), ("w/depth", "depth")]
    assert not listing.missing and listing.unlisted == ("w/rgb",) and not listing.unused


def test_folders_called_like_companions_alone_are_videos(tmp_path):
    touch(tmp_path, "mask/1.png", "mask/2.png")
    assert list(find_videos(tmp_path)) == ["mask"]
    make(tmp_path / "flow.mp4")
    touch(tmp_path, "depth/a.mp4")
    assert sorted(find_videos(tmp_path)) == ["depth/a", "flow"]


def test_one_picture_does_not_hide_folders_of_frames(tmp_path):
    touch(tmp_path, "k/cover1.jpg", "k/a/1.jpg", "k/a/2.jpg", "k/b/1.jpg")
    contents = scan_folder(tmp_path)
    assert sorted(contents.videos) == ["k/a", "k/b"] and len(contents.unused) == 1


def test_layouts_that_people_have(tmp_path):
    touch(tmp_path, "MOT/a/img1/000001.jpg", "MOT/a/gt/gt.txt", "MOT/a/det/det.txt", "MOT/b/det/det.txt",
          "MOT/b/frames/000001.jpg", "rawframes/c/img_00001.jpg", "rawframes/c/img_00002.jpg",
          "DAVIS/JPEGImages/480p/bear/00000.jpg", "DAVIS/Annotations/480p/bear/00000.png",
          "DAVIS/ImageSets/480p/train.txt", "UCF/Dive/v_1/frame000001.jpg",
          "UCF/Dive/v_2/0001.jpg")  # fmt: skip
    (tmp_path / "MOT/b/seqinfo.ini").write_text(
        "[Sequence]\nname=b\nimDir=frames\nframeRate=14\nseqLength=1\n"
    )
    contents = scan_folder(tmp_path)
    assert {video: path.relative_to(tmp_path).as_posix() for video, path in contents.videos.items()} == {
        "DAVIS/JPEGImages/480p/bear": "DAVIS/JPEGImages/480p/bear",
        "MOT/a": "MOT/a/img1",
        "MOT/b": "MOT/b/frames",
        "UCF/Dive/v_1": "UCF/Dive/v_1",
        "UCF/Dive/v_2": "UCF/Dive/v_2",
        "rawframes/c": "rawframes/c",
    }
    assert {entry.path.name for entry in contents.unused} == {"train.txt", "bear"}


def test_the_frame_rate_of_a_sequence_is_that_of_its_seqinfo(tmp_path):
    frames = pictures(tmp_path / "s" / "img1", "000001.jpg", "000002.jpg")
    assert (decode_video(frames).fps, decode_video(frames).fps_assumed) == (25.0, True)
    before = content_digest(frames)
    (tmp_path / "s" / "seqinfo.ini").write_text("[Sequence]\nframeRate=14\n")
    assert (decode_video(frames).fps, decode_video(frames).fps_assumed) == (14.0, False)
    assert content_digest(frames) != before


def test_the_digest_is_of_the_frames_only(tmp_path):
    folder = pictures(tmp_path / "v", "img_1.jpg", "img_2.jpg")
    before = content_digest(folder)
    pictures(folder, "flow_1.jpg")
    touch(folder, "Thumbs.db", ".DS_Store", "notes.txt")
    assert content_digest(folder, "img_*") == before != content_digest(folder)
    pictures(folder, "img_3.jpg")
    assert content_digest(folder, "img_*") != before


def test_a_check_has_a_line_for_each_rule_and_settings_silence_it(tmp_path):
    for name, numbers in {"a": (1, 2, 4), "b": (1, 3, 4), "c": (9, 10), "d": (0, 5, 10)}.items():
        pictures(tmp_path / name, *(f"{number:03d}.jpg" for number in numbers))
    pictures(tmp_path / "e", "img_1.jpg", "flow_1.jpg")
    section = {"type": "folder", "root": str(tmp_path)}
    found = inspect_dataset(PlannedDataset("mine", section, 0)).findings
    notes = "\n".join(finding.text for finding in found if not finding.serious)
    problems = "\n".join(finding.text for finding in found if finding.serious)
    assert (
        "2 folders of frames have missing numbers, which are frames without a picture: a (1: 3), b (1: 2)"
        in notes
    )
    assert "1 folders of frames have a first number that is not 0 or 1; it is frame 0: c (9)" in notes
    assert (
        "1 folders of frames have only every n-th number; frames between have no picture: d (n = 5)" in notes
    )
    assert "1 videos cannot be used" in problems and "several stems: flow_* (1), img_* (1)" in problems
    answers = {"first_frame": 0, "frame_numbers": "names", "frame_names": "[0-9i]*"}
    assert not inspect_dataset(PlannedDataset("mine", {**section, **answers}, 0)).findings
    assert probe_video(tmp_path / "a").frames == 4


def test_the_settings_reach_decoding(tmp_path):
    section = {"type": "folder", "root": str(tmp_path), "frame_names": "img_*", "first_frame": 0, "shards": 1}
    pictures(tmp_path / "v", "img_1.jpg", "flow_1.jpg")
    planned = PlannedDataset("mine", section, 0)
    naming = {"frame_names": "img_*", "first_frame": 0, "frame_numbers": None}
    assert planned.frame_naming == naming
    record = VideoRecord("v", tmp_path / "v", "", (), FrameNaming(**naming))
    decode_videos([record], tmp_path / "0.h5", FrameSettings(), {}, digests=planned.digests)
    with FrameStore(tmp_path / "0.h5") as store:
        assert store["v"].has_picture.tolist() == [False, True] and not store.failures


def test_the_configuration_knows_the_settings():
    config = read_config([])
    config["datasets"]["myvideos"] |= {"frame_names": "img_*", "first_frame": 0, "frame_numbers": "names"}
    check_config(config)


# ------------------------------------------------- frames without a picture


def moving_box(frame: int) -> list[float]:
    return [2.0 + frame, 3.0, 14.0 + frame, 19.0]


class Detector:
    """Finds the box of a frame, which it knows by the grey value of the picture."""

    def detect(self, images) -> list[ImageDetections]:
        boxes = [moving_box((int(image[0, 0, 0]) - 20) // 10) for image in images]
        return [
            ImageDetections(np.array([b], np.float32), np.ones(1, np.float32), np.ones(1, np.int16))
            for b in boxes
        ]


@pytest.fixture
def with_gaps(tmp_path, monkeypatch) -> Path:
    """The shards of a video with pictures of the frames 1, 2, 4 and 7 of eight."""
    folder = tmp_path / "v"
    pictures(folder, *(f"{n}.png" for n in range(8)))
    for number in (0, 3, 5, 6):
        (folder / f"{number}.png").unlink()
    record = VideoRecord("v", folder, "", (), FrameNaming(first_frame=0))
    decode_videos([record], tmp_path / "frames.h5", FrameSettings("png"), {})
    monkeypatch.setattr("actorsup.detection.stage.build_detector", lambda *arguments: Detector())
    detect_videos(
        tmp_path / "frames.h5", tmp_path / "found.h5", DetectorSettings("small"), ["person"], None, "cpu", {}
    )
    return tmp_path


def test_frames_without_a_picture_are_not_detected_in(with_gaps):
    with (
        FrameStore(with_gaps / "frames.h5") as store,
        ShardReader(with_gaps / "found.h5", "detections/1") as shard,
    ):
        assert store["v"].pictures.tolist() == [1, 2, 4, 7]
        assert [int(store["v"].shown(index)[0, 0, 0]) for index in range(8)] == [
            30,
            30,
            40,
            40,
            60,
            60,
            60,
            90,
        ]
        assert shard["v"]["frame"][()].tolist() == [1, 2, 4, 7] and shard["v"].attrs["frames"] == 8
        np.testing.assert_array_equal(shard["v"]["boxes"][()], [moving_box(n) for n in (1, 2, 4, 7)])


def test_boxes_are_interpolated_and_never_shifted(with_gaps):
    """A path through detections of a box that moves evenly is right in every frame, with a picture or not."""
    link_videos(
        with_gaps / "frames.h5", with_gaps / "found.h5", with_gaps / "tubes.h5",
        LinkerSettings("viterbi", tubes=1), None, "cpu", {},
    )  # fmt: skip
    with ShardReader(with_gaps / "tubes.h5", TUBES_SCHEMA) as shard:
        tubes = read_tubes(shard["v"])
    assert tubes.frames == 8 and tubes.interval.tolist() == [[0, 8]] and tubes.seed_frame.tolist() == [1]
    expected = [moving_box(max(frame, 1)) for frame in range(8)]
    np.testing.assert_allclose(tubes.boxes[0], expected, atol=1e-5)
    np.testing.assert_allclose(tubes.frame_score[0], 1)


def test_a_tracker_follows_through_a_gap(with_gaps):
    link_videos(
        with_gaps / "frames.h5", with_gaps / "found.h5", with_gaps / "tubes.h5",
        LinkerSettings("static", tubes=1), None, "cpu", {},
    )  # fmt: skip
    with ShardReader(with_gaps / "tubes.h5", TUBES_SCHEMA) as shard:
        tubes = read_tubes(shard["v"])
    assert tubes.interval.tolist() == [[0, 8]] and np.isfinite(tubes.boxes).all()


def test_gaps_are_filled_within_the_interval_of_a_tube():
    boxes = np.full((1, 4, 4), np.nan, np.float32)
    boxes[0, 1:3] = [[0, 0, 10, 10], [30, 0, 40, 10]]
    score = np.array([[np.nan, 1, 0.4, np.nan]], np.float32)
    one = np.ones(1, np.float32)
    tubes = Tubes(
        boxes, one, np.ones(1, np.int16), np.array([2], np.int32), score, np.array([[1, 3]], np.int32)
    )
    filled = fill_gaps(tubes, np.array([1, 2, 5, 7]), 9)
    assert filled.interval.tolist() == [[2, 6]] and filled.seed_frame.tolist() == [5]
    np.testing.assert_allclose(filled.boxes[0, 2:6, 0], [0, 10, 20, 30])
    np.testing.assert_allclose(filled.frame_score[0, 2:6], [1, 0.8, 0.6, 0.4], atol=1e-6)
    assert np.isnan(filled.boxes[0, [0, 1, 6, 7, 8]]).all()
    assert fill_gaps(tubes, np.arange(4), 4) is tubes


def test_training_and_scoring_sample_frames_with_a_picture(with_gaps):
    with FrameStore(with_gaps / "frames.h5") as store:
        assert sample_frames(store["v"], 4, None).tolist() == [1, 2, 4, 7]
        for seed in range(20):
            chosen = sample_frames(store["v"], 3, np.random.default_rng(seed), 3, 2)
            assert set(chosen.tolist()) <= {1, 2, 4, 7}
            store["v"].read(chosen)


def test_supplied_detections_in_frames_without_a_picture_are_dropped(with_gaps, monkeypatch, caplog):
    from actorsup.detection.stage import finder

    caplog.set_level(logging.INFO)
    every = Detections.of_images(
        range(8), [found for n in range(8) for found in Detector().detect([np.full((1, 1, 3), 20 + 10 * n)])]
    )
    monkeypatch.setattr("actorsup.detection.stage._finder", lambda *arguments: lambda video, images: every)
    with FrameStore(with_gaps / "frames.h5") as store:
        found = finder(DetectorSettings("small"), ["person"], None, "cpu")("v", store["v"])
    assert (
        found.frame.tolist() == [1, 2, 4, 7] and "4 boxes in frames without a picture dropped" in caplog.text
    )


def test_a_folder_of_frames_that_is_damaged_is_a_failure_with_its_file(tmp_path):
    folder = pictures(tmp_path / "v", "1.png", "2.png")
    (folder / "2.png").unlink()
    (folder / "2.png").symlink_to("/nowhere.png")
    decode_videos([VideoRecord("v", folder, "", ())], tmp_path / "0.h5", FrameSettings(), {})
    with FrameStore(tmp_path / "0.h5") as store:
        assert "2.png: cannot be read" in store.failures["v"]
