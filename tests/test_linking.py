"""Linking: Algorithm 1 against a literal transcription, the baselines, NanoTrack, the stage."""

from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actorsup.artifacts.checksums import embed_checksum
from actorsup.artifacts.shards import ShardReader, ShardWriter
from actorsup.artifacts.tube_files import TUBES_SCHEMA, read_info, read_tubes
from actorsup.datasets.base import VideoRecord
from actorsup.detection.base import Detections
from actorsup.errors import ConfigError, DataError
from actorsup.frames.settings import FrameSettings
from actorsup.frames.stage import decode_videos
from actorsup.frames.store import CachedFrames
from actorsup.linking import stage
from actorsup.linking.algorithm import TrackingLinker
from actorsup.linking.base import Seed, Track, VideoDetections
from actorsup.linking.settings import LinkerSettings
from actorsup.linking.stage import build_linker, link_videos
from actorsup.linking.trackers.nanotrack import NanoTracker
from actorsup.linking.trackers.static import StaticTracker

WIDTH, HEIGHT = 40, 30


class DriftingTracker:
    """A box goes right and grows by whole pixels a frame, from the seed both ways."""

    def __init__(self):
        self.calls = []

    def track(self, seeds):
        self.calls.append(len(seeds))
        tracks = []
        for seed in seeds:
            steps = np.arange(len(seed.images), dtype=np.float32) - seed.frame
            boxes = seed.box + np.stack([steps, 0 * steps, 2 * steps, steps], 1)
            tracks.append(Track(boxes.astype(np.float32), 1 / (1 + np.abs(steps))))
        return tracks


def overlap(a, b) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    sizes = [max(0, x2 - x1) * max(0, y2 - y1) for x1, y1, x2, y2 in (a, b)]
    return width * height / (sum(sizes) - width * height)


def literal_algorithm_1(video, tracker, most, filter_iou):
    """The lines of the paper, one detection and one comparison at a time."""
    d = video.detections
    remaining = [(int(d.frame[i]), d.boxes[i], float(d.score[i]), int(d.actor[i])) for i in range(len(d))]
    tubes = []
    i = 0
    while remaining and i < most:
        best = 0
        for j, candidate in enumerate(remaining):
            earlier = candidate[2] == remaining[best][2] and candidate[0] < remaining[best][0]
            if candidate[2] > remaining[best][2] or earlier:
                best = j
        seed = remaining.pop(best)
        track = tracker.track([Seed(video.images, seed[0], seed[1])])[0]
        tubes.append((seed, track))
        kept = []
        for candidate in remaining:
            box = [float(value) for value in track.boxes[candidate[0]]]
            if not overlap([float(value) for value in candidate[1]], box) > filter_iou:
                kept.append(candidate)
        remaining = kept
        i += 1
    return tubes


