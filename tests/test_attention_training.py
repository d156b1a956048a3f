"""Training of actor attention: from frames, tubes and video labels, and nothing else."""

import csv
import logging
import math
from dataclasses import asdict, fields, replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from attention_sets import Video, random_video, write_set
from kills import die_after, steps_taken

from actorsup.artifacts.provenance import imported_modules
from actorsup.artifacts.shards import ShardReader
from actorsup.artifacts.tube_files import PREDICTIONS_SCHEMA, read_tubes, read_video_logit
from actorsup.attention import training
from actorsup.attention.clips import move_clip
from actorsup.attention.dataset import label_shares, training_videos
from actorsup.attention.model import load_model, random_model
from actorsup.attention.pooled_features import open_pooled_features
from actorsup.attention.scoring import score_videos
from actorsup.attention.scoring_settings import ScoringSettings
from actorsup.attention.settings import AttentionSettings
from actorsup.attention.training import TrainingJob, train_attention
from actorsup.errors import DataError
from actorsup.training.weights import load_weights, save_weights

torch.set_num_threads(1)
TINY = AttentionSettings(encoder="small", shorter_side=32, frames=2, tubes=2, k=1, batch=2, epochs=3)
CLASSES = ["a", "b"]


@pytest.fixture
def shards(tmp_path) -> tuple[Path, Path]:
    """Five videos of noise: of other lengths and sizes, one without tubes, one shorter than the segments."""
    videos = {
        "long": random_video(0, count=12),
        "one frame": random_video(1, count=1),
        "no tubes": random_video(2, tubes=0),
        "upright": random_video(3, size=(50, 32)),
        "other": random_video(4, tubes=5),
    }
    return write_set(tmp_path, videos)


LABELS = {"long": ("a",), "one frame": ("b",), "no tubes": ("a",), "upright": ("a", "b"), "other": ("b",)}


def train(shards, output, settings=TINY, labels=LABELS, seed=0, **more):
    frames, tubes = map(str, shards)
    given = {"classes": CLASSES, "weights": None, "device": "cpu", "provenance": {"of": "a test"}, **more}
    train_attention(
        TrainingJob(
            [frames], [tubes], labels, output=str(output), settings=asdict(settings), seed=seed, **given
        )
    )
    return load_weights(output)


def same_weights(a, b) -> bool:
    return all(torch.equal(a["state"][name], b["state"][name]) for name in a["state"])


