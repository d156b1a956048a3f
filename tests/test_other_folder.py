"""The workflow runs from any folder and as a module; commands and Snakemake read the same configuration."""

import json
import os
import shutil
from pathlib import Path

import pytest
import yaml
from test_frames import file_video, images
from workflow_runs import copy_workflow, edit, snakemake, would_run

from actorsup.artifacts.shards import ShardReader
from actorsup.cli import main
from actorsup.config.read import own_files, parse_values, read_config
from actorsup.errors import ConfigError
from actorsup.workflow.plan import Plan

MINE = {
    "datasets": {
        "mine": {
            "type": "folder", "root": "videos", "actors": ["person"], "shards": 1,
            "linkers": ["still"], "models": ["tiny"], "seeds": [0],
        }
    },
    "detectors": {"random": {"type": "small_ssd", "weights": "random"}},
    "linkers": {"still": {"type": "static", "detector": "random"}},
    "models": {"tiny": {"encoder": "small", "weights": "random"}},
}  # fmt: skip
OWN_WORKFLOW = """
configfile: "config.yaml"


rule mine:
    input:
        "results/mine/videos.csv",
        "own.txt",


rule own:
    output:
        "own.txt",
    shell:
        "echo {config[samples]} > {output}"


module actorsup:
    snakefile:
        "../checkout/Snakefile"
    config:
        config["actors"]


use rule * from actorsup as actorsup_*
"""
SHARD = "results/mine/frames/0000.h5"


@pytest.fixture(scope="module")
def place(repository, tmp_path_factory) -> Path:
    """A checkout, and next to it a working folder with two videos and a workflow of the user's own."""
    root = tmp_path_factory.mktemp("place")
    copy_workflow(repository, root / "checkout", {})
    # tells this copy from the one that may be installed
    edit(root / "checkout" / "actorsup" / "__init__.py", '__version__ = "', '__version__ = "9.')
    (root / "work" / "videos").mkdir(parents=True)
    for name in "ab":
        file_video(root / "work" / "videos" / f"{name}.avi", images(3))
    (root / "mine.yaml").write_text(yaml.safe_dump(MINE))
    return root


@pytest.fixture(autouse=True)
def not_installed(monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)


def run(place: Path, *arguments: str, **options) -> str:
    command = ("-s", "checkout/Snakefile", "-d", "work", "--configfile", "mine.yaml")
    return snakemake(place, *arguments, *command, **options)


@pytest.fixture(scope="module")
def made(place) -> str:
    """The output of a run from another folder, with paths relative to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONPATH", raising=False)
        return run(place, "results/mine/videos.csv")


def test_a_run_from_another_folder(place, made):
    assert f"Configuration: {place}/checkout/config.yaml, then {place}/mine.yaml\n" in made
    rows = (place / "work/results/mine/videos.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["video", "a", "b"]
    assert sorted(path.name for path in place.iterdir()) == ["checkout", "mine.yaml", "work"]
    assert not (place / "checkout" / "results").exists()
    with ShardReader(place / "work" / SHARD, "frames/1") as shard:
        assert shard.videos == ["a", "b"]
        assert shard.provenance["versions"]["actorsup"].startswith("9."), "the checkout's copy is imported"
    assert "Nothing to be done" in run(place, "-n", "results/mine/videos.csv")


@pytest.fixture
def own(place, made) -> Path:
    """The working folder with the user's workflow, whose config.yaml has other settings too."""
    work = place / "work"
    (work / "Snakefile").write_text(OWN_WORKFLOW)
    (work / "config.yaml").write_text(yaml.safe_dump({"samples": "a", "actors": MINE}))
    yield work
    (work / "config.yaml").unlink()


def test_the_module_of_another_workflow(place, own):
    # same paths, params and digests as without the module, so that nothing is made again
    assert would_run(own) == {"own": 1, "mine": 1}
    (own / SHARD).unlink()
    text = snakemake(own, "mine", SHARD)
    assert f"Configuration: {place}/checkout/config.yaml, then the workflow that uses this one" in text
    assert "actorsup_decode_frames" in text and (own / "own.txt").read_text() == "a\n"
    with ShardReader(own / SHARD, "frames/1") as shard:
        assert shard.videos == ["a", "b"]
        assert shard.provenance["versions"]["actorsup"].startswith("9.")
    # captions and environments are the checkout's
    snakemake(own, "--report", "page.zip")
    assert (own / "page.zip").stat().st_size
    plan = would_run(own, "results/demo_map.csv", "results/paper/left_out.csv")
    assert {"actorsup_train_attention", "actorsup_evaluate_map", "actorsup_write_paper_item"} <= set(plan)


