"""Prediction from Python and from the command line: what the stages make of the same videos, to the bit."""

import json
import logging
import re
import shutil
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest
import yaml

import actorsup
from actorsup.artifacts.shards import ShardReader
from actorsup.artifacts.tube_files import PREDICTIONS_SCHEMA, read_tubes
from actorsup.attention.model import model_content, random_model
from actorsup.attention.scoring import score_videos
from actorsup.attention.scoring_settings import ScoringSettings
from actorsup.attention.settings import AttentionSettings
from actorsup.cli import main
from actorsup.datasets.base import VideoRecord
from actorsup.datasets.readers.demo import demo_settings
from actorsup.demo.settings import DemoSettings, demo_records
from actorsup.demo.videos import make_videos
from actorsup.detection.settings import DetectorSettings
from actorsup.detection.stage import detect_videos
from actorsup.errors import ConfigError, DataError, VideoError
from actorsup.evaluation.predictions import read_predictions
from actorsup.formats.predictions import predictions_json
from actorsup.frames.settings import FrameSettings
from actorsup.frames.stage import decode_videos
from actorsup.linking.settings import LinkerSettings
from actorsup.linking.stage import link_videos
from actorsup.training.weights import save_weights
from actorsup.workflow.plan import Plan

CLASSES = ["kick", "squat", "crawl"]
MODEL = "results/demo/models/demo_siamese/demo/seed0.pt"
DETECTOR = {"type": "small_ssd", "weights": "random", "min_score": 0.002}
LINKER = {"type": "siamese", "detector": "demo_ssd", "trunk": "small", "weights": "random", "tubes": 3}
SCORING = {"class_score": "class", "nms_iou": 0.2, "trim": 0.5}
FRAMES = {"encoding": "jpeg", "quality": 90, "max_side": 100}
ACTORS = ["person", "teddy bear"]


@pytest.fixture(scope="module")
def place(repository, tmp_path_factory) -> Path:
    """A folder as a user has it: the configuration, with networks that need no training, and videos."""
    folder = tmp_path_factory.mktemp("place")
    config = yaml.safe_load((repository / "config.yaml").read_text(encoding="utf-8"))
    config["detectors"]["demo_ssd"] = DETECTOR
    config["linkers"]["demo_siamese"] = LINKER
    config["models"]["demo_trained"] = {"trained": MODEL, **SCORING}
    config["frames"] = FRAMES
    config["models"]["demo"]["weights"] = "random"
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    settings = AttentionSettings(encoder="small", weights="random", shorter_side=60, frames=4, k=2)
    save_weights(folder / MODEL, model_content(random_model(settings, CLASSES, 0), {}))
    make_videos(folder / "made", DemoSettings(train=0, test=3, frames=8, seed=5))
    return folder


@pytest.fixture(scope="module")
def stages(place) -> Path:
    """The same videos through the stages of the workflow, all in one shard."""
    folder = place / "stages"
    folder.mkdir()
    found = sorted((place / "made" / "videos").glob("*.avi"))
    assert len(found) == 3
    records = [VideoRecord(path.stem, path, "", ()) for path in found]
    frames, detections, tubes, scored = (
        folder / f"{n}.h5" for n in ("frames", "detections", "tubes", "scored")
    )
    decode_videos(records, frames, FrameSettings(**FRAMES), {})
    detect_videos(frames, detections, DetectorSettings(**DETECTOR), ACTORS, None, "cpu", {})
    link_videos(frames, detections, tubes, LinkerSettings(**LINKER), None, "cpu", {})
    names = [record.video for record in records]
    score_videos(frames, tubes, place / MODEL, scored, names, ScoringSettings(**SCORING), "cpu", {})
    predictions_json([scored], folder / "predictions.json")
    return folder


@pytest.fixture(scope="module")
def predictor(place):
    return actorsup.load("myvideos", folder=place, device="cpu")


def test_a_predicted_video_is_what_the_stages_make_of_it_to_the_bit(place, stages, predictor):
    written = json.loads((stages / "predictions.json").read_text(encoding="utf-8"))
    with ShardReader(stages / "scored.h5", PREDICTIONS_SCHEMA) as shard:
        assert len(shard.videos) == 3
        for video in shard:
            found = predictor.predict(place / "made" / "videos" / f"{video}.avi")
            expected = read_tubes(shard[video]).arrays()
            assert len(expected["boxes"]) >= 3 and found.proposals.arrays().keys() == expected.keys()
            for name, array in found.proposals.arrays().items():
                np.testing.assert_array_equal(array, expected[name], err_msg=name)
            assert json.loads(found.to_json())["videos"] == {video: written["videos"][video]}


