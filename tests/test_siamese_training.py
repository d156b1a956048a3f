"""Training of the Siamese network: sets, pairs, loss, resuming, success on held-out sequences."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from kills import die_after, steps_taken
from moving_targets import moving, textured, write_sequences

from actorsup.artifacts.atomic import write_text_atomically
from actorsup.errors import DataError
from actorsup.linking.base import Seed, Track
from actorsup.linking.settings import LinkerSettings, SiameseTrainingSettings
from actorsup.linking.siamese import training
from actorsup.linking.siamese.network import (
    crop_sizes,
    siamese_network,
)
from actorsup.linking.siamese.pairs import PairMaker
from actorsup.linking.siamese.sequences import Sequence, Sequences
from actorsup.linking.siamese.tracker import SiameseTracker
from actorsup.linking.siamese.tracking_sets import images_as_sequences, read_tracking_set
from actorsup.linking.siamese.training import TrainingSet, balanced_logistic_loss, labels, train_siamese
from actorsup.linking.success import sequences_success, success, track_success
from actorsup.training.weights import load_weights

SMALL = LinkerSettings(trunk="small")


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
    write_text_atomically(root / "s" / "groundtruth.txt", rows + "\n")
    write_text_atomically(root / "list.txt", "s\n")
    chosen = SiameseTrainingSettings(trunk="small", shift=4)
    pairs = PairMaker(Sequences(read_tracking_set(root)), chosen, crop_sizes(chosen)).make(
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
    write_text_atomically(root / "s0" / "absence.label", "0\n1\n0\n0\n0\n0\n1\n1\n")
    truth = (root / "s0" / "groundtruth.txt").read_text().split()
    truth[3] = "5,5,0,10"
    write_text_atomically(root / "s0" / "groundtruth.txt", "\n".join(truth) + "\n")
    assert Sequences(read_tracking_set(root)).sequences[0].usable.tolist() == [0, 2, 4, 5]


def test_pairs_are_at_most_so_many_frames_apart(tmp_path, monkeypatch):
    sequences = Sequences(read_tracking_set(write_sequences(tmp_path / "set", 1)))
    asked = []
    image = sequences.image
    monkeypatch.setattr(sequences, "image", lambda index, frame: asked.append(frame) or image(index, frame))
    chosen = SiameseTrainingSettings(trunk="small", gap=2)
    PairMaker(sequences, chosen, crop_sizes(chosen)).make(np.zeros(40, np.int64), np.random.default_rng(0))
    apart = {abs(first - second) for first, second in zip(asked[::2], asked[1::2], strict=True)}
    assert apart == {1, 2}


def write_alov(root: Path) -> Path:
    """One video in the form that ALOV300++'s authors publish: every fifth frame has a rectangle."""
    frames = root / "imagedata++" / "01-Light" / "01-Light_video00001"
    frames.mkdir(parents=True)
    images, boxes = moving(11)
    for frame, image in enumerate(images):
        cv2.imwrite(str(frames / f"{frame + 1:08d}.jpg"), image[..., ::-1])
    lines = []
    for frame in (0, 5, 10):
        x1, y1, x2, y2 = boxes[frame] + 1
        # lower left, upper left, upper right, lower right
        lines.append(f"{frame + 1} {x1:.4f} {y2:.4f} {x1:.4f} {y1:.4f} {x2:.4f} {y1:.4f} {x2:.4f} {y2:.4f}")
    annotation = root / "alov300++_rectangleAnnotation_full" / "01-Light" / "01-Light_video00001.ann"
    annotation.parent.mkdir(parents=True)
    write_text_atomically(annotation, "\n".join(lines) + "\n")
    return root


