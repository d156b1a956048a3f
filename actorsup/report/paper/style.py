"""The style of the figures, and their reproducible files: the same bytes each time."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.style
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from actorsup.artifacts.atomic import replace_atomically, write_text_atomically

# Okabe and Ito's palette, which color-blind people can distinguish
INK, GREY = "#1a1a1a", "#6e6e6e"
VERMILLION, BLUE, GREEN = "#D55E00", "#0072B2", "#009E73"
COLORS = (VERMILLION, BLUE, GREEN, "#CC79A7", "#E69F00", "#56B4E9", INK)
MARKERS = ("o", "s", "^", "v", "P", "X", "h")

STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#9a9a9a",
    "axes.grid": True,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "figure.dpi": 100,
    "font.family": "DejaVu Sans",  # part of matplotlib
    "font.size": 8,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
    "savefig.dpi": 200,
    "savefig.facecolor": "white",
    "svg.hashsalt": "actorsup",
    "xtick.color": "#4a4a4a",
    "ytick.color": "#4a4a4a",
    "xtick.major.size": 0,
    "ytick.major.size": 0,
}

HOLLOW: dict[str, Any] = {"markerfacecolor": "white", "markeredgewidth": 1.2}
PUBLISHED_MARKS: dict[str, dict[str, Any]] = {
    "in the paper": {"marker": "o", "color": GREY},
    "after the paper": {"marker": "s", "color": BLUE},
    "the paper": {"marker": "D", "color": INK},
}
"""Published figures are hollow and dashed, measured ones filled and solid."""
PUBLISHED_WORDS = {
    "in the paper": "published, other methods (quoted by the paper)",
    "after the paper": "published after the paper",
    "the paper": "published, the paper",
}


def published_mark(group: str) -> Line2D:
    """Return the legend entry of a group of published figures."""
    return Line2D(
        [], [], linestyle=(0, (2, 1.5)), linewidth=1,
        label=PUBLISHED_WORDS[group], **PUBLISHED_MARKS[group], **HOLLOW,
    )  # fmt: skip


def measured_mark(label: str = "measured, this program", index: int = 0) -> Line2D:
    """Return the legend entry of measured figures."""
    return Line2D([], [], label=label, **measured_style(index))


def measured_style(index: int) -> dict[str, Any]:
    """Return the color, marker and line of the n-th measured curve."""
    return {
        "color": COLORS[index % len(COLORS)],
        # after the last color, combine colors with other markers
        "marker": MARKERS[(index + index // len(COLORS)) % len(MARKERS)],
        "linestyle": "-",
    }


def head(panel: Axes, title: str, measured: pd.DataFrame, more: Sequence[str] = ()) -> None:
    """Write the title of a panel, and below it the section and number of tubes that were measured."""
    words = [*more] if len(measured) else ["nothing measured: left out"]
    if len(measured):
        section, tubes = measured["section"].iloc[0], measured["ground_truth"].max()
        words.insert(0, f"{section}: {tubes:,.0f} true tubes" if pd.notna(tubes) else str(section))
    panel.set_title(title, pad=15, color=INK)
    style = "normal" if len(measured) else "italic"
    panel.annotate(
        ", ".join(words), (0, 1), xytext=(0, 4), xycoords="axes fraction", textcoords="offset points",
        fontsize=7, color=GREY, fontstyle=style,
    )  # fmt: skip


def percent_axis(axis: Axes, which: str, label: str) -> None:
    """Set an axis to percent, from 0 to 100."""
    limits, ticks = (-2.0, 103.0), [0, 20, 40, 60, 80, 100]
    if which == "x":
        axis.set(xlim=limits, xticks=ticks, xlabel=label)
    else:
        axis.set(ylim=limits, yticks=ticks, ylabel=label)


def spread(places: Sequence[float], gap: float, highest: float) -> list[float]:
    """Move the positions of labels down until they are at least ``gap`` apart and at most ``highest``.

    Returns:
        The positions, in the order of ``places``.
    """
    order = sorted(range(len(places)), key=lambda i: (-places[i], i))
    moved, limit = list(places), highest
    for i in order:
        moved[i] = min(places[i], limit)
        limit = moved[i] - gap
    return moved


def save(figure: Figure, svg: Path, png: Path) -> None:
    """Write a figure as SVG and PNG, atomically, without date or version."""
    _settle(figure)
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": "actorsup"}, bbox_inches="tight")
    write_text_atomically(svg, text.getvalue())
    with replace_atomically(png) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": "actorsup"}, bbox_inches="tight")


def _settle(figure: Figure) -> None:
    """Fix the layout in rounded numbers, because the last digits of the solver differ between runs."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        left, bottom, width, height = (round(float(value), 4) for value in axes.get_position().bounds)
        axes.set_position((left, bottom, width, height))


def styled() -> "matplotlib.style.core._StyleContext":  # type: ignore[name-defined]
    """Return a context with only this style, independent of the user's matplotlib settings."""
    return matplotlib.style.context(["default", STYLE])
