"""The results on the page: average precision, recall, CorLoc, errors, intervals, ablations, papers."""

import pandas as pd
from markupsafe import Markup

from actorsup.report import charts
from actorsup.report.html import PARTS, join, table
from actorsup.report.inputs import ReportInputs, read_table
from actorsup.report.paper.published import SUPERVISION, read_published

SHOWN = "0.5"
"""The IoU threshold of charts and key figures that show only one."""


def numbers(dataset: str, inputs: ReportInputs) -> Markup:
    """Return the section of figures; empty if the data set has none.

    Args:
        dataset: Name of the data set.
        inputs: The input files of the page.

    Raises:
        DataError: The published figures cannot be read.
    """
    parts: list[Markup] = []
    if inputs.map:
        parts += _precision(dataset, read_table(inputs.map))
    if inputs.recall:
        parts += _recall(dataset, read_table(inputs.recall))
    if inputs.corloc:
        parts += _corloc(dataset, read_table(inputs.corloc))
    if inputs.errors:
        errors = read_table(inputs.errors)
        caption = "Top predictions of each class, as many as it has ground-truth tubes, by kind of error."
        parts += [
            PARTS.heading("Kinds of errors"),
            PARTS.charts([(charts.errors_by_class(errors), caption)]),
            _folded(errors, "kinds of errors", "errors.csv"),
        ]
    if inputs.intervals:
        parts += [
            PARTS.heading("Confidence intervals"),
            PARTS.note("95 % intervals from resampling the test videos."),
            _folded(read_table(inputs.intervals), "confidence intervals", "confidence_intervals.csv"),
        ]
    for path in inputs.ablations:
        parts += [PARTS.heading(f"Ablation: {path.stem}"), table(read_table(path), path.stem, path.name)]
    if parts and inputs.published:
        parts += _published(inputs.published)
    return join(parts)


def _published(dataset: str) -> list[Markup]:
    rows = read_published()
    rows = rows[(rows["dataset"] == dataset) & rows["measure"].isin(["recall", "mAP"])]
    columns = ["source", "method", "measure", "iou_threshold", "proposals", "actor", "percent", "bound"]
    rows = rows[[*columns, *SUPERVISION, "stated_in", "reference"]]
    return [
        PARTS.heading("Published figures"),
        PARTS.note("Copied from papers, in percent; none was produced by this code."),
        table(rows, "published figures", "published.csv", 2),
    ]


def _precision(dataset: str, rows: pd.DataFrame) -> list[Markup]:
    thresholds = list(dict.fromkeys(rows["iou_threshold"]))
    shown = SHOWN if SHOWN in thresholds else thresholds[0]
    keys = ["linker", "model", "seed", "class", "ground_truth", "tubes"]
    wide = rows.pivot_table("average_precision", keys, "iou_threshold", sort=False, dropna=False)
    wide = wide.dropna(how="all").reset_index()[[*keys[:4], *thresholds, *keys[4:]]]
    return [
        PARTS.heading("Average precision"),
        PARTS.charts(
            [
                (charts.map_by_threshold(rows), "mAP by IoU threshold."),
                (charts.ap_by_class(rows, shown), f"Average precision of each class at IoU {shown}."),
            ]
        ),
        table(wide, "average precision by class and IoU threshold", f"{dataset}_map.csv"),
    ]


def _recall(dataset: str, rows: pd.DataFrame) -> list[Markup]:
    thresholds = set(rows["iou_threshold"])
    shown = SHOWN if SHOWN in thresholds else min(thresholds)
    drawn = [(charts.recall_by_count(rows), "Recall by number of proposals per video.")]
    for kind in ("class", "actor"):
        if chart := charts.recall_by_group(rows, kind, shown):
            drawn.append((chart, f"Recall of all proposals for each {kind} at IoU {shown}."))
    return [
        PARTS.heading("Recall of the proposals"),
        PARTS.charts(drawn),
        _folded(rows, "recall", f"{dataset}_recall.csv"),
    ]


def _corloc(dataset: str, rows: pd.DataFrame) -> list[Markup]:
    thresholds = list(dict.fromkeys(rows["iou_threshold"]))
    shown = SHOWN if SHOWN in thresholds else thresholds[0]
    means = rows[(rows["class"] == "mean") & (rows["iou_threshold"] == shown)]
    columns = [
        "linker",
        "model",
        "seed",
        "split",
        "corloc",
        "corloc_low",
        "corloc_high",
        "accuracy",
        "videos",
    ]
    return [
        PARTS.heading("CorLoc and class accuracy"),
        PARTS.note(
            "CorLoc: the share of videos in which the tube with the highest score for the class has an IoU "
            f"of {shown} or more with its ground truth, with a 95 % interval. Accuracy: the share of videos "
            "whose class with the highest video score is a label. Both are means over classes. Models whose "
            "names have a space are baselines, which choose a tube without training."
        ),
        table(means[columns], f"CorLoc at IoU {shown} and class accuracy", "corloc_mean.csv"),
        _folded(rows, "CorLoc and class accuracy", f"{dataset}_corloc.csv"),
    ]


def _folded(rows: pd.DataFrame, title: str, file: str) -> Markup:
    """A long table, hidden until the reader unfolds it."""
    return PARTS.folded("As a table", table(rows.drop(columns="dataset"), title, file))
