"""The worked examples of docs/extending.md, taken out of the page and run."""

import re

import numpy as np
import pytest
import torch

from actorsup.attention.encoder import ENCODERS, build_encoder
from actorsup.datasets.registry import DATASETS, open_dataset
from actorsup.detection.base import Detections
from actorsup.detection.settings import DetectorSettings
from actorsup.detection.stage import DETECTORS, build_detector
from actorsup.linking.base import VideoDetections
from actorsup.linking.settings import LinkerSettings
from actorsup.linking.stage import TRACKERS, build_linker


@pytest.fixture
def example(repository, monkeypatch):
    """Runs the example under a heading; what it enters into the tables is taken out again."""
    for table in (DETECTORS, TRACKERS, ENCODERS, DATASETS):
        for name in ("change", "template", "two_layers", "by_folder"):
            monkeypatch.delitem(table, name, raising=False)
    before = [(table, dict(table)) for table in (DETECTORS, TRACKERS, ENCODERS, DATASETS)]

    def run(heading):
        text = (repository / "docs" / "extending.md").read_text(encoding="utf-8")
        code = re.search(rf"^## {heading}\n.*?^```python\n(.*?)^```", text, flags=re.M | re.S)[1]
        exec(compile(code, heading, "exec"), {"__name__": "example"})

    yield run
    for table, content in before:
        table.clear()
        table.update(content)


def moving_square(frames=10):
    random = np.random.default_rng(0)
    images, boxes = [], []
    background = random.integers(60, 90, (80, 120, 3)).astype(np.uint8)
    picture = random.integers(150, 256, (20, 20, 3)).astype(np.uint8)
    for frame in range(frames):
        image = background.copy()
        x, y = 6 + 9 * frame, 20 + 2 * frame
        image[y : y + 20, x : x + 20] = picture
        images.append(image)
        boxes.append([x, y, x + 20, y + 20])
    return images, np.array(boxes, np.float32)


def test_the_detector_finds_what_moves(example):
    example("A detector")
    images, boxes = moving_square()
    found = build_detector(DetectorSettings(type="change"), [1], None, "cpu").detect(images)
    assert [one.boxes[0].tolist() for one in found] == boxes.tolist()
    assert all((one.actor == 1).all() and (np.diff(one.score) <= 0).all() for one in found)


def test_the_tracker_makes_tubes(example):
    example("A tracker")
    images, boxes = moving_square()
    one = Detections(
        np.array([4], np.int32), boxes[4:5], np.array([0.9], np.float32), np.array([1], np.int16)
    )
    settings = LinkerSettings(type="template", detector="any", tubes=3)
    (tubes,) = build_linker(settings, None, "cpu").link([VideoDetections(images, one)])
    assert len(tubes) == 1
    np.testing.assert_allclose(tubes.boxes[0], boxes)


def test_the_encoder_gives_maps_of_its_stride(example):
    example("An encoder")
    encoder = build_encoder("two_layers")
    maps = encoder(encoder.normalise(torch.zeros(2, 64, 96, 3, dtype=torch.uint8)))
    assert maps.shape == (2, encoder.info.channels, 8, 12)


def test_the_data_set_lists_its_videos(example, tmp_path):
    example("A data set")
    for name in ("train/run/a.avi", "train/jump/b.mp4", "test/run/c.avi"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    listing = open_dataset("mine", {"type": "by_folder", "root": str(tmp_path)}, 0).listing()
    assert listing.classes == ("jump", "run")
    assert [(r.video, r.split, r.labels) for r in listing.records] == [
        ("test/run/c", "test", ("run",)),
        ("train/jump/b", "train", ("jump",)),
        ("train/run/a", "train", ("run",)),
    ]
