"""Encoders: our own, and torchvision's for images and videos."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional
from torchvision import models

from actorsup.attention.encoder import Encoder, _time_weights
from actorsup.attention.encoders import ENCODERS, encoder_type, initialize_encoder
from actorsup.attention.model import random_model
from actorsup.attention.settings import AttentionSettings
from actorsup.detection.networks import build_network, weights_content
from actorsup.errors import ConfigError, DataError
from actorsup.training.backbones import SmallBackbone
from actorsup.training.weights import save_weights

torch.set_num_threads(1)


def build_encoder(name: str) -> Encoder:
    return encoder_type(name).build()


def test_vgg16_ends_with_the_relu_of_conv5_3(tmp_path):
    plan = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512]
    torch.manual_seed(0)
    state, layer, channels = {"classifier.0.weight": torch.zeros(2, 2)}, 0, 3
    images = wanted = torch.randn(2, 3, 33, 50)
    for width in plan:
        if width == "M":
            wanted, layer = functional.max_pool2d(wanted, 2), layer + 1
            continue
        weight = torch.randn(width, channels, 3, 3) * math.sqrt(2 / channels / 9)
        bias = torch.randn(width) * 0.1
        wanted = functional.relu(functional.conv2d(wanted, weight, bias, padding=1))
        state |= {f"features.{layer}.weight": weight, f"features.{layer}.bias": bias}
        layer, channels = layer + 2, width
    save_weights(tmp_path / "vgg16.pth", state)
    encoder = build_encoder("vgg16")
    initialize_encoder("vgg16", encoder, tmp_path / "vgg16.pth")
    assert (encoder.info.stride, encoder.info.channels) == (16, 512)
    torch.testing.assert_close(encoder(images), wanted, rtol=1e-4, atol=1e-4)
    assert wanted.shape == (2, 512, 2, 3)


@pytest.mark.parametrize("name", ENCODERS)
def test_a_cell_of_the_features_lies_where_the_encoder_says(name):
    encoder = build_encoder(name).double()
    # equal weights, and averages for maxima, see a cell's whole field evenly
    for parent in list(encoder.modules()):
        for key, layer in parent.named_children():
            if isinstance(layer, torch.nn.MaxPool2d):
                setattr(parent, key, torch.nn.AvgPool2d(2))
            elif isinstance(layer, torch.nn.Conv2d):
                layer.weight.data.fill_(1 / layer.weight[0].numel())
                layer.bias.data.zero_()
    info = encoder.info
    side, cell = 26 * info.stride, (12, 14)
    images = torch.ones(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    encoder(images)[0, :, cell[0], cell[1]].sum().backward()
    weight = images.grad[0].sum(0)
    middles = torch.arange(side, dtype=torch.float64) + 0.5
    y, x = ((weight.sum(d) * middles).sum() / weight.sum() for d in (1, 0))
    wanted = [info.origin + info.stride * at for at in cell]
    assert [y.item(), x.item()] == pytest.approx(wanted)


def trained_trunk() -> SmallBackbone:
    """A trunk whose batch normalisation has seen images."""
    torch.manual_seed(0)
    trunk = SmallBackbone().train()
    for _ in range(5):
        trunk(torch.randn(4, 3, 32, 32) * 2 + 1)
    return trunk.eval()


def test_the_small_encoder_is_the_trunk_with_frozen_statistics(tmp_path):
    trunk, images = trained_trunk(), torch.randn(3, 3, 40, 56)
    save_weights(tmp_path / "trunk.pt", trunk.state_dict())
    encoder = build_encoder("small").train()
    assert not torch.allclose(encoder(images), trunk(images), atol=1e-3)
    initialize_encoder("small", encoder, tmp_path / "trunk.pt")
    torch.testing.assert_close(encoder(images), trunk(images), rtol=1e-4, atol=1e-5)
    # the maps of a frame do not depend on the other frames
    torch.testing.assert_close(encoder(images[:1]), encoder(images)[:1], rtol=1e-4, atol=1e-5)
    assert all(parameter.requires_grad for parameter in encoder.parameters())


def test_the_small_encoder_starts_from_a_trained_detector(tmp_path):
    network = build_network("small_ssd", (0, 1))
    network.module.backbone.trunk.load_state_dict(trained_trunk().state_dict())
    save_weights(tmp_path / "ssd.pt", weights_content("small_ssd", network, (160, 120), {}))
    encoder, images = build_encoder("small"), torch.randn(1, 3, 32, 32)
    initialize_encoder("small", encoder, tmp_path / "ssd.pt")
    torch.testing.assert_close(encoder(images), trained_trunk()(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("vgg16", {"features.0.weight": torch.zeros(64, 3, 3, 3)}, r"lacks features\.0\.bias"),
        ("vgg16", {"architecture": "small_ssd", "state": {}}, r"lacks features\.0\.weight"),
        ("small", {"architecture": "ssd300_vgg16", "state": {}}, "not the weights of a small_ssd"),
        ("small", {"0.0.weight": torch.zeros(1)}, "another architecture"),
    ],
)
def test_weights_of_another_network_are_refused(tmp_path, name, content, said):
    save_weights(tmp_path / "other.pt", content)
    with pytest.raises(DataError, match=f"other.pt.*{said}"):
        initialize_encoder(name, build_encoder(name), tmp_path / "other.pt")


# --------------------------------------------------------------------------------- torchvision's
def test_an_image_network_of_torchvision_up_to_its_last_maps(tmp_path):
    torch.manual_seed(0)
    network = models.resnet18().eval()
    save_weights(tmp_path / "w.pth", network.state_dict())
    encoder = build_encoder("resnet18").eval()
    initialize_encoder("resnet18", encoder, tmp_path / "w.pth")
    images = torch.randn(2, 3, 64, 96)
    wanted = images
    for name, layer in network.named_children():
        if name == "avgpool":
            break
        wanted = layer(wanted)
    torch.testing.assert_close(encoder(images), wanted)
    assert wanted.shape[1] == encoder.info.channels == 512
    assert images.shape[3] / wanted.shape[3] == encoder.info.stride == 32


def even(trunk):
    """A trunk whose every cell sees its whole field evenly, so that its middle can be read off."""
    for parent in list(trunk.modules()):
        for key, layer in list(parent.named_children()):
            if isinstance(layer, torch.nn.MaxPool2d):
                how = layer.kernel_size, layer.stride, layer.padding, layer.ceil_mode
                setattr(parent, key, torch.nn.AvgPool2d(*how))
            elif isinstance(layer, torch.nn.BatchNorm2d):
                setattr(parent, key, torch.nn.Identity())
            elif isinstance(layer, torch.nn.Conv2d):
                layer.weight.data.fill_(1 / layer.weight[0].numel())
                if layer.bias is not None:
                    layer.bias.data.zero_()
    return trunk


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1"])
def test_a_cell_of_a_network_of_torchvision_lies_where_it_says(name):
    encoder = build_encoder(name)
    info = encoder.info
    even(encoder.double().eval())
    side, cell = int(20 * info.stride), (9, 11)
    images = torch.ones(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    encoder(images)[0, :, cell[0], cell[1]].sum().backward()
    weight = images.grad[0].sum(0)
    middles = torch.arange(side, dtype=torch.float64) + 0.5
    y, x = ((weight.sum(d) * middles).sum() / weight.sum() for d in (1, 0))
    assert [y.item(), x.item()] == pytest.approx([info.origin + info.stride * at for at in cell], abs=0.5)


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "shufflenet_v2_x0_5", "convnext_tiny", "swin_t"])
def test_other_image_networks_have_the_maps_that_they_say(name):
    encoder = build_encoder(name).eval()
    info = encoder.info
    with torch.no_grad():
        maps = encoder(torch.randn(1, 3, 96, 128))
    assert maps.shape == (1, info.channels, 96 // info.stride, 128 // info.stride)


@pytest.mark.parametrize("name", ["r2plus1d_18", "mc3_18"])
def test_a_video_network_makes_a_map_a_frame(name):
    encoder = build_encoder(name).eval()
    info = encoder.info
    assert info.video
    frames = torch.randn(32, 3, 64, 64)
    with torch.no_grad():
        maps, second = encoder(frames, 16), encoder(frames[16:], 16)
    assert maps.shape[:2] == (32, info.channels)
    assert maps.shape[3] == -(-64 // info.stride)
    # snippets are independent, and their frames differ
    torch.testing.assert_close(maps[16:], second, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(maps[0], maps[15], atol=1e-3)


def test_maps_between_the_cells_of_time_are_interpolated():
    # two cells over four frames: their middles lie between frames 0 and 1, 2 and 3
    assert _time_weights(2, 4).tolist() == [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]]
    assert _time_weights(1, 3).tolist() == [[1], [1], [1]]
    assert torch.equal(_time_weights(5, 5), torch.eye(5))


def test_batch_normalisation_is_frozen_in_training():
    settings = AttentionSettings(encoder="resnet18", shorter_side=64, frames=2, tubes=2, k=1)
    model = random_model(settings, ["a", "b"], seed=0).train()
    before = {name: value.clone() for name, value in model.named_buffers()}
    frames = torch.randint(0, 256, (4, 64, 64, 3), dtype=torch.uint8)
    boxes = torch.tensor([8.0, 8, 50, 60]).expand(1, 2, 4)
    both = [model(pooled) for pooled in model.pool(frames, [boxes, boxes])]
    (single,) = model.pool(frames[:2], [boxes])
    torch.testing.assert_close(model(single), both[0], rtol=1e-4, atol=1e-5)
    assert before and all(torch.equal(value, before[name]) for name, value in model.named_buffers())


def test_an_encoder_that_is_not_trained_drops_nothing_and_has_no_gradient():
    settings = AttentionSettings(encoder="mobilenet_v3_small", train_encoder=False, tubes=2, k=1)
    model = random_model(settings, ["a"], seed=0).train()
    assert not model.encoder.training and model.training
    assert [name for name, p in model.named_parameters() if p.requires_grad] == [
        "classifier.weight", "classifier.bias",
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "hint"), [("resnet81", "resnet18"), ("r2plus1d", "r2plus1d_18")])
def test_an_unknown_encoder_is_an_error(name, hint):
    said = f"encoder: '{name}'; allowed: small, vgg16 and .*did you mean '{hint}'"
    with pytest.raises(ConfigError, match=said):
        build_encoder(name)


@pytest.mark.parametrize(
    ("name", "snippet", "allowed"),
    [
        ("mvit_v1_b", 8, "16"),
        ("mvit_v2_s", 1, "16"),
        ("s3d", 1, "5 or more"),
        ("s3d", 4, "5 or more"),
        ("r3d_18", 1, "2 or more"),
        ("r2plus1d_18", 1, "2 or more"),
        ("swin3d_t", 1, "2 or more"),
    ],
)
def test_a_snippet_that_a_video_network_does_not_take_is_an_error(name, snippet, allowed):
    said = f"snippet: {snippet}; allowed for {name}, which sees frames in a row: {allowed}"
    with pytest.raises(ConfigError, match=said):
        random_model(AttentionSettings(encoder=name, snippet=snippet), ["a"], 0)


@pytest.mark.parametrize("name", ["s3d", "r3d_18", "mc3_18", "r2plus1d_18"])
def test_a_video_network_takes_the_shortest_snippet_that_is_allowed(name):
    least = 5 if name == "s3d" else 2
    with torch.no_grad():
        maps = build_encoder(name).eval()(torch.randn(least, 3, 32, 32), least)
    assert len(maps) == least and maps.isfinite().all()


KINETICS = (0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)
HALF = (0.45, 0.45, 0.45), (0.225, 0.225, 0.225)
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.mark.parametrize(
    ("name", "colours"),
    [
        ("r3d_18", KINETICS),
        ("mc3_18", KINETICS),
        ("r2plus1d_18", KINETICS),
        ("s3d", KINETICS),
        ("mvit_v1_b", HALF),
        ("swin3d_t", IMAGENET),
        ("resnet18", IMAGENET),
        ("vgg16", IMAGENET),
        ("small", IMAGENET),
    ],
)
def test_pixels_are_scaled_as_the_published_weights_expect(name, colours):
    encoder = build_encoder(name)
    assert (encoder.info.mean, encoder.info.std) == colours
    frames = torch.randint(0, 256, (2, 3, 4, 3), dtype=torch.uint8)
    found = encoder.normalize(frames)
    assert (found.shape, found.dtype) == ((2, 3, 3, 4), torch.float32)
    for n, y, x, c in itertools.product(range(2), range(3), range(4), range(3)):
        wanted = (int(frames[n, y, x, c]) / 255 - colours[0][c]) / colours[1][c]
        assert found[n, c, y, x].item() == pytest.approx(wanted, abs=1e-5)
    half = encoder.normalize(frames, "half")
    torch.testing.assert_close(half, frames.permute(0, 3, 1, 2) / 255 - 0.5)


def test_a_video_network_sees_its_own_scaling_in_the_model():
    settings = AttentionSettings(encoder="r3d_18", frames=1, snippet=2, tubes=1, k=1)
    seen = []
    for pixels in ("imagenet", "half"):
        model = random_model(replace(settings, pixels=pixels), ["a"], seed=0).eval()
        model.encoder.trunk.register_forward_pre_hook(lambda _, images: seen.append(images[0]))
        frames = torch.full((2, 32, 32, 3), 51, dtype=torch.uint8)
        with torch.no_grad():
            model.pool(frames, [torch.tensor([0.0, 0, 32, 32]).expand(1, 2, 4)])
    # (0.2 - 0.43216) / 0.22803 and so on; 0.2 - 0.5
    assert seen[0][0, :, 1, 16, 16].tolist() == pytest.approx([-1.018111, -0.879052, -0.813175], abs=1e-5)
    assert seen[1][0, :, 1, 16, 16].tolist() == pytest.approx([-0.3] * 3)
