"""Training by epochs: what a kill leaves, and how it goes on."""

from pathlib import Path

import pytest
import torch

from actorsup import epochs
from actorsup.epochs import train_epochs
from actorsup.weights import load_weights

EPOCHS, STEPS = 3, 2


class Walk:
    """Its weight depends on the whole path, momentum included, and on each step's chance."""

    steps = STEPS

    def __init__(self, killed: tuple[int, int] | None = None) -> None:
        self.weight = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.ones_(self.weight.weight)
        self.optimiser = torch.optim.SGD(self.weight.parameters(), 0.1, momentum=0.9)
        self.parts = {"network": self.weight, "optimiser": self.optimiser}
        self.killed, self.seen = killed, []

    def epoch(self, epoch: int, first: int):
        for step in range(first, STEPS):
            if (epoch, step) == self.killed:
                raise KeyboardInterrupt
            self.seen.append((epoch, step))
            loss = (self.weight.weight - epoch - step).square().sum()
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            yield {"loss": loss.item() / STEPS, "first": float(step == 0)}

    def row(self, sums) -> dict[str, float]:
        return {"loss": sums["loss"], "begun": sums["first"]}

    def run(self, output: Path, content=None, provenance=None) -> "Walk":
        given = content or self.weight.state_dict
        train_epochs(self, EPOCHS, output, given, provenance or {"of": 1}, "a walk")
        return self


ALL = [(epoch, step) for epoch in range(EPOCHS) for step in range(STEPS)]


def killed_while_writing() -> dict:
    raise KeyboardInterrupt


@pytest.mark.parametrize("between", [0, 1e9])  # a checkpoint after each step, or each epoch alone
@pytest.mark.parametrize("killed", [*ALL, None])
def test_a_killed_run_ends_as_an_uninterrupted_one(tmp_path, monkeypatch, killed, between):
    monkeypatch.setattr(epochs, "SECONDS_BETWEEN_CHECKPOINTS", between)
    whole, output = tmp_path / "whole.pt", tmp_path / "killed.pt"
    Walk().run(whole)
    with pytest.raises(KeyboardInterrupt):  # the last one dies after its epochs, with no weights written
        Walk(killed).run(output, killed_while_writing)
    assert not output.exists()
    output.with_suffix(".csv").unlink(missing_ok=True)  # as Snakemake does with a failed job's outputs
    begun = ALL.index(killed) if killed else len(ALL)
    if between:
        begun -= begun % STEPS
    assert Walk().run(output).seen == ALL[begun:]
    assert torch.equal(load_weights(whole)["weight"], load_weights(output)["weight"])
    assert output.with_suffix(".csv").read_text() == whole.with_suffix(".csv").read_text()
    assert sorted(path.name for path in tmp_path.glob("killed*")) == ["killed.csv", "killed.pt"]


def test_the_curve_has_a_row_an_epoch(tmp_path):
    Walk().run(tmp_path / "w.pt")
    lines = (tmp_path / "w.csv").read_text().splitlines()
    assert lines[0] == "epoch,loss,begun"
    # by hand: the weight is 1, then 1 - 0.1 * 2 * 1 = 0.8 on the way to 1
    assert [float(value) for value in lines[1].split(",")] == pytest.approx([1, (1 + 0.04) / 2, 1])
    assert [line.split(",")[0] for line in lines[1:]] == ["1", "2", "3"]
    # each epoch's sums begin anew
    assert [float(line.split(",")[2]) for line in lines[1:]] == [1, 1, 1]


def test_a_checkpoint_of_another_provenance_is_not_taken(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        Walk((2, 1)).run(tmp_path / "w.pt", provenance={"of": 1})
    assert Walk().run(tmp_path / "w.pt", provenance={"of": 2}).seen == ALL
