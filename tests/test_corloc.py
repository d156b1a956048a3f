"""CorLoc and class accuracy against literal loops and hand-computed cases."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_evaluation import CLASSES, exact_iou

from actorsup.artifacts.shards import ShardWriter
from actorsup.artifacts.tube_files import PREDICTIONS_SCHEMA, TUBES_SCHEMA, VideoInfo, write_tubes
from actorsup.errors import ConfigError, DataError
from actorsup.evaluation import (
    Evaluation,
    EvaluationProtocol,
    Predictions,
    ground_truth_tube,
    predicted_tubes,
)
from actorsup.evaluation.bootstrap import draw_resamples
from actorsup.evaluation.corloc import (
    CORLOC_COLUMNS,
    VideoClasses,
    best_tube,
    corloc_table,
    largest_tube,
    localization_probability,
    mean_box_area,
    mean_of_tubes,
    most_confident_detection,
    predicted_classes,
    random_tube,
)
from actorsup.evaluation.corloc_stage import SplitShards, write_corloc
from actorsup.evaluation.main_actor import main_actor_choices, main_actor_intervals
from actorsup.evaluation.predictions import read_predictions
from actorsup.evaluation.split import TestSplit
from actorsup.formats.predictions import merge_predictions
from actorsup.tubes import Tubes

FRAMES = 5
THRESHOLDS = (0.2, 0.5)
BOX, FAR, HALF = [0, 0, 10, 10], [50, 50, 60, 60], [0, 0, 10, 5]


def random_box(random: np.random.Generator) -> list[int]:
    x, y = random.integers(0, 8, 2).tolist()
    width, height = random.integers(2, 9, 2).tolist()
    return [x, y, x + width, y + height]


def random_videos(seed: int, count: int = 8):
    """Boxes by frame of ground-truth tubes and of proposals, and scores: dictionaries and lists only."""
    random = np.random.default_rng(seed)

    def tube() -> dict[int, list[int]]:
        frames = [f for f in range(FRAMES) if random.random() < 0.6] or [0]
        return {f: random_box(random) for f in frames}

    truth, made, scores = {}, {}, {}
    for n in range(count):
        truth[f"v{n}"] = [(CLASSES[random.integers(2)], tube()) for _ in range(random.integers(0, 3))]
        made[f"v{n}"] = [tube() for _ in range(random.integers(0, 5))]
        for _, boxes in truth[f"v{n}"]:
            if random.random() < 0.5:
                made[f"v{n}"].append(dict(boxes))
        scores[f"v{n}"] = [
            [None if random.random() < 0.2 else float(random.integers(0, 4)) for _ in CLASSES]
            for _ in made[f"v{n}"]
        ]
    return truth, made, scores


def literal_iou(a: dict[int, list[int]], b: dict[int, list[int]], annotated=None) -> Fraction:
    frames = [f for f in range(FRAMES) if annotated is None or f in annotated]
    either = [f for f in frames if f in a or f in b]
    total = sum((exact_iou(a[f], b[f]) for f in frames if f in a and f in b), Fraction(0))
    return total / len(either) if either else Fraction(0)


def as_evaluation(truth, made, scores, annotated=None, protocol=None) -> Evaluation:
    """The same videos as objects of the library; the proposals are in the order of their detection scores."""
    tubes = {
        video: predicted_tubes(
            [([*boxes], [*boxes.values()]) for boxes in made[video]],
            np.array(scores[video], float).reshape(-1, len(CLASSES)),
            length=FRAMES,
        )
        for video in made
    }
    true = {
        video: [ground_truth_tube(action, [*boxes], [*boxes.values()]) for action, boxes in tubes_of_video]
        for video, tubes_of_video in truth.items()
    }
    return Evaluation(
        true, Predictions(tubes, CLASSES), protocol or EvaluationProtocol(), [*truth], annotated
    )


def literal_corloc(truth, made, choose, action: str, threshold: Fraction, annotated=None) -> float | None:
    """By loops: ``choose(video)`` lists the chosen tubes, each of which counts equally."""
    values = []
    for video, tubes in truth.items():
        frames = None if annotated is None else annotated[video]
        mine = [
            boxes
            for name, boxes in tubes
            if name == action and (frames is None or any(frame in frames for frame in boxes))
        ]
        if not mine:
            continue
        chosen = choose(video)
        right = [any(literal_iou(made[video][p], true, frames) >= threshold for true in mine) for p in chosen]
        values.append(Fraction(sum(right), len(right)) if right else Fraction(0))
    return float(sum(values) / len(values)) if values else None


def literal_choices(made, scores, column: int, annotated=None):
    """Each rule of choosing a tube, by loops over lists; a tube in no annotated frame cannot be chosen."""

    def tubes(video: str) -> list[int]:
        return [
            p
            for p, boxes in enumerate(made[video])
            if annotated is None or any(frame in annotated[video] for frame in boxes)
        ]

    def best(video: str) -> list[int]:
        found = []
        for p in tubes(video):
            score = scores[video][p][column]
            if score is not None and (not found or score > scores[video][found[0]][column]):
                found = [p]
        return found

    def largest(video: str) -> list[int]:
        def area(p: int) -> Fraction:
            areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in made[video][p].values()]
            return Fraction(sum(areas), len(areas))

        return sorted(tubes(video), key=lambda p: (-area(p), p))[:1]

    return {
        "best": best,
        "random": tubes,
        "confident": lambda video: tubes(video)[:1],
        "largest": largest,
    }


def value(table: pd.DataFrame, action: str, threshold: float, column: str = "corloc") -> float:
    row = table[(table["class"] == action) & (table["iou_threshold"] == f"{threshold:g}")]
    assert len(row) == 1
    return float(row[column].iloc[0])


# ------------------------------------------------------------------------------ the definition


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=40, deadline=None)
def test_corloc_of_each_choice_equals_its_definition(seed, is_sparse):
    truth, made, scores = random_videos(seed)
    annotated = None
    if is_sparse:
        annotated = {video: {0, 3} if n % 2 else {*range(FRAMES)} for n, video in enumerate(truth)}
    evaluation = as_evaluation(truth, made, scores, annotated)
    labels = VideoClasses({video: {name for name, _ in tubes} for video, tubes in truth.items()})
    library = {
        "best": best_tube(CLASSES),
        "random": random_tube,
        "confident": most_confident_detection,
        "largest": largest_tube(evaluation.tubes),
    }
    for name, choose in library.items():
        table = corloc_table(evaluation.overlaps, choose, labels, CLASSES, thresholds=THRESHOLDS, resamples=2)
        for threshold in THRESHOLDS:
            expected = []
            for column, action in enumerate(CLASSES):
                rule = literal_choices(made, scores, column, annotated)[name]
                found = value(table, action, threshold)
                wanted = literal_corloc(truth, made, rule, action, Fraction(str(threshold)), annotated)
                if wanted is None:
                    assert np.isnan(found)
                else:
                    assert found == pytest.approx(wanted)
                    expected.append(wanted)
            mean = value(table, "mean", threshold)
            assert mean == pytest.approx(np.mean(expected)) if expected else np.isnan(mean)


def test_corloc_by_hand():
    """Four videos of run: found, missed, without tubes, and with a wrong tube that has the higher score."""
    truth = {name: [("run", dict.fromkeys(range(FRAMES), BOX))] for name in "abcd"}
    truth["e"] = [("jump", {0: BOX})]
    whole = lambda box: dict.fromkeys(range(FRAMES), box)  # noqa: E731
    made = {
        "a": [whole(FAR), whole(HALF)],
        "b": [whole(FAR)],
        "c": [],
        "d": [whole(BOX), whole(FAR)],
        "e": [{0: BOX}],
    }
    # columns: jump, run
    scores = {
        "a": [[3, 1], [0, 2]], "b": [[0, 9]], "c": [], "d": [[0, 1], [0, 2]], "e": [[None, 5]],
    }  # fmt: skip
    evaluation = as_evaluation(truth, made, scores)
    labels = VideoClasses({**{name: ["run"] for name in "abcd"}, "e": ["jump"], "f": ["run"]})
    table = corloc_table(evaluation.overlaps, best_tube(CLASSES), labels, CLASSES, thresholds=(0.5, 0.75))
    assert value(table, "run", 0.5) == 1 / 4  # an IoU of exactly one half in a
    assert value(table, "run", 0.75) == 0
    assert value(table, "jump", 0.5) == 0  # the tube is right, but predicted for run only
    assert value(table, "mean", 0.5) == 1 / 8
    assert [value(table, name, 0.5, "videos") for name in ("run", "jump", "mean")] == [5, 1, 6]
    of_random = corloc_table(evaluation.overlaps, random_tube, labels, CLASSES, thresholds=(0.5, 0.75))
    assert value(of_random, "run", 0.5) == (1 / 2 + 0 + 0 + 1 / 2) / 4
    assert value(of_random, "jump", 0.5) == 1
    strict = as_evaluation(truth, made, scores, protocol=EvaluationProtocol(strict=True))
    table = corloc_table(strict.overlaps, best_tube(CLASSES), labels, CLASSES, strict.protocol)
    assert value(table, "run", 0.5) == 0 and value(table, "run", 0.4) == 1 / 4


def test_only_annotated_frames_count():
    truth = {"a": [("run", {0: BOX, 1: BOX, 2: FAR})]}
    made = {"a": [{0: BOX, 1: BOX, 2: BOX}]}
    for annotated, wanted in ((None, 2 / 3), ({"a": {0, 1}}, 1), ({"a": {2}}, 0)):
        evaluation = as_evaluation(truth, made, {"a": [[0, 1]]}, annotated)
        assert evaluation.overlaps[0].iou == pytest.approx(wanted)
        found = localization_probability(
            evaluation.overlaps, "run", best_tube(CLASSES), thresholds=(0.6, 0.9)
        )
        assert found.tolist() == [[wanted >= 0.6, wanted >= 0.9]]


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_properties_of_corloc(seed):
    truth, made, scores = random_videos(seed)
    evaluation = as_evaluation(truth, made, scores)
    levels = (0.1, 0.3, 0.5, 0.9)
    choices = [best_tube(CLASSES), random_tube, most_confident_detection, largest_tube(evaluation.tubes)]
    found = [
        localization_probability(evaluation.overlaps, "run", choose, thresholds=levels) for choose in choices
    ]
    for probability in found:
        known = probability[~np.isnan(probability).any(1)]
        assert ((known >= 0) & (known <= 1)).all() and (np.diff(known, axis=1) <= 0).all()
    # a random tube localizes a class in a video if and only if any tube does
    best_possible = [
        video.iou[:, [label.action == "run" for label in video.truth]].max(initial=0)
        for video in evaluation.overlaps
    ]
    for row, best in zip(found[1], best_possible, strict=True):
        if not np.isnan(row).any():
            assert (row > 0).tolist() == [best >= level for level in levels]


# ------------------------------------------------------------------------------ class accuracy


def test_accuracy_by_hand():
    labels = {"a": ["run"], "b": ["run", "jump"], "c": ["run"], "d": ["jump"], "e": []}
    logits = {
        "a": np.array([0.1, 0.2]),  # run: correct
        "b": np.array([3.0, -1.0]),  # jump: among its labels
        "c": np.array([1.0, 1.0]),  # of equal scores the first, jump: wrong
        "d": np.full(2, np.nan),  # no tube: wrong
        "e": np.array([1.0, 0.0]),  # no label: does not count
    }
    predicted = predicted_classes(logits, ["jump", "run"])
    assert predicted == {"a": "run", "b": "jump", "c": "jump", "e": "jump"}
    classes = VideoClasses(labels, predicted)
    assert classes.accuracy("run") == (2 / 3, 3) and classes.accuracy("jump") == (1 / 2, 2)
    assert np.isnan(classes.accuracy("sit")[0]) and classes.accuracy("sit")[1] == 0
    table = corloc_table([], random_tube, classes, ["jump", "run", "sit"], thresholds=(0.5,))
    assert table["class"].tolist() == ["jump", "run", "sit", "mean"]
    assert table["accuracy"].tolist() == pytest.approx([1 / 2, 2 / 3, np.nan, 7 / 12], nan_ok=True)
    assert table["videos"].tolist() == [2, 3, 0, 4]
    assert table[["corloc", "corloc_low", "corloc_high"]].isna().all(axis=None)


def test_files_without_video_scores_have_no_accuracy():
    assert predicted_classes({"a": None}, CLASSES) is None
    accuracy, videos = VideoClasses({"a": ["run"]}).accuracy("run")
    assert np.isnan(accuracy) and videos == 1


def test_the_video_score_without_attention_is_the_mean_of_the_complete_tubes():
    tubes = predicted_tubes([([0], [BOX])] * 4, np.zeros((4, 2)))
    logits = np.array([[1, 2], [3, 6], [np.nan, 50], [np.nan, np.nan]], np.float32)
    scored = type(tubes)(**{**tubes.arrays(), "class_logit": logits})
    assert mean_of_tubes(scored).tolist() == [2, 4]
    assert np.isnan(mean_of_tubes(scored.chosen(np.array([2, 3])))).all()
    assert mean_of_tubes(tubes) is None


def test_the_mean_area_counts_the_frames_with_a_box():
    tubes = predicted_tubes([([0, 2], [BOX, HALF]), ([1], [FAR]), ([], np.zeros((0, 4)))], length=3)
    assert mean_box_area(tubes).tolist() == pytest.approx([75, 100, np.nan], nan_ok=True)


# ---------------------------------------------------------------------------------- intervals


@given(st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_each_resample_equals_the_table_of_the_drawn_videos(seed):
    truth, made, scores = random_videos(seed)
    evaluation = as_evaluation(truth, made, scores)
    labels = VideoClasses({})
    one = corloc_table(
        evaluation.overlaps, random_tube, labels, CLASSES, thresholds=THRESHOLDS, resamples=1, seed=seed
    )
    (weights,) = next(draw_resamples(len(truth), 1, seed, 1))
    by_id = sorted(evaluation.overlaps, key=lambda video: video.video)
    drawn = [video for video, times in zip(by_id, weights, strict=True) for _ in range(times)]
    expected = corloc_table(drawn, random_tube, labels, CLASSES, thresholds=THRESHOLDS, resamples=1)
    np.testing.assert_allclose(one["corloc_low"], expected["corloc"])
    np.testing.assert_array_equal(one["corloc_low"], one["corloc_high"])


def test_intervals_have_the_width_of_a_binomial_share():
    def width(videos: int) -> float:
        truth = {f"{n:03d}": [("run", {0: BOX})] for n in range(videos)}
        made = {video: [{0: BOX if int(video) % 2 else FAR}] for video in truth}
        evaluation = as_evaluation(truth, made, {video: [[0, 1]] for video in truth})
        labels = VideoClasses({video: ["run"] for video in truth})
        table = corloc_table(evaluation.overlaps, best_tube(CLASSES), labels, CLASSES, thresholds=(0.5,))
        assert value(table, "run", 0.5) == value(table, "mean", 0.5) == 0.5
        return value(table, "run", 0.5, "corloc_high") - value(table, "run", 0.5, "corloc_low")

    assert width(20) == pytest.approx(2 * 1.96 * 0.5 / 20**0.5, rel=0.2)
    assert width(180) == pytest.approx(2 * 1.96 * 0.5 / 180**0.5, rel=0.2)


# ---------------------------------------------------------------------------------- the table


WHOLE = [BOX] * 3


@pytest.fixture
def run(tmp_path):
    """A data set of two test and three training videos, scored by two seeds of one model."""

    def tubes(boxes, logits):
        count = len(boxes)
        logits = np.array(logits, np.float32)
        return Tubes(
            boxes=np.array(boxes, np.float32),
            score=np.linspace(1, 0.5, count).astype(np.float32),
            actor=np.ones(count, np.int16),
            seed_frame=np.zeros(count, np.int32),
            frame_score=np.ones((count, 3), np.float32),
            interval=np.tile(np.array([0, 3], np.int32), (count, 1)),
            class_logit=logits,
            class_score=logits.astype(float),
        )

    large = [[40, 40, 60, 60]] * 3
    videos = {
        "test": {
            "a": ([large, WHOLE], [[0, 1], [0, 3]], [0, 1]),
            "b": ([WHOLE, large], [[2, 0], [4, 1]], [9, 8]),
        },
        "train": {"c": ([large, WHOLE], [[5, 0], [0, 1]], [1, 0]), "d": ([WHOLE], [[1, 0]], [1, 0])},
    }
    info = VideoInfo(3, 25.0, 64, 64)
    shards = {}
    for split, entries in videos.items():
        proposals = tmp_path / f"{split}.h5"
        with ShardWriter(proposals, TUBES_SCHEMA, {}) as writer:
            for video, (boxes, logits, _) in entries.items():
                unscored = replace(tubes(boxes, logits), class_logit=None, class_score=None)
                write_tubes(writer, video, info, unscored)
        scored = {}
        for seed in (0, 1):
            path = tmp_path / f"{split}{seed}.h5"
            with ShardWriter(path, PREDICTIONS_SCHEMA, {}, {"classes": CLASSES}) as writer:
                for video, (boxes, logits, video_logit) in entries.items():
                    sign = 1 - 2 * seed  # the second seed prefers the opposite
                    one, own = tubes(boxes, sign * np.array(logits)), sign * np.float32(video_logit)
                    write_tubes(writer, video, info, one, own)
            scored["fixed", "tiny", seed] = [path]
        shards[split] = SplitShards({"fixed": [proposals]}, scored)
    (tmp_path / "videos.csv").write_text(
        "video,split,label,frames\na,test,run,3\nb,test,jump,3\nc,train,run,3\nd,train,jump|run,3\n"
        "undecodable,train,run,0\nunlabeled,train,,3\n"
    )
    lines = ["video,tube,class,frame,x1,y1,x2,y2"]
    for video, action in (("a", "run"), ("b", "jump"), ("c", "run"), ("undecodable", "run")):
        lines += [f"{video},0,{action},{frame},0,0,10,10" for frame in range(3)]
    (tmp_path / "truth.csv").write_text("\n".join(lines) + "\n")
    return tmp_path, shards


def test_the_table_of_a_run_by_hand(run):
    folder, shards = run
    data = TestSplit("mine", folder / "truth.csv", folder / "videos.csv")
    write_corloc(data, shards, folder / "corloc.csv")
    table = pd.read_csv(folder / "corloc.csv")
    assert list(table.columns) == CORLOC_COLUMNS
    assert set(table["dataset"]) == {"mine"} and set(table["linker"]) == {"fixed"}
    models = ["tiny", "random tube", "most confident detection", "largest tube", "no attention"]
    assert list(dict.fromkeys(table["model"])) == models
    assert len(table) == len(models) * 2 * 2 * 3 * 6  # seeds, splits, classes with mean, thresholds
    at_half = table[table["iou_threshold"] == 0.5].set_index(["model", "seed", "split", "class"])
    corloc = at_half["corloc"].unstack("class")
    # a: the second tube is right; b: the first; c: the second, but the model prefers the first
    expected = {
        ("tiny", 0, "test"): (0, 1), ("tiny", 1, "test"): (1, 0),
        ("tiny", 0, "train"): (np.nan, 1), ("tiny", 1, "train"): (np.nan, 0),
        ("random tube", 0, "test"): (0.5, 0.5), ("random tube", 1, "train"): (np.nan, 0.5),
        ("no attention", 1, "test"): (0.5, 0.5), ("no attention", 0, "train"): (np.nan, 0.5),
        ("most confident detection", 0, "test"): (1, 0), ("largest tube", 1, "test"): (0, 0),
    }  # fmt: skip
    for row, wanted in expected.items():
        np.testing.assert_array_equal(corloc.loc[row, CLASSES].to_numpy(float), wanted, err_msg=str(row))
    accuracy = at_half["accuracy"].unstack("class")
    # by video_logit: a run, b jump, c jump (wrong), d jump (one of two labels), and the opposite
    of_first = {"test": (1, 1), "train": (1, 1 / 2)}
    for model in models[:4]:
        for split, wanted in of_first.items():
            assert accuracy.loc[(model, 0, split), CLASSES].tolist() == pytest.approx(wanted)
        assert accuracy.loc[(model, 1, "test"), CLASSES].tolist() == [0, 0]
        assert accuracy.loc[(model, 1, "train"), CLASSES].tolist() == [1, 1]
    # by the mean of all tubes: c has (2.5, 0.5), which is jump as well
    assert accuracy.loc[("no attention", 0, "train"), CLASSES].tolist() == pytest.approx([1, 1 / 2])
    counts = at_half["videos"].unstack("class")
    assert counts.loc[("tiny", 0, "test"), [*CLASSES, "mean"]].tolist() == [1, 1, 2]
    assert counts.loc[("tiny", 0, "train"), [*CLASSES, "mean"]].tolist() == [1, 2, 2]
    known = table.dropna(subset=["corloc"])
    assert (known["corloc_low"] <= known["corloc"]).all() and (known["corloc"] <= known["corloc_high"]).all()


def test_a_failed_test_video_counts_and_training_videos_are_optional(run):
    folder, shards = run
    (folder / "videos.csv").write_text("video,split,label\na,test,run\nb,test,jump\nfailed,test,run\n")
    with (folder / "truth.csv").open("a") as truth:
        truth.write("failed,0,run,0,0,0,10,10\n")
    data = TestSplit("mine", folder / "truth.csv", folder / "videos.csv")
    write_corloc(data, {"test": shards["test"]}, folder / "corloc.csv")
    table = pd.read_csv(folder / "corloc.csv").query("model == 'tiny' and seed == 0 and iou_threshold == 0.5")
    row = table[table["class"] == "run"].iloc[0]
    assert (row["corloc"], row["accuracy"], row["videos"], row["split"]) == (1 / 2, 1 / 2, 2, "test")


def test_a_test_video_without_a_label_has_the_classes_of_its_ground_truth(run):
    folder, _ = run
    (folder / "videos.csv").write_text(
        "video,split,label\na,test,\nb,test,jump\nc,test,run|sit\nnone,test,\n"
    )
    data = TestSplit("mine", folder / "truth.csv", folder / "videos.csv")
    assert data.labels("test") == {"a": ("run",), "b": ("jump",), "c": ("run", "sit"), "none": ()}
    assert data.labels("train") == {}


def test_scores_of_another_number_of_classes_are_an_error(run):
    folder, _ = run
    path = folder / "wrong.h5"
    with ShardWriter(path, PREDICTIONS_SCHEMA, {}, {"classes": CLASSES}) as writer:
        write_tubes(writer, "a", VideoInfo(3, 25.0, 9, 9), Tubes.empty(3), np.zeros(3, np.float32))
    with pytest.raises(DataError, match=r"wrong.h5: a: video_logit has the shape \(3,\); expected a value"):
        read_predictions(path).videos.video_logit("a")


def test_merged_predictions_keep_the_scores_of_videos(run):
    folder, shards = run
    (path,) = shards["test"].scored["fixed", "tiny", 0]
    merge_predictions([path], folder / "merged.h5")
    assert read_predictions(folder / "merged.h5").videos.video_logit("b").tolist() == [9, 8]


# ----------------------------------------------------------------------------- the main actor


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_choices_of_the_main_actor_against_loops(seed):
    """The loops of a plain script: of the class's score, with a prior, the first tube, and all tubes."""
    truth, made, scores = random_videos(seed)
    scores = {
        video: [[s if s is not None else 0.0 for s in row] for row in rows] for video, rows in scores.items()
    }
    evaluation = as_evaluation(truth, made, scores)
    table = main_actor_choices(evaluation, evaluation, ["run"], 0.3)
    expected = {}
    for video, tubes in truth.items():
        actors = [boxes for name, boxes in tubes if name == "run"]
        if not actors:
            continue
        good = [max(literal_iou(one, actor) for actor in actors) >= Fraction(3, 10) for one in made[video]]
        own = [row[1] for row in scores[video]]
        # predicted_tubes gives P tubes the detection scores P, P - 1, ..., 1
        with_prior = [score * (len(own) - p) for p, score in enumerate(own)]
        sizes = [
            Fraction(sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in one.values()), len(one))
            for one in made[video]
        ]
        expected[video] = [
            *(good[values.index(max(values))] if good else 0 for values in (own, with_prior)),
            float(Fraction(sum(good), len(good))) if good else 0,
            good[0] if good else 0,
            good[sizes.index(max(sizes))] if good else 0,
        ]
    assert table["video"].tolist() == sorted(expected) and set(table["class"]) <= {"run"}
    for row in table.itertuples(index=False):
        assert list(row[2:]) == pytest.approx([float(x) for x in expected[row.video]])


