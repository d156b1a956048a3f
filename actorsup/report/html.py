"""The parts of the page, rendered by Jinja2; autoescape is on, so text from data never becomes markup."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pandas.api.types import is_numeric_dtype

STATIC = Path(__file__).parent / "static"
TEMPLATES = Environment(
    loader=FileSystemLoader(STATIC),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.policies["json.dumps_kwargs"] = {"allow_nan": False}
PARTS: Any = TEMPLATES.get_template("parts.html").module
"""The macros of ``static/parts.html``; each returns markup."""


def join(parts: Iterable[str]) -> Markup:
    """Join parts of the page, a line each; text that is not markup is escaped."""
    return Markup("\n").join(parts)


def table(frame: pd.DataFrame, title: str, file: str, digits: int = 4) -> Markup:
    """A table that can be sorted, filtered and downloaded; rows whose ``source`` is published stand out.

    Args:
        frame: Columns of the table; NaN becomes an empty cell.
        title: Its title for screen readers and the row filter.
        file: Name of the CSV file that the page offers for download.
        digits: Decimal places, in columns that hold fractions.
    """
    columns = [(name, is_numeric_dtype(frame[name])) for name in frame]
    cells = zip(*(_texts(frame[name], digits) for name in frame), strict=True)
    published = frame["source"] == "published" if "source" in frame else [False] * len(frame)
    return PARTS.table(title, file, columns, list(zip(published, cells, strict=True)))


def _texts(column: pd.Series, digits: int) -> list[str]:
    if is_numeric_dtype(column):
        digits = 0 if (column.dropna() % 1 == 0).all() else digits
        return ["" if pd.isna(value) else f"{value:.{digits}f}" for value in column]
    return ["" if pd.isna(value) else str(value) for value in column]
