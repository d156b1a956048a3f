"""The numbers of the page: average precision, recall, errors, intervals, ablations, published figures."""

import pandas as pd

from actorsup.report import charts, html
from actorsup.report.inputs import ReportInputs, read_table
from actorsup.report.paper.published import SUPERVISION, read_published

SHOWN = "0.5"
"""The IoU threshold of figures that show one."""


def numbers(dataset: str, inputs: ReportInputs) -> str:
    """The HTML of the figures that a data set has; empty where it has none.

    Args:
        dataset: Its name.
        inputs: What the page is made from.

    Raises:
        DataError: The published figures cannot be read.
    """
    parts: list[str] = []
    if inputs.map:
        parts += _map_parts(dataset, read_table(inputs.map))
    if inputs.recall:
        parts += _recall_parts(dataset, read_table(inputs.recall))
    if inputs.errors:
        parts += _error_parts(read_table(inputs.errors))
    if inputs.intervals:
        parts += [
            "<h3>How certain the figures are</h3>",
            html.paragraph("95 % of the figures that drawing the test videos again would give.", "note"),
            _folded(read_table(inputs.intervals), "confidence intervals", "confidence_intervals.csv"),
        ]
    for path in inputs.ablations:
        parts += [
            f"<h3>Ablation: {html.escape(path.stem)}</h3>",
            html.table(read_table(path), path.stem, path.name),
        ]
    if parts and inputs.published:
        parts.append(_published(inputs.published))
    return "\n".join(parts)


def _published(dataset: str) -> str:
    """What others have published of a data set, in a table of its own."""
    rows = read_published()
    rows = rows[(rows["dataset"] == dataset) & rows["measure"].isin(["recall", "mAP"])]
    columns = ["source", "method", "measure", "iou_threshold", "proposals", "actor", "percent", "bound"]
    rows = rows[[*columns, *SUPERVISION, "stated_in", "reference"]]
    return "\n".join(
        [
            "<h3>Published figures</h3>",
            html.paragraph("Copied from papers, in percent; this code has made none of them.", "note"),
            html.table(rows, "published figures", "published.csv", 2),
        ]
    )


def _map_parts(dataset: str, table: pd.DataFrame) -> list[str]:
    thresholds = list(dict.fromkeys(table["iou_threshold"]))
    shown = SHOWN if SHOWN in thresholds else thresholds[0]
    wide = table.pivot_table(
        index=["linker", "model", "seed", "class", "ground_truth", "tubes"],
        columns="iou_threshold",
        values="average_precision",
        sort=False,
        dropna=False,
    )
    wide = wide.dropna(how="all").reset_index()[
        ["linker", "model", "seed", "class", *thresholds, "ground_truth", "tubes"]
    ]
    return [
        "<h3>Average precision</h3>",
        html.side_by_side(
            html.chart(charts.map_by_threshold(table), "mAP against the IoU threshold."),
            html.chart(
                charts.ap_by_class(table, shown), f"Average precision of each class at an IoU of {shown}."
            ),
        ),
        html.table(wide, "average precision by class and IoU threshold", f"{dataset}_map.csv"),
    ]


def _recall_parts(dataset: str, table: pd.DataFrame) -> list[str]:
    thresholds = set(table["iou_threshold"])
    shown = SHOWN if SHOWN in thresholds else min(thresholds)
    figures = [
        html.chart(charts.recall_by_count(table), "Recall against the number of proposals of a video.")
    ]
    for kind in ("class", "actor"):
        found = charts.recall_by_group(table, kind, shown)
        if found:
            figures.append(html.chart(found, f"Recall of all proposals by {kind}, at an IoU of {shown}."))
    return [
        "<h3>Recall of the proposals</h3>",
        html.side_by_side(*figures),
        _folded(table, "recall", f"{dataset}_recall.csv"),
    ]


def _error_parts(table: pd.DataFrame) -> list[str]:
    return [
        "<h3>Kinds of errors</h3>",
        html.chart(
            charts.errors_by_class(table),
            "The best predictions of each class, as many as it has ground-truth tubes, by kind.",
        ),
        _folded(table, "kinds of errors", "errors.csv"),
    ]


def _folded(table: pd.DataFrame, title: str, file: str) -> str:
    """A long table, which its chart stands for at first."""
    return html.folded("As a table", html.table(table.drop(columns="dataset"), title, file))