def test_only_proposals_of_a_category_count():
    """Of a person on the actor, a larger teddy bear and a bystander, only the persons can be chosen."""
    evaluation = as_evaluation(
        {"a": [("kick", {0: BOX})], "b": [("hug", {0: BOX})]},
        {"a": [{0: FAR}, {0: [20, 20, 60, 60]}, {0: BOX}], "b": [{0: BOX}]},
        {"a": [[0, 0.4], [0, 0.9], [0, 0.5]], "b": [[0, 1]]},
    )
    tubes = evaluation.tubes["a"]
    evaluation.tubes["a"] = replace(tubes, actor=np.array([1, 88, 1], np.int16))
    evaluation.tubes["b"] = replace(evaluation.tubes["b"], actor=np.ones(1, np.int16))
    scored = Evaluation(
        {"a": [ground_truth_tube("run", [0], [BOX])], "b": evaluation.ground_truth["b"]},
        Predictions(evaluation.tubes, CLASSES),
    )
    (everything,) = main_actor_choices(scored, scored, ["run"]).itertuples(index=False)
    assert everything[:4] == ("a", "run", 0, 0) and everything[4] == pytest.approx(1 / 3)
    (persons,) = main_actor_choices(scored, scored, ["run"], category="person").itertuples(index=False)
    # 0.5 beats 0.4, but with the detection scores 3 and 1 as a prior, 0.4 wins
    assert persons == ("a", "run", 1, 0, 1 / 2, 0, 0)
    with pytest.raises(ConfigError, match="persn"):
        main_actor_choices(scored, scored, ["run"], category="persn")


def test_differences_between_choices_are_paired():
    """A choice that is right in one more video of four, whatever the resample, has no negative difference."""
    choices = pd.DataFrame(
        {
            "video": list("abcd"),
            "class": ["kick", "kick", "push", "push"],
            "best tube": [1.0, 1.0, 0.0, 1.0],
            "random tube": [1.0, 0.5, 0.0, 0.5],
        }
    )
    table = main_actor_intervals(choices, resamples=500).set_index(["class", "choice"])
    everything = table.loc["all", "best tube"]
    assert everything[["value", "difference", "videos"]].tolist() == [0.75, 0.25, 4]
    assert everything["difference_low"] >= 0 and everything["difference_high"] <= 0.5
    assert everything["low"] <= 0.25 and everything["high"] == 1
    assert table.loc[("kick", "random tube"), "value"] == 0.75
    of_reference = table.xs("random tube", level="choice")
    assert (of_reference[["difference", "difference_low", "difference_high"]] == 0).all(axis=None)
