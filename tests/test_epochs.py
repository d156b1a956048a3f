"""Training by epochs: what a kill leaves, and how it goes on."""

from pathlib import Path

import pytest
import torch

from actorsup.epochs import train_epochs
from actorsup.weights import load_weights

EPOCHS = 3


class Walk:
    """Its weight depends on the whole path, momentum included, and on each epoch's chance."""

    def __init__(self, killed: int | None = None) -> None:
        self.weight = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.ones_(self.weight.weight)
        self.optimiser = torch.optim.SGD(self.weight.parameters(), 0.1, momentum=0.9)
        self.parts = {"network": self.weight, "optimiser": self.optimiser}
        self.killed, self.seen = killed, []

    def epoch(self, epoch: int) -> dict[str, float]:
        if epoch == self.killed:
            raise KeyboardInterrupt
        self.seen.append(epoch)
        loss = (self.weight.weight - epoch).square().sum()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return {"loss": loss.item(), "twice": 2 * loss.item()}

    def run(self, output: Path, content=None, provenance=None) -> "Walk":
        train_epochs(self, EPOCHS, output, content or self.weight.state_dict, provenance or {"of": 1})
        return self


def killed_while_writing() -> dict:
    raise KeyboardInterrupt


@pytest.mark.parametrize("killed", [0, 1, 2, 3])
def test_a_killed_run_ends_as_an_uninterrupted_one(tmp_path, killed):
    whole, output = tmp_path / "whole.pt", tmp_path / "killed.pt"
    Walk().run(whole)
    with pytest.raises(KeyboardInterrupt):  # the last one dies after its epochs, with no weights written
        Walk(killed).run(output, killed_while_writing)
    assert not output.exists()
    output.with_suffix(".csv").unlink(missing_ok=True)  # as Snakemake does with a failed job's outputs
    assert Walk().run(output).seen == list(range(killed, EPOCHS))
    assert torch.equal(load_weights(whole)["weight"], load_weights(output)["weight"])
    assert output.with_suffix(".csv").read_text() == whole.with_suffix(".csv").read_text()
    assert sorted(path.name for path in tmp_path.glob("killed*")) == ["killed.csv", "killed.pt"]


def test_the_curve_has_a_row_an_epoch(tmp_path):
    Walk().run(tmp_path / "w.pt")
    lines = (tmp_path / "w.csv").read_text().splitlines()
    assert lines[:2] == ["epoch,loss,twice", "1,1.0,2.0"]
    assert [line.split(",")[0] for line in lines[1:]] == ["1", "2", "3"]


def test_a_checkpoint_of_another_provenance_is_not_taken(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        Walk(2).run(tmp_path / "w.pt", provenance={"of": 1})
    assert Walk().run(tmp_path / "w.pt", provenance={"of": 2}).seen == [0, 1, 2]