def test_alov_is_read_as_its_authors_publish_it(tmp_path):
    (sequence,) = read_tracking_set(write_alov(tmp_path / "alov"))
    assert sequence.name == "01-Light_video00001"
    assert sequence.frame.tolist() == [0, 5, 10]
    assert [path.name for path in sequence.paths] == ["00000001.jpg", "00000006.jpg", "00000011.jpg"]
    np.testing.assert_allclose(sequence.boxes, moving(11)[1][[0, 5, 10]], atol=1e-3)
    assert sequence.usable.tolist() == [0, 1, 2]
    (tmp_path / "alov" / "imagedata++" / "01-Light" / "01-Light_video00001" / "00000006.jpg").unlink()
    with pytest.raises(DataError, match=r"1 of its frames are not there, such as .*00000006\.jpg"):
        read_tracking_set(tmp_path / "alov")


def test_the_gap_is_counted_in_frames_of_the_video(tmp_path, monkeypatch):
    sequences = Sequences(read_tracking_set(write_alov(tmp_path / "alov")))
    asked = []
    image = sequences.image
    monkeypatch.setattr(sequences, "image", lambda number, index: asked.append(index) or image(number, index))
    for gap, expected in ((4, {0}), (5, {1}), (10, {1, 2})):
        asked.clear()
        chosen = SiameseTrainingSettings(trunk="small", gap=gap)
        PairMaker(sequences, chosen, crop_sizes(chosen)).make(
            np.zeros(60, np.int64), np.random.default_rng(0)
        )
        assert {abs(a - b) for a, b in zip(asked[::2], asked[1::2], strict=True)} == expected


def write_images(root: Path) -> tuple[Path, Path]:
    root.mkdir()
    cv2.imwrite(str(root / "a.png"), textured(0, 60, 80))
    boxes = [[10, 10, 20, 30], [40, 20, 9, 30], [30, 5, 12, 12]]
    annotations = [
        {"id": n, "image_id": 1, "category_id": 1, "bbox": box, "iscrowd": 0} for n, box in enumerate(boxes)
    ]
    images = [{"id": 1, "file_name": "a.png", "width": 80, "height": 60}]
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
    write_text_atomically(root / "annotations.json", json.dumps(content))
    return root, root / "annotations.json"


def test_boxes_of_images_are_sequences_of_one_image(tmp_path):
    images, annotations = write_images(tmp_path / "stills")
    found = images_as_sequences(images, annotations)
    assert [sequence.boxes.tolist() for sequence in found] == [[[10, 10, 30, 40]], [[30, 5, 42, 17]]]
    chosen = SiameseTrainingSettings(trunk="small")
    pairs = PairMaker(Sequences(found), chosen, crop_sizes(chosen)).make(
        np.array([0, 1]), np.random.default_rng(0)
    )
    assert pairs.exemplars.std() > 0 and pairs.searches.std() > 0


# ------------------------------------------------------------------------------- jitter


def jittered(image, jitter: float, random):
    chosen = SiameseTrainingSettings(trunk="small", jitter=jitter)
    return PairMaker(Sequences([]), chosen, crop_sizes(chosen))._jittered(image, random)


@pytest.mark.parametrize("jitter", [0.2, 0.9])
def test_jitter_is_of_the_contrast_about_the_mean_and_of_the_brightness(jitter):
    # dark, so that another middle than its mean would show
    image = (textured(3, 12, 16) * 0.6).astype(np.uint8)
    image[0, 0], image[0, 1] = 0, 255
    mean = sum(int(value) for value in image.ravel()) / image.size
    clipped = 0
    for seed in range(30):
        contrast, brightness = 1 + jitter * np.random.default_rng(seed).uniform(-1, 1, 2)
        found = jittered(image, jitter, np.random.default_rng(seed))
        assert (found.shape, found.dtype) == (image.shape, np.uint8)
        for y, x, c in np.ndindex(*image.shape):
            wanted = contrast * (int(image[y, x, c]) - mean) + brightness * mean
            clipped += not 0 <= wanted <= 255
            # to a whole number, rounded or cut off
            assert abs(int(found[y, x, c]) - min(max(wanted, 0), 255)) < 1.001
    assert clipped > 30


