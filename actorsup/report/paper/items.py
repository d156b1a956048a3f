"""The paper's tables and figures, and the measured tables that each needs."""

from collections.abc import Mapping
from dataclasses import dataclass

SETS = {"ucf_sports": "UCF-Sports", "thumos13": "THUMOS13", "a2d": "A2D"}
"""The paper's data sets, and their names in figures."""

CONTRACT_TABLES = {
    "recall": "results/{section}_recall.csv",
    "map": "results/{section}_map.csv",
    "linking": "results/{section}/linking_recall.csv",
}
"""Paths of the measured tables of a section of ``datasets:``."""

LINKERS = ("siamese", "viterbi")
"""The linkers that Section 4.3 compares; the default of ``paper.linkers``."""


@dataclass(frozen=True)
class Item:
    """A table or figure of the paper.

    Attributes:
        title: Its title.
        table: The table of its measured rows, a key of ``CONTRACT_TABLES``.
        columns: The paper's data set and the IoU threshold of each column or panel.
    """

    title: str
    table: str
    columns: tuple[tuple[str, float], ...]

    @property
    def datasets(self) -> list[str]:
        """The paper's data sets in it, in order."""
        return list(dict.fromkeys(dataset for dataset, _ in self.columns))

    def thresholds(self, dataset: str) -> list[float]:
        """Return the IoU thresholds of a data set in it."""
        return [threshold for name, threshold in self.columns if name == dataset]


_PROPOSALS = (("ucf_sports", 0.5), ("thumos13", 0.5), ("thumos13", 0.1))

ITEMS = {
    "table1": Item("Table 1: recall of proposals", "recall", _PROPOSALS),
    "table2": Item(
        "Table 2: mean average precision by supervision", "map", (("thumos13", 0.2), ("ucf_sports", 0.5))
    ),
    "figure4": Item("Figure 4: recall against the number of proposals", "recall", _PROPOSALS),
    "figure5": Item("Figure 5: recall for each actor", "recall", (("a2d", 0.5),)),
    "linking": Item(
        "Section 4.3: actor linking against Viterbi linking",
        "linking",
        (("thumos13", 0.2), ("thumos13", 0.5)),
    ),
}
"""Tables and figures by name, as in ``results/paper/{item}``."""


def left_out_lines(item: str, left_out: Mapping[str, str]) -> list[str]:
    """Return a line for each data set that a table or figure leaves out, with the reason."""
    return [f"results/paper/{item}: {SETS[name]} left out: {reason}" for name, reason in left_out.items()]