def test_tubes_are_easy_to_use(place, predictor):
    found = predictor.predict(str(place / "made" / "videos" / "v_0000.avi"))
    assert found.video == "v_0000" and found.classes == predictor.classes == tuple(CLASSES)
    assert (found.info.frames, found.info.fps, found.info.width, found.info.height) == (8, 16, 160, 120)
    tubes = list(found)
    assert tubes == [*found.tubes] and len(tubes) == len(found) > 0
    assert [tube.score for tube in tubes] == sorted((tube.score for tube in tubes), reverse=True)
    scores = found.proposals.class_score
    # one for each proposal that has any class left
    assert len(tubes) == (~np.isnan(scores)).any(1).sum() and tubes[0].score == np.nanmax(scores)
    for tube in tubes:
        first, end = tube.interval
        assert tube.boxes.shape == (end - first, 4) and np.isfinite(tube.boxes).all()
        assert (tube.boxes >= 0).all() and (tube.boxes <= [160, 120, 160, 120]).all()
        assert tube.seconds == (first / 16, end / 16)
        assert tube.score == tube.class_score[tube.action] == max(tube.class_score.values())
        assert tube.actor in ACTORS and 0 <= tube.proposal_score <= 1


def test_what_is_saved_is_read_back(place, predictor, tmp_path):
    found = predictor.predict(place / "made" / "videos" / "v_0001.avi", video="kitchen/monday")
    found.save(tmp_path / "predictions.json")
    read = read_predictions(tmp_path / "predictions.json")
    assert list(read.videos) == ["kitchen/monday"] and read.videos.size_of("kitchen/monday") == (160, 120)
    assert len(read.videos["kitchen/monday"]) == len(found.proposals)


def test_a_folder_of_images_is_a_video(place, predictor, tmp_path):
    import cv2

    for frame in range(3):
        cv2.imwrite(str(tmp_path / f"{frame}.png"), np.full((60, 80, 3), 80 * frame, np.uint8))
    assert predictor.predict(tmp_path).info.frames == 3


def test_nothing_is_left_in_the_temporary_folder(place, predictor, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    predictor.predict(place / "made" / "videos" / "v_0000.avi")
    with pytest.raises(VideoError):
        predictor.predict(place / "config.yaml")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_a_video_is_a_one_line_error(predictor, tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("this is no video\n" * 40)
    for name, words in (
        ("nowhere.mp4", "there is no such file or folder"),
        ("empty.mp4", "an empty file"),
        ("text.mp4", "not a video"),
    ):
        with pytest.raises(VideoError, match=words) as error:
            predictor.predict(tmp_path / name)
        assert str(tmp_path / name) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"dataset": "myvideo"}, ConfigError, "there is no 'myvideo'; .*did you mean 'myvideos'"),
        ({"linker": "demo_siames"}, ConfigError, "linkers: 'demo_siames' is not there; .*'demo_siamese'"),
        ({"model": "demo_trained+trim=2"}, ConfigError, "trim"),
        ({"dataset": "demo", "seed": 7}, DataError, "seed7.pt: does not exist yet; make it with: snakemake"),
        ({"device": "gpu"}, ConfigError, "device: "),
        ({"folder": "nowhere"}, ConfigError, "folder: .*nowhere: no such folder"),
        ({"model": "broken"}, DataError, "results/broken.pt: not a weights file"),
        ({"model": "detector"}, DataError, "results/other.pt: holds 'small_ssd', wanted a trained"),
        ({"dataset": "cooking"}, DataError, "knows the classes kick, squat, crawl, none of .* pouring"),
    ],
)
def test_files_that_cannot_be_loaded_are_one_line_errors(place, changes, error, words, tmp_path):
    (place / "results" / "broken.pt").write_text("no weights")
    save_weights(place / "results" / "other.pt", {"architecture": "small_ssd"})
    (place / "kitchen").mkdir(exist_ok=True)
    models = {"broken": {"trained": "results/broken.pt"}, "detector": {"trained": "results/other.pt"}}
    cooking = yaml.safe_load((place / "config.yaml").read_text(encoding="utf-8"))["datasets"]["myvideos"]
    cooking |= {"root": "kitchen", "classes": ["pouring"]}
    overlay = tmp_path / "more.yaml"
    overlay.write_text(yaml.safe_dump({"models": models, "datasets": {"cooking": cooking}}), encoding="utf-8")
    arguments = {"dataset": "myvideos", "folder": place, "configfiles": [overlay], **changes}
    with pytest.raises(error, match=words) as raised:
        actorsup.load(**arguments)
    assert "\n" not in str(raised.value)


def test_what_is_chosen_replaces_what_the_section_says(place):
    model = "demo_trained+trim=null"
    few = actorsup.load("myvideos", linker="demo_siamese+tubes=1", model=model, folder=place, device="cpu")
    assert len(few.predict(place / "made" / "videos" / "v_0000.avi").proposals) == 1


