"""Published figures: a table copied from papers, each row with its source."""

from pathlib import Path
from typing import Any

import pandas as pd

from actorsup.errors import DataError

PUBLISHED = Path(__file__).with_name("published.csv")

COLUMNS = [
    "item", "source", "group", "method", "dataset", "section", "measure", "averaging",
    "iou_threshold", "proposals", "actor", "percent", "deviation", "seeds", "ground_truth", "bound",
    "boxes", "segments", "points", "labels", "stated_in", "reference", "note",
]  # fmt: skip
"""Columns of every table.

``source`` is ``published`` or ``measured``; ``dataset`` is the paper's name of a data set, ``section`` the
section of the configuration with its data. ``percent`` is in percent, or in percentage points for
differences; with several seeds it is their mean, and ``deviation`` their standard deviation. ``bound`` is
``above`` or ``at most`` if the paper states only that. ``boxes``, ``segments``, ``points`` and ``labels`` are
the supervision. ``ground_truth`` counts tubes.
"""

SUPERVISION = ("boxes", "segments", "points", "labels")
NUMBERS = ("iou_threshold", "proposals", "percent", "deviation", "seeds", "ground_truth")
_MEASURED_ONLY = {"source", "section", "averaging", "deviation", "seeds", "ground_truth"}


def read_published(path: Path = PUBLISHED) -> pd.DataFrame:
    """Read the published rows, columns ``COLUMNS``.

    Args:
        path: A table like ``published.csv``.

    Raises:
        DataError: The file cannot be read, or a column, a source or a number is missing.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    wanted = [name for name in COLUMNS if name not in _MEASURED_ONLY]
    if list(table.columns) != wanted:
        raise DataError(f"{path}: columns are {', '.join(table.columns)}; expected {', '.join(wanted)}")
    table = table.assign(
        source="published",
        averaging="not stated",
        **dict.fromkeys(_MEASURED_ONLY - {"source", "averaging"}, ""),
    )
    for name in NUMBERS:
        table[name] = pd.to_numeric(table[name], errors="coerce")
    for row, (percent, stated, reference) in enumerate(
        zip(table["percent"], table["stated_in"], table["reference"], strict=True), start=2
    ):
        if pd.isna(percent) or not stated or not reference:
            raise DataError(
                f"{path}: line {row}: a published figure needs a number in percent, where it is stated and a "
                "reference"
            )
    return table[COLUMNS]


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as dictionaries."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
