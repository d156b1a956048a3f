"""Actor attention: Equation 1, settings, clips, model files and scoring."""

import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from attention_sets import Video, random_video, write_set
from hypothesis import given
from hypothesis import strategies as st

from actorsup.artifacts.shards import ShardReader
from actorsup.artifacts.tube_files import PREDICTIONS_SCHEMA, TUBES_SCHEMA, read_tubes
from actorsup.attention import scoring
from actorsup.attention.clips import Clip, move_clip, prefetch, read_clip, segment_frames
from actorsup.attention.model import ActorAttention, PooledTubes, load_model, model_content, random_model
from actorsup.attention.pooling import actor_pooling
from actorsup.attention.scoring import compute_logits, prepare_input, score_videos
from actorsup.attention.scoring_settings import ScoringSettings
from actorsup.attention.settings import AttentionSettings
from actorsup.errors import ConfigError, DataError
from actorsup.frames.store import FrameStore
from actorsup.training.backbones import normalize
from actorsup.training.weights import save_weights

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


def maps_of(pooled):
    """(P, N, X * Y, C) to (P, N, C, X, Y), as in the paper."""
    grid = math.isqrt(pooled.shape[2])
    return pooled.transpose(2, 3).unflatten(3, (grid, grid))


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
    tubes = torch.from_numpy(boxes)
    pooled = maps_of(actor_pooling(features, tubes, stride, grid, origin, average=True))[:, 0]
    wanted, shares = literal_pooling(features.detach().numpy(), boxes, stride, grid, origin)
    np.testing.assert_allclose(pooled.detach(), wanted, atol=1e-9)
    assert np.abs(wanted).max() > 0.1

    towards = rng.normal(size=pooled.shape)
    (pooled * torch.from_numpy(towards)).sum().backward()
    gradient = np.einsum("pcij,pijnhw->nchw", towards, shares)
    np.testing.assert_allclose(features.grad, gradient, atol=1e-9)

    each = maps_of(actor_pooling(features, tubes, stride, grid, origin))
    for n in range(frames):
        wanted, _ = literal_pooling(
            features[n : n + 1].detach().numpy(), boxes[:, n : n + 1], stride, grid, origin
        )
        np.testing.assert_allclose(each[:, n].detach(), wanted, atol=1e-9)


def test_samples_lie_where_the_paper_puts_them():
    # every cell holds the pixel that is its middle, so that a sample reads its own place
    x = (torch.arange(10) + 0.5) * 16
    features = torch.stack([x.expand(8, 10), x[:8, None].expand(8, 10)])[None]
    pooled = actor_pooling(features, torch.tensor([[[30.0, 40.0, 80.0, 100.0]]]), 16, 5).view(5, 5, 2)
    assert pooled[:, 2, 0].tolist() == pytest.approx([35, 45, 55, 65, 75])
    assert pooled[2, :, 1].tolist() == pytest.approx([46, 58, 70, 82, 94])


def test_pooling_of_no_tubes_and_of_a_tube_in_no_frame():
    features = torch.randn(2, 3, 4, 5)
    for average, frames in ((False, 2), (True, 1)):
        none, never = torch.zeros(0, 2, 4), torch.full((1, 2, 4), torch.nan)
        assert actor_pooling(features, none, 16, 5, average=average).shape == (0, frames, 25, 3)
        assert actor_pooling(features, never, 16, 5, average=average).shape == (1, frames, 25, 3)
        assert actor_pooling(features, never, 16, 5, average=average).abs().max() == 0


def test_a_flipped_frame_with_flipped_boxes_pools_to_the_mirror_image():
    features, clip = torch.randn(4, 3, 4, 6), random_clip()
    there = actor_pooling(features, torch.from_numpy(clip.boxes), 8, 5)
    flipped = torch.from_numpy(clip.flip_horizontally().boxes)
    mirrored = actor_pooling(features.flip(3), flipped, 8, 5)
    mirrored, there = (values.unflatten(2, (5, 5)) for values in (mirrored, there))
    torch.testing.assert_close(mirrored, there.flip(2))
    assert not torch.allclose(mirrored, there)


def random_clip() -> Clip:
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 20, (2, 4, 2))
    boxes = np.concatenate([low, low + rng.uniform(5, 20, low.shape)], axis=-1).astype(np.float32)
    return Clip(rng.integers(0, 256, (4, 32, 48, 3), dtype=np.uint8), boxes)


