"""`actorsup check` summarizes missing, unused and contradictory data; plans of the published data sets."""

import re
import subprocess
import sys
from pathlib import Path

import cv2
import pandas as pd
import pytest
import yaml
from published_sets import GREY, write_a2d, write_ucf_sports, write_video

from actorsup.cli import main
from actorsup.config.read import read_config
from actorsup.errors import ConfigError
from actorsup.frames.probe import probe_video
from actorsup.frames.settings import FrameSettings
from actorsup.workflow.check import inspect_dataset
from actorsup.workflow.check_report import kilobytes, report
from actorsup.workflow.dataset import PlannedDataset


def inspected(section: dict, count: bool = False):
    return inspect_dataset(PlannedDataset("mine", section, 0), count)


def texts(found, serious: bool) -> str:
    return "\n".join(finding.text for finding in found.findings if finding.serious == serious)


def own(root: Path) -> dict:
    """Videos of a user: one is correct, each of the others has one problem."""
    for name, frames in (("good", 5), ("short", 3), ("extra", 2), ("learn", 4)):
        write_video(root / f"{name}.avi", frames)
    (root / "broken.avi").write_bytes(b"no video")
    (root / "videos.csv").write_text(
        "video,label,split\ngood,run,test\nshort,run,test\nbroken,jump,test\ngone,run,test\n"
        "learn,jump,train\nbare,run,test\nodd,jump,test\n"
    )
    cv2.imwrite(str(root / "bare.png"), GREY)
    for name in ("bare", "odd"):
        write_video(root / f"{name}.avi", 2)
    (root / "gt.csv").write_text(
        "video,tube,class,frame,x1,y1,x2,y2\ngood,0,run,0,1,1,20,20\ngood,0,run,1,70,1,90,20\n"
        "short,0,run,7,1,1,20,20\nshort,1,run,1,90,1,99,20\nbroken,0,jump,0,1,1,2,2\ngone,0,run,0,1,1,2,2\n"
        "odd,0,run,0,1,1,20,20\nnowhere,0,run,0,1,1,20,20\n"
    )
    paths = {"table": str(root / "videos.csv"), "ground_truth": str(root / "gt.csv")}
    return {"type": "folder", "root": str(root), **paths}


def test_a_check_reports_every_problem(tmp_path):
    found = inspected(own(tmp_path), count=True)
    problems, notes = texts(found, True), texts(found, False)
    for words in (
        "1 of 7 listed videos are missing: gone",
        r"1 videos cannot be used: .*broken\.avi: not a video",
        "1 of 2 classes have no training video.*: run",
        "1 test videos have a label but no box: bare",
        r"1 videos have boxes of a class that is not their label: odd \(boxes of run, labeled jump\)",
        "1 boxes lie after the end of their video, in short",
        "1 boxes have no area inside their frame, in short",
    ):
        assert re.search(words, problems), (words, problems)
    for words in (
        "1 videos are in no list and are not used: extra",
        "1 videos have boxes but are in no list: nowhere",
        r"1 files or folders are not used \(images next to videos\): 1 \.png \(bare\.png\)",
        "1 boxes extend beyond their frame by more than a pixel and are clipped, in good",
    ):
        assert re.search(words, notes), (words, notes)
    assert len(problems.split("\n")) == 7 and len(notes.split("\n")) == 4


def test_a_check_of_correct_data_finds_nothing(tmp_path):
    for name in ("a", "b"):
        write_video(tmp_path / f"{name}.avi", 5)
    (tmp_path / "videos.csv").write_text("video,label,split\na,run,train\nb,run,test\n")
    (tmp_path / "gt.csv").write_text("video,tube,class,frame,x1,y1,x2,y2\nb,0,run,0,1,1,20,20\n")
    paths = {"table": str(tmp_path / "videos.csv"), "ground_truth": str(tmp_path / "gt.csv")}
    found = inspected({"type": "folder", "root": str(tmp_path), **paths})
    assert found.findings == []
    text = report(found, FrameSettings())
    assert re.search(r"^listed +1 +1$", text, flags=re.M)
    assert re.search(r"^run +1 of 1  1 of 1 +1 of 1$", text, flags=re.M)
    # ten frames of 80x60 at 18.1 kB for 320x240
    assert "about 0.0 MB" in text and "Problems" not in text and text.endswith("mine: no problem")


