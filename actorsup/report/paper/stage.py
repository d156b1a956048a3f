"""The stage that writes a table or figure of the paper as CSV, SVG and PNG."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from actorsup.artifacts.atomic import write_text_atomically
from actorsup.errors import REBUILD, DataError, report_read_errors
from actorsup.report.paper.curve_figures import draw_figure4, draw_figure5, draw_linking
from actorsup.report.paper.items import CONTRACT_TABLES, ITEMS, SETS, left_out_lines
from actorsup.report.paper.published import NUMBERS, PUBLISHED, read_published
from actorsup.report.paper.style import save, styled
from actorsup.report.paper.table_figures import draw_table
from actorsup.report.paper.tables import Measured, paper_table

_LOG = logging.getLogger(__name__)
_NEEDED = {
    "recall": ("linker", "group", "proposals", "iou_threshold", "recall", "ground_truth"),
    "map": ("linker", "model", "class", "iou_threshold", "average_precision", "ground_truth"),
}
FIGURES: dict[str, Callable[[pd.DataFrame], Figure]] = {
    "table1": lambda table: draw_table("table1", table),
    "table2": lambda table: draw_table("table2", table),
    "figure4": draw_figure4,
    "figure5": draw_figure5,
    "linking": draw_linking,
}
"""The function that draws each item from its table."""


def write_paper_item(
    item: str,
    measured: Mapping[str, tuple[str, Path]],
    left_out: Mapping[str, str],
    csv: Path,
    svg: Path,
    png: Path,
    published: Path = PUBLISHED,
    limits: Mapping[str, int] | None = None,
    evaluation: Mapping[str, Any] | None = None,
) -> None:
    """Write a table or figure of the paper, with published and measured rows.

    Args:
        item: A key of ``ITEMS``.
        measured: By the paper's data set: its section of the configuration, and the measured table.
        left_out: By the paper's data set: why it is left out.
        csv: The table to write, columns ``COLUMNS``.
        svg: The figure to write.
        png: The same figure.
        published: The table of published figures.
        limits: As in ``paper_table``.
        evaluation: As in ``paper_table``.

    Raises:
        DataError: A table cannot be read, or lacks a column or an IoU threshold.
    """
    for line in left_out_lines(item, left_out):
        _LOG.info(line)
    table = make_table(item, measured, published, limits, evaluation)
    measured_rows = int((table["source"] == "measured").sum())
    _LOG.info("%s: %d published and %d measured rows", item, len(table) - measured_rows, measured_rows)
    with styled():
        save(FIGURES[item](table), svg, png)
    write_text_atomically(csv, _as_text(table).to_csv(index=False, lineterminator="\n"))


def make_table(
    item: str,
    measured: Mapping[str, tuple[str, Path]],
    published: Path = PUBLISHED,
    limits: Mapping[str, int] | None = None,
    evaluation: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Make the table of an item from files; arguments and errors as in ``write_paper_item``."""
    kind = ITEMS[item].table
    # the path in the results, even if the file is read from a copy of object storage
    tables = {
        dataset: Measured(section, CONTRACT_TABLES[kind].format(section=section), _read(path, kind))
        for dataset, (section, path) in measured.items()
    }
    return paper_table(item, tables, read_published(published), limits, evaluation)


def write_left_out(left_out: Mapping[str, Mapping[str, str]], output: Path) -> None:
    """Write a table ``item,dataset,reason`` of the data sets that were left out."""
    rows: list[dict[str, Any]] = [
        {"item": item, "dataset": SETS[name], "reason": reason}
        for item, reasons in left_out.items()
        for name, reason in reasons.items()
    ]
    table = pd.DataFrame(rows, columns=["item", "dataset", "reason"])
    write_text_atomically(output, table.to_csv(index=False, lineterminator="\n"))


def _read(path: Path, kind: str) -> pd.DataFrame:
    needed = _NEEDED["map" if kind == "map" else "recall"]
    texts = dict.fromkeys(("iou_threshold", "linker", "model", "class"), str)
    with report_read_errors(path, f"not a table of average precision or recall; {REBUILD}"):
        table = pd.read_csv(path, dtype=texts)
    if lacking := [name for name in needed if name not in table.columns]:
        raise DataError(f"{path}: column {lacking[0]!r} is missing; {REBUILD}")
    return table


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    """The table as text: numbers with six significant digits, missing values empty."""
    texts = {name: ["" if pd.isna(value) else f"{value:.6g}" for value in table[name]] for name in NUMBERS}
    return table.assign(**texts).fillna("")