def test_flipping_twice_changes_nothing():
    clip = random_clip()
    twice = clip.flip_horizontally().flip_horizontally()
    np.testing.assert_array_equal(twice.frames, clip.frames)
    np.testing.assert_allclose(twice.boxes, clip.boxes, atol=1e-5)
    np.testing.assert_array_equal(clip.flip_horizontally().frames[:, :, 0], clip.frames[:, :, -1])
    assert (clip.flip_horizontally().boxes[..., 2] > clip.flip_horizontally().boxes[..., 0]).all()


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
    [
        ({"k": 21}, "k: 21.*20"),
        ({"k_last": 21}, "k: 21.*20"),
        ({"frames": 0}, "frames: 0"),
        ({"at_once": 0}, "at_once: 0"),
        ({"frame_share": 0.0}, "frame_share: 0.0 is out of range; allowed: above 0, at most 1"),
        ({"selection": "topk"}, "selection: 'topk' is not allowed; allowed: top_k, noisy_or, log_sum_exp"),
        ({"label_loss": "bce"}, "label_loss: 'bce' is not allowed; allowed: softmax, sigmoid"),
        ({"pixels": "raw"}, "pixels: 'raw' is not allowed; allowed: imagenet, half"),
        ({"precision": "fp16"}, "precision: 'fp16' is not allowed; allowed: float32, bfloat16"),
        ({"feature_norm": "l1"}, "feature_norm: 'l1' is not allowed; allowed: l2, none"),
    ],
)
def test_settings_that_cannot_be_used_say_so(wrong, said):
    with pytest.raises(ConfigError, match=said):
        AttentionSettings(**wrong)


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


def test_snippets_lie_around_the_frames_of_segments():
    assert segment_frames(40, 2, None, 4, 3).tolist() == [4, 7, 10, 13, 24, 27, 30, 33]
    # at the ends of a video its first or last frame is repeated
    assert segment_frames(6, 2, None, 5, 2).tolist() == [0, 0, 1, 3, 5, 0, 2, 4, 5, 5]


def test_clips_are_resized_and_their_boxes_with_them(tmp_path):
    video = replace(random_video(0, count=3, size=(20, 30)), scale=(4, 2))
    frames, _ = write_set(tmp_path, {"v": video})
    boxes = video.boxes.astype(np.float32)
    with FrameStore(frames) as store:
        clip = read_clip(store["v"], boxes, np.array([2, 0, 2]))
    np.testing.assert_array_equal(clip.frames, video.frames[[2, 0, 2]])
    np.testing.assert_allclose(clip.boxes, video.boxes[:, [2, 0, 2]] / [4, 2, 4, 2], rtol=1e-5)
    images, there = move_clip(clip, 20, None, torch.device("cpu"))
    np.testing.assert_array_equal(images, clip.frames)
    np.testing.assert_array_equal(there, clip.boxes)
    images, there = move_clip(clip, 40, None, torch.device("cpu"))
    assert images.shape == (3, 40, 60, 3) and images.dtype == torch.uint8
    np.testing.assert_allclose(there, clip.boxes * 2, rtol=1e-5)
    # a network of one size takes this one, whatever the shape
    images, there = move_clip(clip, 40, 10, torch.device("cpu"))
    assert images.shape == (3, 10, 10, 3)
    np.testing.assert_allclose(there, clip.boxes * np.array([1 / 3, 1 / 2] * 2), rtol=1e-5)


def test_resized_frames_keep_their_places():
    # the middle of pixel x is at x + 1/2, before and after
    x, y = np.meshgrid(np.arange(48), np.arange(32))
    frames = np.stack([4 * x + 2, 6 * y + 3, 0 * x], axis=2).astype(np.uint8)[None]
    images, _ = move_clip(Clip(frames, random_clip().boxes), 16, None, torch.device("cpu"))
    x, y = (np.meshgrid(np.arange(24), np.arange(16))[i] * 2 + 1 for i in range(2))
    inside = np.s_[2:-2, 2:-2]
    np.testing.assert_allclose(images[0, ..., 0][inside], (4 * x)[inside], atol=1)
    np.testing.assert_allclose(images[0, ..., 1][inside], (6 * y)[inside], atol=1)


