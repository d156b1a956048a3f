"""Features of regions that are cut out of whole frames, against those of the regions' own crops."""

import numpy as np
import pytest
import torch
from moving_targets import moving, textured

from actorsup.boxes import paired_iou
from actorsup.linking.base import Seed
from actorsup.linking.settings import LinkerSettings
from actorsup.linking.siamese.crops import crop, sample_crops
from actorsup.linking.siamese.device_frames import DeviceFrames
from actorsup.linking.siamese.network import TRUNKS, siamese_network
from actorsup.linking.siamese.regions import CroppedRegions, DeviceRegions, Encode, Regions
from actorsup.linking.siamese.shared_regions import SharedRegions
from actorsup.linking.siamese.tracker import SiameseTracker, _Targets

CPU = torch.device("cpu")


def regions(images, frames, centres, sides) -> Regions:
    """Black-padded regions of one video, one size a place."""
    count = len(frames)
    centre = torch.tensor(np.array(centres, np.float64).reshape(count, 2))
    side = torch.tensor(sides, dtype=torch.float64).reshape(count, 1)
    return Regions([images] * count, list(frames), centre, side, torch.zeros(count, 3, dtype=torch.float64))


def both(trunk: str = "small", memory: int = 1 << 30) -> tuple[CroppedRegions, SharedRegions]:
    encode, kind = Encode(siamese_network(trunk, None).trunk, CPU), TRUNKS[trunk]
    shared = SharedRegions(encode, kind.stride, kind.receptive, 1.5, memory)
    return CroppedRegions(encode, crops=4), shared


@pytest.mark.parametrize("trunk", ["small", "vgg16"])
def test_the_receptive_field_is_what_a_cell_sees(trunk):
    network = siamese_network(trunk, None).trunk
    side, stride = TRUNKS[trunk].receptive, TRUNKS[trunk].stride
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, side, side)).shape[2:] == (1, 1)
        assert network(torch.zeros(1, 3, side + stride - 1, side)).shape[2:] == (1, 1)
        assert network(torch.zeros(1, 3, side + stride, side)).shape[2:] == (2, 1)


@pytest.mark.parametrize("trunk", ["small", "vgg16"])
def test_a_region_whose_cells_are_the_frames_has_the_features_of_its_crop(trunk):
    """At the frame's own size, a whole number of strides from its edge, nothing is between two cells."""
    cropped, shared = both(trunk)
    exemplar, stride = TRUNKS[trunk].exemplar_size, TRUNKS[trunk].stride
    images = [textured(1, exemplar + 6 * stride, exemplar + 4 * stride)]
    margin = TRUNKS[trunk].receptive // 2 + stride
    # the first cell of the frame's map lies `margin` before the frame; cells are strides apart
    corner = np.array([2 * stride, 3 * stride]) - (margin % stride)
    region = regions(images, [0], [corner + exemplar / 2], [exemplar])
    with torch.inference_mode():
        expected = cropped(region, exemplar)
        found = shared(region, exemplar)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


def test_between_cells_and_sizes_features_are_near_those_of_the_crop():
    cropped, shared = both()
    smooth = [textured(5, 120, 160, blur=6)]
    random = np.random.default_rng(0)
    centres, sides = random.uniform([60, 50], [100, 70], (8, 2)), random.uniform(40, 60, 8)
    some = regions(smooth, [0] * 8, centres, sides)
    with torch.inference_mode():
        expected = cropped(some, 49)
        found = shared(some, 49)
        other = expected.flip(0)
    near = torch.nn.functional.cosine_similarity(found.flatten(1), expected.flatten(1))
    far = torch.nn.functional.cosine_similarity(other.flatten(1), expected.flatten(1))
    assert near.min() > 0.97
    assert near.min() > far.max()


def test_a_frame_is_encoded_once_a_size_and_what_is_kept_is_bounded():
    images = [textured(n, 60, 80) for n in range(6)]
    calls = []
    _, shared = both()
    middle = [40.0, 30.0]
    frames = regions(images, range(6), [middle] * 6, [49.0] * 6)
    thrice = regions(images, [*range(6)] * 3, [middle] * 18, [49.0] * 18)
    with torch.inference_mode():
        features = shared(frames, 49)
        shared._encode.trunk.register_forward_hook(lambda *_: calls.append(1))
        again = shared(thrice, 49)
        assert not calls
        shared(regions(images, [0, 0], [middle] * 2, [98.0] * 2), 49)
        assert len(calls) == 1
    torch.testing.assert_close(again, features.repeat(3, 1, 1, 1), atol=1e-5, rtol=1e-5)
    one = next(iter(shared._cache._kept.values()))[1].nbytes
    _, small = both(memory=2 * one)
    with torch.inference_mode():
        torch.testing.assert_close(small(frames, 49), features, atol=1e-5, rtol=1e-5)
    assert small._cache.size <= 2 * one


