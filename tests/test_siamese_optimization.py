"""How the Siamese network is optimized: SiamFC's schedule, calibration, the embedding's last layer."""

import numpy as np
import pytest
import torch
from moving_targets import write_sequences

from actorsup.errors import ConfigError
from actorsup.linking.settings import SiameseTrainingSettings
from actorsup.linking.siamese.network import random_siamese, siamese_network, weights_content
from actorsup.linking.siamese.training import TrainingSet, freeze_blocks, optimizer_of, train_siamese
from actorsup.training import monitor
from actorsup.training.weights import load_weights, save_weights

torch.set_num_threads(1)


def test_the_defaults_are_siamfcs_but_for_the_optimizer_and_its_first_rate():
    """As in experiment.m of the authors' release: logspace(-2, -5, 50), 5e-4, batches of 8, 100 frames."""
    settings = SiameseTrainingSettings()
    assert (settings.epochs, settings.batch, settings.weight_decay) == (50, 8, 5e-4)
    assert (settings.optimizer, settings.momentum, settings.gap) == ("adamw", 0.9, 100)
    assert settings.stretch == 0.05
    assert not settings.last_relu and settings.radius * 8 == 16
    for first in (settings.learning_rate, 0.01):
        published = SiameseTrainingSettings(learning_rate=first)
        rates = [published.learning_rate_of(epoch) for epoch in range(50)]
        np.testing.assert_allclose(rates, np.logspace(np.log10(first), -5, 50), rtol=1e-9)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"optimizer": "adam"}, "optimizer: 'adam' is not allowed; allowed: sgd, adamw"),
        ({"schedule": "step"}, "schedule: 'step' is not allowed; allowed: exponential, cosine"),
        ({"trunk": "small", "frozen_blocks": 1}, "frozen_blocks: 1; allowed for the trunk small: 0"),
    ],
)
def test_settings_that_cannot_be_used_say_so(wrong, said):
    with pytest.raises(ConfigError, match=said):
        SiameseTrainingSettings(**wrong)


def test_steps_are_those_of_sgd_with_momentum_and_weight_decay_on_weights_only(tmp_path, monkeypatch):
    """The optimizer's steps by hand, from the gradients that it was given."""
    gradients, states = [], []
    real = monitor.clip_gradient

    def seen(parameters, largest):
        norm = real(parameters, largest)
        gradients.append([p.grad.clone() for p in parameters])
        states.append([p.detach().clone() for p in parameters])
        return norm

    monkeypatch.setattr(monitor, "clip_gradient", seen)
    how = {"optimizer": "sgd", "epochs": 2, "pairs": 4, "batch": 4}
    how |= {"learning_rate": 0.1, "last_learning_rate": 0.001}
    section = {"trunk": "small", "training": how | {"weight_decay": 0.2}}
    train_siamese(TrainingSet(write_sequences(tmp_path / "set", 1)), tmp_path / "w.pt", section, "cpu", 0, {})
    assert len(states) == 2
    velocity = [torch.zeros_like(p) for p in states[0]]
    for index, (value, gradient) in enumerate(zip(states[0], gradients[0], strict=True)):
        velocity[index] = gradient + (0.2 if value.dim() > 1 else 0.0) * value
        torch.testing.assert_close(states[1][index], value - 0.1 * velocity[index])
    # the second epoch's rate
    last = load_weights(tmp_path / "w.pt")["state"]["bias"]
    names = [name for name, _ in random_siamese("small", 0).named_parameters()]
    bias = names.index("bias")
    moved = 0.9 * velocity[bias] + gradients[1][bias]
    torch.testing.assert_close(last, states[1][bias] - 0.001 * moved)


def test_the_optimizer_is_the_one_that_is_asked_for():
    parameters = [torch.nn.Parameter(torch.ones(2, 2)), torch.nn.Parameter(torch.ones(2))]
    for name, kind in (("sgd", torch.optim.SGD), ("adamw", torch.optim.AdamW)):
        made = optimizer_of(parameters, SiameseTrainingSettings(optimizer=name, weight_decay=0.3))
        assert type(made) is kind
        assert [group["weight_decay"] for group in made.param_groups] == [0.3, 0.0]


