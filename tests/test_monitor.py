"""The monitor of training runs: what it warns of, what it stops, and that no model is written then."""

import math
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from attention_sets import Video, random_video, write_set
from moving_targets import write_sequences
from test_detection import stills, train

from actorsup.attention.selection import constant_loss, video_loss
from actorsup.attention.settings import AttentionSettings
from actorsup.attention.training import TrainingJob, train_attention
from actorsup.errors import DataError
from actorsup.linking.siamese import training as siamese_training
from actorsup.linking.siamese.training import TrainingSet, train_siamese
from actorsup.training.loop import Step, Training, train_epochs
from actorsup.training.monitor import PATIENCE, Expectation, Health, Monitor, clip_gradient, feature_health

torch.set_num_threads(1)


def monitor(constant: float | None = 1.0, epochs: int = 10) -> Monitor:
    return Monitor("a network", Expectation(constant, "lower the rate", "check the labels"), epochs)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


# ------------------------------------------------------------------------------- what it measures
def test_feature_health_is_the_root_mean_square_and_the_relative_deviation_between_examples():
    features = torch.tensor([[1.0, 2.0], [3.0, 2.0]])
    size, spread = feature_health(features).tolist()
    assert size == pytest.approx(math.sqrt((1 + 4 + 9 + 4) / 4))
    # deviations of the two columns: 1 and 0
    assert spread == pytest.approx(math.sqrt((1 + 0) / 2) / size)
    assert feature_health(torch.zeros(3, 4)).tolist() == [0, 0]
    assert math.isnan(feature_health(torch.ones(1, 4))[1])


def test_the_gradient_norm_is_over_all_parameters_and_is_clipped_only_where_asked():
    parameters = [torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(1))]
    for given, expected in ((None, 5.0), (10.0, 5.0), (1.0, 1.0)):
        parameters[0].grad, parameters[1].grad = torch.tensor([3.0, 0.0]), torch.tensor([4.0])
        assert clip_gradient(parameters, given) == pytest.approx(5.0)
        left = math.hypot(*parameters[0].grad, *parameters[1].grad)
        assert left == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("label_loss", ["softmax", "sigmoid"])
def test_no_constant_prediction_is_better_than_the_constant_loss(label_loss):
    targets = np.float32([[1, 0, 0], [1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0, 1]])
    logits = torch.zeros(3, requires_grad=True)
    descent = torch.optim.LBFGS([logits], max_iter=200, line_search_fn="strong_wolfe")

    def mean_loss() -> torch.Tensor:
        descent.zero_grad()
        loss = sum(video_loss(logits, torch.from_numpy(t), label_loss) for t in targets) / len(targets)
        loss.backward()
        return loss

    descent.step(mean_loss)
    assert constant_loss(targets, label_loss) == pytest.approx(mean_loss().item(), abs=1e-4)
    assert constant_loss(np.ones((4, 1), np.float32), label_loss) == 0


# --------------------------------------------------------------------------------- what it says
@pytest.mark.parametrize(
    ("health", "said"),
    [
        (Health(math.nan, 1), "the loss is not finite"),
        (Health(math.inf, 1), "the loss is not finite"),
        (Health(1, math.nan), "the gradient is not finite"),
    ],
)
def test_what_is_not_finite_stops_the_run_at_once(health, said):
    with pytest.raises(DataError, match=rf"training a network, epoch 2, step 4: {said}.*lower the rate"):
        monitor().step(health, 1, 3)


@pytest.mark.parametrize(
    ("health", "sign"),
    [
        (Health(1, 1, size=0, spread=0), "every feature is zero"),
        (Health(1, 1, size=3, spread=0), "the same for every input"),
        (Health(1, 0, size=3, spread=1), "every gradient is zero"),
    ],
)
def test_a_dead_network_is_warned_of_at_once_and_stopped_after_a_while(caplog, health, sign):
    watched = monitor()
    for step in range(PATIENCE - 1):
        watched.step(health, 0, step)
    assert [sign in message for message in warnings(caplog)] == [True]
    assert "epoch 1, step 1" in caplog.text and "lower the rate" in caplog.text
    with pytest.raises(DataError, match=rf"{sign}.*{PATIENCE} steps in a row.*no model is written"):
        watched.step(health, 0, PATIENCE)


