"""The training loop: checkpoints, resuming and curves."""

import csv
from datetime import timedelta
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from actorsup.training import loop as training_loop
from actorsup.training.loop import CheckpointOptions, Step, Training, train_epochs
from actorsup.training.monitor import Expectation
from actorsup.training.weights import load_weights

EPOCHS, STEPS = 3, 2


class Walk(Training):
    """A training whose weight depends on all earlier steps, including their momentum."""

    steps, expectation = STEPS, Expectation()

    def __init__(self, killed: tuple[int, int] | None = None) -> None:
        self.weight = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.ones_(self.weight.weight)
        self.optimizer = torch.optim.SGD(self.weight.parameters(), 0.1, momentum=0.9)
        self.state = {"network": self.weight, "optimizer": self.optimizer}
        self.killed, self.seen = killed, []

    def epoch(self, epoch: int, first: int):
        for step in range(first, STEPS):
            if (epoch, step) == self.killed:
                raise KeyboardInterrupt
            self.seen.append((epoch, step))
            loss = (self.weight.weight - epoch - step).square().sum()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            yield Step({"loss": loss.item(), "first": float(step == 0)})

    def after_epoch(self) -> dict[str, float]:
        return {"weight": self.weight.weight.item()}

    def run(self, output: Path, content=None, provenance=None, checkpoints=None) -> "Walk":
        given = content or self.weight.state_dict
        train_epochs(
            self,
            EPOCHS,
            output,
            given,
            provenance or {"of": 1},
            "a walk",
            checkpoints or CheckpointOptions(),
        )
        return self


ALL = [(epoch, step) for epoch in range(EPOCHS) for step in range(STEPS)]


def killed_while_writing() -> dict:
    raise KeyboardInterrupt


def rows(path: Path, *without: str) -> list[dict[str, float]]:
    with open(path, encoding="utf-8") as stream:
        read = list(csv.DictReader(stream))
    return [{key: float(value) for key, value in row.items() if key not in without} for row in read]


@pytest.mark.parametrize("steps", [1, 3, 1000])  # after each step, after some, and only after each epoch
@pytest.mark.parametrize("killed", [*ALL, None])
def test_a_killed_run_ends_as_an_uninterrupted_one(tmp_path, killed, steps):
    whole, output = tmp_path / "whole.pt", tmp_path / "killed.pt"
    checkpoints = CheckpointOptions(steps=steps, epochs=tmp_path / "epochs")
    Walk().run(whole)
    with pytest.raises(
        KeyboardInterrupt
    ):  # the last one is killed after its epochs, before the weights are written
        Walk(killed).run(output, None if killed else killed_while_writing, checkpoints=checkpoints)
    assert not output.exists()
    # Snakemake deletes the outputs of a failed job
    for path in (output.with_suffix(".csv"), tmp_path / "killed_steps.csv"):
        path.unlink(missing_ok=True)
    begun = ALL.index(killed) if killed else len(ALL)
    kept = max(begun - begun % STEPS, begun - begun % steps)
    resumed = Walk().run(output, checkpoints=checkpoints)
    if killed:
        assert resumed.seen == ALL[kept:]
    assert torch.equal(load_weights(whole)["weight"], load_weights(output)["weight"])
    assert rows(output.with_suffix(".csv"), "seconds") == rows(whole.with_suffix(".csv"), "seconds")
    assert (tmp_path / "killed_steps.csv").read_text() == (tmp_path / "whole_steps.csv").read_text()
    left = [path.name for path in sorted(tmp_path.glob("killed*"))]
    assert left == ["killed.csv", "killed.pt", "killed_steps.csv"]
    kept_epochs = sorted((tmp_path / "epochs").iterdir())
    assert [path.name for path in kept_epochs] == ["epoch001.pt", "epoch002.pt", "epoch003.pt"]
    curve = rows(whole.with_suffix(".csv"))
    for path, row in zip(kept_epochs, curve, strict=True):
        assert load_weights(path)["weight"].item() == pytest.approx(row["weight"])


