"""Equivalent ways to train actor attention: parts of a batch, processes, cached features, bfloat16."""

import csv
import os
import socket
import subprocess
import sys
import time
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest
import torch
import yaml
from attention_sets import random_video, write_set

from actorsup.attention.job import TrainingJob, train
from actorsup.attention.pooled_features import PooledFeatures
from actorsup.attention.settings import AttentionSettings
from actorsup.errors import DataError
from actorsup.training import distributed
from actorsup.training.settings import TrainingSection
from actorsup.training.weights import load_weights

torch.set_num_threads(1)
TINY = AttentionSettings(
    encoder="small", shorter_side=32, frames=2, tubes=2, k=1, batch=4, epochs=2, learning_rate=0.02
)
CLASSES = ["a", "b"]
LABELS = {f"v{i}": (CLASSES[i % 2],) for i in range(5)}


@pytest.fixture
def shards(tmp_path) -> tuple[Path, Path]:
    """Five videos of two sizes."""
    return write_set(tmp_path, {f"v{i}": random_video(i, size=(32, 44 - 8 * (i == 3))) for i in range(5)})


def job(shards, output: Path, settings=TINY, **more) -> TrainingJob:
    frames, tubes = map(str, shards)
    return TrainingJob(
        frames=[frames], tubes=[tubes], labels=LABELS, classes=CLASSES, output=str(output),
        settings=asdict(settings), weights=None, device="cpu", seed=0, provenance={"of": "a test"}, **more,
    )  # fmt: skip


def trained(shards, output: Path, settings=TINY, **more) -> dict[str, torch.Tensor]:
    train(job(shards, output, settings, **more))
    return load_weights(output)["state"]


def losses(path: Path) -> list[float]:
    with open(path, encoding="utf-8") as stream:
        return [float(row["loss"]) for row in csv.DictReader(stream)]


def assert_close(found, wanted, share: float = 1e-5):
    """Weights that differ by no more than this share of the largest of their layer."""
    assert found.keys() == wanted.keys()
    largest: dict[str, float] = {}
    for name, value in wanted.items():
        # a bias may be the rest of gradients that cancel: a layer's weights and bias are judged together
        layer = name.rpartition(".")[0]
        largest[layer] = max(largest.get(layer, 0.0), value.abs().max().item())
    for name, value in wanted.items():
        assert (found[name] - value).abs().max() <= share * largest[name.rpartition(".")[0]], name


def test_parts_of_a_batch_add_up_to_it(shards, tmp_path):
    apart = trained(shards, tmp_path / "1.pt")
    together = trained(shards, tmp_path / "4.pt", replace(TINY, at_once=4))
    assert_close(together, apart)
    assert losses(tmp_path / "4.csv") == pytest.approx(losses(tmp_path / "1.csv"), rel=1e-5)


# ------------------------------------------------------------------------------- several processes
NODE = """{python} -m torch.distributed.run --nnodes 2 --nproc_per_node 1 --rdzv_backend c10d \\
    --rdzv_endpoint 127.0.0.1:{port} --rdzv_id test --local_addr 127.0.0.1 "$@" """


@pytest.fixture
def two_nodes(tmp_path) -> str:
    """A launcher of one process on each of two nodes, which are this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        node = NODE.format(python=sys.executable, port=free.getsockname()[1])
    (tmp_path / "nodes.sh").write_text(f"{node} &\n{node}\ncode=$?\nwait $! && exit $code\n")
    return f"sh {tmp_path}/nodes.sh"


def test_two_nodes_train_what_one_process_does(shards, tmp_path, two_nodes):
    settings = replace(TINY, learning_rate=0.001)
    one = trained(shards, tmp_path / "one.pt", settings)
    assert_close(trained(shards, tmp_path / "two.pt", settings, launcher=two_nodes), one)
    assert losses(tmp_path / "two_steps.csv") == pytest.approx(losses(tmp_path / "one_steps.csv"), rel=1e-5)


def test_nodes_that_find_other_states_do_not_train(monkeypatch):
    """Nodes with separate folders: one would resume, the other would start over."""

    def gather(values, value):
        values[:] = [value, (2, 5)]

    monkeypatch.setattr(distributed, "num_processes", lambda: 2)
    monkeypatch.setattr(distributed.distributed, "all_gather_object", gather)
    distributed.check_same_value((2, 5), "m.pt")
    with pytest.raises(DataError, match=r"m.pt: .* \[\(0, 0\), \(2, 5\)\]; all nodes must share the folder"):
        distributed.check_same_value((0, 0), "m.pt")


def test_every_setting_of_training_reaches_the_job():
    path = Path(__file__).parents[1] / "config.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    allowed = {field.name for field in fields(TrainingSection)}
    assert set(config["training"]) == allowed
    # the two that say what the rule's outputs are, and how they are kept
    assert allowed - {"keep_epochs", "protect"} <= {field.name for field in fields(TrainingJob)}


def test_a_missing_launcher_is_an_error(shards, tmp_path):
    with pytest.raises(DataError, match=r"training.launcher: the command 'srunn' does not exist here"):
        trained(shards, tmp_path / "m.pt", launcher="srunn --nodes 2 torchrun")
    assert not list(tmp_path.glob("m*"))


TRAINING = """
import sys
from actorsup.training.distributed import run_processes
from pathlib import Path
run_processes("sleeper", {}, Path(sys.argv[1]), 1)
"""
SLEEPER = """
import os, sys, time
with open(sys.argv[1] + ".pid", "w") as stream:
    stream.write(str(os.getpid()))
