import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from actorsup import boxes
from actorsup.tubes import Tubes, tube_iou

CORNERS = st.integers(0, 12)


def box_strategy():
    return st.tuples(CORNERS, CORNERS, st.integers(1, 8), st.integers(1, 8)).map(
        lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
    )


def counted_iou(a, b):
    """Intersection over union by counting pixels, for boxes with integer coordinates."""
    pixels = [{(x, y) for x in range(c[0], c[2]) for y in range(c[1], c[3])} for c in (a, b)]
    return len(pixels[0] & pixels[1]) / len(pixels[0] | pixels[1])


@given(box_strategy(), box_strategy())
def test_iou_equals_counted_pixels(a, b):
    found = boxes.iou_matrix(np.array([a], np.float32), np.array([b], np.float32))
    assert np.isclose(found[0, 0], counted_iou(a, b))


def test_iou_of_boxes_without_area_is_zero():
    empty = np.zeros((1, 4), np.float32)
    assert boxes.iou_matrix(empty, empty)[0, 0] == 0


def test_iou_of_an_absent_box_is_nan():
    absent = np.full((1, 4), np.nan, np.float32)
    assert np.isnan(boxes.iou_matrix(absent, np.array([[0, 0, 1, 1]], np.float32))[0, 0])


def test_no_boxes():
    assert boxes.iou_matrix(np.zeros((0, 4), np.float32), np.zeros((3, 4), np.float32)).shape == (0, 3)


@given(hnp.arrays(np.float32, (5, 4), elements=st.floats(-100, 100, width=32)))
def test_corner_forms_round_trip(array):
    assert np.allclose(boxes.xywh_to_xyxy(boxes.xyxy_to_xywh(array)), array, atol=1e-4)


def test_clip_and_scale():
    box = np.array([[-5, 2, 30, 9]], np.float32)
    assert boxes.clip(box, 20, 8).tolist() == [[0, 2, 20, 8]]
    assert boxes.scale(box, 2, 0.5).tolist() == [[-10, 1, 60, 4.5]]


@st.composite
def tube_of_pixels(draw, frames=4):
    """A tube with integer coordinates, absent in some frames."""
    present = draw(st.lists(st.booleans(), min_size=frames, max_size=frames))
    return [draw(box_strategy()) if there else None for there in present]


def as_array(tubes):
    return np.array([[box if box else [np.nan] * 4 for box in tube] for tube in tubes], np.float32)


@given(st.lists(tube_of_pixels(), min_size=1, max_size=3), st.lists(tube_of_pixels(), min_size=1, max_size=3))
def test_tube_iou_equals_the_published_definition(a, b):
    found = tube_iou(as_array(a), as_array(b))
    for i, p in enumerate(a):
        for j, g in enumerate(b):
            both = [t for t in range(4) if p[t] and g[t]]
            either = [t for t in range(4) if p[t] or g[t]]
            wanted = sum(counted_iou(p[t], g[t]) for t in both) / len(either) if either else 0
            assert np.isclose(found[i, j], wanted)


def test_tube_iou_is_temporal_times_mean_spatial():
    # one has frames 0-3, the other 2-5: 2 frames in common of 6; spatial IoU there is 1/2
    a, b = np.full((1, 6, 4), np.nan), np.full((1, 6, 4), np.nan)
    a[0, :4], b[0, 2:] = [0, 0, 2, 2], [0, 0, 2, 1]
    assert np.isclose(tube_iou(a, b)[0, 0], (2 / 6) * 0.5)


def test_first_tubes():
    tubes = Tubes.empty(7)
    assert tubes.frames == 7 and len(tubes) == 0 and len(tubes.first(3)) == 0
    assert set(tubes.arrays()) == {"boxes", "score", "actor", "seed_frame", "frame_score", "interval"}