def test_a_check_of_an_unreadable_list_is_summarized(tmp_path):
    write_video(tmp_path / "a.avi", 2)
    write_video(tmp_path / "a.mp4.avi", 2)
    (tmp_path / "a.mp4.avi").rename(tmp_path / "a.mkv")
    text = report(inspected({"type": "folder", "root": str(tmp_path)}), FrameSettings())
    assert "two videos have the id 'a'" in text and text.endswith("mine: 1 problem")


def test_frame_counts_of_ucf_sports_against_its_videos(tmp_path):
    root = write_ucf_sports(tmp_path)
    (root / "Golf-Swing-Side/001/gt/3283-8_700995.tif.txt").write_text("1 2 30 40 ArmSwing\n")
    (root / "Golf-Swing-Side/001/gt/3283-8_700996.tif.txt").write_text("1 2 30 40 ArmSwing\n")
    section = {"type": "ucf_sports", "root": str(root), "absent_videos": "leave_out"}
    words = r"Golf-Swing-Side/001 \(3, annotated 5\)"
    assert re.search(
        f"headers of 1 videos .*: {words}; headers may be wrong, --decode", texts(inspected(section), False)
    )
    counted = texts(inspected(section, count=True), True)
    assert re.search(f"1 videos differ from their annotation in number of frames: {words}", counted)
    assert "listed videos are missing" not in counted  # they are left out


def test_sizes_of_a2d_against_its_masks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = write_a2d(tmp_path / "a2d")
    write_video(root / "clips320H/train_baby.avi", 4, (160, 120))
    found = inspected({"type": "a2d", "root": str(root)})
    assert "1 videos differ in size from their annotation" in texts(found, False)
    assert "train_baby (160x120, annotated 80x60)" in texts(found, False)
    # the classes of the other 32 codes have no video at all
    assert "34 of 36 classes have no training video" in texts(found, True)
    assert Path("results/mine/labels.json").exists()


def test_a_video_is_probed(tmp_path):
    write_video(tmp_path / "a.avi", 7)
    facts = [probe_video(tmp_path / "a.avi", count) for count in (False, True)]
    assert [(f.width, f.height, f.frames, f.counted) for f in facts] == [
        (80, 60, 7, False),
        (80, 60, 7, True),
    ]


def test_decoding_corrects_a_wrong_header(shared):
    clip = shared / "data/thumos13/UCF-101/Basketball/v_Basketball_g01_c02.mp4"
    assert probe_video(clip, count=True).frames == 180
    assert probe_video(clip).frames in (0, 179, 180, 181)


def test_sizes_of_stored_frames_agree_with_the_docs(repository):
    table = (repository / "docs" / "frames.md").read_text()
    for name, settings in (("jpeg 75", (75, "jpeg")), ("**jpeg 90**", (90, "jpeg")), ("png", (90, "png"))):
        measured = re.search(rf"^\| {re.escape(name)} \| ([0-9.]+) ", table, flags=re.M)
        assert kilobytes(FrameSettings(quality=settings[0], encoding=settings[1])) == float(measured[1])


# -------------------------------------------------------------------------- the command


def test_the_command_and_its_exit_codes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    section = own(tmp_path / "videos") | {"actors": ["person"], "linkers": ["siamese"], "models": ["paper"]}
    overlay = {"datasets": {"mine": section | {"seeds": [0], "shards": 2}}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(overlay))
    assert main(["check", "mine", "--configfile", "mine.yaml"]) == 1
    out = capsys.readouterr().out
    assert out.startswith(f"mine: folder, {tmp_path}/videos") and "Problems\n  - " in out
    assert all(len(line) <= 100 or str(tmp_path) in line for line in out.splitlines())
    assert main(["check", "demo"]) == 0
    assert "not made yet" in capsys.readouterr().out
    assert main(["check", "mini"]) == 2
    assert "datasets: no section 'mini'" in capsys.readouterr().err
    assert main(["check", "thumos13"]) == 2
    assert "datasets.thumos13.root: no such file or folder: data/thumos13" in capsys.readouterr().err


