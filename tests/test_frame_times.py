"""Times of frames and intervals, against times that are known by hand."""

import json

import av
import h5py
import numpy as np
import pandas as pd
import pytest
from malformed_videos import make

from actorsup.artifacts.shards import ShardReader, ShardWriter
from actorsup.artifacts.tube_files import PREDICTIONS_SCHEMA, VideoInfo, read_info, write_tubes
from actorsup.datasets.base import VideoRecord
from actorsup.detection.base import Detections
from actorsup.errors import DataError
from actorsup.formats.coco_writing import write_coco
from actorsup.formats.predictions import predictions_json
from actorsup.formats.predictions_reader import read_predictions_json
from actorsup.frames.frame_times import frame_times
from actorsup.frames.settings import FrameSettings
from actorsup.frames.stage import decode_videos
from actorsup.frames.store import FrameStore
from actorsup.frames.video_table import write_video_table
from actorsup.predict import Prediction
from actorsup.report.examples import Example, details
from actorsup.report.webm import write_webm
from actorsup.tubes import Tubes

NONE = [None] * 40
# 15 frames at 30 per second, then 10 per second, in milliseconds
VARIABLE = [round(1000 * i / 30) for i in range(15)] + [500 + 100 * i for i in range(15)]


def times_of(stamps, decoding=None, stated=25.0):
    return frame_times(stamps, decoding or [None] * len(stamps), stated)


def test_a_constant_rate_keeps_the_rate_of_the_header():
    exact = [i * 1001 / 30000 for i in range(200)]
    rounded = [round(t, 3) for t in exact]  # as Matroska stores them
    for stamps in (exact, rounded, [t + 1.48 for t in rounded], [t - 0.1 for t in exact]):
        found = times_of(stamps, stated=30000 / 1001)
        assert (found.fps, found.is_constant, found.is_stated) == (30000 / 1001, True, True)
        np.testing.assert_allclose(found.seconds, np.array(stamps) - stamps[0], atol=1e-9)


def test_a_header_with_a_wrong_rate_does_not_count():
    found = times_of([i * 1001 / 30000 for i in range(100)], stated=25.0)
    assert found.fps == 30000 / 1001 and found.is_constant
    # over an hour, 29.97 and 30 differ by more than three seconds
    assert times_of([i / 30 for i in range(108_000)], stated=29.97).fps == 30


def test_a_variable_rate_keeps_each_time():
    found = times_of([t / 1000 for t in VARIABLE], stated=30.0)
    assert not found.is_constant and found.fps == pytest.approx(29 / 1.9)
    np.testing.assert_allclose(found.seconds, np.array(VARIABLE) / 1000)


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ([0, 1, 1, 3, 4], [0, 1, 2, 3, 4]),  # one twice
        ([0, 1, None, 3, 4], [0, 1, 2, 3, 4]),
        ([None, 1, 2, 3, None], [0, 1, 2, 3, 4]),
        ([0, 1, 99, 3, 4], [0, 1, 2, 3, 4]),  # a glitch ahead, and one back
        ([0, 1, -7, 3, 4], [0, 1, 2, 3, 4]),
        ([5, 6, 7, 5, 6, 7], [0, 1, 2, 3, 4, 5]),  # joined recordings
        ([5, 6, 7, 0, 3, 6], [0, 1, 2, 4, 7, 10]),  # steps of 1, 1, 3 and 3
        ([9, 0, 1, 2], [0, 1, 2, 3]),
        ([0, 1, 2, 60, 61], [0, 1, 2, 60, 61]),  # a pause
        ([0, 2, 1, 4, 3, 6, 5, 7], [0, 1, 2, 3, 4, 5, 6, 7]),  # reordered frames
    ],
)
def test_wrong_timestamps_are_repaired_by_one_rule(stamps, expected):
    stamps = [None if stamp is None else stamp / 10 + 3 for stamp in stamps]
    np.testing.assert_allclose(times_of(stamps).seconds, np.array(expected) / 10, atol=1e-9)


def test_repaired_times_increase():
    random = np.random.default_rng(0)
    for _ in range(300):
        stamps = (random.integers(0, 60, random.integers(2, 40)) / 25).tolist()
        stamps = [None if random.random() < 0.2 else stamp for stamp in stamps]
        found = times_of(stamps)
        assert len(found.seconds) == len(stamps) and found.seconds[0] == 0
        assert (np.diff(found.seconds) > 0).all() and np.isfinite(found.seconds).all()


