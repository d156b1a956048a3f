"""Actor attention: Equation 1, top-k, encoders, clips, model files and scoring."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from attention_sets import Video, random_video, write_set
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from actorsup.attention.clips import Clip, ahead, read_clip, segment_frames
from actorsup.attention.encoder import ENCODERS, put_encoder_weights
from actorsup.attention.model import ActorAttention, load_model, model_content, random_model, topk_mean
from actorsup.attention.pooling import actor_pooling
from actorsup.attention.scoring import score_tubes, score_videos, suppress_tubes
from actorsup.attention.scoring_settings import ScoringSettings
from actorsup.attention.settings import AttentionSettings
from actorsup.backbones import SmallBackbone, normalise
from actorsup.detection.networks import build_network, weights_content
from actorsup.errors import ConfigError, DataError
from actorsup.frames.store import FrameStore
from actorsup.storage import ShardReader
from actorsup.tube_files import PREDICTIONS_SCHEMA, read_tubes
from actorsup.tubes import Tubes, tube_iou
from actorsup.weights import save_weights

torch.set_num_threads(1)
SMALL = AttentionSettings(encoder="small", shorter_side=32, frames=4, tubes=3, k=2)


# ------------------------------------------------------------------------------- Equation 1
def kernel(d: float) -> float:
    return max(0.0, 1.0 - abs(d))


def literal_pooling(features, boxes, stride, grid, origin=None):
    """V of Equation 1 and its average over time, and how each cell of U enters, as loops."""
    frames, channels, height, width = features.shape
    origin = stride / 2 if origin is None else origin
    pooled = np.zeros((len(boxes), channels, grid, grid))
    shares = np.zeros((len(boxes), grid, grid, frames, height, width))
    for p, tube in enumerate(boxes):
        present = [n for n in range(frames) if not np.isnan(tube[n]).any()]
        for n in present:
            x1, y1, x2, y2 = tube[n]
            for i in range(grid):
                for j in range(grid):
                    x = (x1 + (i + 0.5) * (x2 - x1) / grid - origin) / stride
                    y = (y1 + (j + 0.5) * (y2 - y1) / grid - origin) / stride
                    for row in range(height):
                        for column in range(width):
                            share = kernel(column - x) * kernel(row - y) / len(present)
                            pooled[p, :, i, j] += features[n, :, row, column] * share
                            shares[p, i, j, n, row, column] += share
    return pooled, shares


BOXES = {
    "inside": [20.0, 12.0, 70.0, 60.0],
    "partly outside": [-30.0, 40.0, 50.0, 120.0],
    "wholly outside": [-90.0, -90.0, -40.0, -40.0],
    "larger than the frame": [-50.0, -20.0, 200.0, 150.0],
    "of no area": [33.0, 21.0, 33.0, 21.0],
    "smaller than a cell": [41.0, 41.0, 44.0, 43.0],
}


@pytest.mark.parametrize(("stride", "grid", "origin"), [(16, 5, None), (8, 5, 4), (16, 2, 8), (8, 5, 0.5)])
def test_pooling_and_its_gradient_are_those_of_equation_1(stride, grid, origin):
    rng = np.random.default_rng(0)
    frames, channels, height, width = 3, 2, 5, 7
    features = torch.from_numpy(rng.normal(size=(frames, channels, height, width))).requires_grad_()
    boxes = np.tile(np.array(list(BOXES.values()))[:, None], (1, frames, 1))
    boxes += rng.uniform(-3, 3, (len(boxes), frames, 1))
    boxes[0, 1] = np.nan
    pooled = actor_pooling(features, torch.from_numpy(boxes), stride, grid, origin)
    wanted, shares = literal_pooling(features.detach().numpy(), boxes, stride, grid, origin)
    np.testing.assert_allclose(pooled.detach(), wanted, atol=1e-9)
    assert np.abs(wanted).max() > 0.1

    towards = rng.normal(size=pooled.shape)
    (pooled * torch.from_numpy(towards)).sum().backward()
    gradient = np.einsum("pcij,pijnhw->nchw", towards, shares)
    np.testing.assert_allclose(features.grad, gradient, atol=1e-9)


def test_samples_lie_where_the_paper_puts_them():
    # every cell holds the pixel that is its middle, so that a sample reads its own place
    x = (torch.arange(10) + 0.5) * 16
    features = torch.stack([x.expand(8, 10), x[:8, None].expand(8, 10)])[None]
    pooled = actor_pooling(features, torch.tensor([[[30.0, 40.0, 80.0, 100.0]]]), 16, 5)
    assert pooled[0, 0, :, 2].tolist() == pytest.approx([35, 45, 55, 65, 75])
    assert pooled[0, 1, 2, :].tolist() == pytest.approx([46, 58, 70, 82, 94])


def test_pooling_of_no_tubes_and_of_a_tube_in_no_frame():
    features = torch.randn(2, 3, 4, 5)
    assert actor_pooling(features, torch.zeros(0, 2, 4), 16, 5).shape == (0, 3, 5, 5)
    assert actor_pooling(features, torch.full((1, 2, 4), torch.nan), 16, 5).abs().max() == 0


def test_a_flipped_frame_with_flipped_boxes_pools_to_the_mirror_image():
    features, clip = torch.randn(4, 3, 4, 6), random_clip()
    there = actor_pooling(features, torch.from_numpy(clip.boxes), 8, 5)
    flipped = torch.from_numpy(clip.flipped().boxes)
    mirrored = actor_pooling(features.flip(3), flipped, 8, 5)
    torch.testing.assert_close(mirrored, there.flip(2))
    assert not torch.allclose(mirrored, there)


def random_clip() -> Clip:
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 20, (2, 4, 2))
    boxes = np.concatenate([low, low + rng.uniform(5, 20, low.shape)], axis=-1).astype(np.float32)
    return Clip(rng.integers(0, 256, (4, 32, 48, 3), dtype=np.uint8), boxes)


def test_flipping_twice_changes_nothing():
    clip = random_clip()
    twice = clip.flipped().flipped()
    np.testing.assert_array_equal(twice.frames, clip.frames)
    np.testing.assert_allclose(twice.boxes, clip.boxes, atol=1e-5)
    np.testing.assert_array_equal(clip.flipped().frames[:, :, 0], clip.frames[:, :, -1])
    assert (clip.flipped().boxes[..., 2] > clip.flipped().boxes[..., 0]).all()


# ------------------------------------------------------------------------------------ top-k
@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 8), st.data())
def test_topk_is_the_mean_under_a_binary_mask_which_is_its_gradient(tubes, classes, k, data):
    # few values, so that ties are common
    values = data.draw(st.lists(st.integers(0, 3), min_size=tubes * classes, max_size=tubes * classes))
    logits = torch.tensor(values, dtype=torch.float64).view(tubes, classes).requires_grad_()
    video = topk_mean(logits, k)
    video.sum().backward()
    taken = min(k, tubes)
    for c in range(classes):
        column = sorted((row[c] for row in logits.tolist()), reverse=True)
        assert video[c].item() == pytest.approx(sum(column[:taken]) / taken)
        mask = logits.grad[:, c] * taken
        assert sorted(mask.tolist()) == pytest.approx([0.0] * (tubes - taken) + [1.0] * taken)
        # none that is left out is higher than one that is taken
        left_out = logits[mask == 0, c]
        assert not len(left_out) or left_out.max() <= logits[mask > 0, c].min()


def test_each_class_takes_tubes_of_its_own():
    logits = torch.tensor([[5.0, 0.0], [3.0, 1.0], [0.0, 7.0]], requires_grad=True)
    assert topk_mean(logits, 2).tolist() == [4.0, 4.0]
    topk_mean(logits, 2).sum().backward()
    assert logits.grad.tolist() == [[0.5, 0.0], [0.5, 0.5], [0.0, 0.5]]


# --------------------------------------------------------------------------------- settings
def test_the_defaults_are_the_papers():
    paper = AttentionSettings()
    assert (paper.encoder, paper.grid, paper.tubes, paper.k, paper.frames) == ("vgg16", 5, 20, 12, 16)
    assert (paper.batch, paper.epochs, paper.momentum, paper.weight_decay) == (4, 30, 0.95, 1e-4)
    rates = [paper.learning_rate_of(epoch) for epoch in range(30)]
    assert rates == [0.001] * 5 + [0.00025] * 25
    repeated = replace(paper, decay_repeats=True)
    assert [repeated.learning_rate_of(e) for e in (4, 5, 9, 10)] == [0.001, 2.5e-4, 2.5e-4, 6.25e-5]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"encoder": "vgg19"}, "vgg19.*vgg16, small"), ({"k": 21}, "k: 21.*20"), ({"frames": 0}, "frames: 0")],
)
def test_settings_that_cannot_be_used_say_so(wrong, said):
    with pytest.raises(ConfigError, match=said):
        AttentionSettings(**wrong)


# --------------------------------------------------------------------------------- encoders
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
    encoder = ENCODERS["vgg16"]()
    put_encoder_weights("vgg16", encoder, tmp_path / "vgg16.pth")
    assert (encoder.stride, encoder.channels) == (16, 512)
    torch.testing.assert_close(encoder(images), wanted, rtol=1e-4, atol=1e-4)
    assert wanted.shape == (2, 512, 2, 3)


@pytest.mark.parametrize("name", ENCODERS)
def test_a_cell_of_the_features_lies_where_the_encoder_says(name):
    encoder = ENCODERS[name]().double()
    # equal weights, and averages for maxima, see a cell's whole field evenly
    for parent in list(encoder.modules()):
        for key, layer in parent.named_children():
            if isinstance(layer, torch.nn.MaxPool2d):
                setattr(parent, key, torch.nn.AvgPool2d(2))
            elif isinstance(layer, torch.nn.Conv2d):
                layer.weight.data.fill_(1 / layer.weight[0].numel())
                layer.bias.data.zero_()
    side, cell = 26 * encoder.stride, (12, 14)
    images = torch.ones(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    encoder(images)[0, :, cell[0], cell[1]].sum().backward()
    weight = images.grad[0].sum(0)
    middles = torch.arange(side, dtype=torch.float64) + 0.5
    y, x = ((weight.sum(d) * middles).sum() / weight.sum() for d in (1, 0))
    wanted = [encoder.origin + encoder.stride * at for at in cell]
    assert [y.item(), x.item()] == pytest.approx(wanted)


def taught_trunk() -> SmallBackbone:
    """A trunk whose batch normalisation has seen images."""
    torch.manual_seed(0)
    trunk = SmallBackbone().train()
    for _ in range(5):
        trunk(torch.randn(4, 3, 32, 32) * 2 + 1)
    return trunk.eval()


def test_the_small_encoder_is_the_trunk_with_frozen_statistics(tmp_path):
    trunk, images = taught_trunk(), torch.randn(3, 3, 40, 56)
    save_weights(tmp_path / "trunk.pt", trunk.state_dict())
    encoder = ENCODERS["small"]().train()
    assert not torch.allclose(encoder(images), trunk(images), atol=1e-3)
    put_encoder_weights("small", encoder, tmp_path / "trunk.pt")
    torch.testing.assert_close(encoder(images), trunk(images), rtol=1e-4, atol=1e-5)
    # what it makes of a frame does not depend on the others
    torch.testing.assert_close(encoder(images[:1]), encoder(images)[:1], rtol=1e-4, atol=1e-5)
    assert all(parameter.requires_grad for parameter in encoder.parameters())


def test_the_small_encoder_starts_from_a_trained_detector(tmp_path):
    network = build_network("small_ssd", (0, 1))
    network.module.backbone.trunk.load_state_dict(taught_trunk().state_dict())
    save_weights(tmp_path / "ssd.pt", weights_content("small_ssd", network, (160, 120), {}))
    encoder, images = ENCODERS["small"](), torch.randn(1, 3, 32, 32)
    put_encoder_weights("small", encoder, tmp_path / "ssd.pt")
    torch.testing.assert_close(encoder(images), taught_trunk()(images), rtol=1e-4, atol=1e-5)


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
        put_encoder_weights(name, ENCODERS[name](), tmp_path / "other.pt")


# ------------------------------------------------------------------------------------ clips
@given(st.integers(1, 400), st.integers(1, 20), st.integers(0, 5))
def test_a_frame_of_each_equal_segment(count, segments, seed):
    middle = segment_frames(count, segments, None)
    drawn = segment_frames(count, segments, np.random.default_rng(seed))
    for s in range(segments):
        low, high = s * count / segments, (s + 1) * count / segments
        assert middle[s] == math.floor((low + high) / 2)
        assert math.floor(low) <= drawn[s] <= min(math.floor(high), count - 1)
        assert 0 <= drawn[s] < count


def test_frames_of_segments_by_hand():
    assert segment_frames(32, 16, None).tolist() == list(range(1, 32, 2))
    assert segment_frames(3, 6, None).tolist() == [0, 0, 1, 1, 2, 2]
    assert segment_frames(1, 4, np.random.default_rng(0)).tolist() == [0] * 4
    draws = {tuple(segment_frames(8, 2, np.random.default_rng(s))) for s in range(200)}
    assert draws == {(a, b) for a in range(4) for b in range(4, 8)}


def test_clips_are_resized_and_their_boxes_with_them(tmp_path):
    video = replace(random_video(0, count=3, size=(20, 30)), scale=(4, 2))
    frames, _ = write_set(tmp_path, {"v": video})
    boxes = video.boxes.astype(np.float32)
    with FrameStore(frames) as store:
        same = read_clip(store["v"], boxes, np.array([2, 0]), 20)
        larger = read_clip(store["v"], boxes, np.array([1]), 40)
    np.testing.assert_array_equal(same.frames, video.frames[[2, 0]])
    np.testing.assert_allclose(same.boxes, video.boxes[:, [2, 0]] / [4, 2, 4, 2], rtol=1e-5)
    assert larger.frames.shape == (1, 40, 60, 3)
    np.testing.assert_allclose(larger.boxes, video.boxes[:, [1]] / [2, 1, 2, 1], rtol=1e-5)


def test_work_ahead_keeps_its_order_and_its_errors():
    assert list(ahead(lambda i=i: i * i for i in range(50))) == [i * i for i in range(50)]
    assert list(ahead([])) == []
    done = ahead([lambda: 1, lambda: 1 // 0, lambda: 3])
    assert next(done) == 1
    with pytest.raises(ZeroDivisionError):
        next(done)


# -------------------------------------------------------------------------------- the model
def test_one_fully_connected_layer_with_xavier_weights():
    model = random_model(SMALL, ["a", "b", "c"], seed=3)
    assert model.classifier.weight.shape == (3, 64 * 25)
    bound = math.sqrt(6 / (3 + 64 * 25))
    assert 0.9 * bound < model.classifier.weight.abs().max() <= bound
    assert model.classifier.bias.abs().max() == 0
    again, other = (random_model(SMALL, ["a", "b", "c"], seed).classifier.weight for seed in (3, 4))
    assert torch.equal(again, model.classifier.weight)
    assert not torch.equal(other, model.classifier.weight)


def save_model(path, classes=("a", "b", "c"), seed=0) -> ActorAttention:
    model = random_model(SMALL, classes, seed).eval()
    save_weights(path, model_content(model, {"seed": seed}))
    return model


def test_a_model_file_carries_all_that_it_takes(tmp_path):
    model = save_model(tmp_path / "m.pt")
    loaded = load_model(tmp_path / "m.pt")
    assert (loaded.classes, loaded.settings, loaded.training) == (("a", "b", "c"), SMALL, False)
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)


def broken(content, **changes):
    return {**content, **changes}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: broken(c, architecture="small_ssd"), "small_ssd.*wanted a trained 'actor_attention'"),
        (lambda c: c["state"], "an unnamed network"),
        (lambda c: broken(c, settings={"depth": 3}), "another version.*depth"),
        (lambda c: {k: v for k, v in c.items() if k != "classes"}, "another version.*classes"),
        (lambda c: broken(c, classes=["a"]), "another architecture"),
        (lambda c: broken(c, settings={**c["settings"], "grid": 3}), "another architecture"),
    ],
)
def test_a_file_that_is_no_model_is_refused(tmp_path, change, said):
    save_weights(tmp_path / "m.pt", change(model_content(random_model(SMALL, ["a", "b"], 0), {})))
    with pytest.raises(DataError, match=f"m.pt.*{said}"):
        load_model(tmp_path / "m.pt")


def test_damaged_and_missing_models_are_refused(tmp_path):
    (tmp_path / "m.pt").write_bytes(b"nothing")
    for name in ("m.pt", "none.pt"):
        with pytest.raises(DataError, match=name):
            load_model(tmp_path / name)


# ---------------------------------------------------------------------------------- scoring
def score(folder, videos, names, output="p.h5"):
    save_model(folder / "m.pt")
    frames, tubes = write_set(folder, videos)
    score_videos(
        frames,
        tubes,
        folder / "m.pt",
        folder / output,
        names,
        ScoringSettings(),
        "cpu",
        {"stage": "score_tubes"},
    )
    with ShardReader(folder / output, PREDICTIONS_SCHEMA) as shard:
        assert list(shard.file.attrs["classes"]) == ["a", "b", "c"]
        return {video: read_tubes(shard[video]) for video in shard}, shard.failures


def test_scores_are_those_of_the_network_applied_by_hand(tmp_path):
    video = replace(random_video(1, count=20, size=(32, 40)), scale=(2, 3))
    scored, failures = score(tmp_path, {"v": video, "not asked for": random_video(2)}, ["v"])
    assert (list(scored), failures) == (["v"], {})
    model = load_model(tmp_path / "m.pt")
    chosen = [2, 7, 12, 17]
    with torch.no_grad():
        features = model.encoder(normalise(torch.from_numpy(video.frames[chosen])))
    boxes = video.boxes.astype(np.float32)[:, chosen] / np.array([2, 3, 2, 3])
    pooled, _ = literal_pooling(features.numpy().astype(float), boxes, 8, 5, 0.5)
    weight, bias = (p.detach().double().numpy() for p in model.classifier.parameters())
    logits = pooled.reshape(3, -1) @ weight.T + bias
    np.testing.assert_allclose(scored["v"].class_logit, logits, rtol=1e-4, atol=1e-5)
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(scored["v"].class_score, shares, rtol=1e-4)
    np.testing.assert_array_equal(scored["v"].boxes, video.boxes.astype(np.float32))
    assert scored["v"].class_score.dtype == np.float64


def test_every_tube_is_scored_not_only_those_of_training(tmp_path):
    scored, _ = score(tmp_path, {"v": random_video(0, tubes=7)}, ["v"])
    assert scored["v"].class_logit.shape == (7, 3)
    assert np.isfinite(scored["v"].class_logit).all()


def test_a_tube_has_its_scores_whatever_is_beside_it(tmp_path):
    video, other = random_video(0), random_video(1, count=5, size=(40, 32))
    (tmp_path / "alone").mkdir()
    together, _ = score(tmp_path, {"a": other, "v": video}, ["a", "v"])
    alone, _ = score(tmp_path / "alone", {"v": Video(video.frames, video.boxes[1:2])}, ["v"])
    np.testing.assert_allclose(together["v"].class_logit[1:2], alone["v"].class_logit, rtol=1e-4, atol=1e-6)


def test_no_tubes_short_videos_and_tubes_in_no_sampled_frame(tmp_path):
    absent = random_video(3, count=20)
    absent.boxes[1] = np.nan
    absent.boxes[1, 0] = [1, 1, 9, 9]  # frame 0 is not among those that are taken
    videos = {"none": random_video(0, tubes=0), "short": random_video(1, count=1), "absent": absent}
    scored, failures = score(tmp_path, videos, list(videos))
    assert failures == {}
    assert scored["none"].class_logit.shape == scored["none"].class_score.shape == (0, 3)
    assert np.isfinite(scored["short"].class_score).all()
    assert np.isnan(scored["absent"].class_score).all(1).tolist() == [False, True, False]
    assert np.isnan(scored["absent"].class_logit).all(1).tolist() == [False, True, False]


def test_tubes_of_another_video_are_a_failure_and_the_others_go_on(tmp_path):
    save_model(tmp_path / "m.pt")
    frames, _ = write_set(tmp_path, {"a": random_video(0), "b": random_video(1), "c": random_video(2)})
    other = {"a": random_video(0, count=19), "b": random_video(1), "d": random_video(3)}
    (tmp_path / "other").mkdir()
    _, tubes = write_set(tmp_path / "other", other)
    videos = ["a", "b", "c", "d", "nowhere"]
    score_videos(frames, tubes, tmp_path / "m.pt", tmp_path / "p.h5", videos, ScoringSettings(), "cpu", {})
    with ShardReader(tmp_path / "p.h5", PREDICTIONS_SCHEMA) as shard:
        assert shard.videos == ["b"]
        assert list(shard.failures) == ["a"]
        assert "19 frames" in shard.failures["a"] and "20" in shard.failures["a"]


# -------------------------------------------------------------- what scores of classes are over
def test_one_softmax_over_the_tubes_and_classes_of_a_video():
    network = random_model(SMALL, ["a", "b", "c"], seed=0).eval()
    random = np.random.default_rng(0)
    low = random.uniform(0, 12, (4, 4, 2))
    boxes = np.concatenate([low, low + 16], axis=2).astype(np.float32)
    boxes[2] = np.nan
    clip = Clip(random.integers(0, 256, (4, 32, 40, 3), dtype=np.uint8), boxes)
    found = score_tubes(network, clip, Tubes.empty(4), "video")
    logit = found.class_logit.astype(np.float64)
    total = sum(math.exp(logit[p, c]) for p in (0, 1, 3) for c in range(3))
    for p in (0, 1, 3):
        for c in range(3):
            assert found.class_score[p, c] == pytest.approx(math.exp(logit[p, c]) / total, rel=1e-4)
    assert np.isnan(found.class_score[2]).all() and np.isnan(logit[2]).all()
    # the logits are those of the other way
    np.testing.assert_array_equal(found.class_logit, score_tubes(network, clip, Tubes.empty(4)).class_logit)


def test_scores_of_an_unknown_kind():
    with pytest.raises(ConfigError, match="class_score: 'tub'; allowed: tube, video"):
        ScoringSettings("tub")


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
