"""Pieces of the page as HTML; every word of data is escaped."""

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain text."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def section(name: str, title: str, *parts: str) -> str:
    """A section of the page, with the anchor ``name``."""
    return (
        f'<section id="{name}" aria-labeledby="{name}-title"><h2 id="{name}-title">{escape(title)}</h2>\n'
        + ("\n".join(part for part in parts if part) + "</section>")
    )


def key_figures(figures: Iterable[tuple[str, str]]) -> str:
    """Large figures, each with what it is."""
    items = "".join(f"<li><b>{escape(value)}</b>{escape(what)}</li>" for what, value in figures)
    return f'<ul class="key">{items}</ul>'


def table(frame: pd.DataFrame, title: str, file: str, digits: int = 4) -> str:
    """A table that can be sorted, filtered and downloaded; rows whose ``source`` is published stand out.

    Args:
        frame: Its columns are the table's; NaN is an empty cell.
        title: What it holds, for a person.
        file: Name of the CSV that the page offers.
        digits: After the point, of numbers that are not whole.
    """
    numbers = {name: is_numeric_dtype(frame[name]) for name in frame}
    whole = {name: numbers[name] and bool((frame[name].dropna() % 1 == 0).all()) for name in frame}
    kind = {name: ' class="number"' if numbers[name] else "" for name in frame}
    head = "".join(f'<th scope="col"{kind[name]}>{escape(str(name))}</th>' for name in frame)
    rows = []
    for row in frame.to_dict("records"):
        texts = {name: escape(_cell(row[name], 0 if whole[name] else digits)) for name in frame}
        cells = "".join(f"<td{kind[name]}>{text}</td>" for name, text in texts.items())
        published = ' class="published"' if row.get("source") == "published" else ""
        rows.append(f"<tr{published}>{cells}</tr>")
    return (
        f'<div class="table" data-title="{escape(title)}" data-file="{escape(file)}">'
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(title)}">'
        f"<table><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div></div>"
    )


def _cell(value: Any, digits: int) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, float):
        return f"{value:.{digits}f}"
    return str(value)


def chart(specification: Mapping[str, Any], caption: str) -> str:
    """A Vega-Lite chart, drawn when it comes into view, under its caption."""
    return (
        f'<figure><div class="chart" role="img" aria-label="{escape(caption)}"></div>'
        f"<figcaption>{escape(caption)}</figcaption>"
        f'<script type="application/vnd.vegalite+json">{as_json(specification)}</script></figure>'
    )


def side_by_side(*parts: str) -> str:
    """Figures beside one another where there is room."""
    return f'<div class="charts">{"".join(parts)}</div>'


def folded(summary: str, *parts: str) -> str:
    """What only some want to see."""
    return f"<details><summary>{escape(summary)}</summary>{''.join(parts)}</details>"


def preformatted(text: str) -> str:
    """Text as it is, in a box that scrolls."""
    return f'<pre tabindex="0">{escape(text)}</pre>'


def as_json(value: Any) -> str:
    """Strict JSON that can stand inside a script of a page."""
    text = json.dumps(value, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