def curve(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


# ------------------------------------------------------------------------ what it learns from
def test_training_opens_only_frames_and_tubes(shards, tmp_path, monkeypatch):
    opened = []
    open_file = h5py.File.__init__

    def remember(self, name, *args, **more):
        # h5py opens what is open already by its identity
        opened.extend([Path(name)] if isinstance(name, str | Path) else [])
        open_file(self, name, *args, **more)

    monkeypatch.setattr(h5py.File, "__init__", remember)
    train(shards, tmp_path / "m.pt")
    assert set(opened) == set(shards)
    how = {"output", "settings", "weights", "device", "seed", "provenance", "processes", "launcher"}
    how |= {"deterministic", "checkpoint_steps", "board", "epochs"}
    assert {field.name for field in fields(TrainingJob)} - how == {"frames", "tubes", "labels", "classes"}


def test_no_module_of_training_knows_ground_truth():
    todo, seen = ["actorsup.attention.training"], set()
    while todo:
        module = todo.pop()
        if module not in seen:
            seen.add(module)
            todo += imported_modules(module)
    assert "actorsup.artifacts.tube_files" in seen
    assert not [m for m in seen if "ground_truth" in m or "evaluation" in m or "datasets" in m]


def light_and_shadow(seed: int, kind: int) -> Video:
    """A grey video of three still tubes far apart; kind 0 and 1 have light or shadow in one of them."""
    rng = np.random.default_rng(seed)
    frames = rng.integers(110, 146, (6, 64, 184, 3), dtype=np.uint8)
    y = int(rng.integers(4, 34))
    # the first is the acting one
    places = [int(x) for x in rng.permutation([4, 78, 152])]
    if kind < 2:
        frames[:, y : y + 26, places[0] : places[0] + 28] = 255 * kind
    boxes = np.array([[x, y, x + 28, y + 26] for x in places], float)
    return Video(frames, np.tile(boxes[:, None], (1, 6, 1)))


def test_labels_of_videos_teach_which_tube_acts(tmp_path):
    videos = {f"{i:02d}": light_and_shadow(i, i % 3) for i in range(36)}
    frames, tubes = write_set(tmp_path, videos)
    classes = ["shadow", "light", "nothing"]
    labels = {name: (classes[int(name) % 3],) for name in videos if int(name) < 18}
    how = {"epochs": 20, "decay_after": 15, "learning_rate": 0.01, "momentum": 0.9}
    settings = replace(TINY, shorter_side=64, tubes=3, batch=3, **how)
    output = tmp_path / "m.pt"
    train((frames, tubes), output, settings, labels, classes=classes)
    rows = curve(tmp_path / "m.csv")
    assert list(rows[0]) == ["epoch", "loss", "accuracy", "learning_rate", "seconds"]
    assert float(rows[-1]["loss"]) < 0.1 < 1 < float(rows[0]["loss"])
    assert float(rows[-1]["accuracy"]) == 1
    unseen = [name for name in videos if name not in labels]
    score_videos(frames, tubes, output, tmp_path / "p.h5", unseen, ScoringSettings(), "cpu", {})
    with ShardReader(tmp_path / "p.h5", PREDICTIONS_SCHEMA) as shard:
        for name in unseen:
            best = read_tubes(shard[name]).class_score.argmax(1).tolist()
            assert best == [int(name) % 3, 2, 2], name


@pytest.mark.parametrize("selection", ["top_k", "noisy_or", "log_sum_exp"])
def test_the_video_score_is_the_one_that_training_uses(tmp_path, selection):
    """With the same frames and the same weights, training and scoring count the same videos as correct."""
    videos = {f"{i:02d}": random_video(i, count=4, tubes=6) for i in range(12)}
    videos["05"].boxes[1] = np.nan  # an absent tube does not make room for the next one
    labels = {name: ("ab"[int(name) % 2],) for name in videos}
    frames, tubes = write_set(tmp_path, videos)
    how = {"frames": 4, "flip": 0.0, "tubes": 3, "k": 2, "epochs": 1, "learning_rate": 1e-12}
    train((frames, tubes), tmp_path / "m.pt", replace(TINY, selection=selection, **how), labels)
    score_videos(
        frames, tubes, tmp_path / "m.pt", tmp_path / "p.h5", list(videos), ScoringSettings(), "cpu", {}
    )
    correct = 0
    with ShardReader(tmp_path / "p.h5", PREDICTIONS_SCHEMA) as shard:
        for name in videos:
            logits = torch.from_numpy(read_tubes(shard[name]).class_logit[:3]).double()
            expected = attended_by_hand(replace(TINY, selection=selection), logits[~logits.isnan().any(1)], 2)
            found = read_video_logit(shard[name])
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
            correct += CLASSES[int(found.argmax())] in labels[name]
    (row,) = curve(tmp_path / "m.csv")
    assert float(row["accuracy"]) == pytest.approx(correct / len(videos))


# ------------------------------------------------------------------------------ how it learns
def attended_by_hand(settings, logits, k):
    """A class's k highest of its tubes' logits (P, C), and what is made of them: (C,)."""
    highest = logits.sort(0, descending=True).values[:k]
    if settings.selection == "noisy_or":
        nowhere = (1 - highest.sigmoid()).prod(0)
        return ((1 - nowhere) / nowhere).log()
    return highest.mean(0) if settings.selection == "top_k" else highest.exp().mean(0).log()


def loss_by_hand(settings, logits, shares):
    """Of a video's logits (C,) and the shares of the classes in its label."""
    if settings.label_loss == "softmax":
        return -(shares * (logits.exp() / logits.exp().sum()).log()).sum()
    right = torch.where(shares > 0, logits.sigmoid(), 1 - logits.sigmoid())
    return -right.log().sum()


def normalized_by_hand(settings, features):
    """Each tube's features (P, N, F), its mean over time brought to the norm ``feature_size``."""
    if settings.feature_norm == "none":
        return features
    norms = torch.stack([(tube.sum(0) / len(tube)).square().sum().sqrt() for tube in features])
    return features * (settings.feature_size / norms)[:, None, None]


def video_by_hand(settings, model, clip, shares, k):
    """Loss of a video, and whether its highest class is in its label."""
    images, boxes = move_clip(clip, settings.shorter_side, None, torch.device("cpu"))
    pooled = model.pool(images, [boxes])[0]
    assert pooled.features.shape[1] == (1 if settings.frame_share == 1 else 2) and pooled.is_present.all()
    frames = math.ceil(2 * settings.frame_share)
    features = normalized_by_hand(settings, pooled.features)
    each = features @ model.classifier.weight.T + model.classifier.bias
    tubes = each.sort(1, descending=True).values[:, :frames].mean(1)
    logits = attended_by_hand(settings, tubes, k)
    loss = loss_by_hand(settings, logits, shares)
    if settings.uncertainty:
        of_tubes = features.mean(1) @ model.log_variance.weight.T + model.log_variance.bias
        loss = loss / of_tubes.mean().exp() + of_tubes.mean()
    return loss, float(shares[logits.argmax()] > 0)


@pytest.mark.parametrize(
    ("more", "ks", "draws"),
    [
        ({}, (1, 1), (0, 1)),
        ({"encoder": "vgg16"}, (1, 1), (0, 1)),
        ({"feature_norm": "none"}, (1, 1), (0, 1)),
        ({"feature_size": 3.0, "frame_share": 0.5}, (1, 1), (0, 1)),
        ({"batch": 8}, (1, 1), (0, 1)),
        ({"shorter_side": 40, "pixels": "half"}, (1, 1), (0, 1)),
        ({"k": 2, "k_last": 1}, (2, 1), (0, 1)),
        ({"label_loss": "sigmoid"}, (1, 1), (0, 1)),
        ({"label_loss": "sigmoid", "selection": "noisy_or", "k": 2}, (2, 2), (0, 1)),
        ({"selection": "log_sum_exp", "k": 2}, (2, 2), (0, 1)),
        ({"frame_share": 0.5}, (1, 1), (0, 1)),
        ({"uncertainty": True}, (1, 1), (0, 1)),
        ({"train_encoder": False, "draws": 1}, (1, 1), (0, 0)),
    ],
    ids=lambda value: "_".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_steps_are_those_of_sgd_as_the_appendix_has_it(tmp_path, more, ks, draws):
    shards = write_set(tmp_path, {v: random_video(i, tubes=3) for i, v in enumerate(("u", "v"))})
    labels = {"u": ("a",), "v": ("a", "b")}
    how = {"epochs": 2, "learning_rate": 0.02, "decay_after": 1, "weight_decay": 0.3, "momentum": 0.9}
    settings = replace(TINY, **how, **more)
    trained = train(shards, tmp_path / "m.pt", settings, labels, seed=5)

    model = random_model(settings, CLASSES, seed=5)
    shares = {"u": torch.tensor([1.0, 0.0]), "v": torch.tensor([0.5, 0.5])}
    learned = [
        name for name, _ in model.named_parameters() if settings.train_encoder or "encoder" not in name
    ]
    velocity = {name: torch.zeros_like(value) for name, value in model.named_parameters()}
    curve_by_hand = []
    with training_videos([shards[0]], [shards[1]], labels, CLASSES) as videos:
        for rate, k, draw in zip((0.02, 0.005), ks, draws, strict=True):
            found = []
            for video in videos:
                clip = video.clip(settings, 5, draw)
                assert clip.boxes.shape == (2, 2, 4)
                found.append(video_by_hand(settings, model, clip, shares[video.video], k))
            (loss, right) = (sum(values) / 2 for values in zip(*found, strict=True))
            curve_by_hand.append((loss.item(), right, rate))
            model.zero_grad()
            loss.backward()
            with torch.no_grad():
                for name, value in model.named_parameters():
                    if name in learned:
                        decay = 0.3 if name == "classifier.weight" else 0
                        velocity[name] = 0.9 * velocity[name] + value.grad + decay * value
                        value -= rate * velocity[name]
    start = random_model(settings, CLASSES, seed=5).state_dict()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(trained["state"][name], value, rtol=1e-3, atol=1e-5)
    moved = {name for name, value in trained["state"].items() if not torch.equal(value, start[name])}
    assert moved <= set(learned)
    assert {name for name in learned if "encoder" not in name} <= moved
    assert any(name.startswith("encoder.") for name in moved) == settings.train_encoder
    logged = [
        tuple(float(row[of]) for of in ("loss", "accuracy", "learning_rate"))
        for row in curve(tmp_path / "m.csv")
    ]
    for mine, row in zip(curve_by_hand, logged, strict=True):
        assert row == pytest.approx(mine, rel=1e-4)


def test_one_seed_one_model_and_another_seed_another(shards, tmp_path):
    first = train(shards, tmp_path / "1.pt")
    assert same_weights(first, train(shards, tmp_path / "2.pt"))
    assert not same_weights(first, train(shards, tmp_path / "3.pt", seed=1))
    # the order of the labels does not matter
    backwards = dict(reversed(LABELS.items()))
    assert same_weights(first, train(shards, tmp_path / "4.pt", labels=backwards))


@pytest.mark.parametrize(
    ("killed", "settings"),
    [(killed, TINY) for killed in (0, 1, 2, 3, 5)] + [(3, replace(TINY, train_encoder=False, draws=1))],
)
def test_a_killed_run_resumes_to_the_same_weights(shards, tmp_path, monkeypatch, killed, settings):
    """Four videos, two a step: two steps in each of three epochs."""
    whole = train(shards, tmp_path / "whole.pt", settings)
    with monkeypatch.context() as patch:
        die_after(patch, training._Training, killed)
        with pytest.raises(KeyboardInterrupt):
            train(shards, tmp_path / "killed.pt", settings)
        assert not (tmp_path / "killed.pt").exists()
    # Snakemake deletes the outputs of a failed job, the curves too
    for name in ("killed.csv", "killed_steps.csv"):
        (tmp_path / name).unlink(missing_ok=True)
    with monkeypatch.context() as patch:
        taken = steps_taken(patch, training._Training)
        resumed = train(shards, tmp_path / "killed.pt", settings)
    assert taken == [(epoch, step) for epoch in range(3) for step in range(2)][killed:]
    assert same_weights(whole, resumed)
    rows = [[{**row, "seconds": ""} for row in curve(tmp_path / f"{n}.csv")] for n in ("whole", "killed")]
    assert rows[0] == rows[1] and len(rows[0]) == 3
    steps = [curve(tmp_path / f"{name}_steps.csv") for name in ("whole", "killed")]
    assert steps[0] == steps[1] and len(steps[0]) == 6
    assert list(steps[0][0]) == ["epoch", "step", "loss", "accuracy", "learning_rate"]
    made = [f"{name}{end}" for name in ("killed", "whole") for end in (".csv", ".pt", "_steps.csv")]
    assert sorted(path.name for path in tmp_path.iterdir() if path not in shards) == made


def test_a_checkpoint_of_another_model_is_ignored(shards, tmp_path, monkeypatch):
    """The other model has more weights; its run was killed under the same name."""
    with monkeypatch.context() as patch:
        die_after(patch, training._Training, 3)
        with pytest.raises(KeyboardInterrupt):
            train(shards, tmp_path / "m.pt", replace(TINY, uncertainty=True), provenance={"model": "other"})
    assert (tmp_path / "m.pt.partial").exists()
    mine = train(shards, tmp_path / "m.pt", provenance={"model": "mine"})
    assert same_weights(mine, train(shards, tmp_path / "new.pt"))


def test_a_checkpoint_of_other_settings_is_ignored(shards, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(training, "model_content", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train(shards, tmp_path / "m.pt", seed=1, provenance={"seed": 1})
    assert (tmp_path / "m.pt.partial").exists()
    mine = train(shards, tmp_path / "m.pt", seed=2, provenance={"seed": 2})
    assert same_weights(mine, train(shards, tmp_path / "other.pt", seed=2))


def test_frames_that_several_threads_decode_make_the_same_model(shards, tmp_path, monkeypatch):
    one = train(shards, tmp_path / "1.pt")
    monkeypatch.setattr(training, "loader_threads", lambda device: 4)
    assert same_weights(one, train(shards, tmp_path / "4.pt"))


def test_the_encoder_starts_from_given_weights(shards, tmp_path):
    start = random_model(TINY, CLASSES, 0).encoder.trunk.state_dict()
    from actorsup.training.backbones import SmallBackbone

    torch.manual_seed(9)
    save_weights(tmp_path / "w.pt", SmallBackbone().state_dict())
    still = replace(TINY, learning_rate=1e-12, epochs=1)
    state = train(shards, tmp_path / "m.pt", still, weights=str(tmp_path / "w.pt"))["state"]
    torch.manual_seed(9)
    weight = SmallBackbone()[0][0].weight / np.sqrt(1 + 1e-5)
    torch.testing.assert_close(state["encoder.trunk.0.0.weight"], weight)
    assert not torch.allclose(state["encoder.trunk.0.0.weight"], start["0.0.weight"])


def test_frames_and_boxes_flip_together_and_each_epoch_draws_anew(shards):
    with training_videos([shards[0]], [shards[1]], LABELS, CLASSES) as videos:
        video = videos[0]
        assert video.video == "long"
        plain, flipped = (video.clip(replace(TINY, flip=p), 0, 0) for p in (0, 1))
        np.testing.assert_array_equal(flipped.frames, plain.frames[:, :, ::-1])
        np.testing.assert_allclose(flipped.boxes, plain.flip_horizontally().boxes)
        many = replace(TINY, frames=6, flip=0.5)
        epochs = {video.clip(many, 0, epoch).frames.tobytes() for epoch in range(8)}
        assert len(epochs) == 8
        assert video.clip(many, 0, 3).frames.tobytes() in epochs


def test_each_video_has_a_random_generator_of_its_own(tmp_path):
    """Random numbers that an encoder draws for a video depend on the seed, the epoch and the video only."""
    frames, tubes = write_set(tmp_path, {v: random_video(i) for i, v in enumerate("uvw")})
    drawn: dict[str, list[float]] = {}

    class Drawing(training._Training):
        def _compute_losses(self, part, epoch):
            drawn.setdefault(part[0][0].video, []).append(torch.rand(1).item())
            return super()._compute_losses(part, epoch)

    settings = replace(TINY, batch=3, epochs=2)
    seen = []
    for names in ("uvw", "wv"):
        drawn.clear()
        with (
            training_videos([frames], [tubes], {v: ("a",) for v in names}, CLASSES) as videos,
            open_pooled_features(tmp_path / "m.pt", settings) as kept,
        ):
            drawing = Drawing(random_model(settings, CLASSES, 0), videos, kept, torch.device("cpu"), 0)
            for epoch in range(2):
                list(drawing.epoch(epoch, 0))
        seen.append(dict(drawn))
    assert len({value for values in seen[0].values() for value in values}) == 6
    assert seen[1] == {v: seen[0][v] for v in "wv"}


def test_each_video_draws_frames_of_its_own(tmp_path):
    frames, tubes = write_set(tmp_path, {"u": random_video(0), "v": random_video(0)})
    with training_videos([frames], [tubes], {"u": ("a",), "v": ("a",)}, CLASSES) as (u, v):
        pairs = [(u.clip(TINY, 0, epoch), v.clip(TINY, 0, epoch)) for epoch in range(6)]
    assert any(not np.array_equal(one.frames, other.frames) for one, other in pairs)


def test_the_trained_model_scores_and_says_what_made_it(shards, tmp_path):
    content = train(shards, tmp_path / "m.pt", provenance={"seed": 7})
    assert content["provenance"] == {"seed": 7}
    model = load_model(tmp_path / "m.pt")
    assert (model.settings, model.classes) == (TINY, ("a", "b"))


# ---------------------------------------------------------------------------------- bad input
def test_videos_without_tubes_or_frames_are_left_out(shards, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    with training_videos([shards[0]], [shards[1]], {**LABELS, "gone": ("a",)}, CLASSES) as videos:
        assert [video.video for video in videos] == ["long", "one frame", "other", "upright"]
    assert "no tubes: no actor was found" in caplog.text
    assert "gone: no frames" in caplog.text
    assert "4 of 6" in caplog.text


def test_a_class_without_training_videos_is_named(shards, tmp_path, caplog):
    train(shards, tmp_path / "m.pt", labels={"long": ("a",)}, classes=["a", "b", "c"])
    assert [r.getMessage() for r in caplog.records if r.levelname == "WARNING"] == [
        "no training video has the class b, c; its scores are meaningless"
    ]


def test_several_labels_share_the_loss():
    assert label_shares("v", ("c", "a"), ["a", "b", "c"]).tolist() == [0.5, 0, 0.5]
    assert label_shares("v", ("b", "b"), ["a", "b", "c"]).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"long": ("jump",)}, "long: the label 'jump' is not a known class; allowed: a, b"),
        ({"long": ()}, "long: has no label"),
        ({"no tubes": ("a",)}, "none of the 1 labeled training videos has a tube"),
        ({}, "none of the 0"),
    ],
)
def test_labels_that_cannot_be_used_say_so(shards, tmp_path, labels, said):
    with pytest.raises(DataError, match=said):
        train(shards, tmp_path / "m.pt", labels=labels)
    assert not (tmp_path / "m.pt").exists()


def test_labels_of_half_of_the_videos_are_enough(shards, tmp_path, caplog):
    """The other videos are not read: the model is that of a set without them."""
    caplog.set_level(logging.INFO)
    half = {name: LABELS[name] for name in ("long", "other")}
    there = train(shards, tmp_path / "m.pt", labels=half)
    assert "training on 2 of 2 labeled videos" in caplog.text
    (tmp_path / "subset").mkdir()
    subset = write_set(
        tmp_path / "subset", {"long": random_video(0, count=12), "other": random_video(4, tubes=5)}
    )
    assert same_weights(there, train(subset, tmp_path / "subset.pt", labels=half))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (random_video(0, count=11), "tubes over 11 frames of 44x32, but the video has 12 of 44x32"),
        (
            random_video(0, count=12, size=(30, 44)),
            "tubes over 12 frames of 44x30, but the video has 12 of 44x32",
        ),
    ],
    ids=["length", "size"],
)
def test_tubes_of_another_video_are_an_error(shards, tmp_path, other, said):
    (tmp_path / "other").mkdir()
    _, tubes = write_set(tmp_path / "other", {"long": other})
    with pytest.raises(DataError, match=f"tubes_0000.h5: long has {said}"):
        train((shards[0], tubes), tmp_path / "m.pt")


