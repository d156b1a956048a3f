"""Tables 1 and 2 as figures: one row for each method, one panel for each column."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from actorsup.report.paper.items import ITEMS, SETS
from actorsup.report.paper.published import SUPERVISION, records
from actorsup.report.paper.style import (
    GREY,
    HOLLOW,
    INK,
    MARKERS,
    PUBLISHED_MARKS,
    VERMILLION,
    head,
    measured_mark,
    percent_axis,
    published_mark,
)

_ORDER = ("in the paper", "the paper", "after the paper", "measured")
_ROW = 0.21  # inches
_GAP = 0.6  # of a row, between groups


def draw_table(item: str, table: pd.DataFrame) -> Figure:
    """Draw Table 1 or 2: published methods above, measured ones below.

    Args:
        item: ``table1`` or ``table2``.
        table: A table from ``paper_table``.
    """
    rows = _rows(table)
    columns = ITEMS[item].columns
    height = -rows["y"].min() + 1
    figure = Figure(figsize=(3.2 + 1.9 * len(columns), 1.25 + _ROW * height), layout="constrained")
    figure.suptitle(ITEMS[item].title, x=0.01, ha="left", fontsize=10, fontweight="bold", color=INK)
    panels = figure.subplots(1, 1 + len(columns), sharey=True, width_ratios=[0.75, *[1.9] * len(columns)])
    _draw_supervision(panels[0], rows)
    for panel, (dataset, threshold) in zip(panels[1:], columns, strict=True):
        shown = table[(table["dataset"] == dataset) & (table["iou_threshold"] == threshold)]
        _draw_column(panel, rows, shown)
        measured = shown[shown["source"] == "measured"]
        counts = measured["proposals"].dropna()
        head(
            panel,
            f"{SETS[dataset]}, IoU {threshold:g}",
            measured,
            [f"up to {counts.max():.0f} proposals"] if len(counts) else [],
        )
        percent_axis(panel, "x", "mAP (%)" if item == "table2" else "recall (%)")
    marks = [published_mark(group) for group in _ORDER[:3] if (rows["group"] == group).any()]
    figure.legend(
        handles=[*marks, *([measured_mark()] if (rows["group"] == "measured").any() else [])],
        loc="outside lower left",
        ncols=2,
    )
    return figure


def _rows(table: pd.DataFrame) -> pd.DataFrame:
    """One row for each method and averaging, with its position ``y``, downward from 0."""
    # papers do not state how they average recall, so only measured rows name it
    names = [
        f"{row['method']}, {row['averaging']}"
        if row["source"] == "measured" and row["measure"] == "recall"
        else row["method"]
        for row in records(table)
    ]
    rows = table.assign(name=names).drop_duplicates(["group", "name"])
    rows = rows.sort_values("group", key=lambda groups: groups.map(_ORDER.index), kind="stable")
    starts = (rows["group"] != rows["group"].shift()).to_numpy()
    return rows.assign(y=-(np.arange(len(rows)) + _GAP * (np.cumsum(starts) - 1)))


def _draw_supervision(panel: Axes, rows: pd.DataFrame) -> None:
    """Draw the names of the methods, and a dot for each kind of supervision in training."""
    for place, kind in enumerate(SUPERVISION):
        used = rows[rows[kind] == "yes"]
        panel.plot([place] * len(used), used["y"], "o", color=GREY, markersize=3.5)
    panel.set(xlim=(-0.6, len(SUPERVISION) - 0.4), ylim=(rows["y"].min() - 0.7, 0.7))
    panel.set_xticks(range(len(SUPERVISION)), SUPERVISION, rotation=90)
    panel.set_yticks(rows["y"], rows["name"])
    for label, group in zip(panel.get_yticklabels(), rows["group"], strict=True):
        label.set_color(VERMILLION if group == "measured" else INK)
        label.set_fontweight("bold" if group == "the paper" else "normal")
    panel.set_title("trained with", pad=4, fontsize=7, fontweight="normal", color=GREY)
    panel.grid(axis="y", visible=False)
    panel.spines[["left", "bottom"]].set_visible(False)


def _draw_column(panel: Axes, rows: pd.DataFrame, shown: pd.DataFrame) -> None:
    places = rows.set_index(["group", "method", "averaging"])["y"]
    for row in records(shown):
        y, value = places[(row["group"], row["method"], row["averaging"])], row["percent"]
        if pd.isna(value):
            continue
        if row["source"] == "measured":
            panel.plot([0, value], [y, y], color=VERMILLION, linewidth=1.6)
            panel.plot([value], [y], MARKERS[0], color=VERMILLION)
        else:
            mark = PUBLISHED_MARKS[row["group"]]
            panel.plot([0, value], [y, y], color=mark["color"], linewidth=0.8, linestyle=(0, (2, 1.5)))
            panel.plot([value], [y], **mark, **HOLLOW)
        _label(panel, value, y, _words(value, row["deviation"]))
    panel.grid(axis="y", visible=False)
    panel.spines["left"].set_visible(False)
    panel.tick_params(labelleft=False)


def _label(panel: Axes, value: float, y: float, words: str) -> None:
    left = value > 80  # a label on the right would leave the panel
    panel.annotate(
        words, (value, y), xytext=(-6 if left else 6, 0), textcoords="offset points",
        ha="right" if left else "left", va="center", fontsize=7, color=INK,
        bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"},
    )  # fmt: skip


def _words(percent: float, deviation: float) -> str:
    return f"{percent:.1f}" + (f" ±{deviation:.1f}" if pd.notna(deviation) else "")
