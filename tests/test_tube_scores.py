"""From logits of tubes to scored tubes: rivals, cuts in time, duplicates."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorsup.attention.scoring_settings import ScoringSettings
from actorsup.attention.trimming import find_best_intervals, interpolate_over_time
from actorsup.attention.tube_scores import TubeLogits, score_tubes, suppress_tubes
from actorsup.errors import ConfigError
from actorsup.tubes import Tubes, tube_iou


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def tubes_of(boxes) -> Tubes:
    """Tubes as linking writes them; NaN is an absent frame."""
    boxes = np.asarray(boxes, np.float32)
    there = ~np.isnan(boxes).any(2)
    interval = [(np.flatnonzero(t)[0], np.flatnonzero(t)[-1] + 1) if t.any() else (0, 0) for t in there]
    count = len(boxes)
    return Tubes(
        boxes,
        score=np.linspace(1, 0.5, count, dtype=np.float32),
        actor=np.ones(count, np.int16),
        seed_frame=np.zeros(count, np.int32),
        frame_score=np.where(there, 1, np.nan).astype(np.float32),
        interval=np.array(interval, np.int32).reshape(count, 2),
    )


def apart(count: int, frames: int) -> Tubes:
    """Tubes over all frames that do not overlap."""
    return tubes_of([[[30 * p, 0, 30 * p + 20, 20]] * frames for p in range(count)])


# ---------------------------------------------------------------------------- what scores are over
LOGITS = np.array([[2.0, -1, 0.5], [0.3, 4, -2], [np.nan] * 3, [-3, 0.2, 1]], np.float32)
KNOWN = (0, 1, 3)


def literal_score(p: int, c: int, kind: str) -> float:
    if kind == "class":
        return sigmoid(LOGITS[p, c])
    among = [(p, j) for j in range(3)] if kind == "tube" else [(q, j) for q in KNOWN for j in range(3)]
    return math.exp(LOGITS[p, c]) / sum(math.exp(LOGITS[at]) for at in among)


@pytest.mark.parametrize("video_score", [False, True])
@pytest.mark.parametrize("kind", ["tube", "video", "class"])
def test_scores_against_loops(kind, video_score):
    video = np.array([1.5, -0.5, 0], np.float32)
    logits = TubeLogits(LOGITS, video, None, np.arange(2))
    found = score_tubes(apart(4, 2), logits, ScoringSettings(class_score=kind, video_score=video_score))
    np.testing.assert_array_equal(found.class_logit, LOGITS)
    assert np.isnan(found.class_score[2]).all() and found.class_score.dtype == np.float64
    for p in KNOWN:
        for c in range(3):
            of_video = 1.0
            if video_score:
                total = sum(math.exp(value) for value in video)
                of_video = sigmoid(video[c]) if kind == "class" else math.exp(video[c]) / total
            wanted = literal_score(p, c, kind) * of_video
            assert found.class_score[p, c] == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("kind", ["tube", "video", "class"])
def test_scores_far_up_are_still_in_order(kind):
    logits = np.array([[50.0, 0], [51, 0], [49, 0]], np.float32) / (2 if kind == "class" else 1)
    found = score_tubes(apart(3, 2), TubeLogits(logits, logits[0], None, np.arange(2)), ScoringSettings(kind))
    # 1 - 1e-22 is 1 to a double, but 1 - 1e-11 is not; and no score is lost to float32
    order = np.argsort(-found.class_score[:, 0], kind="stable")
    assert found.class_score[:, 0].max() <= 1
    if kind == "class":
        assert order.tolist() == [1, 0, 2] and len(set(found.class_score[:, 0])) == 3


def test_an_unknown_class_score_is_an_error():
    with pytest.raises(ConfigError, match="class_score: 'tub' is not allowed; allowed: tube, video, class"):
        ScoringSettings(class_score="tub")


@pytest.mark.parametrize("value", [0, 1, -0.2])
def test_trim_must_be_a_probability(value):
    with pytest.raises(ConfigError, match=r"trim: .*; allowed: above 0, below 1"):
        ScoringSettings(trim=value)


# --------------------------------------------------------------------------------- spans of time
@given(st.lists(st.lists(st.integers(-3, 3), min_size=2, max_size=2), min_size=1, max_size=9))
def test_the_best_span_against_all_spans(values):
    odds = np.array(values, float)
    for c, (first, end) in enumerate(find_best_intervals(odds)):
        column = odds[:, c]
        sums = {(a, b): column[a:b].sum() for a in range(len(column)) for b in range(a + 1, len(column) + 1)}
        assert sums[first, end] == max(sums.values())
        # of equals the first that is reached, and the longest that ends there
        best = [span for span, total in sums.items() if total == max(sums.values())]
        soonest = min(b for _, b in best)
        assert (first, end) == (min(a for a, b in best if b == soonest), soonest)


@given(st.integers(1, 12), st.integers(1, 6), st.data())
def test_curves_over_time_against_loops(count, width, data):
    chosen = sorted(data.draw(st.sets(st.integers(0, count - 1), min_size=1)))
    values = np.array([[data.draw(st.integers(-5, 5))] for _ in chosen], float)
    found = interpolate_over_time(values, np.array(chosen), count, width)
    line = []
    for frame in range(count):
        before = max((at for at in chosen if at <= frame), default=chosen[0])
        after = min((at for at in chosen if at >= frame), default=chosen[-1])
        share = (frame - before) / (after - before) if after > before else 0
        low, high = values[chosen.index(before), 0], values[chosen.index(after), 0]
        line.append(low + share * (high - low))
    for frame in range(count):
        around = [at for at in range(frame - width // 2, frame - width // 2 + width) if 0 <= at < count]
        assert found[frame, 0] == pytest.approx(sum(line[at] for at in around) / len(around))


# ------------------------------------------------------------------------------------------ cuts
def cut_case(frames: int = 12):
    """One tube; class 0 in frames 4 to 8 only, class 1 in all of them, class 2 in none."""
    of_frames = np.full((1, frames, 3), -4.0, np.float32)
    of_frames[0, 4:8, 0] = 4
    of_frames[0, :, 1] = 3
    logits = TubeLogits(of_frames.mean(1), of_frames.mean((0, 1)), of_frames, np.arange(frames))
    return apart(1, frames), logits


def test_a_cut_holds_the_frames_that_speak_for_its_class():
    tubes, logits = cut_case()
    found = score_tubes(tubes, logits, ScoringSettings("class", trim=0.5, trim_smooth=0))
    (row,) = [r for r in range(1, len(found)) if not np.isnan(found.class_score[r, 0])]
    assert found.interval[row].tolist() == [4, 8]
    assert (~np.isnan(found.boxes[row]).any(1)).tolist() == [4 <= frame < 8 for frame in range(12)]
    assert (~np.isnan(found.frame_score[row])).tolist() == [4 <= frame < 8 for frame in range(12)]
    np.testing.assert_array_equal(found.boxes[row, 4:8], tubes.boxes[0, 4:8])
    whole = sigmoid((4 * 4 - 8 * 4) / 12)
    assert found.class_score[row, 0] == pytest.approx((whole + sigmoid(4)) / 2)
    assert found.class_logit[row, 0] == pytest.approx(4)
    assert np.isnan(found.class_score[row, 1:]).all()
    # the whole tube stays as it was, and class 1, which fills it, has no cut
    plain = score_tubes(tubes, logits, ScoringSettings("class"))
    np.testing.assert_array_equal(found.class_score[0], plain.class_score[0])
    np.testing.assert_array_equal(found.boxes[0], tubes.boxes[0])
    assert np.isnan(found.class_score[1:, 1]).all()


def test_cuts_lie_within_their_tube_and_none_is_of_a_tube_that_was_not_seen():
    boxes = np.tile(np.array([0, 0, 9, 9], np.float32), (3, 12, 1))
    boxes[1, :6] = np.nan
    boxes[2] = np.nan
    of_frames = np.repeat(cut_case()[1].frames, 3, axis=0)
    of_frames[np.isnan(boxes).any(2)] = np.nan
    with warnings.catch_warnings(action="ignore"):  # of the tube that is never there
        mean = np.nanmean(of_frames, axis=1)
    logits = TubeLogits(mean, mean[0], of_frames, np.arange(12))
    found = score_tubes(tubes_of(boxes), logits, ScoringSettings("class", trim=0.5, trim_smooth=0))
    cuts = found.interval[3:][~np.isnan(found.class_score[3:, 0])].tolist()
    assert cuts == [[4, 8], [6, 8]]


def test_smoothing_bridges_a_frame_that_was_missed():
    tubes, logits = cut_case()
    logits.frames[0, 6, 0] = -5
    cut = {}
    for smooth in (0, 0.25):
        found = score_tubes(tubes, logits, ScoringSettings("class", trim=0.5, trim_smooth=smooth))
        (row,) = [r for r in range(1, len(found)) if not np.isnan(found.class_score[r, 0])]
        cut[smooth] = found.interval[row].tolist()
    assert cut[0] == [4, 6]
    assert cut[0.25][1] > 6


@pytest.mark.parametrize(("trim", "wanted"), [(0.5, [3, 9]), (0.7, [3, 9]), (0.75, [4, 8])])
def test_a_frame_speaks_for_a_cut_above_the_probability_that_is_set(trim, wanted):
    tubes, logits = cut_case()
    # a probability of 0.73
    logits.frames[0, [3, 8], 0] = 1
    found = score_tubes(tubes, logits, ScoringSettings("class", trim=trim, trim_smooth=0))
    assert found.interval[1:][~np.isnan(found.class_score[1:, 0])].tolist() == [wanted]


def test_no_tubes_have_no_cuts():
    logits = TubeLogits(*(np.zeros(shape, np.float32) for shape in ((0, 3), 3, (0, 4, 3))), np.arange(4))
    found = score_tubes(Tubes.empty(4), logits, ScoringSettings("class", trim=0.5, nms_iou=0.3))
    assert found.class_score.shape == (0, 3)


def test_of_a_tube_and_its_cut_one_is_predicted():
    tubes, logits = cut_case()
    found = score_tubes(tubes, logits, ScoringSettings("class", trim=0.5, trim_smooth=0, nms_iou=0.3))
    # they overlap by a third: the cut scores more
    rows = np.flatnonzero(~np.isnan(found.class_score[:, 0])).tolist()
    assert [found.interval[row].tolist() for row in rows] == [[4, 8]]
    # class 2 speaks against every frame: its cut is one frame, which overlaps too little to be dropped
    both = score_tubes(tubes, logits, ScoringSettings("class", trim=0.5, trim_smooth=0, nms_iou=0.5))
    assert np.count_nonzero(~np.isnan(both.class_score[:, 0])) == 2


def test_of_two_tubes_alike_the_cut_of_the_better_stays():
    tubes, logits = cut_case()
    of_frames = np.concatenate([logits.frames, logits.frames - 0.1])
    pair = TubeLogits(of_frames.mean(1), logits.video, of_frames, logits.frame_indices)
    both = tubes_of(np.repeat(tubes.boxes, 2, axis=0))
    found = score_tubes(both, pair, ScoringSettings("class", trim=0.5, trim_smooth=0, nms_iou=0.3))
    # both whole tubes are there still, predicted or not; what is cut of the lesser one is not
    assert found.interval[:, 0].tolist()[:2] == [0, 0]
    assert np.count_nonzero(~np.isnan(found.class_score[:, 0])) == 1
    assert (~np.isnan(found.class_score[2:])).sum(1).tolist() == [1, 1]


# ---------------------------------------------------------------- suppression of scored tubes
def literal_suppression(boxes, scores, iou):
    """Kept (tube, class) pairs: the best first, each against those kept before it."""
    kept = set()
    for c in range(scores.shape[1]):
        for p in sorted(range(len(boxes)), key=lambda p: (-scores[p, c], p)):
            if all(tube_iou(boxes[[p]], boxes[[q]])[0, 0] <= iou for q, other in kept if other == c):
                kept.add((p, c))
    return kept


@given(st.integers(0, 2**32 - 1), st.integers(0, 7), st.sampled_from([0.0, 0.1, 0.3, 1.0]))
def test_suppression_against_a_loop(seed, count, iou):
    random = np.random.default_rng(seed)
    low = random.uniform(0, 30, (count, 1, 2)) + random.uniform(0, 4, (count, 5, 2))
    boxes = np.concatenate([low, low + 25], axis=2).astype(np.float32)
    # equal scores are frequent
    scores = random.integers(0, 4, (count, 3)).astype(np.float32) / 4
    suppressed = suppress_tubes(replace(Tubes.empty(5), boxes=boxes, class_score=scores), iou).class_score
    kept = literal_suppression(boxes, scores, iou)
    assert {(int(p), int(c)) for p, c in np.argwhere(~np.isnan(suppressed))} == kept
    for p, c in kept:
        assert suppressed[p, c] == scores[p, c]


def test_suppression_leaves_what_is_not_predicted():
    boxes = np.tile(np.array([0, 0, 10, 10], np.float32), (2, 3, 1))
    tubes = replace(
        Tubes.empty(3),
        boxes=boxes,
        class_score=np.array([[np.nan, 0.4], [0.3, 0.5]], np.float32),
    )
    np.testing.assert_array_equal(
        suppress_tubes(tubes, 0.3).class_score, np.array([[np.nan, np.nan], [0.3, 0.5]], np.float32)
    )
