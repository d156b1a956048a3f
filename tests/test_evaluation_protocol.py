"""The protocols of public evaluators, each against a literal loop over tubes.

The loops follow the sources of ACT, MOC, YOWO, 3D-RetinaNet, mmaction2 and the MATLAB code step by
step, on tubes without gaps, as in these codes.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actorsup import evaluation
from actorsup.errors import ConfigError
from actorsup.evaluation import EvaluationProtocol as Protocol
from actorsup.evaluation import Predictions, ground_truth_tube, predicted_tubes
from actorsup.evaluation.protocol import DEFAULT_PROTOCOL
from actorsup.evaluation.settings import EvaluationSettings

CLASSES = ("jump", "run")
Tube = tuple[np.ndarray, np.ndarray]  # frames, boxes


def make(seed: int):
    """Videos of a few tubes in the same small area, so that many overlap; scores are all different."""
    random = np.random.default_rng(seed)

    def tube(near=None) -> Tube:
        first = int(random.integers(0, 4))
        frames = np.arange(first, first + int(random.integers(2, 7)))
        corner = random.integers(0, 6, 2) + np.zeros((len(frames), 2))
        boxes = np.concatenate([corner, corner + random.integers(6, 12, 2)], 1)
        if near is not None:
            frames, boxes = near[0], near[1] + random.integers(-2, 3, 4) * [1, 1, 1, 1]
        return frames, boxes

    truth, made, scores = {}, {}, {}
    for number in range(5):
        video = f"v{number}"
        true = [(CLASSES[random.integers(2)], tube()) for _ in range(random.integers(0, 4))]
        truth[video] = true
        made[video] = [
            tube(true[random.integers(len(true))][1] if true and random.random() < 0.7 else None)
            for _ in range(random.integers(0, 5))
        ]
        scores[video] = random.random((len(made[video]), 2))
    return truth, made, scores


def table_of(truth, made, scores, protocol=DEFAULT_PROTOCOL):
    ground_truth = {v: [ground_truth_tube(a, *tube) for a, tube in true] for v, true in truth.items()}
    found = {v: predicted_tubes(tubes, scores[v].reshape(-1, 2)) for v, tubes in made.items()}
    table = evaluation.average_precision(
        ground_truth, Predictions(found, CLASSES), (0.2, 0.5), protocol=protocol
    )
    return table.set_index(["class", "iou_threshold"])["average_precision"]


def box_ious(a, b, one):
    """The box IoU of each frame; ``one`` pixel, or none, is added to the sides."""
    width = np.maximum(0, np.minimum(a[:, 2], b[:, 2]) + one - np.maximum(a[:, 0], b[:, 0]))
    height = np.maximum(0, np.minimum(a[:, 3], b[:, 3]) + one - np.maximum(a[:, 1], b[:, 1]))
    area = [(x[:, 2] - x[:, 0] + one) * (x[:, 3] - x[:, 1] + one) for x in (a, b)]
    return width * height / (area[0] + area[1] - width * height)


def iou3dt(a: Tube, b: Tube, one: int, ends: bool) -> float:
    low, high = max(a[0][0], b[0][0]), min(a[0][-1], b[0][-1])
    if high < low:
        return 0.0
    more = 0 if ends else 1
    inter = high - low + more
    union = max(a[0][-1], b[0][-1]) - min(a[0][0], b[0][0]) + more
    in_a, in_b = ((x[0] >= low) & (x[0] <= high) for x in (a, b))
    return float(np.mean(box_ious(a[1][in_a], b[1][in_b], one)) * inter / union)


def nms3dt(tubes, scores, overlap):
    """NMS as in ACT: keep the best, drop all that overlap it by more, repeat."""
    left, kept = list(np.argsort(scores)), []
    while left:
        best = left.pop()
        kept.append(best)
        left = [i for i in left if round(iou3dt(tubes[i], tubes[best], 1, False), 12) <= overlap]
    return kept


def trapezoid(precision, recall):
    precision, recall = np.array([1.0, *precision]), np.array([0.0, *recall])
    return float(np.sum(np.diff(recall) * (precision[1:] + precision[:-1]) * 0.5))


def envelope(precision, recall):
    precision, recall = np.array([0.0, *precision, 0.0]), np.array([0.0, *recall, 1.0])
    for i in range(len(precision) - 2, -1, -1):
        precision[i] = max(precision[i], precision[i + 1])
    at = np.where(recall[1:] != recall[:-1])[0] + 1
    return float(np.sum((recall[at] - recall[at - 1]) * precision[at]))


def literal(
    truth, made, scores, action, threshold, area, one=0, nms=None, voc=False, strict=False, ends=False
):
    column = CLASSES.index(action)
    detections = []
    for video, tubes in made.items():
        kept = range(len(tubes)) if nms is None else nms3dt(tubes, scores[video][:, column], nms)
        detections += [(scores[video][i, column], video, tubes[i]) for i in kept]
    free = {v: [tube for a, tube in true if a == action] for v, true in truth.items()}
    count = sum(map(len, free.values()))
    detected = {v: [False] * len(tubes) for v, tubes in free.items()}
    if not count:
        return float("nan")
    tp = fp = 0
    precision, recall = [], []
    for _, video, tube in sorted(detections, key=lambda d: -d[0]):
        ious = [round(iou3dt(true, tube, one, ends), 12) for true in free[video]]
        right = bool(ious) and (max(ious) > threshold if strict else max(ious) >= threshold)
        if right and voc:
            best = int(np.argmax(ious))
            right, detected[video][best] = not detected[video][best], True
        elif right:
            del free[video][int(np.argmax(ious))]
        tp, fp = tp + right, fp + (not right)
        precision.append(tp / (tp + fp))
        recall.append(tp / count)
    return area(precision, recall)


ORACLES = {
    "act": dict(area=trapezoid, one=1, nms=0.3),
    "moc": dict(area=trapezoid, one=1, nms=0.3),
    "yowo": dict(area=envelope, one=1, nms=0.3),
    "retinanet": dict(area=trapezoid, one=1),
    "mmaction2": dict(area=envelope, voc=True, ends=True),
    "matlab": dict(area=envelope, strict=True),
}


@pytest.mark.parametrize("protocol", ORACLES)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_each_protocol_equals_its_public_evaluator(protocol, seed):
    data = make(seed)
    found = table_of(*data, protocol=protocol)
    for action in CLASSES:
        for threshold in (0.2, 0.5):
            expected = literal(*data, action, threshold, **ORACLES[protocol])
            if (action, f"{threshold:g}") in found.index:
                assert found[action, f"{threshold:g}"] == pytest.approx(expected, nan_ok=True)


def test_every_choice_changes_a_result():
    """A choice that changed no result would not be tested by the test above."""
    differ = dict.fromkeys(("trapezoid", "voc", "nms", "plus_one", "ends"), 0)
    for seed in range(40):
        data = make(seed)
        plain = table_of(*data)
        for name, options in (
            ("trapezoid", {"interpolation": "trapezoid"}),
            ("voc", {"matching": "voc"}),
            ("nms", {"nms_iou": 0.3}),
            ("plus_one", {"box_area": "plus_one"}),
            ("ends", {"duration": "ends"}),
        ):
            differ[name] += not np.allclose(
                table_of(*data, protocol=Protocol(**options)), plain, equal_nan=True
            )
    assert all(differ.values()), differ


BOX, HALF = [0, 0, 10, 10], [0, 0, 10, 5]


def one_pair(true, made, **options):
    frames = np.arange(len(true))
    truth = {"a": [ground_truth_tube("run", frames, true)]}
    found = {"a": predicted_tubes([(np.arange(len(made)), made)], [[1.0]])}
    table = evaluation.average_precision(
        truth, Predictions(found, ("run",)), (0.5, 0.3, 0.2), protocol=Protocol(**options)
    )
    means = table[table["class"] == "run"]
    return dict(zip(means["iou_threshold"], means["average_precision"], strict=True))


def test_an_iou_equal_to_the_threshold_counts_unless_strict():
    assert one_pair([BOX], [HALF])["0.5"] == 1.0
    assert one_pair([BOX], [HALF], strict=True)["0.5"] == 0.0
    assert one_pair([BOX] * 4, [BOX] * 2)["0.5"] == 1.0
    # 0.3 three times, which is not three times 0.3 in float64
    assert one_pair([BOX] * 3, [[0, 0, 10, 3]] * 3)["0.3"] == 1.0
    assert one_pair([BOX] * 3, [[0, 0, 10, 3]] * 3, strict=True)["0.3"] == 0.0
    # 5 of 25 square pixels, from corners at half pixels
    assert one_pair([[0.5, 0.5, 10.5, 3.0]], [[0.5, 0.5, 10.5, 1.0]])["0.2"] == 1.0


def test_matching_by_hand():
    """Both predictions overlap the first tube most, and the second enough."""
    first, second = [0, 0, 10, 10], [0, 0, 10, 8]
    truth = {"a": [ground_truth_tube("run", [0], [box]) for box in (first, second)]}
    found = Predictions(
        {"a": predicted_tubes([([0], [first]), ([0], [[0, 0, 10, 9.5]])], [[0.9], [0.8]])}, ["run"]
    )

    def ap(matching):
        table = evaluation.average_precision(truth, found, (0.5,), protocol=Protocol(matching=matching))
        return table.loc[
            (table["class"] == "run") & (table["iou_threshold"] == "0.5"), "average_precision"
        ].iloc[0]

    assert (ap("free"), ap("voc")) == (1.0, 0.5)


def test_suppression_by_hand():
    """Class 0 drops the second tube, class 1 the first; the third overlaps neither and stays."""
    boxes = [[0, 0, 10, 10], [0, 0, 10, 9], [50, 50, 60, 60]]
    truth = {"a": [ground_truth_tube("run", [0], [boxes[0]])]}
    tubes = predicted_tubes([([0], [box]) for box in boxes], [[0.9, 0.1], [0.8, 0.7], [0.7, 0.6]])
    table = evaluation.average_precision(
        truth, Predictions({"a": tubes}, CLASSES), protocol=Protocol(nms_iou=0.3)
    )
    assert table.set_index(["class", "iou_threshold"])["tubes"]["run", "0.5"] == 2
    table = evaluation.average_precision(
        truth, Predictions({"a": tubes}, CLASSES), protocol=Protocol(nms_iou=0.9)
    )
    assert table.set_index(["class", "iou_threshold"])["tubes"]["run", "0.5"] == 3


def test_suppression_uses_whole_tubes_if_few_frames_are_annotated():
    """Two tubes that agree only in frame 0, the only annotated frame, are both kept."""
    near, far = [0, 0, 10, 10], [50, 50, 60, 60]
    truth = {"a": [ground_truth_tube("run", [0], [near])]}
    tubes = predicted_tubes([(range(4), [near] * 4), (range(4), [near] + [far] * 3)], [[0.9], [0.8]])
    table = evaluation.average_precision(
        truth,
        Predictions({"a": tubes}, ["run"]),
        protocol=Protocol(nms_iou=0.3),
        annotated={"a": [0]},
    )
    assert table.set_index(["class", "iou_threshold"])["tubes"]["run", "0.5"] == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"interpolation": "eleven"}, "interpolation: 'eleven'; allowed: envelope, trapezoid"),
        ({"matching": "vocc"}, "did you mean 'voc'"),
        ({"box_area": "minus_one"}, "box_area"),
        ({"duration": "seconds"}, "duration"),
        ({"nms_iou": 1.5}, "nms_iou: 1.5; allowed: at least 0, at most 1"),
    ],
)
def test_unknown_choices_are_errors(options, words):
    with pytest.raises(ConfigError, match=words):
        Protocol(**options)


def test_settings():
    assert EvaluationSettings().evaluation_protocol == Protocol()
    act = EvaluationSettings(protocol="act", nms_iou=0.3)
    assert act.evaluation_protocol == evaluation.protocol_named("act")
    with pytest.raises(ConfigError, match=r"evaluation\.matching: 'voc', but protocol: act has 'free'"):
        EvaluationSettings(protocol="act", matching="voc")
    with pytest.raises(ConfigError, match=r"protocol: 'atc' is not .*: act, .*did you mean 'act'"):
        EvaluationSettings(protocol="atc")
    for wrong in ({"iou_thresholds": [0]}, {"error_iou": 1.5}, {"resamples": 0}):
        with pytest.raises(ConfigError, match="allowed: "):
            EvaluationSettings(**wrong)
    with pytest.raises(ConfigError, match=r"protocol: 'atc'; allowed: act, .*did you mean 'act'"):
        evaluation.average_precision({}, Predictions({}, []), protocol="atc")
    with pytest.raises(ConfigError, match="proposals have no class scores"):
        evaluation.Evaluation({}, {}).average_precision()


# ---------------------------------------------------------------------- IoUs at a threshold


def measured(true, made, threshold, **choices) -> dict[str, float]:
    """Each measure of one predicted tube (frames, boxes) and one true tube: 1 if they match."""
    truth = {"a": [ground_truth_tube("run", *true, actor="dog")]}
    found = Predictions({"a": predicted_tubes([made], [[1.0]])}, ("run",))
    compared = evaluation.Evaluation(truth, found, Protocol(**choices))
    at = f"iou_threshold == '{threshold:g}'"
    classes = compared.average_precision((threshold,))
    actors = compared.average_precision((threshold,), by="actor")
    recall = compared.recall((threshold,))
    drawn = compared.confidence_intervals((threshold,), resamples=2).query(at)
    kinds = compared.prediction_kinds(threshold)
    return {
        "class": classes.query(at)["average_precision"].iloc[0],
        "actor": actors.query(at)["average_precision"].iloc[0],
        "recall": recall["recall"].iloc[0],
        "drawn classes": drawn.query("measure == 'average_precision'")["high"].iloc[0],
        "drawn recall": drawn.query("measure == 'recall'")["high"].iloc[0],
        "kind": float(kinds["kind"].iloc[0] == "correct"),
    }


def tenths(count: int, height: float):
    """A tube of ``count`` frames, and one with ``height`` tenths of its boxes."""
    return (range(count), [BOX] * count), (range(count), [[0, 0, 10, height]] * count)


NEARLY_HALF = [0, 0, 4096 - 1 / 64, 4096 + 1 / 64]
"""Its IoU with the box 4096 x 8192 is 7e-12 less than 0.5."""

ON_THE_THRESHOLD = {
    "exact": (*tenths(2, 5), 0.5, {}),
    # in float64 the mean of three times 0.7 is less than 0.7, that of three times 0.8 more than 0.8
    "below in float64": (*tenths(3, 7), 0.7, {}),
    "above in float64": (*tenths(3, 8), 0.8, {}),
    # spans of 4 of 7 frames and of 3 of 4: 4 / 7 * 0.7 and 3 / 4 * 0.4
    "product below": ((range(8), [BOX] * 8), tenths(5, 7)[1], 0.4, {"duration": "ends"}),
    "product above": ((range(5), [BOX] * 5), tenths(4, 4)[1], 0.3, {"duration": "ends"}),
}


@pytest.mark.parametrize("case", ON_THE_THRESHOLD)
def test_every_measure_counts_an_iou_equal_to_the_threshold_unless_strict(case):
    true, made, threshold, choices = ON_THE_THRESHOLD[case]
    assert set(measured(true, made, threshold, **choices).values()) == {1.0}
    assert set(measured(true, made, threshold, strict=True, **choices).values()) == {0.0}
    # away from the threshold, strict makes no difference
    for strict in (False, True):
        assert set(measured(true, made, threshold - 0.001, strict=strict, **choices).values()) == {1.0}
        assert set(measured(true, made, threshold + 0.001, strict=strict, **choices).values()) == {0.0}


def test_an_iou_a_little_below_the_threshold_does_not_count():
    true, made = ([0], [[0, 0, 4096, 8192]]), ([0], [NEARLY_HALF])
    assert set(measured(true, made, 0.5).values()) == {0.0}
    assert set(measured(true, made, 0.5 - 1e-11).values()) == {1.0}
    ends = [(range(3), boxes * 3) for _, boxes in (true, made)]
    assert set(measured(*ends, 0.5, duration="ends").values()) == {0.0}


def frame_precision(true, made, threshold, strict):
    truth = {"a": [ground_truth_tube("run", [0], [true])]}
    found = Predictions({"a": predicted_tubes([([0], [made])], [[1.0]])}, ("run",))
    table = evaluation.frame_average_precision(truth, found, (threshold,), protocol=Protocol(strict=strict))
    return table["average_precision"].iloc[0]


@pytest.mark.parametrize(
    ("box", "height", "share"),
    [
        (BOX, 5.0, 0.5),
        # 0.3 times the height exactly, and in float64 an IoU less than 0.3; 0.7, and more than that
        ([0.05, 0, 835.2, 2035.625], 610.6875, 0.3),
        ([0.016, 0, 459.7, 2275.625], 1592.9375, 0.7),
    ],
)
def test_a_box_iou_equal_to_the_threshold_counts_unless_strict(box, height, share):
    made = [*box[:3], height]
    assert frame_precision(box, made, share, strict=False) == 1.0
    assert frame_precision(box, made, share, strict=True) == 0.0
    assert frame_precision([0, 0, 4096, 8192], NEARLY_HALF, 0.5, strict=False) == 0.0


def test_only_a_tube_above_the_threshold_of_suppression_is_dropped():
    for (first, second), threshold in ((tenths(3, 7), 0.7), (tenths(3, 8), 0.8), (tenths(1, 5), 0.5)):
        tubes = Predictions({"a": predicted_tubes([first, second], [[0.9], [0.8]])}, ("run",))
        truth = {"a": [ground_truth_tube("run", *first)]}
        for nms, count in ((threshold, 2), (threshold - 0.001, 1)):
            assert (
                evaluation.average_precision(truth, tubes, protocol=Protocol(nms_iou=nms))["tubes"].iloc[0]
                == count
            )


def test_kinds_at_their_thresholds():
    """A tube of another class at the threshold; a tube at 0.1, not background; a tube below 0.1."""
    truth = {"a": [ground_truth_tube("run", [0], [BOX]), ground_truth_tube("hop", [0], [[50, 50, 60, 60]])]}

    def kind(height, name, **choices):
        found = Predictions({"a": predicted_tubes([([0], [[0, 0, 10, height]])], [[1.0]])}, (name,))
        return evaluation.prediction_kinds(truth, found, 0.5, protocol=Protocol(**choices))["kind"].iloc[0]

    for name in ("jump", "hop"):  # a class without and with ground truth in the video
        assert (kind(5, name), kind(5, name, strict=True)) == ("wrong class", "background")
    assert (kind(5, "run"), kind(5, "run", strict=True)) == ("correct", "poor boxes")
    assert (kind(1, "run"), kind(0.99, "run")) == ("poor boxes", "background")


# ---------------------------------------------------------- the mean over ten thresholds


@pytest.mark.parametrize("twentieths", range(9, 21))
def test_the_mean_is_over_ten_thresholds_from_a_half_to_19_twentieths(twentieths):
    """An IoU of 0.5 reaches one threshold, 0.9 nine, 0.95 and 1 all ten."""
    reached = min(twentieths - 9, 10)
    true, made = [0, 0, 10, 20], [0, 0, 10, twentieths]
    assert one_pair([true], [made])["0.5:0.95"] == pytest.approx(reached / 10)
    above = [0, 0, 10, min(twentieths + 0.5, 20)]
    assert one_pair([true], [above])["0.5:0.95"] == pytest.approx(reached / 10)
    # if strict, an IoU of 1 still exceeds all
    strict = 10 if twentieths == 20 else max(reached - 1, 0)
    assert one_pair([true], [made], strict=True)["0.5:0.95"] == pytest.approx(strict / 10)


def test_ious_of_0_92_and_0_96_in_every_table_with_the_mean():
    """The two classes reach nine and ten of ten thresholds: 0.95 on average."""
    boxes = {"jump": [0, 0, 10, 9.2], "run": [0, 0, 10, 9.6]}
    truth = {"a": [ground_truth_tube(name, [0], [BOX], actor=name) for name in boxes]}
    tubes = predicted_tubes([([0], [box]) for box in boxes.values()], [[1.0, np.nan], [np.nan, 1.0]])
    found, wanted = Predictions({"a": tubes}, tuple(boxes)), {"jump": 0.9, "run": 1.0, "mean": 0.95}
    classes = evaluation.average_precision(truth, found).query("iou_threshold == '0.5:0.95'")
    assert dict(zip(classes["class"], classes["average_precision"], strict=True)) == pytest.approx(wanted)
    actors = evaluation.average_precision(truth, found, by="actor").query("iou_threshold == '0.5:0.95'")
    assert actors["average_precision"].tolist() == pytest.approx([0.9, 1.0])
    drawn = evaluation.confidence_intervals(truth, found, resamples=2).query("iou_threshold == '0.5:0.95'")
    assert dict(zip(drawn["group"], drawn["value"], strict=True)) == pytest.approx(wanted)