def test_a_module_without_another_name_and_with_rules_changed(own):
    edit(own / "Snakefile", "use rule * from actorsup as actorsup_*", "use rule * from actorsup exclude all")
    text = (own / "Snakefile").read_text()
    changed = "\n\nuse rule decode_frames from actorsup as decode_frames with:\n    threads: 2\n"
    (own / "Snakefile").write_text(text + changed)
    assert set(would_run(own, "--forceall")) == {"decode_frames", "write_video_table", "own", "mine"}


def test_a_module_with_a_prefix_is_refused(own):
    edit(
        own / "Snakefile",
        "    config:\n        config",
        '    prefix:\n        "sub"\n    config:\n        config',
    )
    text = snakemake(own, "-n", fails=True)
    assert "prefix: and replace_prefix: are not supported" in text and "--directory" in text


def test_a_mistake_in_the_settings_of_a_module_is_one_line(own):
    (own / "config.yaml").write_text(yaml.safe_dump({"samples": "a", "actors": {"dataset": {}}}))
    text = snakemake(own, "-n", fails=True)
    assert "'dataset'" in text and "did you mean 'datasets'" in text


# -------------------------------------------------- the same configuration everywhere

LAYERS = [
    (False, [], []),
    (True, [], ["seed=7"]),
    (False, ["a.yaml", "b.yaml"], ["seed=7", "device=cuda:1"]),
    (True, ["b.yaml", "a.yaml"], ["datasets={mine: {shards: 3, seeds: [1, 2]}}", "frames={quality: 80}"]),
]


@pytest.mark.parametrize(("has_own", "files", "values"), LAYERS)
def test_commands_and_snakemake_read_the_same_settings(place, monkeypatch, capsys, has_own, files, values):
    checkout = place / "checkout"
    (checkout / "dump.smk").write_text(
        'include: "rules/common.smk"\n\n\nimport json\n\nwith open("dumped.json", "w") as stream:\n'
        "    json.dump(PLAN.config, stream)\n\n\nrule all:\n    output:\n        'x',\n"
    )
    folder = place / "folder"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if has_own:
        (folder / "config.yaml").write_text("seed: 3\ndevice: cpu\nframes: {quality: 70}\n")
    (place / "a.yaml").write_text(yaml.safe_dump(MINE | {"seed": 4}))
    (place / "b.yaml").write_text("seed: 5\nframes: {encoding: png}\ndatasets: {demo: {shards: 2}}\n")
    options = [*(["--configfile", *files] if files else []), *(["--config", *values] if values else [])]
    monkeypatch.chdir(place)
    text = snakemake(place, "-n", "-s", "checkout/dump.smk", "-d", "folder", *options)
    dumped = json.loads((folder / "dumped.json").read_text())
    # the commands of this checkout, whose config.yaml is the same
    assert main(["check", "demo", "-d", "folder", *options]) == 0
    line = next(line for line in text.splitlines() if line.startswith("Configuration: "))
    own_line = capsys.readouterr().err.splitlines()[0].removeprefix("actorsup: ")
    assert own_line.split(", then ")[1:] == line.split(", then ")[1:]
    monkeypatch.chdir(folder)
    assert len(own_files()) == 1 + has_own
    mine = Plan(read_config([place / name for name in files], parse_values(values))).config
    assert json.loads(json.dumps(mine)) == dumped


def test_settings_of_the_command_line_are_checked(tmp_path):
    for text in ("seed", "=1", "datasets={a: ["):
        with pytest.raises(ConfigError, match="--config"):
            parse_values([text])
    assert main(["check", "demo", "-d", str(tmp_path / "nowhere")]) == 2


def test_a_relative_path_names_the_working_folder(tmp_path, capsys):
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(MINE))
    assert main(["check", "mine", "-d", str(tmp_path), "--configfile", str(tmp_path / "mine.yaml")]) == 2
    error = capsys.readouterr().err
    assert f"no such file or folder: videos, relative to the working folder {tmp_path}" in error
    assert os.getcwd() != str(tmp_path)
