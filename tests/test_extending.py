"""The example package of docs/extending.md, extracted from the page: each type, and all in one run."""

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from workflow_runs import copy_workflow, snakemake, would_run

from actorsup.demo.settings import DemoSettings
from actorsup.demo.videos import make_videos
from actorsup.detection.base import Detections
from actorsup.detection.settings import DetectorSettings
from actorsup.linking.algorithm import TrackingLinker
from actorsup.linking.base import VideoDetections
from actorsup.linking.settings import LinkerSettings

MODULES = ("change", "template", "best_detections", "two_layers", "by_folder")


def blocks(repository: Path) -> dict[str, str]:
    """File names and contents of the page's code blocks; the first line names the file."""
    text = (repository / "docs" / "extending.md").read_text(encoding="utf-8")
    found = re.findall(r"^```\w+\n# (\S+)\n(.*?)^```", text, flags=re.M | re.S)
    return dict(found)


@pytest.fixture(scope="module")
def package(repository, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    for name, text in blocks(repository).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "my_actors" / "__init__.py").touch()
    return folder


@pytest.fixture
def type_of(package, monkeypatch):
    monkeypatch.syspath_prepend(str(package))
    yield lambda name: importlib.import_module(f"my_actors.{name}").TYPE
    for name in [name for name in sys.modules if name.split(".")[0] == "my_actors"]:
        del sys.modules[name]


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


def detections(frame, boxes, score):
    return Detections(
        np.array(frame, np.int32),
        np.array(boxes, np.float32),
        np.array(score, np.float32),
        np.ones(len(frame), np.int16),
    )


def test_the_page_has_every_file(repository):
    names = {f"my_actors/{name}.py" for name in MODULES}
    assert set(blocks(repository)) == names | {"pyproject.toml", "my_actors.yaml"}


def test_the_detector_finds_a_moving_square(type_of):
    images, boxes = moving_square()
    detector = type_of("change").build(DetectorSettings.of_section({"type": "change"}), [1], None, "cpu")
    found = detector.detect(images)
    assert [one.boxes[0].tolist() for one in found] == boxes.tolist()
    assert all((one.actor == 1).all() and (np.diff(one.score) <= 0).all() for one in found)
    # the square has 400 pixels
    blind = DetectorSettings.of_section({"type": "change", "min_pixels": 500})
    assert not any(len(one.score) for one in type_of("change").build(blind, [1], None, "cpu").detect(images))


def test_the_tracker_follows_its_target_in_both_directions(type_of):
    images, boxes = moving_square()
    settings = LinkerSettings.of_section({"type": "template", "detector": "any", "tubes": 3})
    linker = TrackingLinker(type_of("template").build(settings, None, "cpu"), 3, 0.7)
    (tubes,) = linker.link([VideoDetections(images, detections([4], boxes[4:5], [0.9]))])
    assert len(tubes) == 1
    np.testing.assert_allclose(tubes.boxes[0], boxes)


def test_the_linker_takes_the_best_detection_of_each_frame(type_of):
    images, boxes = moving_square()
    other = boxes[2:3] + 30
    found = detections([2, 2, 4], np.concatenate([boxes[2:3], other, boxes[4:5]]), [0.9, 0.2, 0.7])
    empty = detections([], np.zeros((0, 4)), [])
    linker = type_of("best_detections").build(LinkerSettings(), None, "cpu")
    tubes, none = linker.link([VideoDetections(images, found), VideoDetections(images, empty)])
    assert len(none) == 0
    assert tubes.interval.tolist() == [[2, 5]] and tubes.seed_frame.tolist() == [2]
    np.testing.assert_array_equal(tubes.boxes[0, 2:5], boxes[[2, 2, 4]])
    assert np.isnan(tubes.boxes[0, [0, 1, 5]]).all()


def test_the_encoder_computes_maps_at_its_stride(type_of):
    encoder = type_of("two_layers").build()
    maps = encoder(encoder.normalize(torch.zeros(2, 64, 96, 3, dtype=torch.uint8)))
    assert maps.shape == (2, encoder.info.channels, 8, 12)