def test_configuration_files_override_one_another_as_in_snakemake(tmp_path, monkeypatch, repository):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("a: {b: 1, c: [1, 2]}\nd: 1\n")
    (tmp_path / "x.yaml").write_text("a: {c: [3]}\n")
    from snakemake.common.configfile import load_configfile
    from snakemake.utils import update_config

    merged = load_configfile(repository / "config.yaml")
    for name in ("config.yaml", "x.yaml"):
        update_config(merged, load_configfile(name))
    read = read_config([Path("x.yaml")])
    assert read == merged and read["a"] == {"b": 1, "c": [3]} and read["d"] == 1
    for text, words in (("a: [", r"x\.yaml: cannot be read as YAML"), ("- 1", r"x\.yaml: holds no sections")):
        (tmp_path / "x.yaml").write_text(text)
        with pytest.raises(ConfigError, match=words):
            read_config([Path("x.yaml")])
    with pytest.raises(ConfigError, match=r"y\.yaml: cannot be read: No such file.*check the path"):
        read_config([Path("y.yaml")])


def test_the_check_of_the_real_clips(shared, repository, monkeypatch, capsys):
    monkeypatch.chdir(repository)
    monkeypatch.setenv("CLIPS", str(shared / "data" / "thumos13"))
    monkeypatch.setenv("WEIGHTS", str(shared / "weights"))
    assert main(["check", "thumos13", "--configfile", "samples/thumos13.yaml", "--decode"]) == 1
    out = capsys.readouterr().out
    assert re.search(r"^listed +2,284 +910$", out, flags=re.M)
    assert re.search(r"^tubes +3,143 +1,315$", out, flags=re.M)
    assert re.search(r"^Fencing +0 of 77 +2 of 34 +4 of 81$", out, flags=re.M)
    assert "Disk for 2,171 frames of 10 videos" in out
    assert "4 videos differ in size" in out and "340x256, annotated 320x240" in out
    assert "number of frames" not in out  # decoded counts agree with the annotations
    assert out.rstrip().endswith("thumos13: 1 problem, 2 notes")


# ----------------------------------------------------- published sets in the workflow


def snakemake(repository: Path, work: Path, *arguments: str) -> str:
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(repository / "Snakefile"),
        "--cores",
        "1",
    ]
    command += ["--directory", str(work), "--workflow-profile", str(repository / "profiles" / "default")]
    command += [*arguments, "--configfile", str(work / "mine.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=repository)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


KINDS = {"ucf_sports": write_ucf_sports, "a2d": write_a2d}


def published(repository: Path, root: Path) -> Path:
    """A folder to run both data sets in, with networks that need no weights."""
    section = {"absent_videos": "leave_out", "linkers": ["still"], "models": ["tiny"], "shards": 2}
    overlay = {
        "datasets": {kind: section | {"root": str(write(root / kind))} for kind, write in KINDS.items()},
        "detectors": {"random": {"type": "small_ssd", "weights": "random"}},
        "linkers": {"still": {"type": "static", "detector": "random"}},
        "models": {"tiny": {"encoder": "small", "weights": "random"}},
    }
    work = root / "work"
    work.mkdir()
    (work / "config.yaml").symlink_to(repository / "config.yaml")
    (work / "mine.yaml").write_text(yaml.safe_dump(overlay))
    return work


def test_published_sets_in_the_plan(repository, tmp_path):
    targets = [f"results/{kind}_{table}.csv" for kind in KINDS for table in ("map", "recall")]
    plan = snakemake(repository, published(repository, tmp_path), "-n", *targets)
    for rule in ("train_attention", "evaluate_map", "evaluate_recall", "write_ground_truth"):
        assert re.search(rf"^{rule} +2$", plan, flags=re.M), plan


@pytest.mark.slow
def test_the_ground_truth_of_published_sets_in_the_workflow(repository, tmp_path):
    work = published(repository, tmp_path)
    targets = [*(f"results/{kind}/ground_truth.csv" for kind in KINDS), "results/a2d/annotated.csv"]
    snakemake(repository, work, *targets)
    for kind in KINDS:
        truth = pd.read_csv(work / "results" / kind / "ground_truth.csv")
        assert set(truth["video"]) == set(pd.read_csv(work / "results" / kind / "videos.csv")["video"])
    assert set(truth["actor"]) == {"adult", "baby", "bird", "dog"}
    annotated = pd.read_csv(work / "results/a2d/annotated.csv").groupby("video").size().to_dict()
    assert annotated == {"test_bird": 2, "train_baby": 2, "train_dogs": 2}
    assert "Nothing to be done" in snakemake(repository, work, "-n", *targets)