time.sleep(60)
"""


def test_processes_end_with_the_one_that_started_them(tmp_path):
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[1])])
    command, pid = [sys.executable, "-c", TRAINING, str(tmp_path / "job")], tmp_path / "job.pid"
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}) as parent:
        while not (pid.exists() and pid.read_text()):
            assert parent.poll() is None
            time.sleep(0.1)
        parent.kill()
    for _ in range(300):
        if not Path(f"/proc/{pid.read_text()}").exists():
            return
        time.sleep(0.1)
    raise AssertionError("the processes still run")


@pytest.mark.parametrize("encoder", ["vgg16", "small"])
def test_two_processes_train_what_one_does(shards, tmp_path, encoder):
    """Five videos, four a step: in the second step a process has none."""
    # the paper's learning rate: larger ones make more of the order of sums
    settings = replace(TINY, encoder=encoder, learning_rate=0.001)
    (tmp_path / "one").mkdir()
    one = trained(shards, tmp_path / "one" / "m.pt", settings)
    two = trained(shards, tmp_path / "two" / "m.pt", settings, processes=2)
    assert_close(two, one)
    for name in ("m.csv", "m_steps.csv"):
        assert losses(tmp_path / "two" / name) == pytest.approx(losses(tmp_path / "one" / name), rel=1e-5)
    left = sorted(path.name for path in (tmp_path / "two").iterdir())
    assert left == ["m.csv", "m.pt", "m_steps.csv"]
    start = trained(shards, tmp_path / "start.pt", replace(settings, learning_rate=1e-12))
    assert any((one[name] - start[name]).abs().max() > 1e-4 * one[name].abs().max() for name in one)


def test_an_error_in_one_process_is_reported(shards, tmp_path):
    with pytest.raises(
        DataError, match=r"^the loss is not finite in epoch [12], step [12], videos v\d.*learning_rate"
    ):
        trained(shards, tmp_path / "m.pt", replace(TINY, learning_rate=1e30), processes=2)
    assert not (tmp_path / "m.pt").exists()


def test_a_job_keeps_what_it_is_asked_for(shards, tmp_path):
    more = {"board": str(tmp_path / "board"), "epochs": str(tmp_path / "epochs"), "checkpoint_steps": 1}
    state = trained(shards, tmp_path / "m.pt", deterministic=True, **more)
    assert not torch.are_deterministic_algorithms_enabled()
    assert list((tmp_path / "board").glob("events*"))
    last = load_weights(tmp_path / "epochs" / "epoch002.pt")["state"]
    assert all(torch.equal(value, last[name]) for name, value in state.items())


# ------------------------------------------------------------------------- encoders that stay as they are
@pytest.mark.parametrize(("draws", "frame_share"), [(1, 1.0), (2, 1.0), (3, 0.5), (9, 1.0)])
def test_features_that_are_kept_make_the_same_model(shards, tmp_path, monkeypatch, draws, frame_share):
    settings = replace(TINY, train_encoder=False, draws=draws, epochs=4, frame_share=frame_share)
    read = []
    get = PooledFeatures.get
    monkeypatch.setattr(PooledFeatures, "get", lambda *a: read.append(get(*a)) or read[-1])
    kept = trained(shards, tmp_path / "kept.pt", settings)
    assert sum(found is not None for found in read) == 5 * max(0, 4 - draws)
    monkeypatch.setattr(PooledFeatures, "get", lambda *_: None)
    monkeypatch.setattr(PooledFeatures, "put", lambda *_: None)
    again = trained(shards, tmp_path / "again.pt", settings)
    assert_close(kept, again, 1e-6)
    assert sorted(path.suffix for path in tmp_path.glob("*kept*")) == [".csv", ".csv", ".pt"]
    assert not list(tmp_path.glob(".*"))


def test_kept_features_are_gone_after_an_error(shards, tmp_path):
    with pytest.raises(DataError, match="not finite"):
        trained(shards, tmp_path / "m.pt", replace(TINY, train_encoder=False, learning_rate=1e38))
    assert not list(tmp_path.glob(".*"))


# -------------------------------------------------------------------------------------- precision
def test_mixed_precision_is_near_and_not_the_same(shards, tmp_path):
    plain = trained(shards, tmp_path / "plain.pt")
    mixed = trained(shards, tmp_path / "mixed.pt", replace(TINY, precision="bfloat16"))
    assert all(value.dtype == torch.float32 for value in mixed.values())
    assert losses(tmp_path / "mixed.csv") == pytest.approx(losses(tmp_path / "plain.csv"), rel=0.05)
    assert any(not torch.equal(value, plain[name]) for name, value in mixed.items())


# ---------------------------------------------------------------------------------------- bad input
def test_a_class_of_one_video_is_learned_from(shards, tmp_path):
    labels = {"v0": ("a",), "v1": ("a",), "v2": ("b",)}
    train(replace(job(shards, tmp_path / "m.pt"), labels=labels))
    assert load_weights(tmp_path / "m.pt")["classes"] == CLASSES