def test_a_network_that_comes_back_to_life_goes_on():
    watched = monitor()
    for step in range(5 * PATIENCE):
        watched.step(Health(1, 0 if step % PATIENCE else 1), 0, step)


def test_a_gradient_of_zero_is_no_fault_where_nothing_is_left_to_learn(caplog):
    watched = monitor()
    for step in range(2 * PATIENCE):
        watched.step(Health(0.001, 0, 1, 1), 0, step)
    assert not warnings(caplog)


def run_epochs(watched: Monitor, losses: list[float]) -> None:
    for epoch, loss in enumerate(losses):
        watched.step(Health(loss, 1, 1, 1), epoch, 0)
        watched.end_epoch(epoch)


def test_an_exploded_loss_is_warned_of_and_in_the_last_epoch_it_stops_the_run(caplog):
    run_epochs(monitor(2.0, epochs=4), [50, 1, 1, 1])
    (message,) = warnings(caplog)
    assert "epoch 1: the mean loss 50 is 25 times that of a predictor that ignores its input (2)" in message
    with pytest.raises(DataError, match=r"epoch 4: the mean loss 21 is 10.5 times .* no model is written"):
        run_epochs(monitor(2.0, epochs=4), [1, 1, 1, 21])


@pytest.mark.parametrize(
    ("losses", "warned"),
    [
        ([1.0] * 5, True),
        ([1.0] * 4, False),
        ([2.0, 1.5, 1.2, 1.1, 0.995], True),
        ([0.9, 1, 1, 1, 1], False),
        ([1, 1, 1, 1, 0.9], False),
    ],
)
def test_a_loss_no_better_than_a_constant_predictors_is_warned_of_after_five_epochs(caplog, losses, warned):
    run_epochs(monitor(1.0), losses)
    assert [("no better than" in m and "check the labels" in m) for m in warnings(caplog)] == [True] * warned


def test_without_a_known_constant_loss_the_first_epoch_is_what_is_compared_with(caplog):
    run_epochs(monitor(None, epochs=6), [3.0] * 5)
    assert "after 5 epochs the mean loss 3 is no better than that of the first epoch (3)" in caplog.text
    with pytest.raises(DataError, match=r"epoch 2: the mean loss 31 is 10.3 times that of the first epoch"):
        run_epochs(monitor(None, epochs=2), [3.0, 31.0])
    caplog.clear()
    # a resumed run has no first epoch to compare with
    resumed = monitor(None)
    for epoch in range(3, 9):
        resumed.step(Health(3.0, 1), epoch, 0)
        resumed.end_epoch(epoch)
    assert not warnings(caplog)


class Diverging(Training):
    """Its loss grows tenfold from epoch to epoch."""

    steps, expectation = 1, Expectation(1.0)

    def __init__(self) -> None:
        self.state = {"network": torch.nn.Linear(1, 1)}

    def epoch(self, epoch: int, first: int):
        yield Step({"loss": 10.0**epoch}, health=Health(10.0**epoch, 1))


def test_a_diverged_run_writes_no_weights(tmp_path):
    with pytest.raises(DataError, match=r"training it, epoch 3.*diverged"):
        train_epochs(Diverging(), 3, tmp_path / "w.pt", dict, {}, "it")
    assert not (tmp_path / "w.pt").exists()


# ------------------------------------------------------------------- the three training loops
TINY = AttentionSettings(encoder="small", shorter_side=32, frames=2, tubes=2, k=1, batch=2, epochs=3)
LABELS = {"u": ("a",), "v": ("b",), "w": ("a",), "x": ("b",)}