def test_the_command_goes_on_after_a_video_that_fails(place, stages, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(place)
    level = logging.getLogger("actorsup.artifacts.shards").level
    good = [f"made/videos/v_000{n}.avi" for n in (0, 1)]
    code = main(["predict", good[0], "nowhere.avi", good[1], "--dataset", "myvideos", "--output", "out.json"])
    said = capsys.readouterr()
    assert code == 1 and said.err.count("\n") == 2 and "nowhere.avi: there is no such file" in said.err
    assert said.err.startswith("actorsup: Configuration: ")
    assert "of 2 videos" in said.out
    whole = json.loads((stages / "predictions.json").read_text(encoding="utf-8"))
    made = json.loads(Path("out.json").read_text(encoding="utf-8"))
    assert made["classes"] == whole["classes"]
    assert made["videos"] == {name: whole["videos"][name] for name in ("v_0000", "v_0001")}
    assert main(["predict", good[0], "--dataset", "myvideos"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines and all(re.match(r"made/videos/v_0000.avi: (kick|squat|crawl) 0\.\d{3}, ", x) for x in lines)
    shutil.copytree("made", tmp_path / "made")
    assert main(["predict", good[0], str(tmp_path / good[0])]) == 2
    assert "two videos have the name 'v_0000'" in capsys.readouterr().err
    logging.getLogger("actorsup.artifacts.shards").setLevel(level)


@pytest.fixture
def documented(repository, place, tmp_path, monkeypatch) -> str:
    """The page, and the videos that its examples speak of, in a folder of one's own."""
    shutil.copytree(place / "results", tmp_path / "results")
    shutil.copy(place / "config.yaml", tmp_path)
    (tmp_path / "myvideos").mkdir()
    for number in (0, 1):
        made = place / "made" / "videos" / f"v_000{number}.avi"
        shutil.copy(made, tmp_path / "myvideos" / f"v_024{number}.avi")
    monkeypatch.chdir(tmp_path)
    return (repository / "docs" / "predict.md").read_text(encoding="utf-8")


def test_the_example_of_the_page_runs(documented, capsys):
    (code,) = re.findall(r"^```python\n(.*?)^```", documented, flags=re.M | re.S)
    exec(compile(code, "docs/predict.md", "exec"), {"__name__": "example"})
    lines = capsys.readouterr().out.splitlines()
    line_of_tube = re.compile(r"(kick|squat|crawl) \d\.\d\d, a (person|teddy bear), from 0\.0 to 0\.5 s")
    assert len(lines) >= 2 and all(line_of_tube.fullmatch(line) for line in lines[::2])
    assert list(read_predictions(Path("v_0240.json")).videos) == ["v_0240"]


def test_the_commands_of_the_page_run(documented):
    commands = re.findall(r"^actorsup (predict .*)$", documented, flags=re.M)
    assert len(commands) == 2
    for command in commands:
        assert main(command.split()) == 0
    assert len(read_predictions(Path("predictions.json")).videos) == 2


def test_the_page_and_the_readme_take_held_out_videos(repository):
    """The three lines are the same in both, and what they copy was not trained on."""
    config = yaml.safe_load((repository / "config.yaml").read_text(encoding="utf-8"))
    records = demo_records(DemoSettings(**demo_settings(config["datasets"]["demo"])))
    tests = [Path(video).name for video, _, split in records if split == "test"]
    page = (repository / "docs" / "predict.md").read_text(encoding="utf-8")
    assert f"`{tests[0]}` to `{tests[-1]}` are the demo's test videos" in page
    texts = [(repository / name).read_text(encoding="utf-8") for name in ("README.md", "docs/predict.md")]
    for text in texts:
        pattern = re.search(r"results/demo/source/(videos/v_\S+)\.avi myvideos/", text)[1]
        splits = [split for video, _, split in records if fnmatch(video, pattern)]
        assert len(splits) == 10 and set(splits) == {"test"}
        assert ".venv/bin/snakemake --cores 2 results/myvideos/report.html" in text


def test_the_model_of_new_videos_is_the_demo_s(repository):
    """Scored alike, so that the demo's figures say what it is worth."""
    config = yaml.safe_load((repository / "config.yaml").read_text(encoding="utf-8"))
    plan = Plan(config)
    mine, demo = (plan.config["datasets"][name] for name in ("myvideos", "demo"))
    assert mine["actors"] == demo["actors"] and mine["linkers"] == demo["linkers"]
    files = [
        plan.model_file(name, s["linkers"][0], s["models"][0], 0)
        for name, s in (("myvideos", mine), ("demo", demo))
    ]
    assert files[0] == files[1]
    scored = [plan.networks.scoring_settings(section["models"][0]) for section in (mine, demo)]
    assert scored[0] == scored[1]
