"""Figures 4 and 5, recall by number of proposals, and actor linking compared with Viterbi linking."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from actorsup.report.paper.items import ITEMS, SETS
from actorsup.report.paper.published import records
from actorsup.report.paper.style import (
    GREEN,
    GREY,
    HOLLOW,
    INK,
    PUBLISHED_MARKS,
    head,
    measured_mark,
    measured_style,
    percent_axis,
    published_mark,
    spread,
)
from actorsup.report.paper.tables import POOLED

_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_PUBLISHED_LINE: dict[str, Any] = {"linestyle": (0, (4, 2)), "linewidth": 0.9}


def draw_figure4(table: pd.DataFrame) -> Figure:
    """Draw Figure 4: measured curves, and published recalls (Table 1) as horizontal lines."""
    columns = ITEMS["figure4"].columns
    figure, panels = _panels("figure4", len(columns), 3.1)
    for panel, (dataset, threshold) in zip(panels, columns, strict=True):
        shown = table[(table["dataset"] == dataset) & (table["iou_threshold"] == threshold)]
        _draw_curves(panel, shown, dataset, threshold, label=panel is panels[0])
        published = shown[shown["source"] == "published"]
        heights = spread(published["percent"].tolist(), 5.5, 100)
        for row, height in zip(records(published), heights, strict=True):
            color = PUBLISHED_MARKS[row["group"]]["color"]
            panel.axhline(row["percent"], color=color, **_PUBLISHED_LINE)
            name = "the paper" if row["group"] == "the paper" else row["method"]
            panel.annotate(
                f"{name} {row['percent']:.1f}", (1.01, height), xycoords=("axes fraction", "data"),
                va="center", fontsize=6.5, color=color,
                fontweight="bold" if row["group"] == "the paper" else "normal",
            )  # fmt: skip
    levels = [
        Line2D(
            [],
            [],
            color=INK,
            **_PUBLISHED_LINE,
            label="published, the paper (number of proposals not stated)",
        ),
        Line2D([], [], color=GREY, **_PUBLISHED_LINE, label="published, other methods without supervision"),
    ]
    figure.legend(handles=[*levels, *_linker_marks(table)], loc="outside lower left", ncols=2)
    return figure


def draw_figure5(table: pd.DataFrame) -> Figure:
    """Draw Figure 5: one curve for each actor, one panel for each linker, and the published bound."""
    ((dataset, threshold),) = ITEMS["figure5"].columns
    curves = table[(table["source"] == "measured") & (table["measure"] == "recall")]
    linkers = curves["method"].unique().tolist() or [""]
    figure, panels = _panels("figure5", len(linkers), 4.2)
    level = table[(table["source"] == "published") & (table["measure"] == "recall")]
    actors = curves["actor"].unique().tolist()
    for panel, linker in zip(panels, linkers, strict=True):
        shown = curves[curves["method"] == linker]
        head(panel, f"{SETS[dataset]}, IoU {threshold:g}", shown.assign(ground_truth=np.nan), [linker])
        _axes(panel, label=panel is panels[0])
        for row in records(level):
            panel.axhline(row["percent"], color=INK, **_PUBLISHED_LINE)
            panel.plot([row["proposals"]], [row["percent"]], "D", color=INK, zorder=5, **HOLLOW)
        for index, actor in enumerate(actors):
            _curve(panel, shown[shown["actor"] == actor], index)
        _limit(panel, [*shown["proposals"], *level["proposals"]])
    marks = [
        Line2D(
            [], [], color=INK, marker="D", **HOLLOW, **_PUBLISHED_LINE,
            label=f"published: {row['bound']} {row['percent']:g} % for {row['actor']}, "
            f"{row['proposals']:g} proposals",
        )
        for row in records(level)
    ]  # fmt: skip
    marks += [measured_mark(f"measured: {actor}", index) for index, actor in enumerate(actors)]
    figure.legend(handles=marks, loc="outside lower left", ncols=1 if len(marks) < 2 else 3)
    return figure


def draw_linking(table: pd.DataFrame) -> Figure:
    """Draw the gain of actor linking over Viterbi linking, and the curves of the linkers."""
    gains = table[table["measure"] == "recall gain"]
    curves = table[table["measure"] == "recall"]
    # without measured curves, only the published gains
    columns = ITEMS["linking"].columns if len(curves) else ()
    figure, panels = _panels("linking", len(columns) + 1, 2.6)
    for panel, (dataset, threshold) in zip(panels, columns, strict=False):
        shown = curves[curves["iou_threshold"] == threshold]
        _draw_curves(panel, shown, dataset, threshold, label=panel is panels[0])
    _draw_gains(panels[-1], gains[gains["averaging"].isin([POOLED, "not stated"])])
    marks = [published_mark("the paper")]
    if len(curves):
        marks.append(Line2D([], [], color=GREEN, marker="o", label="measured: gain, pooled"))
    figure.legend(handles=[*marks, *_linker_marks(curves)], loc="outside lower left", ncols=2)
    return figure


def _panels(item: str, count: int, width: float) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(max(width * count, 4.6), 3.9), layout="constrained")
    figure.suptitle(ITEMS[item].title, x=0.01, ha="left", fontsize=10, fontweight="bold", color=INK)
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def _axes(panel: Axes, label: bool = True) -> None:
    percent_axis(panel, "y", "recall, pooled over true tubes (%)" if label else "")
    panel.set_xscale("log")
    panel.set_xlabel("proposals of a video")


def _draw_curves(panel: Axes, shown: pd.DataFrame, dataset: str, threshold: float, label: bool) -> None:
    """Draw the pooled recall of each linker."""
    measured = shown[(shown["source"] == "measured") & (shown["averaging"] == POOLED)]
    head(panel, f"{SETS[dataset]}, IoU {threshold:g}", measured)
    _axes(panel, label)
    for index, linker in enumerate(measured["method"].unique()):
        _curve(panel, measured[measured["method"] == linker], index)
    _limit(panel, measured["proposals"].tolist())


def _curve(panel: Axes, rows: pd.DataFrame, index: int) -> None:
    proposals, percent = rows["proposals"].astype(float), rows["percent"].astype(float)
    panel.plot(proposals, percent, clip_on=False, **measured_style(index))


def _limit(panel: Axes, proposals: list[float]) -> None:
    most = max([*(count for count in proposals if pd.notna(count)), 50 if not proposals else 2])
    ticks = [tick for tick in _TICKS if tick <= most]
    panel.set_xlim(0.9, most * 1.12)
    panel.set_xticks(ticks, [str(tick) for tick in ticks])
    panel.xaxis.set_minor_locator(NullLocator())


def _linker_marks(table: pd.DataFrame) -> list[Line2D]:
    linkers = table[table["source"] == "measured"]["method"].unique()
    return [measured_mark(f"measured: {linker}", index) for index, linker in enumerate(linkers)]


def _draw_gains(panel: Axes, gains: pd.DataFrame) -> None:
    """Draw published and measured gains, in percentage points of recall, at each threshold."""
    names = gains[gains["source"] == "measured"]["method"].unique().tolist()
    thresholds = sorted(gains["iou_threshold"].unique())
    for row in records(gains):
        measured = row["source"] == "measured"
        offset = (names.index(row["method"]) + 1) * 0.22 if measured else 0.0
        x = thresholds.index(row["iou_threshold"]) + offset - 0.11 * len(names)
        style = {"color": GREEN, "marker": "o"} if measured else PUBLISHED_MARKS["the paper"]
        panel.plot([x, x], [0, row["percent"]], color=style["color"], linewidth=1.6 if measured else 0.8,
                   linestyle="-" if measured else (0, (2, 1.5)))  # fmt: skip
        face = {} if measured else HOLLOW
        panel.plot([x], [row["percent"]], **style, **face)
        up = row["percent"] >= 0
        panel.annotate(
            f"{row['percent']:+.1f}", (x, row["percent"]), xytext=(0, 6 if up else -6),
            textcoords="offset points", ha="center", va="bottom" if up else "top", fontsize=7, color=INK,
        )  # fmt: skip
    panel.axhline(0, color="#9a9a9a", linewidth=0.7)
    panel.set_xticks(range(len(thresholds)), [f"IoU {threshold:g}" for threshold in thresholds])
    panel.set_xlim(-0.7, len(thresholds) - 0.3)
    panel.margins(y=0.18)
    panel.grid(axis="x", visible=False)
    panel.set_ylabel("gain in recall (points)")
    measured = gains[gains["source"] == "measured"]
    head(
        panel,
        "THUMOS13, gain",
        measured.assign(ground_truth=np.nan),
        [f"{row['method']}, {row['proposals']:.0f} proposals" for row in records(measured[:1])],
    )
