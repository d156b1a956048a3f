"""The Siamese network: correlation, crops, tracking of what moves, and its weights."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from moving_targets import moving, textured
from torch.nn import functional

from actorsup.boxes import paired_iou
from actorsup.errors import ConfigError, DataError
from actorsup.linking.base import Seed, Track
from actorsup.linking.settings import LinkerSettings
from actorsup.linking.siamese.crops import context_side, crop
from actorsup.linking.siamese.network import (
    correlate,
    crop_sizes,
    random_siamese,
    siamese_network,
    without_normalization,
)
from actorsup.linking.siamese.tracker import SiameseTracker
from actorsup.training.backbones import normalize
from actorsup.training.weights import save_weights

SMALL = LinkerSettings(trunk="small")


def tracker(**section) -> SiameseTracker:
    return SiameseTracker(
        siamese_network("small", None), LinkerSettings(trunk="small", **section), torch.device("cpu")
    )


# ------------------------------------------------------------------- correlation, crops


@given(st.integers(0, 10_000), *[st.integers(1, 3)] * 4, st.integers(0, 3), st.integers(0, 3))
@settings(max_examples=30, deadline=None)
def test_correlation_is_the_literal_sum(seed, batch, regions, channels, h, more_y, more_x):
    w = 2
    random = torch.Generator().manual_seed(seed)
    exemplars = torch.randn(batch, channels, h, w, generator=random, dtype=torch.float64)
    searches = torch.randn(
        batch, regions, channels, h + more_y, w + more_x, generator=random, dtype=torch.float64
    )
    found = correlate(exemplars, searches)
    assert found.shape == (batch, regions, more_y + 1, more_x + 1)
    for b, k, y, x in np.ndindex(*found.shape):
        total = 0.0
        for c, i, j in np.ndindex(channels, h, w):
            total += float(exemplars[b, c, i, j] * searches[b, k, c, y + i, x + j])
        assert float(found[b, k, y, x]) == pytest.approx(total, abs=1e-9)


def test_gradients_go_through_the_correlation():
    exemplars = torch.randn(2, 2, 2, 3, dtype=torch.float64, requires_grad=True)
    searches = torch.randn(2, 2, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(correlate, (exemplars, searches))


def literal_crop(image, centre, side, padding, pixels):
    """Bilinear interpolation of the padded image, one pixel at a time."""
    height, width = image.shape[:2]
    output = np.zeros((pixels, pixels, 3))
    for v, u in np.ndindex(pixels, pixels):
        # the middle of the output's pixel, in the image; pixel i reaches from i to i + 1
        x = centre[0] + ((u + 0.5) / pixels - 0.5) * side - 0.5
        y = centre[1] + ((v + 0.5) / pixels - 0.5) * side - 0.5
        left, top = int(np.floor(x)), int(np.floor(y))
        for i, j in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
            inside = 0 <= i < height and 0 <= j < width
            weight = (1 - abs(y - i)) * (1 - abs(x - j))
            output[v, u] += weight * (image[i, j] if inside else np.array(padding))
    return output


@pytest.mark.parametrize(
    ("centre", "side"),
    [((20.0, 15.0), 16.0), ((20.3, 15.7), 23.9), ((1.2, 28.8), 30.0), ((-30.0, 5.0), 12.0), ((8, 8), 0.3)],
)
def test_crops_are_bilinear_with_padding(centre, side):
    image = textured(3, 30, 40)
    padding = (200.0, 30.0, 90.0)
    output = np.zeros((16, 16, 3), np.uint8)
    crop(image, np.array(centre), side, padding, output)
    expected = literal_crop(image, centre, side, padding, 16)
    # OpenCV may place a sample to 1/32 of a pixel
    assert np.abs(output - expected).max() <= 6
    assert np.abs(output - expected).mean() <= 1


def test_the_context_of_a_box_is_the_releases():
    # 20 x 40: p = 0.5 * (20 + 40) = 30, the root of 50 * 70
    np.testing.assert_allclose(context_side(np.array([[20.0, 40.0]]), 0.5), [3500**0.5])


@pytest.mark.parametrize(("trunk", "place"), [("small", (3, 2)), ("vgg16", (1, 2))])
def test_a_crop_of_the_feature_map_is_the_feature_map_of_the_crop(trunk, place):
    network = siamese_network(trunk, None)
    exemplar, _, stride = crop_sizes(LinkerSettings(trunk=trunk))
    side = exemplar + 4 * stride
    image = torch.from_numpy(textured(0, side, side))[None]
    y, x = (stride * cell for cell in place)
    with torch.inference_mode():
        whole = network.trunk(normalize(image))
        part = network.trunk(normalize(image[:, y : y + exemplar, x : x + exemplar]))
    cells = part.shape[-1]
    assert cells == {"small": 9, "vgg16": 5}[trunk]
    cut = whole[..., place[0] : place[0] + cells, place[1] : place[1] + cells]
    torch.testing.assert_close(cut, part, atol=1e-5, rtol=1e-4)


def test_folding_batch_normalisation_changes_nothing():
    torch.manual_seed(0)
    trunk = siamese_network("small", None).trunk.train()
    trunk(torch.randn(8, 3, 81, 81) * 3 + 1)  # running statistics that differ from 0 and 1
    pixels = torch.randn(2, 3, 81, 81)
    expected = trunk.eval()(pixels.clone())
    folded = without_normalization(trunk)
    assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in folded)
    torch.testing.assert_close(folded(pixels), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("exemplar", "search"), [(49, 49), (49, 45), (49, 80), (16, 32)])
def test_sizes_that_do_not_go_together(exemplar, search):
    with pytest.raises(ConfigError, match="_size"):
        crop_sizes(LinkerSettings(trunk="small", exemplar_size=exemplar, search_size=search))


# ------------------------------------------------------------------------------ tracking


@pytest.mark.parametrize("seed_frame", [0, 7, 14])
def test_a_moving_target_is_followed_both_ways(seed_frame):
    images, boxes = moving(15)
    track = tracker().track([Seed(images, seed_frame, boxes[seed_frame])])[0]
    assert paired_iou(track.boxes, boxes).min() > 0.6
    assert paired_iou(np.tile(boxes[seed_frame], (15, 1)), boxes).min() < 0.1  # which it had to do
    assert track.score[seed_frame] == 1
    assert ((track.score >= 0) & (track.score <= 1)).all()
    np.testing.assert_array_equal(track.boxes[seed_frame], boxes[seed_frame])


def last_height(growth: float, network: int, **section) -> float:
    """Height, of that of the seed, of a target that grows for eleven frames."""
    images, boxes = moving(12, step=(0, 0), growth=growth)
    chosen = LinkerSettings(trunk="small", **section)
    untrained = SiameseTracker(random_siamese("small", network), chosen, torch.device("cpu"))
    track = untrained.track([Seed(images, 0, boxes[0])])[0]
    sizes = track.boxes[:, 2:] - track.boxes[:, :2]
    np.testing.assert_allclose(sizes[:, 0] / sizes[:, 1], 24 / 40, rtol=1e-3)
    return float(sizes[-1, 1] / sizes[0, 1])


def test_size_follows_and_aspect_ratio_stays():
    # networks that nobody trained tell sizes apart only on the average
    heights = {g: np.mean([last_height(g, n, scale_penalty=1.0) for n in range(6)]) for g in (0.98, 1, 1.02)}
    assert heights[0.98] < 0.96 < heights[1] < 1.04 < heights[1.02]
    assert last_height(1.02, 0, scales=1) == pytest.approx(1, abs=1e-5)


def test_many_targets_at_once_are_independent():
    seeds = []
    for number, (count, frame) in enumerate([(9, 0), (5, 4), (1, 0), (12, 6), (9, 3)] * 4):
        images, boxes = moving(count, seed=number, step=(3, -1))
        seeds.append(Seed(images, frame, boxes[frame]))
    together = tracker().track(seeds)
    for seed, track in zip(seeds, together, strict=True):
        single = tracker().track([seed])[0]
        np.testing.assert_array_equal(track.boxes, single.boxes)
        np.testing.assert_array_equal(track.score, single.score)
        assert len(track.boxes) == len(seed.images)
    assert tracker().track([]) == []


@pytest.mark.parametrize(
    "box",
    [
        [0, 0, 1, 1],
        [159.9, 119.9, 160, 120],
        [-20, -20, 5, 9],
        [0, 0, 160, 120],
        [50, 50, 50.01, 110],
        [400, 400, 430, 450],
    ],
)
def test_awkward_boxes_give_finite_tubes(box):
    images, _ = moving(6)
    images[3][:] = 0  # a black frame too
    track = tracker().track([Seed(images, 2, np.array(box, np.float32))])[0]
    assert np.isfinite(track.boxes).all()
    assert np.isfinite(track.score).all()
    assert (track.boxes[:, 2:] >= track.boxes[:, :2]).all()


# ------------------------------------------------------------- SiamFC's update, step by step


def literal_peak(responses, scale_penalty: float, window_influence: float):
    """Scale, displacement in cells and score that SiamFC's update takes from responses (K, R, R)."""
    large = [
        functional.interpolate(one[None, None], scale_factor=16, mode="bicubic", align_corners=False)[0, 0]
        for one in responses.float()
    ]
    large = [one.double().numpy() for one in large]
    chosen, highest = -1, -np.inf
    for scale, response in enumerate(large):
        peak = response.max()
        if scale != len(large) // 2:
            peak -= (1 - scale_penalty) * abs(peak)
        if peak > highest:
            chosen, highest = scale, peak
    response = large[chosen]
    side = len(response)
    window = np.outer(np.hanning(side), np.hanning(side))
    distribution = (response - response.min()) / (response - response.min()).sum()
    mixed = (1 - window_influence) * distribution + window_influence * window / window.sum()
    y, x = np.unravel_index(mixed.argmax(), mixed.shape)
    move = (np.array([x, y]) - (side - 1) / 2) / 16
    return chosen, move, 1 / (1 + np.exp(-response[y, x]))


