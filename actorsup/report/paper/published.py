"""Published figures: one file of data, each row with its source, never made by this code."""

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

``source`` is ``published`` or ``measured``; ``dataset`` the paper's, ``section`` the section of the
configuration that stands for it. ``percent`` is in percent, or in points for differences; of several
seeds it is their mean, ``deviation`` their standard deviation. ``bound`` is ``above`` or ``at most``
where that is all that is stated. ``boxes``, ``segments``, ``points`` and ``labels`` are the
supervision. ``ground_truth`` counts tubes.
"""

SUPERVISION = ("boxes", "segments", "points", "labels")
NUMBERS = ("iou_threshold", "proposals", "percent", "deviation", "seeds", "ground_truth")
_MEASURED_ALONE = {"source", "section", "averaging", "deviation", "seeds", "ground_truth"}


def read_published(path: Path = PUBLISHED) -> pd.DataFrame:
    """The published rows, columns ``COLUMNS``, ``source`` being ``published`` in all.

    Args:
        path: A table like ``published.csv``.

    Raises:
        DataError: The file cannot be read, or a column, a source or a number is missing.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    wanted = [name for name in COLUMNS if name not in _MEASURED_ALONE]
    if list(table.columns) != wanted:
        raise DataError(f"{path}: columns are {', '.join(table.columns)}; wanted {', '.join(wanted)}")
    table = table.assign(
        source="published",
        averaging="not stated",
        **dict.fromkeys(_MEASURED_ALONE - {"source", "averaging"}, ""),
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
    """The rows of a table, each by the names of its columns."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
