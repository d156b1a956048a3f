"""The Siamese network: correlation, crops, tracking of what moves, and its training."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from actorsup.backbones import normalise
from actorsup.boxes import paired_iou, xyxy_to_xywh
from actorsup.errors import ConfigError, DataError
from actorsup.linking.base import Seed
from actorsup.linking.crops import context_side, crop
from actorsup.linking.pairs import PairMaker
from actorsup.linking.sequences import Sequences
from actorsup.linking.settings import LinkerSettings, SiameseTrainingSettings
from actorsup.linking.siamese import (
    correlate,
    crop_sizes,
    random_siamese,
    siamese_network,
    without_normalisation,
)
from actorsup.linking.siamese_tracker import SiameseTracker
from actorsup.linking.training import balanced_logistic_loss, labels, train_siamese
from actorsup.storage import write_whole
from actorsup.weights import load_weights, save_weights

SMALL = LinkerSettings(trunk="small")


def textured(seed: int, height: int, width: int, blur: float = 2) -> np.ndarray:
    random = np.random.default_rng(seed)
    image = cv2.GaussianBlur(random.integers(0, 255, (height, width, 3), np.uint8), (0, 0), blur)
    return cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX)


def moving(frames: int, seed: int = 0, step=(4, 1), growth: float = 1.0):
    """A textured rectangle that moves over another texture: images, boxes (N, 4)."""
    ground, sprite = textured(seed, 120, 160), textured(seed + 100, 40, 24, blur=3)
    images, boxes = [], []
    for frame in range(frames):
        size = np.round(np.array([24, 40]) * growth**frame).astype(int)
        x, y = 20 + step[0] * frame, 30 + step[1] * frame
        image = ground.copy()
        image[y : y + size[1], x : x + size[0]] = cv2.resize(sprite, (int(size[0]), int(size[1])))
        images.append(image)
        boxes.append([x, y, x + size[0], y + size[1]])
    return images, np.array(boxes, np.float32)


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


# ------------------------------------------------------------------------------ training


def write_sequences(root: Path, count: int, frames: int = 8) -> Path:
    names = [f"s{index}" for index in range(count)]
    for index, name in enumerate(names):
        images, boxes = moving(frames, seed=index, growth=1.04)
        (root / name).mkdir(parents=True)
        for frame, image in enumerate(images):
            cv2.imwrite(str(root / name / f"{frame + 1:08d}.jpg"), image[..., ::-1])
        lines = [",".join(map(str, row)) for row in xyxy_to_xywh(boxes)]
        write_whole(root / name / "groundtruth.txt", "\n".join(lines) + "\n")
    write_whole(root / "list.txt", "\n".join(names) + "\n")
    return root


def test_labels_are_the_places_within_the_radius():
    found = labels(torch.tensor([[0.0, 0.0], [1.0, -2.0]]), 5, 1.0)
    cross = [[0, 0, 0, 0, 0], [0, 0, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]]
    assert found[0].tolist() == cross
    assert [tuple(place) for place in found[1].nonzero().tolist()] == [(0, 2), (0, 3), (0, 4), (1, 3)]


def test_the_loss_weighs_both_labels_equally():
    responses = torch.tensor([[[2.0, -1.0], [0.5, 0.0]]])
    wanted = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
    one = np.log1p(np.exp(-2.0))
    zero = np.mean([np.log1p(np.exp(v)) for v in (-1.0, 0.5, 0.0)])
    assert float(balanced_logistic_loss(responses, wanted)) == pytest.approx((one + zero) / 2, abs=1e-6)


def test_pairs_show_the_target_where_they_say(tmp_path):
    """A white square on black: its middle in the crop is where ``offset`` puts it."""
    root = tmp_path / "set"
    (root / "s").mkdir(parents=True)
    for frame in range(3):
        image = np.zeros((120, 160, 3), np.uint8)
        image[50:70, 60 + 10 * frame : 80 + 10 * frame] = 255
        cv2.imwrite(str(root / "s" / f"{frame + 1:08d}.jpg"), image)
    rows = "\n".join(f"{60 + 10 * frame},50,20,20" for frame in range(3))
    write_whole(root / "s" / "groundtruth.txt", rows + "\n")
    write_whole(root / "list.txt", "s\n")
    chosen = SiameseTrainingSettings(trunk="small", shift=4)
    pairs = PairMaker(Sequences(root), chosen, crop_sizes(chosen)).make(
        np.zeros(20, np.int64), np.random.default_rng(0)
    )
    assert np.abs(pairs.offset).max() > 2
    for images, offset in ((pairs.exemplars, 0 * pairs.offset), (pairs.searches, pairs.offset)):
        for image, (dx, dy) in zip(images, offset, strict=True):
            y, x = np.nonzero(image[..., 0] > 100)
            middle = (len(image) - 1) / 2
            assert x.mean() - middle == pytest.approx(4 * dx, abs=0.6)
            assert y.mean() - middle == pytest.approx(4 * dy, abs=0.6)


def test_frames_without_the_target_are_left_out(tmp_path):
    root = write_sequences(tmp_path / "set", 1)
    write_whole(root / "s0" / "absence.label", "0\n1\n0\n0\n0\n0\n1\n1\n")
    truth = (root / "s0" / "groundtruth.txt").read_text().split()
    truth[3] = "5,5,0,10"
    write_whole(root / "s0" / "groundtruth.txt", "\n".join(truth) + "\n")
    assert Sequences(root).sequences[0].usable.tolist() == [0, 2, 4, 5]


def test_pairs_are_at_most_so_many_frames_apart(tmp_path, monkeypatch):
    sequences = Sequences(write_sequences(tmp_path / "set", 1))
    asked = []
    image = sequences.image
    monkeypatch.setattr(sequences, "image", lambda index, frame: asked.append(frame) or image(index, frame))
    chosen = SiameseTrainingSettings(trunk="small", gap=2)
    PairMaker(sequences, chosen, crop_sizes(chosen)).make(np.zeros(40, np.int64), np.random.default_rng(0))
    apart = {abs(first - second) for first, second in zip(asked[::2], asked[1::2], strict=True)}
    assert apart == {0, 1, 2}


@pytest.mark.parametrize(
    ("file", "text", "match"),
    [
        ("list.txt", "missing\n", "missing"),
        ("list.txt", "\n", "no sequence"),
        ("s0/groundtruth.txt", "1,2,3,4\n", "1 lines"),
        ("s0/groundtruth.txt", "1,2,3\n", "wanted 4"),
        ("s0/groundtruth.txt", "a,b,c,d\n", "cannot be read"),
        ("s0/absence.label", "0\n", "1 lines"),
    ],
)
def test_sequences_that_cannot_be_used_are_named(tmp_path, file, text, match):
    root = write_sequences(tmp_path / "set", 1)
    write_whole(root / file, text)
    with pytest.raises(DataError, match=match):
        Sequences(root)


SECTION = {"trunk": "small", "training": {"epochs": 3, "pairs": 4, "batch": 4}}


def test_training_goes_on_where_it_was_killed_bit_for_bit(tmp_path, monkeypatch):
    root = write_sequences(tmp_path / "set", 2)
    whole, halved, other = (tmp_path / name / "weights.pt" for name in ("whole", "halved", "other"))
    train_siamese(root, whole, SECTION, "cpu", 3, {"of": 1})
    train_siamese(root, other, SECTION, "cpu", 4, {"of": 1})

    from actorsup.linking import training

    epoch = training._Training.epoch

    def killed(self, number):
        if number == 2:
            raise KeyboardInterrupt
        return epoch(self, number)

    monkeypatch.setattr(training._Training, "epoch", killed)
    with pytest.raises(KeyboardInterrupt):
        train_siamese(root, halved, SECTION, "cpu", 3, {"of": 1})
    assert not halved.exists()
    seen = []
    monkeypatch.setattr(
        training._Training, "epoch", lambda self, number: seen.append(number) or epoch(self, number)
    )
    train_siamese(root, halved, SECTION, "cpu", 3, {"of": 1})
    assert seen == [2]
    states = [load_weights(path)["state"] for path in (whole, halved, other)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not all(torch.equal(states[0][name], states[2][name]) for name in states[0])
    assert [path.name for path in sorted(halved.parent.iterdir())] == ["weights.csv", "weights.pt"]
    assert whole.with_suffix(".csv").read_text() == halved.with_suffix(".csv").read_text()
    assert len(whole.with_suffix(".csv").read_text().splitlines()) == 4


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A small network after some seconds on moving rectangles."""
    folder = tmp_path_factory.mktemp("trained")
    section = {"trunk": "small", "training": {"epochs": 6, "pairs": 16}}
    train_siamese(write_sequences(folder / "set", 12), folder / "weights.pt", section, "cpu", 0, {})
    return folder / "weights.pt"


def test_training_lowers_the_loss_and_its_weights_can_be_started_from(trained, tmp_path):
    losses = [float(row.split(",")[1]) for row in trained.with_suffix(".csv").read_text().split()[1:]]
    assert losses[-1] < 0.9 * losses[0]
    root = write_sequences(tmp_path / "set", 4)
    section = {"trunk": "small", "training": {"epochs": 1, "pairs": 8, "start": str(trained)}}
    train_siamese(root, tmp_path / "more.pt", section, "cpu", 1, {})
    loss = float((tmp_path / "more.csv").read_text().split()[1].split(",")[1])
    assert loss < 0.95 * losses[0]  # of a first epoch, both
