"""The paper's tables, from measured tables and published rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from actorsup.errors import DataError
from actorsup.report.paper.items import ITEMS
from actorsup.report.paper.published import COLUMNS, records

POOLED, CLASS_MEAN = "pooled", "mean over classes"
_AVERAGING = {"all": POOLED, "class-mean": CLASS_MEAN}
_OF_PRECISION = ("interpolation", "matching", "nms_iou")
_DIFFERENCES = (("adult", "bird"), ("adult", "dog"))

Row = dict[str, Any]


@dataclass(frozen=True)
class Measured:
    """The measured table of one of the paper's data sets.

    Attributes:
        section: Name of the data set's section under ``datasets:``.
        file: Path of the table, for the column ``reference``.
        table: ``results/{dataset}_recall.csv`` or ``_map.csv``, ``iou_threshold`` as text.
    """

    section: str
    file: str
    table: pd.DataFrame


def paper_table(
    item: str,
    measured: Mapping[str, Measured],
    published: pd.DataFrame,
    limits: Mapping[str, int] | None = None,
    evaluation: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Make a table of the paper: published rows, then measured rows.

    Args:
        item: A key of ``ITEMS``.
        measured: By the paper's data set; other data sets have published rows only.
        published: Rows from ``read_published``.
        limits: For ``linking``, the most tubes a video that each linker may make. The first linker is
            compared with each other one.
        evaluation: The settings of the evaluation, for the note of measured rows.

    Returns:
        Columns ``COLUMNS``.

    Raises:
        DataError: A table lacks an IoU threshold.
    """
    # Table 1 has points of the curves in Figure 4, which shows methods without supervision
    shown = published[published["item"] == ("table1" if item == "figure4" else item)]
    if item == "figure4":
        shown = shown[shown["boxes"] == ""]
    rows: list[Row] = []
    for dataset in ITEMS[item].datasets:
        if dataset in measured:
            common = {"dataset": dataset, "section": measured[dataset].section}
            common |= {"reference": measured[dataset].file, "source": "measured", "group": "measured"}
            common |= {"note": _protocol_note(ITEMS[item].table, evaluation or {})}
            rows += [common | row for row in _measured(item, dataset, measured[dataset], limits or {})]
    parts = [shown, pd.DataFrame(rows, columns=COLUMNS)] if rows else [shown]
    whole = pd.concat([part.astype(object) for part in parts], ignore_index=True)
    return whole.assign(item=item)[COLUMNS]


def _protocol_note(table: str, evaluation: Mapping[str, Any]) -> str:
    """The settings that affect recall or mAP, as text."""
    unread = () if table == "map" else _OF_PRECISION
    rules = {key: value for key, value in evaluation.items() if key not in unread and value is not None}
    # the name of a public evaluator implies all other settings
    rules = {"protocol": rules["protocol"]} if "protocol" in rules else rules
    return ", ".join(f"{key}: {str(value).lower()}" for key, value in rules.items())


def _measured(item: str, dataset: str, found: Measured, limits: Mapping[str, int]) -> Iterator[Row]:
    for threshold in ITEMS[item].thresholds(dataset):
        at = found.table[found.table["iou_threshold"] == f"{threshold:g}"]
        if at.empty:
            raise DataError(f"{found.file}: no row at IoU {threshold:g}; add it to evaluation.iou_thresholds")
        rows = _gains(at, limits) if item == "linking" else _ROWS[item](at)
        yield from ({"iou_threshold": threshold} | row for row in rows)


def _recall(table: pd.DataFrame) -> Iterator[Row]:
    """Rows of each linker: pooled over ground-truth tubes, and the mean over classes."""
    for _, of_linker in table.groupby("linker", sort=False):
        for group, averaging in _AVERAGING.items():
            for row in records(of_linker[of_linker["group"] == group]):
                yield _recall_row(row) | {"averaging": averaging}


def _recall_row(row: Row) -> Row:
    return {
        "method": row["linker"],
        "measure": "recall",
        "proposals": row["proposals"],
        "percent": round(100 * row["recall"], 4),
        "ground_truth": row["ground_truth"],
    }


def _most_proposals(table: pd.DataFrame) -> Iterator[Row]:
    most = table.groupby("linker")["proposals"].transform("max")
    return _recall(table[table["proposals"] == most])


def _mean_average_precision(table: pd.DataFrame) -> Iterator[Row]:
    """The mAP of each linker and model, averaged over seeds."""
    means = table[table["class"] == "mean"]
    for (linker, model), runs in means.groupby(["linker", "model"], sort=False):
        values = 100 * runs["average_precision"]
        yield {
            "method": f"{linker}, {model}",
            "measure": "mAP",
            "averaging": CLASS_MEAN,
            "percent": round(values.mean(), 4),
            "deviation": round(values.std(), 4),  # NaN for one seed
            "seeds": len(runs),
            "ground_truth": runs["ground_truth"].iloc[0],
            "labels": "yes",
        }


def _actors(table: pd.DataFrame) -> Iterator[Row]:
    """The recall of each actor, and the differences stated in Section 4.3."""
    of_actors = table[table["group"].str.startswith("actor:")]
    for row in records(of_actors):
        yield _recall_row(row) | {"averaging": POOLED, "actor": row["group"].removeprefix("actor:")}
    for linker, rows in of_actors.groupby("linker", sort=False):
        most = rows[rows["proposals"] == rows["proposals"].max()].set_index("group")["recall"]
        for one, other in _DIFFERENCES:
            if {f"actor:{one}", f"actor:{other}"} <= set(most.index):
                yield {
                    "method": linker,
                    "measure": "recall difference",
                    "averaging": POOLED,
                    "proposals": rows["proposals"].max(),
                    "actor": f"{one} - {other}",
                    "percent": round(100 * (most[f"actor:{one}"] - most[f"actor:{other}"]), 4),
                }


def _gains(table: pd.DataFrame, limits: Mapping[str, int]) -> Iterator[Row]:
    """The recall of each linker, and the gain of the first over each other one.

    Two linkers are compared at the smaller of their limits. A linker with fewer tubes has the recall of
    all its tubes.
    """
    yield from _recall(table)
    first, *others = dict.fromkeys(table["linker"])
    for other in others:
        allowed = min(limits[first], limits[other])
        for group, averaging in _AVERAGING.items():
            rows = table[(table["group"] == group) & (table["proposals"] <= allowed)]
            at_most = rows.sort_values("proposals").groupby("linker").last()["recall"]
            yield {
                "method": f"{first} - {other}",
                "measure": "recall gain",
                "averaging": averaging,
                "proposals": allowed,
                "percent": round(100 * (at_most[first] - at_most[other]), 4),
                "ground_truth": rows["ground_truth"].iloc[0],
            }


_ROWS = {
    "table1": _most_proposals,
    "table2": _mean_average_precision,
    "figure4": _recall,
    "figure5": _actors,
}
