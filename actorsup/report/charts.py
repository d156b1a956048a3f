"""Charts of the tables, as Vega-Lite specifications by Altair."""

from typing import Any

import altair as alt
import pandas as pd

# Okabe and Ito's palette, which color-blind people can distinguish, without its yellow
PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#999999"]
RANGE = "0.5:0.95"

Chart = dict[str, Any]


def _finish(chart: alt.Chart | alt.LayerChart | alt.FacetChart, height: int = 260) -> Chart:
    finished = chart.properties(width="container", height=height).configure_range(category=PALETTE)
    finished = finished.configure_legend(orient="bottom", columns=3, labelLimit=260)
    return dict(finished.configure_axis(labelFontSize=12, titleFontSize=12).to_dict())


def _share(field: str, title: str) -> alt.Y:
    return alt.Y(f"{field}:Q", title=title, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%"))


def map_by_threshold(table: pd.DataFrame) -> Chart:
    """MAP by IoU threshold: one line for each linker and model, one point for each seed.

    Args:
        table: A table like ``results/{dataset}_map.csv``.
    """
    means = table[(table["class"] == "mean") & (table["iou_threshold"] != RANGE)]
    means = means.assign(
        run=means["linker"] + ", " + means["model"], iou=means["iou_threshold"].astype(float)
    )[["run", "seed", "iou", "average_precision"]]
    base = alt.Chart(means).encode(
        x=alt.X("iou:Q", title="IoU threshold"), color=alt.Color("run:N", title="linker, model")
    )
    line = base.mark_line().encode(y=_share("mean(average_precision)", "mAP"))
    points = base.mark_point(filled=True, size=55).encode(
        y=_share("average_precision", "mAP"),
        tooltip=["run", "seed", "iou", alt.Tooltip("average_precision:Q", title="mAP", format=".3f")],
    )
    return _finish(alt.layer(line, points))


def ap_by_class(table: pd.DataFrame, threshold: str) -> Chart:
    """Average precision of each class at one threshold, averaged over seeds; one bar for each run.

    Args:
        table: A table like ``results/{dataset}_map.csv``.
        threshold: The threshold as written in the table.
    """
    at_threshold = table["iou_threshold"] == threshold
    rows = table[at_threshold & (table["class"] != "mean") & (table["ground_truth"] > 0)]
    rows = rows.assign(run=rows["linker"] + ", " + rows["model"])
    rows = rows.groupby(["class", "run", "ground_truth"], as_index=False).agg({"average_precision": "mean"})
    tooltip = ["class", "run", alt.Tooltip("average_precision:Q", format=".3f"), "ground_truth"]
    value = alt.X("average_precision:Q", title=f"average precision at IoU {threshold}")
    return _bars(rows, "class", value, alt.Color("run:N", title="linker, model"), tooltip, 120)


def _bars(
    rows: pd.DataFrame, name: str, value: alt.X, color: alt.Color, tooltip: list[Any], height: int
) -> Chart:
    """Horizontal bars of fractions, in groups by name, one bar for each color."""
    chart = (
        alt.Chart(rows)
        .mark_bar()
        .encode(
            y=alt.Y(f"{name}:N", title=None, sort="-x"),
            x=value.axis(format="%").scale(domain=[0, 1]).stack(False),
            yOffset=alt.YOffset(color.shorthand),
            color=color,
            tooltip=tooltip,
        )
    )
    return _finish(chart, height=max(height, 14 * len(rows) + 30))


def recall_by_count(table: pd.DataFrame, group: str = "all") -> Chart:
    """Recall by number of proposals: one line for each linker and threshold.

    Args:
        table: A table like ``results/{dataset}_recall.csv``.
        group: A group of the table.
    """
    rows = table[table["group"] == group][["linker", "proposals", "iou_threshold", "recall"]]
    rows = rows.assign(iou=rows["iou_threshold"].map(lambda value: f"{float(value):g}"))
    counts = sorted(rows["proposals"].unique().tolist())
    pick = alt.selection_point(fields=["iou"], bind="legend")
    chart = (
        alt.Chart(rows)
        .mark_line(point=True)
        .encode(
            x=alt.X("proposals:Q", title="proposals a video", axis=alt.Axis(values=counts, format="d")).scale(
                type="log", nice=False
            ),
            y=_share("recall", "recall"),
            color=alt.Color("iou:N", title="IoU threshold"),
            strokeDash=alt.StrokeDash("linker:N", title="linker"),
            opacity=alt.when(pick).then(alt.value(1)).otherwise(alt.value(0.12)),
            tooltip=["linker", "proposals", "iou", alt.Tooltip("recall:Q", format=".3f")],
        )
        .add_params(pick)
    )
    return _finish(chart)


def recall_by_group(table: pd.DataFrame, kind: str, threshold: str) -> Chart | None:
    """Recall of all proposals for each class or actor at one threshold: one bar for each linker.

    Args:
        table: A table like ``results/{dataset}_recall.csv``.
        kind: ``class`` or ``actor``.
        threshold: The threshold as written in the table.

    Returns:
        None if the table has fewer than two of this kind.
    """
    at_threshold = table["iou_threshold"].astype(str) == threshold
    rows = table[table["group"].str.startswith(f"{kind}:") & at_threshold]
    rows = rows[rows["proposals"] == rows.groupby("linker")["proposals"].transform("max")]
    rows = rows.assign(name=rows["group"].str.removeprefix(f"{kind}:"))
    if rows["name"].nunique() < 2:
        return None
    rows = rows[["name", "linker", "recall", "ground_truth", "proposals"]]
    tooltip = ["name", "linker", "proposals", alt.Tooltip("recall:Q", format=".3f"), "ground_truth"]
    value = alt.X("recall:Q", title=f"recall at IoU {threshold}")
    return _bars(rows, "name", value, alt.Color("linker:N", title="linker"), tooltip, 100)


def errors_by_class(table: pd.DataFrame) -> Chart:
    """The top predictions of each class by kind of error: one stacked bar for each class.

    Args:
        table: A table like ``results/{dataset}/errors.csv``; counts are summed over runs.
    """
    rows = table[(table["predictions"] == "top") & (table["class"] != "all") & (table["kind"] != "missed")]
    rows = rows.groupby(["class", "kind"], as_index=False, sort=False).agg({"count": "sum"})
    order = list(dict.fromkeys(rows["kind"]))
    chart = (
        alt.Chart(rows)
        .mark_bar()
        .encode(
            y=alt.Y("class:N", title=None),
            x=alt.X("count:Q", title="predictions"),
            color=alt.Color("kind:N", title=None, sort=order, scale=alt.Scale(domain=order)),
            order=alt.Order("place:Q"),
            tooltip=["class", "kind", "count"],
        )
        .transform_calculate(place=f"indexof({order}, datum.kind)")
    )
    return _finish(chart, height=max(100, 22 * rows["class"].nunique() + 30))


def training_curves(curves: pd.DataFrame, column: str, title: str) -> Chart:
    """One column of the training curves by epoch: thin lines are seeds, the thick one is their mean.

    Args:
        curves: ``linker``, ``model``, ``seed``, ``epoch`` and the column.
        column: ``loss``, ``accuracy``, ...
        title: Title of the axis.
    """
    rows = curves.assign(run=curves["linker"] + ", " + curves["model"])[["run", "seed", "epoch", column]]
    base = alt.Chart(rows).encode(
        x=alt.X("epoch:Q", title="epoch", axis=alt.Axis(tickMinStep=1)),
        color=alt.Color("run:N", title="linker, model"),
    )
    value = alt.Y(f"{column}:Q", title=title)
    seeds = base.mark_line(opacity=0.45, strokeWidth=1, point=True).encode(
        y=value, detail="seed:N", tooltip=["run", "seed", "epoch", alt.Tooltip(f"{column}:Q", format=".4f")]
    )
    mean = base.mark_line(strokeWidth=3).encode(y=alt.Y(f"mean({column}):Q", title=title))
    return _finish(alt.layer(seeds, mean), height=220)
