"""Viterbi linking: against every path there is, and what its columns mean."""

from itertools import pairwise, product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from actorsup.detection.base import Detections
from actorsup.linking.base import VideoDetections
from actorsup.linking.linkers.viterbi import ViterbiLinker
from actorsup.linking.settings import LinkerSettings
from actorsup.linking.stage import build_linker

WIDTH, HEIGHT = 60, 60


def video_of(frames: int, rows) -> VideoDetections:
    """Rows of frame, x1, y1, x2, y2, score, actor."""
    table = np.array(sorted(rows, key=lambda row: (row[0], -row[5])), float).reshape(-1, 7)
    detections = Detections(
        table[:, 0].astype(np.int32),
        table[:, 1:5].astype(np.float32),
        table[:, 5].astype(np.float32),
        table[:, 6].astype(np.int16),
    )
    return VideoDetections([np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * frames, detections)


def overlap(a, b) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


def literal_viterbi(video: VideoDetections, most: int, weight: float) -> list[tuple[int, ...]]:
    """The best of all paths, one after another: indices of their detections."""
    found = video.detections
    boxes = found.boxes.astype(float)
    left = set(range(len(found)))
    paths: list[tuple[int, ...]] = []
    while left and len(paths) < most:
        candidates = []
        for actor in {int(found.actor[i]) for i in left}:
            frames = {int(found.frame[i]) for i in left if found.actor[i] == actor}
            for first in frames:
                if first - 1 in frames:
                    continue
                end = first
                while end in frames:
                    end += 1
                choices = [
                    [i for i in sorted(left) if found.frame[i] == f and found.actor[i] == actor]
                    for f in range(first, end)
                ]
                for path in product(*choices):
                    energy = sum(float(found.score[i]) for i in path)
                    energy += weight * sum(overlap(boxes[a], boxes[b]) for a, b in pairwise(path))
                    candidates.append((energy, path))
        best = max(candidates)[1]
        paths.append(best)
        left -= set(best)
    return paths


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(0, 12), st.sampled_from([0.0, 0.5, 1.0, 3.0]))
@settings(max_examples=120, deadline=None)
def test_each_tube_is_the_best_path_left(seed, frames, count, weight):
    random = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        x, y = random.uniform(0, 30, 2)
        w, h = random.uniform(8, 25, 2)
        frame, score, actor = random.integers(frames), random.random(), random.choice([1, 88])
        rows.append((frame, x, y, x + w, y + h, score, actor))
    video = video_of(frames, rows)
    for most in (2, 20):
        tubes = ViterbiLinker(most, weight).link([video])[0]
        paths = literal_viterbi(video, most, weight)
        assert len(tubes) == len(paths)
        expected = {}
        for path in paths:
            boxes = np.full((frames, 4), np.nan, np.float32)
            boxes[video.detections.frame[list(path)]] = video.detections.boxes[list(path)]
            expected[boxes.tobytes()] = path
        for p in range(len(tubes)):
            # whatever the order: the same tubes
            path = list(expected.pop(tubes.boxes[p].tobytes()))
            found = video.detections
            assert np.isclose(tubes.score[p], np.mean(found.score[path]))
            assert set(found.actor[path]) == {tubes.actor[p]}
            assert tubes.interval[p].tolist() == [found.frame[path[0]], found.frame[path[-1]] + 1]
            inside = np.isfinite(tubes.boxes[p, :, 0])
            np.testing.assert_array_equal(np.isfinite(tubes.frame_score[p]), inside)
            np.testing.assert_array_equal(tubes.frame_score[p, inside], found.score[path])
            assert tubes.frame_score[p, tubes.seed_frame[p]] == found.score[path].max()
        assert (np.diff(tubes.score) <= 0).all()


def test_overlap_decides_between_a_smooth_path_and_one_that_jumps():
    rows = [(0, 0, 0, 10, 10, 0.8, 1), (0, 40, 30, 50, 40, 0.7, 1)]
    rows += [(1, 1, 0, 11, 10, 0.6, 1), (1, 40, 30, 50, 40, 0.9, 1)]
    video = video_of(2, rows)
    smooth = ViterbiLinker(1, 1.0).link([video])[0]
    assert smooth.boxes[0, :, 0].tolist() == [40, 40]  # 0.7 + 0.9 + 1
    jumps = ViterbiLinker(1, 0.0).link([video])[0]
    assert jumps.boxes[0, :, 0].tolist() == [0, 40]  # 0.8 + 0.9


def test_a_frame_without_detections_breaks_a_path():
    rows = [(frame, 5, 5, 20, 30, 0.5, 1) for frame in (0, 1, 3, 4, 5)]
    rows.append((2, 5, 5, 20, 30, 0.9, 88))  # of another category, which bridges nothing
    tubes = ViterbiLinker(10, 1.0).link([video_of(7, rows)])[0]
    assert {tuple(interval) for interval in tubes.interval.tolist()} == {(0, 2), (2, 3), (3, 6)}
    assert tubes.actor[0] == 88


def test_boxes_are_cut_to_the_frame_and_no_detections_are_no_tubes():
    tubes = ViterbiLinker(10, 1.0).link([video_of(1, [(0, -5, 10, 70, 70, 0.5, 1)])])[0]
    assert tubes.boxes[0, 0].tolist() == [0, 10, WIDTH, HEIGHT]
    assert len(ViterbiLinker(10, 1.0).link([video_of(3, [])])[0]) == 0


def test_it_is_a_type_of_linker_and_decodes_no_more_than_a_frame():
    class Counted(list):
        asked = 0

        def __getitem__(self, index):
            self.asked += 1
            return super().__getitem__(index)

    video = video_of(40, [(frame, 5, 5, 20, 30, 0.5, 1) for frame in range(40)])
    images = Counted(video.images)
    linker = build_linker(LinkerSettings(type="viterbi", tubes=3), None, "cpu")
    tubes = linker.link([VideoDetections(images, video.detections)])[0]
    assert tubes.interval.tolist() == [[0, 40]]
    assert images.asked == 1