def test_the_data_set_lists_its_videos(type_of, tmp_path):
    for name in ("train/run/a.avi", "train/jump/b.mp4", "test/run/c.avi"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    section = {"type": "by_folder", "root": str(tmp_path)}
    listing = type_of("by_folder").open("mine", section, 0).listing()
    assert listing.classes == ("jump", "run")
    assert [(r.video, r.split, r.labels) for r in listing.records] == [
        ("test/run/c", "test", ("run",)),
        ("train/jump/b", "train", ("jump",)),
        ("train/run/a", "train", ("run",)),
    ]
    assert not type_of("by_folder").has_ground_truth(section)


# ---------------------------------------------------------------- the installed package in a run


@pytest.fixture(scope="module")
def run(repository, package, tmp_path_factory):
    """The workflow with the package installed, the page's configuration, and a user's videos."""
    folder = copy_workflow(repository, tmp_path_factory.mktemp("run") / "house", {})
    site = folder / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    command += ["--no-build-isolation", "--target", str(site), str(package)]
    subprocess.run(command, check=True, capture_output=True)
    settings = DemoSettings(train=6, test=6, frames=8, seed=3)
    make_videos(folder / "source", settings)
    table = pd.read_csv(folder / "source" / "videos.csv")
    truth = pd.read_csv(folder / "source" / "ground_truth.csv")
    places = {}
    for row in table.itertuples():
        place = f"{row.split}/{row.label}/{Path(row.video).name}"
        path = folder / "my_videos" / f"{place}.avi"
        path.parent.mkdir(parents=True, exist_ok=True)
        (folder / "source" / f"{row.video}.avi").rename(path)
        places[row.video] = place
    truth["video"] = truth["video"].map(places)
    truth.to_csv(folder / "my_videos" / "boxes.csv", index=False)
    (folder / "mine.yaml").write_text(blocks(repository)["my_actors.yaml"], encoding="utf-8")
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(site)
    yield folder
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


def test_an_installed_package_runs_from_its_configuration_to_the_report(run):
    use = ("--configfile", "mine.yaml")
    snakemake(run, "results/mine_map.csv", "results/mine/report.html", *use)
    table = pd.read_csv(run / "results" / "mine_map.csv")
    assert set(table["linker"]) == {"follow", "pick"}
    assert np.isfinite(table["average_precision"]).all()
    assert "follow" in (run / "results" / "mine" / "report.html").read_text(encoding="utf-8")

    # an edit of a module re-runs the stages that use its type, and no others
    def after_an_edit(module):
        path = run / "site" / "my_actors" / f"{module}.py"
        text = path.read_text(encoding="utf-8")
        path.write_text(f"{text}\nUNUSED = 1\n", encoding="utf-8")
        rules = would_run(run, "results/mine_map.csv", *use)
        path.write_text(text, encoding="utf-8")
        return {rule for rule in rules if rule != "all"}

    stages = ["detect_actors", "link_actors", "train_attention", "score_tubes"]
    assert {rule for rule in after_an_edit("change") if rule in stages} == set(stages)
    assert {rule for rule in after_an_edit("template") if rule in stages} == set(stages[1:])
    assert {rule for rule in after_an_edit("two_layers") if rule in stages} == set(stages[2:])
    assert after_an_edit("by_folder") & {*stages, "decode_frames"} == set()
    assert would_run(run, "results/mine_map.csv", *use) == {}


def test_a_module_in_the_folder_of_its_kind_is_a_type_of_the_project(run):
    """Recipes of CONTRIBUTING.md: a tracker and a data set are one file each."""
    library = run / "actorsup"
    recipes = {"template": "linking/trackers/pictures.py", "by_folder": "datasets/readers/split_folders.py"}
    for name, path in recipes.items():
        (library / path).write_text((run / "site" / "my_actors" / f"{name}.py").read_text(encoding="utf-8"))
    config = yaml.safe_load((run / "mine.yaml").read_text(encoding="utf-8"))
    config["datasets"]["ours"] = {**config["datasets"].pop("mine"), "type": "split_folders"}
    config["linkers"]["follow"]["type"] = "pictures"
    (run / "ours.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    rules = would_run(run, "results/ours_map.csv", "--configfile", "ours.yaml")
    assert rules["link_actors"] == 4 and rules["evaluate_map"] == 1
    snakemake(
        run, "results/ours/tubes/follow/0000.h5", "results/ours/ground_truth.csv", "--configfile", "ours.yaml"
    )
    for path in recipes.values():
        (library / path).unlink()


def test_mistakes_in_settings_of_an_installed_type_are_reported_before_work(run):
    config = yaml.safe_load((run / "mine.yaml").read_text(encoding="utf-8"))

    def message(**changes):
        other = json.loads(json.dumps(config))
        other["detectors"]["still_camera"] |= changes
        (run / "wrong.yaml").write_text(yaml.safe_dump(other), encoding="utf-8")
        return snakemake(run, "-n", "results/mine_map.csv", "--configfile", "wrong.yaml", fails=True)

    assert "detectors.still_camera.min_pixels: 0 is out of range" in message(min_pixels=0)
    assert "unknown key 'least_pixel'" in message(least_pixel=3)
    assert "unknown key 'nms_iou'" in message(nms_iou=0.5)
    assert "'chang'" in message(type="chang") and "'change'" in message(type="chang")