@pytest.mark.parametrize("seed_frame", [0, 14])
def test_the_shared_mode_follows_too(seed_frame):
    images, boxes = moving(15)
    tracker = SiameseTracker(
        siamese_network("small", None), LinkerSettings(trunk="small", mode="shared"), CPU
    )
    track = tracker.track([Seed(images, seed_frame, boxes[seed_frame])])[0]
    assert paired_iou(track.boxes, boxes).min() > 0.5


@pytest.mark.parametrize(
    "box", [[0, 0, 1, 1], [-20, -20, 5, 9], [0, 0, 160, 120], [50, 50, 50.01, 110], [400, 400, 430, 450]]
)
def test_awkward_boxes_give_finite_tubes_in_the_shared_mode(box):
    images, _ = moving(6)
    tracker = SiameseTracker(
        siamese_network("small", None), LinkerSettings(trunk="small", mode="shared"), CPU
    )
    track = tracker.track([Seed(images, 2, np.array(box, np.float32))])[0]
    assert np.isfinite(track.boxes).all() and np.isfinite(track.score).all()


def test_bfloat16_is_near_float32_and_does_not_change_the_trunk():
    network = siamese_network("small", None).trunk
    images = torch.from_numpy(np.stack([textured(n, 49, 49) for n in range(3)]))
    with torch.inference_mode():
        exact, rounded = Encode(network, CPU)(images), Encode(network, CPU, "bfloat16")(images)
    assert rounded.dtype == torch.float32
    error = (rounded - exact).norm() / exact.norm()
    assert 0 < error < 0.02
    assert all(value.dtype == torch.float32 for value in network.parameters())


def test_too_little_memory_halves_the_batch(caplog):
    network = siamese_network("small", None).trunk
    images = torch.from_numpy(np.stack([textured(n, 49, 49) for n in range(5)]))
    encode = Encode(network, CPU)
    batches = []

    def full(module, inputs):
        batches.append(len(inputs[0]))
        if len(inputs[0]) > 2:
            raise torch.OutOfMemoryError("no memory is left")

    with torch.inference_mode(), caplog.at_level("INFO"):
        expected = encode(images)
        hook = encode.trunk.register_forward_pre_hook(full)
        torch.testing.assert_close(encode(images), expected)
        hook.remove()
        assert batches == [5, 2, 3, 1, 2]
        assert "not enough memory for 5 images" in caplog.text
        encode.trunk.register_forward_pre_hook(lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError()))
        with pytest.raises(torch.OutOfMemoryError):
            encode(images)


# -------------------------------------------------- frames and crops on the device, tried on a CPU


@pytest.mark.parametrize("centre", [[40, 30], [0.25, 59.5], [-30, 20], [200, 200]])
@pytest.mark.parametrize("sides", [[49.0], [20.3, 61.0, 130.7]])
def test_crops_at_once_are_the_literal_sum(centre, sides):
    """Bilinear, each pixel by the definition; the colour is what lies outside the frame."""
    image, colour, pixels = textured(3, 60, 80, blur=2), np.array([10.0, 120.0, 250.0]), 9
    frames = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    found = sample_crops(
        frames, torch.tensor([centre], dtype=torch.float64), torch.tensor([sides]).double(),
        torch.from_numpy(colour)[None], pixels,
    )[0]  # fmt: skip
    assert found.shape == (len(sides), 3, pixels, pixels)

    def pixel(row: int, column: int) -> np.ndarray:
        inside = 0 <= row < 60 and 0 <= column < 80
        return image[row, column].astype(float) if inside else colour

    for number, side in enumerate(sides):
        for i, j in np.ndindex(pixels, pixels):
            # in a frame whose pixel (0, 0) has its middle at (0.5, 0.5)
            x = centre[0] - side / 2 + (j + 0.5) * side / pixels - 0.5
            y = centre[1] - side / 2 + (i + 0.5) * side / pixels - 0.5
            row, column = int(np.floor(y)), int(np.floor(x))
            wanted = sum(
                pixel(row + a, column + b) * abs(1 - a - (y - row)) * abs(1 - b - (x - column))
                for a in (0, 1)
                for b in (0, 1)
            )
            assert np.abs(found[number, :, i, j].numpy() - wanted).max() <= 0.51


