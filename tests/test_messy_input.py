"""The small messy inputs of ../shared/data/messy: each is read, or `actorsup check` names what is wrong."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from actorsup.cli import main

VIDEO = {"actors": ["person"], "linkers": ["demo_siamese"], "models": ["demo_trained"], "seeds": [0]}


@pytest.fixture
def messy(shared) -> Path:
    return shared / "data" / "messy"


@pytest.fixture
def check(tmp_path, capsys):
    """Run ``actorsup check`` on a folder data set; return its text without line breaks."""

    def run(root: Path, *options: str, **settings: object) -> str:
        section = {"type": "folder", "root": str(root), "shards": 2, **VIDEO, **settings}
        (tmp_path / "messy.yaml").write_text(yaml.safe_dump({"datasets": {"messy": section}}))
        main(["check", "messy", "--configfile", str(tmp_path / "messy.yaml"), *options])
        return " ".join(capsys.readouterr().out.split())

    return run


def copied(videos: Path, folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(videos / "a2.3gp", folder / name)
    return folder


def test_frames_of_folders(messy, check):
    text = check(messy / "frame_folders")
    assert "existing 3" in text
    assert "several stems: flow_x_* (11), flow_y_* (11), img_* (12)" in text
    assert "frame_names: 'img_*'" in text
    assert "missing numbers, which are frames without a picture: gap_at_4 (1: 4)" in text
    assert "1 hidden files or files of a system are ignored" in text


def test_containers(messy, check):
    text = check(messy / "containers", "--decode")
    assert "existing 7" in text and "cannot be used" not in text
    assert "variable frame rate: variable_rate" in text
    assert "size_change (320x240, then 480x640" in text


def test_units(messy, check, tmp_path):
    root = copied(messy / "containers", tmp_path / "videos", "te.3gp")
    (tmp_path / "table.csv").write_text("video,label,split\nte,kick,test\n")
    truth = messy / "units" / "boxes_0_to_1.csv"
    settings = {"table": str(tmp_path / "table.csv"), "ground_truth": str(truth)}
    text = check(root, **settings)
    assert "6 of 6 boxes lie within one pixel, such as 0.1, 0.1, 0.6, 0.9" in text
    assert "if so, set box_unit: fraction" in text
    assert "lie within one pixel" not in check(root, **settings, box_unit="fraction")


@pytest.mark.parametrize(("name", "first"), [("trailing", "a1.3gp"), ("trailing_all", "a1.3gp")])
def test_trailing_separators(messy, check, tmp_path, name, first):
    root = copied(messy / "containers", tmp_path / "videos", first, "a2.3gp", "a3.3gp", "a4.3gp")
    text = check(root, table=str(messy / "tables" / f"{name}.csv"))
    assert "listed 2 2" in text and "missing 0 0" in text and "no problem" in text


def test_windows_paths(messy, check, tmp_path):
    names = ("videos/a1.mp4", "a2.3gp", "a3.3gp", "a4.3gp")
    root = copied(messy / "containers", tmp_path / "root", *names)
    text = check(root, table=str(messy / "tables" / "win.csv"))
    assert "missing 0 0" in text and "no problem" in text


@pytest.mark.parametrize("name", ["bt.json", "bt_step5.json"])
def test_coverage(messy, tmp_path, name):
    files = ["--ground-truth", str(messy / "coverage" / name)]
    files += [
        "--predictions",
        str(messy / "coverage" / "predictions.json"),
        "--output",
        str(tmp_path / "map.csv"),
    ]
    assert main(["evaluate", *files]) == 0
    assert (pd.read_csv(tmp_path / "map.csv")["average_precision"] == 1).all()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dupoutside.xml", None),
        ("aftertheend.xml", "1 boxes after the last frame of their task, 29, are ignored"),
        ("rotsmall.xml", None),
        ("boxmot.txt", None),
        ("sort.txt", None),
        ("dup.txt", "lines 1 and 2: track 1 already has a box in this frame, and the boxes differ"),
    ],
)
def test_annotation_tools_and_trackers(messy, tmp_path, capsys, caplog, name, words):
    code = main(["convert", str(messy / "cvat_mot" / name), str(tmp_path / "out.csv")])
    assert code == (2 if name == "dup.txt" else 0)
    said = caplog.text + capsys.readouterr().err
    assert words in said if words else not said
    if code == 0:
        assert pd.read_csv(tmp_path / "out.csv")["class"].dropna().nunique() == 1