def test_by_default_a_checkpoint_is_written_by_time(tmp_path, monkeypatch):
    monkeypatch.setattr(training_loop, "SECONDS_BETWEEN_CHECKPOINTS", 0)
    with pytest.raises(KeyboardInterrupt):
        Walk((1, 1)).run(tmp_path / "w.pt")
    assert Walk().run(tmp_path / "w.pt").seen == ALL[3:]


def test_the_curves_by_epoch_and_by_step(tmp_path):
    Walk().run(tmp_path / "w.pt")
    curve, steps = rows(tmp_path / "w.csv"), rows(tmp_path / "w_steps.csv")
    assert list(curve[0]) == ["epoch", "loss", "first", "weight", "seconds"]
    assert list(steps[0]) == ["epoch", "step", "loss", "first"]
    # by hand: the weight is 1, then 1 - 0.1 * 2 * 1 = 0.8 on the way to 1
    assert [row["loss"] for row in steps[:2]] == pytest.approx([1, 0.04])
    assert [(row["epoch"], row["step"]) for row in steps] == [(e + 1, s + 1) for e, s in ALL]
    assert curve[0]["loss"] == pytest.approx((1 + 0.04) / 2)
    # each epoch's sums begin anew
    assert [row["first"] for row in curve] == [0.5] * EPOCHS


def test_the_time_that_is_left_is_logged(tmp_path, caplog, monkeypatch):
    caplog.set_level("INFO")
    now = iter(range(0, 10**6, 50))
    monkeypatch.setattr(training_loop.time, "monotonic", lambda: next(now))
    Walk().run(tmp_path / "w.pt")
    seconds = [row["seconds"] for row in rows(tmp_path / "w.csv")]
    logged = [r.getMessage() for r in caplog.records if r.getMessage().startswith("epoch")]
    assert len(logged) == EPOCHS and seconds[0] > 0
    for epoch, line in enumerate(logged[:-1], 1):
        left = round(sum(seconds[:epoch]) / epoch * (EPOCHS - epoch))
        assert line.endswith(f", {timedelta(seconds=left)} left")
    assert "left" not in logged[-1]


def test_means_over_an_epoch_are_weighted(tmp_path):
    class Uneven(Walk):
        def epoch(self, epoch, first):
            yield from (Step({"loss": 1.0}, 3), Step({"loss": 5.0}, 1))

    Uneven().run(tmp_path / "w.pt")
    assert rows(tmp_path / "w.csv")[0]["loss"] == 2


def test_a_board_holds_each_step_once_after_a_kill(tmp_path):
    checkpoints = CheckpointOptions(steps=1000, board=tmp_path / "board")
    with pytest.raises(KeyboardInterrupt):
        Walk((1, 1)).run(tmp_path / "w.pt", checkpoints=checkpoints)
    Walk().run(tmp_path / "w.pt", checkpoints=checkpoints)
    events = EventAccumulator(str(tmp_path / "board")).Reload()
    assert {"step/loss", "epoch/loss", "epoch/weight"} <= set(events.Tags()["scalars"])
    steps = rows(tmp_path / "w_steps.csv")
    logged = events.Scalars("step/loss")
    assert [event.step for event in logged] == list(range(1, len(ALL) + 1))
    assert [event.value for event in logged] == pytest.approx([row["loss"] for row in steps])
    assert [event.step for event in events.Scalars("epoch/loss")] == [1, 2, 3]


def test_a_checkpoint_of_another_provenance_is_ignored(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        Walk((2, 1)).run(tmp_path / "w.pt", provenance={"of": 1})
    assert Walk().run(tmp_path / "w.pt", provenance={"of": 2}).seen == ALL


def test_a_checkpoint_without_the_wanted_epochs_is_ignored(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        Walk((2, 1)).run(tmp_path / "w.pt")
    checkpoints = CheckpointOptions(epochs=tmp_path / "epochs")
    assert Walk().run(tmp_path / "w.pt", checkpoints=checkpoints).seen == ALL
    assert len(list((tmp_path / "epochs").iterdir())) == EPOCHS


def test_a_damaged_checkpoint_is_logged_and_training_starts_over(tmp_path, caplog):
    (tmp_path / "w.pt.partial").write_bytes(b"nothing of use")
    assert Walk().run(tmp_path / "w.pt").seen == ALL
    assert "w.pt.partial" in caplog.text and "starts over" in caplog.text
