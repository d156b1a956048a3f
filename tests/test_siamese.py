"""The Siamese network: correlation, crops, tracking of what moves, and its weights."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from moving_targets import moving, textured

from actorsup.backbones import normalise
from actorsup.boxes import paired_iou
from actorsup.errors import ConfigError, DataError
from actorsup.linking.base import Seed
from actorsup.linking.crops import context_side, crop
from actorsup.linking.settings import LinkerSettings
from actorsup.linking.siamese import (
    correlate,
    crop_sizes,
    random_siamese,
    siamese_network,
    without_normalisation,
)
from actorsup.linking.siamese_tracker import SiameseTracker
from actorsup.weights import save_weights

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
        whole = network.trunk(normalise(image))
        part = network.trunk(normalise(image[:, y : y + exemplar, x : x + exemplar]))
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
    folded = without_normalisation(trunk)
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


def test_many_targets_at_once_are_each_by_itself():
    seeds = []
    for number, (count, frame) in enumerate([(9, 0), (5, 4), (1, 0), (12, 6), (9, 3)] * 4):
        images, boxes = moving(count, seed=number, step=(3, -1))
        seeds.append(Seed(images, frame, boxes[frame]))
    together = tracker().track(seeds)
    for seed, track in zip(seeds, together, strict=True):
        alone = tracker().track([seed])[0]
        np.testing.assert_array_equal(track.boxes, alone.boxes)
        np.testing.assert_array_equal(track.score, alone.score)
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
