"""What a class attends to: top-k, noisy-or, log-sum-exp, shares of frames; and losses of videos."""

import math
from dataclasses import replace

import pytest
import torch
from attention_sets import random_video, write_set
from hypothesis import given
from hypothesis import strategies as st

from actorsup.artifacts.shards import ShardReader
from actorsup.artifacts.tube_files import PREDICTIONS_SCHEMA, read_tubes, read_video_logit
from actorsup.attention.model import model_content, random_model
from actorsup.attention.scoring import score_videos
from actorsup.attention.scoring_settings import ScoringSettings
from actorsup.attention.selection import (
    SELECTIONS,
    log_sum_exp,
    noisy_or,
    topk_mean,
    tube_logits,
    video_loss,
    weight_by_uncertainty,
)
from actorsup.attention.settings import AttentionSettings
from actorsup.training.weights import save_weights

torch.set_num_threads(1)


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


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@given(st.lists(st.floats(-6, 6), min_size=1, max_size=6), st.integers(1, 7))
def test_noisy_or_and_log_sum_exp_against_loops(values, k):
    taken = sorted(values, reverse=True)[:k]
    none = math.prod(1 - sigmoid(value) for value in taken)
    logits = torch.tensor(values, dtype=torch.float64)[:, None]
    assert torch.sigmoid(noisy_or(logits, k)).item() == pytest.approx(1 - none, abs=1e-9)
    soft = math.log(sum(math.exp(value) for value in taken) / len(taken))
    assert log_sum_exp(logits, k).item() == pytest.approx(soft, abs=1e-9)


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("at", [-90.0, 0.0, 90.0])
def test_logits_far_away_have_finite_values_and_gradients(selection, at):
    logits = torch.full((4, 2), at, requires_grad=True)
    video = SELECTIONS[selection](logits, 3)
    video_loss(video, torch.tensor([0.0, 1.0]), "sigmoid").backward()
    assert torch.isfinite(video).all() and torch.isfinite(logits.grad).all()


# ------------------------------------------------------------------------------------- frames
@given(st.integers(0, 2**16), st.integers(1, 4), st.integers(1, 6), st.sampled_from([0.01, 0.3, 0.5, 1.0]))
def test_logits_of_tubes_average_their_highest_frames(seed, tubes, frames, share):
    random = torch.Generator().manual_seed(seed)
    logits = torch.randn(tubes, frames, 2, generator=random, dtype=torch.float64)
    present = torch.rand(tubes, frames, generator=random) < 0.6
    found = tube_logits(logits, present, share)
    for p in range(tubes):
        for c in range(2):
            values = sorted((logits[p, n, c].item() for n in range(frames) if present[p, n]), reverse=True)
            taken = values[: math.ceil(share * len(values))]
            assert found[p, c].item() == pytest.approx(sum(taken) / len(taken) if taken else 0)


def test_frames_that_are_left_out_have_no_part_in_the_gradient():
    logits = torch.tensor([[[1.0], [5.0], [3.0], [9.0]]], requires_grad=True)
    tube_logits(logits, torch.tensor([[True, True, True, False]]), 0.5).sum().backward()
    assert logits.grad.flatten().tolist() == [0, 0.5, 0.5, 0]


# --------------------------------------------------------------------------------------- losses
def test_losses_of_one_and_of_several_labels_by_hand():
    logits, one, two = torch.tensor([1.0, 0.0, -2.0]), torch.tensor([0.0, 1, 0]), torch.tensor([0.5, 0, 0.5])
    total = math.log(math.e + 1 + math.exp(-2))
    assert video_loss(logits, one, "softmax").item() == pytest.approx(total)
    assert video_loss(logits, two, "softmax").item() == pytest.approx(total - (1 - 2) / 2)
    wrong = [-math.log(1 - sigmoid(value)) for value in (1, 0, -2)]
    right = [-math.log(sigmoid(value)) for value in (1, 0, -2)]
    assert video_loss(logits, one, "sigmoid").item() == pytest.approx(wrong[0] + right[1] + wrong[2])
    assert video_loss(logits, two, "sigmoid").item() == pytest.approx(right[0] + wrong[1] + right[2])


def test_an_uncertain_loss_is_least_where_the_variance_is_the_loss():
    loss, log_variance = torch.tensor(2.5), torch.tensor(0.3, requires_grad=True)
    weighted = weight_by_uncertainty(loss, log_variance)
    assert weighted.item() == pytest.approx(2.5 / math.exp(0.3) + 0.3)
    least = weight_by_uncertainty(loss, torch.tensor(math.log(2.5)))
    assert all(weight_by_uncertainty(loss, torch.tensor(v)) > least for v in (-1.0, 0.5, 1.5))


def test_k_goes_from_its_first_to_its_last_value():
    settings = AttentionSettings(k=9, k_last=1, epochs=5)
    assert [settings.k_of(epoch) for epoch in range(5)] == [9, 7, 5, 3, 1]
    assert [replace(settings, k_last=None).k_of(epoch) for epoch in range(5)] == [9] * 5
    assert replace(settings, k=1, k_last=4, epochs=4).k_of(3) == 4
    assert replace(settings, epochs=1).k_of(0) == 9


@pytest.mark.parametrize(
    ("k", "k_last", "epochs", "attended"), [(4, 1, 3, 1), (1, 4, 3, 4), (4, None, 3, 4), (4, 1, 1, 4)]
)
@pytest.mark.parametrize("class_score", ["class", "tube"])
def test_a_video_is_scored_with_the_k_of_the_last_epoch(tmp_path, k, k_last, epochs, attended, class_score):
    settings = AttentionSettings(
        encoder="small", shorter_side=32, frames=4, tubes=5, k=k, k_last=k_last, epochs=epochs
    )
    save_weights(tmp_path / "m.pt", model_content(random_model(settings, ["a", "b", "c"], seed=0), {}))
    frames, tubes = write_set(tmp_path, {"v": random_video(0, tubes=5)})
    how = ScoringSettings(class_score=class_score, video_score=True)
    score_videos(frames, tubes, tmp_path / "m.pt", tmp_path / "p.h5", ["v"], how, "cpu", {})
    with ShardReader(tmp_path / "p.h5", PREDICTIONS_SCHEMA) as shard:
        found, video_logit = read_tubes(shard["v"]), read_video_logit(shard["v"])
    logits = found.class_logit.astype(float)
    video = [sum(sorted(logits[:, c], reverse=True)[:attended]) / attended for c in range(3)]
    assert video_logit.tolist() == pytest.approx(video, rel=1e-5)

    def probability(row, c):
        if class_score == "class":
            return sigmoid(row[c])
        return math.exp(row[c]) / sum(math.exp(value) for value in row)

    for p in range(5):
        wanted = [probability(logits[p], c) * probability(video, c) for c in range(3)]
        assert found.class_score[p].tolist() == pytest.approx(wanted, rel=1e-6)
    # another k would have given other scores
    others = {round(sum(sorted(logits[:, 0], reverse=True)[:n]) / n, 6) for n in range(1, 6)}
    assert len(others) == 5