def test_jitter_changes_brightness_and_contrast_up_to_its_share():
    random = np.random.default_rng(0)
    image = np.full((10, 10, 3), 80, np.uint8)
    image[5:] = 120  # a mean of 100, and 20 to either side of it
    levels = [jittered(image, 0.2, random)[[0, -1], 0, 0].astype(float) for _ in range(500)]
    brightness = np.array([low + high for low, high in levels]) / 200
    contrast = np.array([high - low for low, high in levels]) / 40
    for changes, rounding in ((brightness, 0.01), (contrast, 0.03)):
        assert changes.min() == pytest.approx(0.8, abs=rounding)
        assert changes.max() == pytest.approx(1.2, abs=rounding)
    # each is drawn independently
    assert abs(np.corrcoef(brightness, contrast)[0, 1]) < 0.2


def test_without_jitter_an_image_stays_as_it_is():
    image = textured(5, 20, 30)
    found = jittered(image, 0, np.random.default_rng(0))
    assert np.abs(found.astype(int) - image).max() <= 1


def test_exemplars_and_search_regions_are_both_jittered(tmp_path):
    """Crops of an image of one gray, which have one gray each; contrast does not change it."""
    (tmp_path / "stills").mkdir()
    cv2.imwrite(str(tmp_path / "stills" / "a.png"), np.full((60, 80, 3), 100, np.uint8))
    one = Sequence(
        "a", (tmp_path / "stills" / "a.png",), np.zeros(1, np.int64),
        np.array([[10, 10, 30, 40]], np.float32), np.zeros(1, np.int64),
    )  # fmt: skip
    for jitter, low, high in ((0, 100, 100), (0.2, 80, 120)):
        chosen = SiameseTrainingSettings(trunk="small", jitter=jitter)
        pairs = PairMaker(Sequences([one]), chosen, crop_sizes(chosen)).make(
            np.zeros(200, np.int64), np.random.default_rng(0)
        )
        for images in (pairs.exemplars, pairs.searches):
            grays = images.mean((1, 2, 3))
            assert images.std((1, 2, 3)).max() < 0.5
            assert (grays.min(), grays.max()) == pytest.approx((low, high), abs=2)
        same = pairs.exemplars.mean((1, 2, 3)) == pairs.searches.mean((1, 2, 3))
        assert same.all() if jitter == 0 else same.mean() < 0.2


# ---------------------------------------------------------------- success, training


def test_success_is_the_area_under_the_curve():
    # strictly above 0, 0.05, ..., 1: 0.5 is above ten of 21 thresholds, 1 above twenty, 0 above none
    assert success(np.array([0.5, 1.0, 0.0])) == pytest.approx((10 + 20 + 0) / 63)
    assert np.isnan(success(np.zeros(0)))


def test_success_leaves_the_frame_of_the_seed_out():
    boxes = np.tile(np.float32([[2, 2, 8, 8]]), (4, 1))
    seed = Seed([np.zeros((10, 10, 3), np.uint8)] * 4, 1, boxes[1])
    track = Track(boxes.copy(), np.ones(4, np.float32))
    index = np.array([1, 3])
    assert track_success(track, seed, index, boxes[index]) == pytest.approx(20 / 21)
    track.boxes[3] = 0  # the one frame that counts
    assert track_success(track, seed, index, boxes[index]) == 0