def test_calibrated_responses_have_mean_0_and_deviation_1():
    """However large the features are, as those of VGG16."""
    network = random_siamese("small", 0)
    exemplars, searches = 50 + 30 * torch.randn(4, 32, 9, 9), 50 + 30 * torch.randn(4, 1, 32, 19, 19)
    network.calibrate(exemplars, searches)
    with torch.no_grad():
        deviation, mean = torch.std_mean(network(exemplars, searches))
    assert float(mean) == pytest.approx(0, abs=1e-3) and float(deviation) == pytest.approx(1, abs=1e-3)
    dead = random_siamese("small", 0)
    dead.calibrate(0 * exemplars, 0 * searches)
    assert (dead.gain.item(), dead.bias.item()) == (1, 0)


def test_the_gain_is_calibrated_and_then_stays_as_it_is(tmp_path):
    root = write_sequences(tmp_path / "set", 2)
    gains = []
    for epochs in (1, 3):
        section = {"trunk": "small", "training": {"epochs": epochs, "pairs": 4}}
        train_siamese(TrainingSet(root), tmp_path / f"{epochs}.pt", section, "cpu", 0, {})
        gains.append(float(load_weights(tmp_path / f"{epochs}.pt")["state"]["gain"]))
    assert gains[0] != 1 and gains[1] != 1
    assert "gain" not in dict(random_siamese("small", 0).named_parameters())


def test_a_vgg16_trained_without_its_last_relu_is_read_without_it(tmp_path):
    images = torch.randn(1, 3, 127, 127)
    for last_relu in (False, True):
        network = random_siamese("vgg16", 3, last_relu)
        save_weights(tmp_path / "w.pt", weights_content(network, "vgg16", {}))
        read = siamese_network("vgg16", tmp_path / "w.pt")
        with torch.no_grad():
            features = read.trunk(images)
            torch.testing.assert_close(features, network.trunk(images))
        assert features.shape == (1, 512, 5, 5)
        assert bool((features < 0).any()) != last_relu
    # ImageNet's weights, which know of no such choice, keep every ReLU
    state = {f"features.{name}": value for name, value in network.trunk.state_dict().items()}
    save_weights(tmp_path / "imagenet.pt", state)
    with torch.no_grad():
        assert bool((siamese_network("vgg16", tmp_path / "imagenet.pt").trunk(images) >= 0).all())


@pytest.mark.parametrize(("blocks", "trained"), [(0, 10), (1, 8), (2, 6), (3, 3)])
def test_frozen_blocks_of_vgg16_are_not_trained(blocks, trained):
    """Blocks 1 to 4 have 2, 2, 3 and 3 convolutions."""
    trunk = random_siamese("vgg16", 0).trunk
    freeze_blocks(trunk, blocks)
    weights = [p for p in trunk.parameters() if p.requires_grad and p.dim() == 4]
    assert len(weights) == trained
    assert all(p.requires_grad for p in list(trunk.parameters())[-2 * trained :])


def test_a_vgg16_learns_from_random_weights_and_frozen_blocks_stay(tmp_path):
    """A few steps on moving rectangles: finite, alive, and only the last block moves."""
    how = {"epochs": 1, "pairs": 4, "batch": 4, "search_size": 143, "frozen_blocks": 3}
    section = {"trunk": "vgg16", "training": how}
    train_siamese(TrainingSet(write_sequences(tmp_path / "set", 1)), tmp_path / "w.pt", section, "cpu", 0, {})
    state, start = load_weights(tmp_path / "w.pt")["state"], random_siamese("vgg16", 0).state_dict()
    moved = [name for name in state if name.startswith("trunk") and not torch.equal(state[name], start[name])]
    assert moved and all(int(name.split(".")[1]) >= 17 for name in moved)
