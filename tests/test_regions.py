"""Features of regions that are cut out of whole frames, against those of the regions' own crops."""

import numpy as np
import pytest
import torch
from moving_targets import moving, textured

from actorsup.boxes import paired_iou
from actorsup.linking.base import Seed
from actorsup.linking.regions import CroppedRegions, Encode, Region, SharedRegions
from actorsup.linking.settings import LinkerSettings
from actorsup.linking.siamese import TRUNKS, siamese_network
from actorsup.linking.siamese_tracker import SiameseTracker

CPU = torch.device("cpu")


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
    region = Region(images, 0, corner + exemplar / 2, float(exemplar), (0.0, 0.0, 0.0))
    with torch.inference_mode():
        expected = cropped.features([region], exemplar)
        found = shared.features([region], exemplar)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


def test_between_cells_and_sizes_features_are_near_those_of_the_crop():
    cropped, shared = both()
    smooth = [textured(5, 120, 160, blur=6)]
    random = np.random.default_rng(0)
    regions = [
        Region(smooth, 0, random.uniform([60, 50], [100, 70]), random.uniform(40, 60), (0.0, 0.0, 0.0))
        for _ in range(8)
    ]
    with torch.inference_mode():
        expected = cropped.features(regions, 49)
        found = shared.features(regions, 49)
        other = cropped.features(regions[::-1], 49)
    near = torch.nn.functional.cosine_similarity(found.flatten(1), expected.flatten(1))
    far = torch.nn.functional.cosine_similarity(other.flatten(1), expected.flatten(1))
    assert near.min() > 0.97
    assert near.min() > far.max()


def test_a_frame_is_encoded_once_a_size_and_what_is_kept_is_bounded():
    images = [textured(n, 60, 80) for n in range(6)]
    calls = []
    _, shared = both()
    frames = [Region(images, frame, np.array([40.0, 30.0]), 49.0, (0.0, 0.0, 0.0)) for frame in range(6)]
    with torch.inference_mode():
        features = shared.features(frames, 49)
        shared._encode.trunk.register_forward_hook(lambda *_: calls.append(1))
        again = shared.features(frames * 3, 49)
        assert not calls
        larger = Region(images, 0, np.array([40.0, 30.0]), 98.0, (0.0, 0.0, 0.0))
        shared.features([larger, larger], 49)
        assert len(calls) == 1
    torch.testing.assert_close(again, features.repeat(3, 1, 1, 1), atol=1e-5, rtol=1e-5)
    one = next(iter(shared._kept.values()))[1].nbytes
    _, small = both(memory=2 * one)
    with torch.inference_mode():
        torch.testing.assert_close(small.features(frames, 49), features, atol=1e-5, rtol=1e-5)
    assert small._bytes <= 2 * one


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


def test_bfloat16_is_near_float32_and_leaves_the_trunk_alone():
    network = siamese_network("small", None).trunk
    images = np.stack([textured(n, 49, 49) for n in range(3)])
    with torch.inference_mode():
        exact, rounded = Encode(network, CPU)(images), Encode(network, CPU, "bfloat16")(images)
    assert rounded.dtype == torch.float32
    error = (rounded - exact).norm() / exact.norm()
    assert 0 < error < 0.02
    assert all(value.dtype == torch.float32 for value in network.parameters())


def test_too_little_memory_halves_the_batch(caplog):
    network = siamese_network("small", None).trunk
    images = np.stack([textured(n, 49, 49) for n in range(5)])
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