def test_a_loss_that_is_not_finite_stops_naming_the_videos(shards, tmp_path):
    with pytest.raises(DataError, match=r"not finite in epoch [12], step [12], videos .+learning_rate"):
        train(shards, tmp_path / "m.pt", replace(TINY, learning_rate=1e30))
    assert not (tmp_path / "m.pt").exists()


def test_a_gradient_that_is_not_finite_stops_the_run(shards, tmp_path, monkeypatch):
    """One step, whose loss is finite and whose gradient is not."""
    real = training.video_loss
    # the gradient of the square root is infinite at 0
    spoiled = lambda *a: real(*a) + (a[0] * 0).square().sum().sqrt()  # noqa: E731
    monkeypatch.setattr(training, "video_loss", spoiled)
    with pytest.raises(DataError, match="epoch 1, step 1: the gradient is not finite"):
        train(shards, tmp_path / "m.pt", replace(TINY, batch=8, epochs=1))
    assert not (tmp_path / "m.pt").exists() and not (tmp_path / "m.pt.partial").exists()


def test_weights_that_are_not_finite_after_the_last_step_are_no_model(shards, tmp_path):
    """One step, whose loss and gradient are finite, but not the weights that it leaves."""
    huge = replace(TINY, batch=8, epochs=1, learning_rate=3e38, weight_decay=1e3)
    with pytest.raises(DataError, match="the weights are not finite after the epoch's last step"):
        train(shards, tmp_path / "m.pt", huge)
    assert not (tmp_path / "m.pt").exists() and not (tmp_path / "m.pt.partial").exists()