def test_decoding_times_count_where_presentation_times_decrease():
    """As in AVI files with reordered frames, whose presentation times are those of the wrong frames."""
    decoding = [0.2, 0.3, 0.4, 0.5, 0.6, None]
    found = times_of([0.1, 0.4, 0.3, 0.6, 0.5, 0.7], decoding, 10.0)
    np.testing.assert_allclose(found.seconds, np.arange(6) / 10, atol=1e-9)
    assert found.fps == 10 and found.is_constant


def test_without_usable_timestamps_the_stated_rate_counts():
    impossible = [[i * step for i in range(5)] for step in (0, 1e-9, 1e6)]
    for stamps in ([None] * 5, [None] * 4 + [1], *impossible):
        found = times_of(stamps, stated=12.5)
        assert (found.fps, found.is_constant, found.is_stated) == (12.5, True, False)
        np.testing.assert_allclose(found.seconds, np.arange(5) / 12.5)
    assert times_of([0.3]).seconds.tolist() == [0]


def test_an_interval_ends_when_its_last_frame_ends():
    info = VideoInfo(4, 10.0, 8, 8, np.array([0, 0.1, 0.2, 1.0]))
    assert [info.seconds(frame) for frame in range(5)] == pytest.approx([0, 0.1, 0.2, 1.0, 1.1])
    assert [VideoInfo(4, 10.0, 8, 8).seconds(frame) for frame in (0, 3, 4)] == [0, 0.3, 0.4]


@pytest.fixture(scope="module")
def variable(tmp_path_factory):
    """A store of a video of variable rate with reordered frames, and of one of constant rate."""
    folder = tmp_path_factory.mktemp("variable")
    videos = {
        "variable": make(folder / "variable.mp4", 30, codec="libx264", times=VARIABLE),
        "constant": make(folder / "constant.mkv", 30, codec="libx264"),
    }
    records = [VideoRecord(name, path, "", ()) for name, path in videos.items()]
    decode_videos(records, folder / "0.h5", FrameSettings(), {})
    return folder / "0.h5"


def test_the_store_keeps_the_time_of_each_frame(variable):
    with FrameStore(variable) as store, h5py.File(variable, locking=False) as file:
        names = dict(file["videos"][()])
        groups = {name.decode(): file[group.decode()] for name, group in names.items()}
        np.testing.assert_allclose(groups["variable"]["time"], np.array(VARIABLE) / 1000, atol=1e-4)
        np.testing.assert_allclose(groups["constant"]["time"], np.arange(30) / 25, atol=1e-3)
        np.testing.assert_allclose(store["variable"].times, np.array(VARIABLE) / 1000, atol=1e-4)
        assert store["variable"].fps == pytest.approx(29 / 1.9, abs=1e-3)
        assert (store["constant"].times, store["constant"].fps) == (None, 25.0)


def test_the_table_of_videos_has_durations_by_timestamps(variable, tmp_path):
    rows = [{"video": name, "path": "p", "shard": "0"} for name in ("constant", "variable")]
    write_video_table(rows, [variable], tmp_path / "videos.csv")
    # the median frame of the video of variable rate lasts 33 or 100 ms
    constant, other = pd.read_csv(tmp_path / "videos.csv")["duration"]
    assert constant == 1.2 and 1.9 + 0.033 <= other <= 1.9 + 0.101


def one_tube(first: int, end: int) -> Tubes:
    boxes = np.full((1, 30, 4), np.nan, np.float32)
    boxes[0, first:end] = [1, 2, 30, 40]
    return Tubes(
        boxes=boxes,
        score=np.ones(1, np.float32),
        actor=np.ones(1, np.int16),
        seed_frame=np.array([first], np.int32),
        frame_score=np.where(np.isnan(boxes[..., 0]), np.nan, 1).astype(np.float32),
        interval=np.array([[first, end]], np.int32),
        class_logit=np.zeros((1, 1), np.float32),
        class_score=np.ones((1, 1)),
    )