def attend(folder: Path, settings: AttentionSettings, videos: dict[str, Video] | None = None) -> Path:
    frames, tubes = write_set(folder, videos or {v: random_video(i) for i, v in enumerate(LABELS)})
    output = folder / "m.pt"
    given = [str(frames)], [str(tubes)], LABELS, ["a", "b"], str(output), asdict(settings)
    train_attention(TrainingJob(*given, weights=None, device="cpu", seed=0, provenance={}))
    return output


def test_attention_with_the_same_features_for_every_tube_is_stopped(tmp_path, caplog):
    same = Video(np.full((8, 32, 44, 3), 90, np.uint8), np.tile(np.float32([4, 4, 20, 20]), (2, 8, 1)))
    with pytest.raises(DataError, match=r"the features are the same for every input.*feature_norm"):
        attend(tmp_path, replace(TINY, epochs=PATIENCE, flip=0), dict.fromkeys(LABELS, same))
    assert not (tmp_path / "m.pt").exists()


def test_attention_that_diverges_is_stopped_and_one_that_does_not_learn_is_warned_of(tmp_path, caplog):
    raw = replace(TINY, feature_norm="none", learning_rate=1e3, train_encoder=False)
    with pytest.raises(DataError, match=r"attention, epoch 3: the mean loss .* diverged.*learning_rate"):
        attend(tmp_path, raw)
    assert not (tmp_path / "m.pt").exists()
    assert "epoch 1: the mean loss" in caplog.text
    caplog.clear()
    (tmp_path / "slow").mkdir()
    still = replace(TINY, learning_rate=1e-12, feature_size=1e-6)  # all logits stay 0
    assert attend(tmp_path / "slow", still).exists()
    assert "no better than that of a predictor that ignores its input (0.6931)" in caplog.text


def test_a_dead_siamese_network_is_stopped(tmp_path, monkeypatch, caplog):
    def dead(trunk: str, seed: int, last_relu: bool):
        network = real(trunk, seed, last_relu)
        for value in network.trunk.parameters():
            torch.nn.init.zeros_(value)
        return network

    real = siamese_training.random_siamese
    monkeypatch.setattr(siamese_training, "random_siamese", dead)
    section = {"trunk": "small", "training": {"epochs": 9, "pairs": 8, "batch": 4}}
    with pytest.raises(DataError, match=r"Siamese network.*every feature is zero.*training.learning_rate"):
        train_siamese(
            TrainingSet(write_sequences(tmp_path / "set", 2)), tmp_path / "w.pt", section, "cpu", 0, {}
        )
    assert not (tmp_path / "w.pt").exists()


def test_a_siamese_network_that_does_not_learn_is_warned_of(tmp_path, caplog):
    """No two frames of its sequences have anything in common."""
    root = write_sequences(tmp_path / "set", 2)
    for number, path in enumerate(sorted(root.glob("*/*.jpg"))):
        noise = np.random.default_rng(number).integers(0, 255, (120, 160, 3), np.uint8)
        cv2.imwrite(str(path), noise)
    section = {
        "trunk": "small",
        "training": {"epochs": 6, "pairs": 4, "learning_rate": 1e-12, "last_learning_rate": 1e-12},
    }
    train_siamese(TrainingSet(root), tmp_path / "w.pt", section, "cpu", 0, {})
    assert "no better than that of a predictor that ignores its input (0.6931)" in caplog.text


@pytest.mark.parametrize(
    ("learning_rate", "said"), [(1e-9, "no better than that of the first epoch"), (1e9, "diverged")]
)
def test_the_training_of_a_detector_is_watched_too(tmp_path, caplog, learning_rate, said):
    root = stills(tmp_path / "stills")
    try:
        train(root, tmp_path / "w.pt", 5, learning_rate=learning_rate, flip=0, crop=1, jitter=0)
    except DataError as error:
        assert said in str(error) and not (tmp_path / "w.pt").exists()
    else:
        assert said in caplog.text