def test_the_learning_rate_rises_over_the_warm_up(shards, tmp_path):
    """Four videos, two a step: the rate of each step is its share of the epochs of the warm-up."""
    settings = replace(TINY, warm_up=2, epochs=3, learning_rate=0.001)
    train(shards, tmp_path / "m.pt", settings)
    rates = [float(row["learning_rate"]) for row in curve(tmp_path / "m_steps.csv")]
    assert rates == pytest.approx([0.00025, 0.0005, 0.00075, 0.001, 0.001, 0.001])


def test_a_large_gradient_is_scaled_down(shards, tmp_path):
    """One step from the same start: with a small limit the weights move by the rate times the limit."""
    settings = replace(TINY, batch=8, epochs=1, weight_decay=0, largest_gradient=1e-3, learning_rate=1)
    state = train(shards, tmp_path / "m.pt", settings)["state"]
    start = random_model(settings, CLASSES, 0).state_dict()
    moved = sum((state[name] - start[name]).double().square().sum() for name in start) ** 0.5
    assert float(moved) == pytest.approx(1e-3, rel=0.01)


def test_a_tube_in_none_of_the_frames_is_ignored(tmp_path):
    video = random_video(0, count=8, tubes=2)
    subset = Video(video.frames, video.boxes[1:])
    video.boxes[0] = np.nan
    (tmp_path / "subset").mkdir()
    labels = {"v": ("a",)}
    both = train(write_set(tmp_path, {"v": video}), tmp_path / "both.pt", labels=labels)
    one = train(write_set(tmp_path / "subset", {"v": subset}), tmp_path / "one.pt", labels=labels)
    assert same_weights(both, one)