@st.composite
def videos(draw):
    """Whole-number boxes on a coarse grid and few scores, so that ties and overlaps are common."""
    frames = draw(st.integers(1, 6))
    count = draw(st.integers(0, 14))
    rows = st.tuples(
        st.integers(0, frames - 1),
        st.integers(0, 6),
        st.integers(0, 6),
        st.sampled_from([10, 12, 20]),
        st.sampled_from([10, 14]),
        st.sampled_from([0.25, 0.5, 0.9]),
        st.sampled_from([1, 88]),
    )
    found = sorted(draw(st.lists(rows, min_size=count, max_size=count)), key=lambda row: (row[0], -row[5]))
    return VideoDetections([np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * frames, detections_of(found))


def detections_of(rows) -> Detections:
    return Detections(
        frame=np.array([row[0] for row in rows], np.int32),
        boxes=np.array(
            [[row[1], row[2], row[1] + row[3], row[2] + row[4]] for row in rows], np.float32
        ).reshape(-1, 4),
        score=np.array([row[5] for row in rows], np.float32),
        actor=np.array([row[6] for row in rows], np.int16),
    )


@given(
    videos(), st.integers(1, 6), st.sampled_from([0.0, 0.4, 0.5, 0.7, 1.0]), st.sampled_from([0, 1, 3, 20])
)
@settings(max_examples=200, deadline=None)
def test_linking_is_algorithm_1(video, most, filter_iou, seeds_ahead):
    linker = TrackingLinker(DriftingTracker(), most, filter_iou, seeds_ahead)
    tubes = linker.link([video])[0]
    assert linker.tracked - linker.wasted == len(tubes)
    assert linker.wasted == 0 or seeds_ahead
    expected = literal_algorithm_1(video, DriftingTracker(), most, filter_iou)
    assert len(tubes) == len(expected)
    assert tubes.frames == len(video.images)
    for p, (seed, track) in enumerate(expected):
        assert (tubes.seed_frame[p], tubes.score[p], tubes.actor[p]) == (
            seed[0],
            np.float32(seed[2]),
            seed[3],
        )
        for frame, box in enumerate(track.boxes):
            cut = [min(max(float(v), 0), limit) for v, limit in zip(box, (WIDTH, HEIGHT) * 2, strict=True)]
            assert tubes.boxes[p, frame].tolist() == cut
        np.testing.assert_array_equal(tubes.frame_score[p], track.score)
        assert tubes.interval[p].tolist() == [0, len(video.images)]
    assert (np.diff(tubes.score) <= 0).all()


@pytest.mark.parametrize("aspects", [(1, 1), (1, 2)])
def test_seeds_ahead_are_one_of_each_actor(aspects):
    """Two actors who walk, and are found in each frame: their best detections are the first two seeds."""
    frames, rows = 30, []
    for frame in range(frames):
        for actor, (x, y) in enumerate([(frame / 2, 2), (30 - frame / 2, 16)]):
            rows.append((frame, x, y, 8, 8 * aspects[actor], 0.9 - 0.001 * frame - 0.0005 * actor, 1))
    video = VideoDetections([np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * frames, detections_of(rows))

    class Perfect:
        calls: list[int]

        def __init__(self):
            self.calls = []

        def track(self, seeds):
            self.calls.append(len(seeds))
            steps = np.arange(frames) / 2
            lines = {2: steps, 16: 30 - steps}
            tracks = []
            for seed in seeds:
                x, size = lines[int(seed.box[1])], seed.box[2:] - seed.box[:2]
                corner = np.stack([x, np.full(frames, seed.box[1])], 1)
                tracks.append(
                    Track(np.concatenate([corner, corner + size], 1).astype(np.float32), np.ones(frames))
                )
            return tracks

    for seeds_ahead, calls in ((0, [1, 1]), (1, [2]), (9, [2])):
        tracker = Perfect()
        linker = TrackingLinker(tracker, 10, 0.7, seeds_ahead)
        assert len(linker.link([video])[0]) == 2
        assert (tracker.calls, linker.wasted) == (calls, 0)


@given(st.lists(videos(), max_size=4), st.integers(1, 4))
@settings(max_examples=50, deadline=None)
def test_videos_together_are_videos_one_by_one(some, most):
    tracker = DriftingTracker()
    together = TrackingLinker(tracker, most, 0.5).link(some)
    assert len(tracker.calls) == max(map(len, together), default=0)  # rounds, not tubes
    for video, tubes in zip(some, together, strict=True):
        single = TrackingLinker(DriftingTracker(), most, 0.5).link([video])[0]
        for name, array in tubes.arrays().items():
            np.testing.assert_array_equal(array, single.arrays()[name], err_msg=name)
            assert array.dtype == single.arrays()[name].dtype


def test_a_detection_at_the_threshold_stays_and_one_above_it_goes():
    # in the next frame, of a seed 10 wide: 7 of 10 columns, and 8 of 10
    rows = [(0, 0, 0, 10, 10, 0.9, 1), (1, 0, 0, 7, 10, 0.8, 1), (1, 0, 0, 8, 10, 0.7, 88)]
    video = VideoDetections([np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * 2, detections_of(rows))
    tubes = TrackingLinker(StaticTracker(), 5, 0.7).link([video])[0]
    np.testing.assert_array_equal(tubes.score, np.array([0.9, 0.8], np.float32))


def test_filtering_takes_boxes_before_they_are_cut_to_the_frame():
    # the tube leaves the frame to the right: uncut it overlaps the detection by 50 of 250 pixels,
    # cut it would be the detection
    rows = [(0, 30, 0, 10, 10, 0.9, 1), (5, 35, 0, 5, 15, 0.8, 1)]
    video = VideoDetections([np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * 6, detections_of(rows))
    tubes = TrackingLinker(DriftingTracker(), 5, 0.7).link([video])[0]
    assert len(tubes) == 2
    assert tubes.boxes[0, 5].tolist() == [35, 0, 40, 15]


def test_no_detections_no_tubes():
    video = VideoDetections([np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * 3, detections_of([]))
    tubes = TrackingLinker(StaticTracker(), 5, 0.7).link([video])[0]
    assert len(tubes) == 0
    assert tubes.boxes.shape == (0, 3, 4)
    assert TrackingLinker(StaticTracker(), 5, 0.7).link([]) == []


# --------------------------------------------------------------------------- NanoTrack


@pytest.fixture(scope="module")
def nanotrack_files(shared):
    return [shared / "weights" / f"nanotrackv2_nanotrack_{part}_sim.onnx" for part in ("backbone", "head")]


def moving_square(frames: int, height: int = 120, width: int = 160, step: int = 4):
    """A textured square of 30 pixels that goes right over a noisy ground, and its boxes."""
    random = np.random.default_rng(0)
    ground = cv2.GaussianBlur(random.integers(0, 255, (height, width, 3), np.uint8), (0, 0), 2)
    square = cv2.resize(random.integers(0, 255, (6, 6, 3), np.uint8), (30, 30))
    images, boxes = [], []
    for frame in range(frames):
        x, y = 20 + step * frame, 40 + frame
        image = ground.copy()
        image[y : y + 30, x : x + 30] = square
        images.append(image)
        boxes.append([x, y, x + 30, y + 30])
    return images, np.array(boxes, np.float32)


def test_nanotrack_is_a_fresh_opencv_tracker_each_way(nanotrack_files, capfd):
    images, boxes = moving_square(10)
    seeds = [Seed(images, 4, boxes[4] + 0.6), Seed(images[:1], 0, boxes[0]), Seed(images, 9, boxes[9])]
    tracks = NanoTracker(*nanotrack_files).track(seeds)
    assert capfd.readouterr().err == ""
    parameters = cv2.TrackerNano_Params()
    parameters.backbone, parameters.neckhead = map(str, nanotrack_files)
    for seed, track in zip(seeds, tracks, strict=True):
        count = len(seed.images)
        expected = np.zeros((count, 4))
        expected[seed.frame] = seed.box
        x1, y1, x2, y2 = (float(value) for value in seed.box)
        for frames in (range(seed.frame + 1, count), range(seed.frame - 1, -1, -1)):
            tracker = cv2.TrackerNano_create(parameters)
            bgr = [image[..., ::-1].copy() for image in seed.images]
            tracker.init(bgr[seed.frame], (int(x1), int(y1), int(x2 - x1), int(y2 - y1)))
            for frame in frames:
                x, y, width, height = tracker.update(bgr[frame])[1]
                expected[frame] = x, y, x + width, y + height
        np.testing.assert_array_equal(track.boxes, expected.astype(np.float32))
        assert track.boxes.dtype == track.score.dtype == np.float32
        assert track.score[seed.frame] == 1
        assert ((track.score >= 0) & (track.score <= 1)).all()
    assert np.abs(tracks[0].boxes - boxes).max() < 12  # and it follows the square


def test_nanotrack_without_its_files(tmp_path):
    with pytest.raises(ConfigError, match="backbone: no such file"):
        NanoTracker(tmp_path / "none.onnx", tmp_path / "none.onnx")
    wrong = tmp_path / "wrong.onnx"
    wrong.write_bytes(b"no network")
    with pytest.raises(DataError, match="NanoTrack"):
        NanoTracker(wrong, wrong)


# --------------------------------------------------------------------------- the stage


def shards(folder: Path, counts: dict[str, int], max_side: int | None = None) -> tuple[Path, Path]:
    """A frame store of moving squares, and the true boxes of their third frame as detections."""
    records = []
    detections = folder / "detections.h5"
    with ShardWriter(detections, "detections/1", {}) as writer:
        for name, count in counts.items():
            images, boxes = moving_square(count)
            (folder / name).mkdir(parents=True)
            for frame, image in enumerate(images):
                cv2.imwrite(str(folder / name / f"{frame}.png"), image[..., ::-1])
            records.append(VideoRecord(name, folder / name, "", ()))
            frame = min(2, count - 1)
            found = Detections(
                np.array([frame], np.int32),
                boxes[frame : frame + 1],
                np.array([0.75], np.float32),
                np.array([88], np.int16),
            )
            size = {"frames": count, "fps": 25.0, "width": 160, "height": 120}
            writer.add(name, found.arrays(), size)
    decode_videos(records, folder / "frames.h5", FrameSettings("png", max_side=max_side), {})
    return folder / "frames.h5", detections


def link(folder: Path, frames: Path, detections: Path, **section) -> ShardReader:
    output = folder / "tubes.h5"
    link_videos(frames, detections, output, LinkerSettings(**section), None, "cpu", {})
    return ShardReader(output, TUBES_SCHEMA)


def test_tubes_are_in_pixels_of_the_source(tmp_path):
    frames, detections = shards(tmp_path, {"a": 12, "b": 1}, max_side=80)
    with link(tmp_path, frames, detections, type="static", detector="any") as found:
        assert found.videos == ["a", "b"]
        tubes = read_tubes(found["a"])
        assert read_info(found["a"]).frames == 12
    true = moving_square(12)[1]
    np.testing.assert_allclose(tubes.boxes[0], np.tile(true[2], (12, 1)), atol=1e-4)
    assert (tubes.score[0], tubes.actor[0], tubes.seed_frame[0]) == (0.75, 88, 2)
    assert tubes.interval.tolist() == [[0, 12]]


def test_a_long_video_is_read_lazily_with_the_same_result(tmp_path, monkeypatch):
    frames, detections = shards(tmp_path, {"a": 5, "b": 4, "c": 3})
    section = {"trunk": "small"}
    with link(tmp_path, frames, detections, **section) as found:
        kept = {video: read_tubes(found[video]).boxes for video in found}
    monkeypatch.setattr(stage, "_GROUP_BYTES", 4 * 160 * 120 * 3)
    groups = []
    link_group = TrackingLinker.link

    def watched(self, videos):
        groups.append([isinstance(video.images, CachedFrames) for video in videos])
        return link_group(self, videos)

    monkeypatch.setattr(TrackingLinker, "link", watched)
    with link(tmp_path, frames, detections, **section) as found:
        for video, boxes in kept.items():
            np.testing.assert_array_equal(read_tubes(found[video]).boxes, boxes)
    assert groups == [[False], [True], [True]]  # the first is too long to be kept


def change(path: Path, video: str, name: str, value) -> None:
    with ShardReader(path, "detections/1") as shard:
        group = shard[video].name
    with h5py.File(path, "r+") as file:
        if name in file[group]:
            file[group][name][0] = value
        else:
            file[group].attrs[name] = value
    embed_checksum(path)  # so that the change looks like the original content


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("boxes", [np.nan, 0, 5, 5], "not finite"),
        ("boxes", [3, 3, 3, 9], "without area"),
        ("boxes", [9, 3, 3, 9], "without area"),
        ("score", np.nan, "not finite"),
        ("frame", 6, "a frame that the video has not"),
        ("frame", -1, "a frame that the video has not"),
        ("frames", 7, "detections of 7 frames"),
        ("width", 320, "of 320x120"),
    ],
)
def test_detections_that_cannot_be_used_are_a_failure_of_their_video(tmp_path, name, value, reason):
    frames, detections = shards(tmp_path, {"bad": 6, "good": 3})
    change(detections, "bad", name, value)
    with link(tmp_path, frames, detections, type="static") as found:
        assert found.videos == ["good"]
        assert list(found.failures) == ["bad"]
        assert reason in found.failures["bad"]
        assert len(read_tubes(found["good"])) == 1


def test_a_video_of_another_shard_is_a_failure_and_a_failed_one_is_left_out(tmp_path):
    frames, _ = shards(tmp_path, {"known": 2, "lost": 2, "failed": 2})
    other = tmp_path / "other.h5"
    with ShardWriter(other, "detections/1", {}) as writer:
        empty = detections_of([])
        writer.add("known", empty.arrays(), {"frames": 2, "fps": 25.0, "width": 160, "height": 120})
        writer.fail("failed", "the detector could not")
    with link(tmp_path, frames, other, type="static") as found:
        assert found.videos == ["known"]
        assert len(read_tubes(found["known"])) == 0
        assert list(found.failures) == ["lost"]


def test_an_unknown_type_is_named():
    with pytest.raises(ConfigError, match="viterbo"):
        build_linker(LinkerSettings(type="viterbo"), None, "cpu")
    with pytest.raises(ConfigError, match="odd"):
        LinkerSettings(scales=2)
    with pytest.raises(ConfigError, match="trunk"):
        LinkerSettings(trunk="resnet")


@pytest.mark.parametrize(
    ("changes", "gains"),
    [
        ({}, False),
        ({"trunk": "small"}, True),
        ({"trunk": "small", "mode": "shared"}, False),
        ({"type": "static"}, False),
        ({"type": "viterbi"}, False),
    ],
)
def test_videos_are_linked_one_by_one_unless_batches_are_faster(changes, gains):
    linker = build_linker(LinkerSettings(**changes), None, "cpu")
    assert getattr(linker, "batches_videos", False) == gains