def test_held_out_sequences_are_tracked_after_each_epoch_and_change_nothing(tmp_path):
    root, held_out = write_sequences(tmp_path / "set", 2), write_sequences(tmp_path / "held", 2)
    with_, without = tmp_path / "with.pt", tmp_path / "without.pt"
    train_siamese(TrainingSet(root, held_out=held_out), with_, SECTION, "cpu", 3, {})
    train_siamese(TrainingSet(root), without, SECTION, "cpu", 3, {})
    states = [load_weights(path)["state"] for path in (with_, without)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    header, *rows = with_.with_suffix(".csv").read_text().split()
    assert header == "epoch,loss,held_out_success,seconds"
    network = siamese_network("small", with_)
    last = sequences_success(
        SiameseTracker(network, SMALL, torch.device("cpu")), Sequences(read_tracking_set(held_out))
    )
    assert float(rows[-1].split(",")[2]) == pytest.approx(last)
    assert 0 < last < 1


def test_training_takes_images_in_addition_to_sequences(tmp_path):
    images, annotations = write_images(tmp_path / "stills")
    root = write_sequences(tmp_path / "set", 1)
    sequences, held_out = TrainingSet(root, images, annotations).read()
    assert [len(sequences), len(held_out)] == [3, 0]
    section = {"trunk": "small", "training": {"epochs": 1, "pairs": 4}}
    train_siamese(
        TrainingSet(images=images, annotations=annotations), tmp_path / "w.pt", section, "cpu", 0, {}
    )
    assert siamese_network("small", tmp_path / "w.pt")


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
    write_text_atomically(root / file, text)
    with pytest.raises(DataError, match=match):
        read_tracking_set(root)


SECTION = {"trunk": "small", "training": {"epochs": 3, "pairs": 4, "batch": 4}}


@pytest.mark.parametrize("killed", [1, 2])
def test_training_goes_on_where_it_was_killed_bit_for_bit(tmp_path, monkeypatch, killed):
    root = write_sequences(tmp_path / "set", 2)
    whole, halved, other = (tmp_path / name / "weights.pt" for name in ("whole", "halved", "other"))
    with monkeypatch.context() as patch:
        every = steps_taken(patch, training._Training)
        train_siamese(TrainingSet(root), whole, SECTION, "cpu", 3, {"of": 1})
    train_siamese(TrainingSet(root), other, SECTION, "cpu", 4, {"of": 1})
    with monkeypatch.context() as patch:
        die_after(patch, training._Training, killed)
        with pytest.raises(KeyboardInterrupt):
            train_siamese(TrainingSet(root), halved, SECTION, "cpu", 3, {"of": 1})
    assert not halved.exists()
    with monkeypatch.context() as patch:
        taken = steps_taken(patch, training._Training)
        train_siamese(TrainingSet(root), halved, SECTION, "cpu", 3, {"of": 1})
    assert taken == every[killed:] and len(taken) < len(every)
    states = [load_weights(path)["state"] for path in (whole, halved, other)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not all(torch.equal(states[0][name], states[2][name]) for name in states[0])
    assert [path.name for path in sorted(halved.parent.iterdir())] == [
        "weights.csv",
        "weights.pt",
        "weights_steps.csv",
    ]
    steps = [path.with_name("weights_steps.csv").read_text() for path in (whole, halved)]
    assert steps[0] == steps[1]
    assert len(whole.with_suffix(".csv").read_text().splitlines()) == 4


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A small network after some seconds on moving rectangles."""
    folder = tmp_path_factory.mktemp("trained")
    section = {"trunk": "small", "training": {"epochs": 6, "pairs": 16}}
    train_siamese(
        TrainingSet(write_sequences(folder / "set", 12)), folder / "weights.pt", section, "cpu", 0, {}
    )
    return folder / "weights.pt"


def test_training_lowers_the_loss_and_its_weights_can_be_started_from(trained, tmp_path):
    losses = [float(row.split(",")[1]) for row in trained.with_suffix(".csv").read_text().split()[1:]]
    assert losses[-1] < 0.9 * losses[0]
    root = write_sequences(tmp_path / "set", 4)
    section = {"trunk": "small", "training": {"epochs": 1, "pairs": 8, "start": str(trained)}}
    train_siamese(TrainingSet(root), tmp_path / "more.pt", section, "cpu", 1, {})
    loss = float((tmp_path / "more.csv").read_text().split()[1].split(",")[1])
    assert loss < 0.95 * losses[0]  # of a first epoch, both