def literal_track(network, seed: Seed, how: LinkerSettings) -> Track:
    """The track of one target, a frame at a time."""
    network.eval()
    first = seed.images[seed.frame]
    padding = first.reshape(-1, 3).mean(0)
    size = (seed.box[2:] - seed.box[:2]).astype(float)
    factors = [how.scale_step ** (k - how.scales // 2) for k in range(how.scales)]
    boxes, scores = np.zeros((len(seed.images), 4)), np.ones(len(seed.images))
    boxes[seed.frame] = seed.box

    def features(image, centre, side, pixels):
        output = np.empty((pixels, pixels, 3), np.uint8)
        crop(image, centre, side, padding.tolist(), output)
        return network.trunk(normalize(torch.from_numpy(output)[None]))

    def exemplar_side(scale):
        margin = how.context * scale * size.sum()
        return ((scale * size[0] + margin) * (scale * size[1] + margin)) ** 0.5

    for direction, end in ((1, len(seed.images)), (-1, -1)):
        centre, scale = (seed.box[:2].astype(float) + seed.box[2:]) / 2, 1.0
        exemplar = features(first, centre, exemplar_side(scale), 49)
        for frame in range(seed.frame + direction, end, direction):
            search_side = exemplar_side(scale) * 89 / 49
            regions = [features(seed.images[frame], centre, search_side * f, 89) for f in factors]
            responses = network(exemplar, torch.stack(regions, 1))[0]
            chosen, move, scores[frame] = literal_peak(responses, how.scale_penalty, how.window_influence)
            centre = centre + move * 4 * search_side * factors[chosen] / 89
            scale *= (1 - how.scale_damping) + how.scale_damping * factors[chosen]
            scale = min(max(scale, 0.2), 5.0)
            boxes[frame] = [*(centre - scale * size / 2), *(centre + scale * size / 2)]
    return Track(boxes, scores)


@pytest.mark.parametrize(
    ("constants", "growth", "network"),
    [
        ({}, 1.07, 2),
        ({"scale_penalty": 0.995, "scale_damping": 0.9, "window_influence": 0.5}, 0.93, 2),
        ({"scale_penalty": 0.9, "scale_damping": 0.9, "window_influence": 0.3, "scale_step": 1.3}, 1.07, 1),
        # down to a fifth of the seed's size
        (
            {"scale_penalty": 0.98, "scale_damping": 0.9, "window_influence": 0.5, "scale_step": 1.5}
            | {"scales": 5},
            1.07,
            1,
        ),
    ],
)
def test_tracks_are_those_of_the_literal_tracker(constants, growth, network):
    how, untrained = LinkerSettings(trunk="small", **constants), random_siamese("small", network)
    images, boxes = moving(12, seed=network, step=(2, 1), growth=growth)
    seed = Seed(images, 5, boxes[5])
    with torch.inference_mode():
        wanted = literal_track(untrained, seed, how)
    found = SiameseTracker(untrained, how, torch.device("cpu")).track([seed])[0]
    np.testing.assert_allclose(found.boxes, wanted.boxes, atol=1e-3)
    np.testing.assert_allclose(found.score, wanted.score, atol=1e-5)
    sizes = (wanted.boxes[:, 2] - wanted.boxes[:, 0]) / (boxes[5, 2] - boxes[5, 0])
    assert np.ptp(sizes) > 0.02  # the size did change
    assert sizes.min() == (pytest.approx(0.2) if "scales" in constants else pytest.approx(1, abs=0.5))


@pytest.mark.parametrize("window_influence", [0, 0.176, 0.5, 0.9])
@pytest.mark.parametrize("scale_penalty", [0.8, 0.9745, 1])
def test_peaks_are_those_of_the_literal_update(scale_penalty, window_influence):
    random = torch.Generator().manual_seed(0)
    # of either sign, and far from 0 as well as near it
    height = torch.tensor([-4.0, -1, 0, 1, 4, 40])[:, None, None, None]
    responses = height + torch.randn(6, 3, 11, 11, generator=random)
    how = {"scale_penalty": scale_penalty, "window_influence": window_influence}
    scale, offset, score = tracker(**how)._peak(responses)
    for one, *found in zip(responses, scale, offset, score, strict=True):
        wanted = literal_peak(one, **how)
        assert (int(found[0]), found[1].tolist()) == (wanted[0], wanted[1].tolist())
        assert float(found[2]) == pytest.approx(wanted[2], abs=1e-6)


@pytest.mark.parametrize(
    ("peaks", "chosen"),
    [
        ((1.0, 0.81, 0.5), 1),  # 0.8 against 0.81
        ((1.0, 0.79, 0.5), 0),
        ((0.5, 0.79, 1.0), 2),
        # a fifth of its size below -1 is -1.2; the release, which multiplies by 0.8, has -0.8
        ((-1.0, -1.19, -3.0), 1),
        ((-1.0, -1.21, -3.0), 0),
        ((-3.0, -1.21, -1.0), 2),
    ],
)
def test_all_sizes_but_the_last_one_lose_a_share_of_their_peak(peaks, chosen):
    responses = torch.tensor(peaks)[None, :, None, None].expand(1, 3, 11, 11)
    scale, _, score = tracker(scale_penalty=0.8)._peak(responses)
    # the score is that of the response itself
    assert (int(scale), float(score)) == (chosen, pytest.approx(1 / (1 + np.exp(-peaks[chosen]))))


def test_the_window_draws_peaks_to_the_middle():
    near, far = torch.zeros(1, 1, 11, 11), torch.zeros(1, 1, 11, 11)
    near[..., 5, 4] = 1  # a cell to the left of the middle
    far[..., 1, 8] = 1.2  # three to the right, four up

    def displacement(responses, influence):
        return tracker(scales=1, window_influence=influence)._peak(responses)[1][0].tolist()

    # the middle of a cell lies between two of the places that peaks are sought in
    half = 1 / 32 + 1e-9
    assert displacement(near + far, 0) == pytest.approx([3, -4], abs=half)
    assert displacement(near + far, 0.5) == pytest.approx([-1, 0], abs=1 / 4)
    # neither a height nor a constant changes a distribution
    for scaled in (40 * (near + far), near + far + 7, near + far - 7):
        assert displacement(scaled, 0.5) == pytest.approx(displacement(near + far, 0.5), abs=1 / 16)
    assert displacement(torch.ones(1, 1, 11, 11), 0.1) == pytest.approx([0, 0], abs=half)


@pytest.mark.parametrize(("scale", "growth", "limit"), [(2, 1.18, 5), (0, 0.85, 0.2)])
def test_a_step_moves_by_cells_of_the_chosen_size_and_grows_with_damping_up_to_a_limit(
    monkeypatch, scale, growth, limit
):
    """A tenth of the size stays: 0.1 + 0.9 * 1.2 is 1.18, and 0.1 + 0.9 / 1.2 is 0.85."""
    followed = tracker(scale_step=1.2, scale_damping=0.9)
    peak = (torch.tensor([scale]), torch.tensor([[1.5, -0.5]], dtype=torch.float64), torch.tensor([0.75]))
    monkeypatch.setattr(
        followed, "_peak", lambda responses: [one.expand(len(responses), *one.shape[1:]) for one in peak]
    )
    images, boxes = moving(13, step=(0, 0))
    assert boxes[0].tolist() == [20, 30, 44, 70]
    track = followed.track([Seed(images, 0, boxes[0])])[0]
    centre, size = np.array([32.0, 50.0]), 1.0
    for box in track.boxes[1:]:
        # a cell is 4 pixels of a crop in which the exemplar's side, here the root of 56 * 72, has 49
        centre += np.array([1.5, -0.5]) * 4 / 49 * (56 * 72) ** 0.5 * size * 1.2 ** (scale - 1)
        size = min(size * growth, limit) if growth > 1 else max(size * growth, limit)
        half = size * np.array([12, 20])
        np.testing.assert_allclose(box, [*(centre - half), *(centre + half)], rtol=1e-5)
    assert size == limit
    assert track.score[1:].tolist() == [0.75] * 12


# ------------------------------------------------------------------------------- weights


def test_weights_of_another_architecture_are_refused(tmp_path):
    path = tmp_path / "weights.pt"
    for content in (
        {"architecture": "small_ssd", "state": {}},
        {"architecture": "siamese", "trunk": "vgg16", "state": {}},
        {"features.0.weight": torch.zeros(2)},
        {"architecture": "siamese", "trunk": "small", "state": {"gain": torch.zeros(())}},
    ):
        save_weights(path, content)
        with pytest.raises(DataError, match="weights"):
            siamese_network("small", path)


def test_vgg16_takes_the_first_four_blocks_of_a_checkpoint(tmp_path):
    torch.manual_seed(5)
    trunk = siamese_network("vgg16", None).trunk
    state = {f"features.{name}": torch.randn_like(value) for name, value in trunk.state_dict().items()}
    extra = {"features.24.weight": torch.zeros(3), "classifier.0.bias": torch.zeros(2)}
    save_weights(tmp_path / "vgg16.pth", state | extra)
    loaded = siamese_network("vgg16", tmp_path / "vgg16.pth").trunk.state_dict()
    assert len(loaded) == 20  # ten convolutions
    for name, value in loaded.items():
        torch.testing.assert_close(value, state[f"features.{name}"], rtol=0, atol=0)
    del state["features.21.bias"]
    save_weights(tmp_path / "less.pth", state)
    with pytest.raises(DataError, match=r"features\.21\.bias"):
        siamese_network("vgg16", tmp_path / "less.pth")