def test_work_ahead_keeps_its_order_and_its_errors():
    assert list(prefetch(lambda i=i: i * i for i in range(50))) == [i * i for i in range(50)]
    # the first ones take longest
    late = [lambda i=i: (time.sleep((20 - i) / 1000), i)[1] for i in range(20)]
    assert list(prefetch(late, threads=4)) == [*range(20)]
    assert list(prefetch([])) == []
    done = prefetch([lambda: 1, lambda: 1 // 0, lambda: 3])
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


def save_model(path, classes=("a", "b", "c"), seed=0, settings=SMALL) -> ActorAttention:
    model = random_model(settings, classes, seed).eval()
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


class _Code:
    """What a file that is unpickled blindly would run."""

    def __init__(self, made: Path) -> None:
        self._made = made

    def __reduce__(self):
        return Path.touch, (self._made,)


def test_a_model_file_that_holds_code_runs_none_of_it(tmp_path):
    content = model_content(random_model(SMALL, ["a", "b"], 0), {})
    torch.save({**content, "provenance": _Code(tmp_path / "ran")}, tmp_path / "m.pt")
    with pytest.raises(DataError, match=r"m.pt: not a weights file that can be used safely"):
        load_model(tmp_path / "m.pt")
    assert not (tmp_path / "ran").exists()


def test_damaged_and_missing_models_are_refused(tmp_path):
    (tmp_path / "m.pt").write_bytes(b"nothing")
    for name in ("m.pt", "none.pt"):
        with pytest.raises(DataError, match=name):
            load_model(tmp_path / name)


# ---------------------------------------------------------------------------------- scoring
def score(folder, videos, names, output="p.h5", settings=SMALL, how=None):
    save_model(folder / "m.pt", settings=settings)
    frames, tubes = write_set(folder, videos)
    score_videos(
        frames,
        tubes,
        folder / "m.pt",
        folder / output,
        names,
        how or ScoringSettings(),
        "cpu",
        {"stage": "score_tubes"},
    )
    with ShardReader(folder / output, PREDICTIONS_SCHEMA) as shard:
        assert list(shard.file.attrs["classes"]) == ["a", "b", "c"]
        return {video: read_tubes(shard[video]) for video in shard}, shard.failures


@pytest.mark.parametrize("feature_norm", ["l2", "none"])
def test_a_tubes_logits_are_the_mean_of_its_frames_logits(feature_norm):
    settings = AttentionSettings(encoder="small", feature_norm=feature_norm)
    model = random_model(settings, ["a", "b"], 0)
    present = torch.tensor([[True, True, False], [True, True, True], [False, False, False]])
    features = torch.randn(3, 3, 64 * 25) * present[..., None]
    with torch.no_grad():
        tubes, frames = (make(PooledTubes(features, present)) for make in (model, model.frame_logits))
    for tube in range(2):
        torch.testing.assert_close(tubes[tube], frames[tube][present[tube]].mean(0), rtol=1e-4, atol=1e-5)
    assert tubes.isfinite().all()  # a tube that is in no frame has features of zero


def test_a_model_from_before_features_were_normalized_scores_as_it_did(tmp_path):
    settings = AttentionSettings(encoder="small", feature_norm="none")
    content = model_content(random_model(settings, ["a", "b"], 0), {})
    for name in ("feature_norm", "feature_size", "warm_up", "largest_gradient"):
        del content["settings"][name]
    save_weights(tmp_path / "old.pt", content)
    assert load_model(tmp_path / "old.pt").settings.feature_norm == "none"


def test_scores_are_those_of_the_network_applied_by_hand(tmp_path):
    video = replace(random_video(1, count=20, size=(32, 40)), scale=(2, 3))
    found, failures = score(tmp_path, {"v": video, "not asked for": random_video(2)}, ["v"])
    assert (list(found), failures) == (["v"], {})
    model = load_model(tmp_path / "m.pt")
    chosen = [2, 7, 12, 17]
    with torch.no_grad():
        features = model.encoder(normalize(torch.from_numpy(video.frames[chosen])))
    boxes = video.boxes.astype(np.float32)[:, chosen] / np.array([2, 3, 2, 3])
    pooled, _ = literal_pooling(features.numpy().astype(float), boxes, 8, 5, 0.5)
    weight, bias = (p.detach().double().numpy() for p in model.classifier.parameters())
    features = pooled.reshape(3, -1)
    features *= 20 / np.linalg.norm(features, axis=1, keepdims=True)
    logits = features @ weight.T + bias
    np.testing.assert_allclose(found["v"].class_logit, logits, rtol=1e-4, atol=1e-5)
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(found["v"].class_score, shares, rtol=1e-4)
    np.testing.assert_array_equal(found["v"].boxes, video.boxes.astype(np.float32))
    assert found["v"].class_score.dtype == np.float64


def test_every_tube_is_scored_not_only_those_of_training(tmp_path):
    found, _ = score(tmp_path, {"v": random_video(0, tubes=7)}, ["v"])
    assert found["v"].class_logit.shape == (7, 3)
    assert np.isfinite(found["v"].class_logit).all()


def test_a_tube_has_its_scores_whatever_is_beside_it(tmp_path):
    video, other = random_video(0), random_video(1, count=5, size=(40, 32))
    (tmp_path / "single").mkdir()
    together, _ = score(tmp_path, {"a": other, "v": video}, ["a", "v"])
    single, _ = score(tmp_path / "single", {"v": Video(video.frames, video.boxes[1:2])}, ["v"])
    np.testing.assert_allclose(together["v"].class_logit[1:2], single["v"].class_logit, rtol=1e-4, atol=1e-6)


def test_no_tubes_short_videos_and_tubes_in_no_sampled_frame(tmp_path):
    absent = random_video(3, count=20)
    absent.boxes[1] = np.nan
    absent.boxes[1, 0] = [1, 1, 9, 9]  # frame 0 is not among those that are taken
    videos = {"none": random_video(0, tubes=0), "short": random_video(1, count=1), "absent": absent}
    found, failures = score(tmp_path, videos, list(videos))
    assert failures == {}
    assert found["none"].class_logit.shape == found["none"].class_score.shape == (0, 3)
    assert np.isfinite(found["short"].class_score).all()
    assert np.isnan(found["absent"].class_score).all(1).tolist() == [False, True, False]
    assert np.isnan(found["absent"].class_logit).all(1).tolist() == [False, True, False]


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


def test_videos_that_are_scored_together_get_the_scores_of_each_scored_separately(tmp_path, monkeypatch):
    """Neighbours of one size go through the network at once, where there is a GPU; the others do not."""
    sizes = {"a": (32, 44), "b": (32, 44), "c": (32, 44), "d": (40, 32), "e": (32, 44)}
    videos = {v: random_video(i, size=size) for i, (v, size) in enumerate(sizes.items())}
    videos["b"].boxes[1] = np.nan
    single, _ = score(tmp_path, videos, list(videos))
    real, groups = scoring.compute_logits, []
    monkeypatch.setattr(scoring, "scoring_batch_size", lambda device: 2)
    monkeypatch.setattr(
        scoring, "compute_logits", lambda n, seen, *a: groups.append(len(seen)) or real(n, seen, *a)
    )
    together, failures = score(tmp_path, videos, list(videos), "together.h5")
    assert (groups, failures, list(together)) == ([2, 1, 1, 1], {}, list(videos))
    for v in videos:
        np.testing.assert_allclose(together[v].class_logit, single[v].class_logit, rtol=1e-4, atol=1e-6)


def test_tubes_are_scored_by_the_frames_that_are_asked_for(tmp_path):
    video = random_video(1, count=20)
    found, _ = score(tmp_path, {"v": video}, ["v"], how=ScoringSettings(score_frames=10))
    more, _ = score(tmp_path, {"v": video}, ["v"], "q.h5", settings=replace(SMALL, frames=10))
    np.testing.assert_allclose(found["v"].class_logit, more["v"].class_logit, rtol=1e-5)
    fewer, _ = score(tmp_path, {"v": video}, ["v"], "r.h5")
    assert not np.allclose(found["v"].class_logit, fewer["v"].class_logit)


@pytest.mark.parametrize("snippet", [1, 3])
def test_logits_of_frames_average_to_those_of_tubes(tmp_path, snippet):
    video = random_video(1, count=40)
    video.boxes[1, :20] = np.nan
    network = random_model(replace(SMALL, snippet=snippet), ["a", "b"], seed=0).eval()
    frames, tubes = write_set(tmp_path, {"v": video})
    with FrameStore(frames) as store, ShardReader(tubes, TUBES_SCHEMA) as shard:
        seen = prepare_input(network, store["v"], read_tubes(shard["v"]), 5)
        (made,) = compute_logits(network, [seen], per_frame=True)
        (single,) = compute_logits(network, [seen])
    assert made.frames.shape == (3, 5 * snippet, 2)
    assert made.frame_indices.tolist() == sorted(
        {4 + 8 * s + a for s in range(5) for a in range(-(snippet // 2), 2)}
        if snippet == 3
        else range(4, 40, 8)
    )
    np.testing.assert_allclose(np.nanmean(made.frames, axis=1), made.tubes, rtol=1e-4, atol=1e-5)
    assert np.isnan(made.frames[1]).all(1).any()
    assert single.frames is None
    np.testing.assert_allclose(single.tubes, made.tubes, rtol=1e-5, atol=1e-6)