def test_crops_of_the_device_are_nearly_those_of_the_host():
    image = textured(3, 60, 80, blur=3)
    expected = np.empty((49, 49, 3), np.uint8)
    crop(image, np.array([33.3, 20.1]), 57.7, (1.0, 2.0, 3.0), expected)
    frames = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    place, side = torch.tensor([[33.3, 20.1]]).double(), torch.tensor([[57.7]]).double()
    found = sample_crops(frames, place, side, torch.tensor([[1.0, 2.0, 3.0]]), 49)[0, 0]
    # OpenCV places its samples to 1/32 of a pixel
    assert (found.permute(1, 2, 0) - torch.from_numpy(expected)).abs().max() <= 6


@pytest.mark.parametrize("memory", [0, 3 * 60 * 80 * 3, 1 << 30])
def test_frames_are_carried_over_once_where_they_fit(memory):
    first, second = ([textured(10 * v + n, 60, 80) for n in range(3)] for v in range(2))
    frames = DeviceFrames(CPU, memory)
    for images in (first, second, first):
        found = frames(images, [2, 0, 2])
        expected = np.stack([images[n] for n in (2, 0, 2)]).transpose(0, 3, 1, 2)
        np.testing.assert_array_equal(found.numpy(), expected)
        kept = frames._cache
        assert kept.size <= memory and kept.size == 3 * 60 * 80 * 3 * len(kept)
    assert len(kept) == {0: 0, 3 * 60 * 80 * 3: 1, 1 << 30: 2}[memory]


def test_too_little_memory_keeps_no_frames_and_halves_the_crops(monkeypatch, caplog):
    images = [textured(n, 60, 80) for n in range(4)]
    encode = Encode(siamese_network("small", None).trunk, CPU)
    places = regions(images, range(4), [[40, 30]] * 4, [49.0] * 4)
    carried, counts = DeviceFrames._copied, []

    def full(self, images, frames):
        counts.append(len(frames))
        if len(frames) > 2:
            raise torch.OutOfMemoryError("no memory is left")
        return carried(self, images, frames)

    with torch.inference_mode(), caplog.at_level("INFO"):
        expected = DeviceRegions(encode, crops=4, memory=1 << 30)(places, 49)
        monkeypatch.setattr(DeviceFrames, "_copied", full)
        torch.testing.assert_close(DeviceRegions(encode, crops=4, memory=1 << 30)(places, 49), expected)
    assert counts == [4, 4, 2, 2]
    assert "no frames are kept" in caplog.text and "not enough memory for 4 frames at once" in caplog.text


def on_device(settings: LinkerSettings) -> SiameseTracker:
    """A tracker that works as on a GPU: its frames and crops there, its batches of one shape."""
    tracker = SiameseTracker(siamese_network("small", None), settings, CPU)
    encode = Encode(tracker._network.trunk, CPU)
    tracker._features, tracker._fixed = DeviceRegions(encode, crops=7, memory=1 << 30), True
    return tracker


def test_tracks_with_frames_on_the_device_are_independent():
    settings = LinkerSettings(trunk="small")
    videos = [moving(n) for n in (9, 12, 5)]
    seeds = [Seed(images, frame, boxes[frame]) for images, boxes in videos for frame in (0, 2, 4)]
    tracker, shapes = on_device(settings), set()
    for module in (tracker._network, tracker._features._encode.trunk):
        module.register_forward_pre_hook(lambda _, inputs: shapes.add(inputs[0].shape))
    together, separate = tracker.track(seeds), [on_device(settings).track([seed])[0] for seed in seeds]
    # one of the correlation, and one each of exemplars and search regions through the trunk
    assert len(shapes) == 3
    host = SiameseTracker(siamese_network("small", None), settings, CPU).track(seeds)
    for one, other, third in zip(together, separate, host, strict=True):
        np.testing.assert_array_equal(one.boxes, other.boxes)
        np.testing.assert_array_equal(one.score, other.score)
        assert paired_iou(one.boxes, third.boxes).min() > 0.9


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is available")
def test_on_a_gpu_nothing_in_the_loop_waits_and_tracks_are_independent():
    settings = LinkerSettings(trunk="small")
    videos = [moving(n) for n in (40, 25)]
    seeds = [Seed(images, frame, boxes[frame]) for images, boxes in videos for frame in (0, 3, 20)]
    tracker = SiameseTracker(siamese_network("small", None), settings, torch.device("cuda"))
    tracker.track(seeds)  # carries the frames over
    targets = _Targets(seeds, torch.device("cuda"))
    torch.cuda.set_sync_debug_mode("error")
    try:
        tracker._followed(targets)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    separate = [tracker.track([seed])[0] for seed in seeds]
    apart = [np.abs(a.boxes - b.boxes).max() for a, b in zip(tracker.track(seeds), separate, strict=True)]
    assert np.mean(np.array(apart) <= 0.01) >= 0.99