def test_seconds_of_a_predicted_tube_are_those_of_its_frames(variable):
    with FrameStore(variable) as store:
        images = store["variable"]
    info = VideoInfo(30, images.fps, 64, 48, images.times)
    (tube,) = Prediction("v", info, ("kick",), one_tube(3, 13)).tubes
    assert tube.seconds == pytest.approx((0.1, 0.433), abs=1e-4)
    (tube,) = Prediction("v", info, ("kick",), one_tube(14, 16)).tubes
    assert tube.seconds == pytest.approx((0.467, 0.6), abs=1e-4)


@pytest.fixture
def shard(tmp_path):
    """Scored tubes of a video of variable rate, and of one of constant rate."""
    times = np.array(VARIABLE) / 1000
    with ShardWriter(tmp_path / "0.h5", PREDICTIONS_SCHEMA, {}, {"classes": ["kick"]}) as writer:
        write_tubes(writer, "variable", VideoInfo(30, 15.3, 64, 48, times), one_tube(3, 13))
        write_tubes(writer, "constant", VideoInfo(30, 25.0, 64, 48), one_tube(3, 13))
    return tmp_path / "0.h5"


def test_times_pass_through_shards_and_json(shard, tmp_path):
    predictions_json([shard], tmp_path / "p.json")
    content = json.loads((tmp_path / "p.json").read_text())["videos"]
    assert "times" not in content["constant"]
    np.testing.assert_allclose(content["variable"]["times"], np.array(VARIABLE) / 1000)
    videos = {video.video: video for video in read_predictions_json(tmp_path / "p.json")[1]}
    assert videos["constant"].info.times is None
    assert videos["variable"].info.seconds(13) == pytest.approx(0.433)
    with ShardReader(shard, PREDICTIONS_SCHEMA) as reader:
        assert read_info(reader["constant"]).times is None and "time" not in reader["constant"]
        assert read_info(reader["variable"]).seconds(13) == pytest.approx(0.433)


@pytest.mark.parametrize(
    "wrong", [[], [0.0] * 29, [0.0] * 29 + [-1.0], [0.0] * 29 + [1e400], ["0"] * 30, 3, {"0": 1}, [1.0] * 30]
)
def test_wrong_times_in_json_are_one_line(shard, tmp_path, wrong):
    predictions_json([shard], tmp_path / "p.json")
    content = json.loads((tmp_path / "p.json").read_text())
    content["videos"]["variable"]["times"] = wrong
    (tmp_path / "p.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"p\.json.*(time|number|Infinity)") as error:
        list(read_predictions_json(tmp_path / "p.json")[1])
    assert "\n" not in str(error.value)


def test_coco_images_of_a_variable_rate_have_timestamps(shard, tmp_path):
    predictions_json([shard], tmp_path / "p.json")
    videos = [video.to_labeled("p.json") for video in read_predictions_json(tmp_path / "p.json")[1]]
    with open(tmp_path / "coco.json", "w") as stream:
        write_coco(videos, stream, ["kick"], "coco.json")
    content = json.loads((tmp_path / "coco.json").read_text())
    names = {video["id"]: video["name"] for video in content["videos"]}
    stamps = {name: [] for name in names.values()}
    for image in content["images"]:
        stamps[names[image["video_id"]]].append(image.get("timestamp"))
    assert stamps["constant"] == [None] * 30
    np.testing.assert_allclose(stamps["variable"], np.array(VARIABLE) / 1000)


def test_a_drawn_video_shows_each_frame_at_its_time(tmp_path):
    images = [np.full((48, 64, 3), 8 * i, np.uint8) for i in range(30)]
    write_webm(tmp_path / "v.webm", images, 15.3, 64, np.array(VARIABLE) / 1000)
    with av.open(str(tmp_path / "v.webm")) as container:
        found = [frame.time for frame in container.decode(video=0)]
    np.testing.assert_allclose(found, np.array(VARIABLE) / 1000, atol=1e-3)


def test_the_player_gets_the_time_of_each_shown_frame():
    empty = Tubes.empty(30)
    for times, expected in ((None, None), (np.array(VARIABLE) / 1000, [t / 1000 for t in VARIABLE])):
        info = VideoInfo(30, 15.3, 64, 48, times)
        example = Example("v", info, "", (), empty, empty, Detections.of_images([], []), [], [], np.zeros(0))
        content = details(example, 0.5)
        assert ("times" in content) == (expected is not None)
        if expected:
            assert content["times"][:-1] == pytest.approx(expected) and len(content["times"]) == 31
            assert "variable rate" in content["about"]
