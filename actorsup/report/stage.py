"""The stage: the page of a data set, from the tables, curves, records and galleries of a run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import pandas as pd

from actorsup.cost import COST_COLUMNS, cost_lines
from actorsup.paper.published import SUPERVISION, read_published
from actorsup.provenance import machine
from actorsup.report import charts, html
from actorsup.report.page import STATIC, Page, write_page
from actorsup.report.settings import ReportSettings

_SHOWN = "0.5"


@dataclass(frozen=True)
class ReportInputs:
    """The files that a page is made from; what a data set does not have is None or empty.

    Attributes:
        videos: videos.csv.
        failures: failures.csv.
        galleries: The galleries' folders, one a shard.
        stages: One shard of each stage, by the stage's name: their provenance is shown.
        map: The table of average precision.
        recall: The table of recall.
        errors: The table of kinds of errors.
        intervals: The table of confidence intervals.
        records: Snakemake's records of what jobs took, as ``cost.find_records`` has them.
        ablations: Tables of ablations that have been made.
        curves: The training curve of each linker, model and seed.
        published: The paper's name of the data set, where it has published figures.
    """

    videos: Path
    failures: Path
    galleries: Sequence[Path]
    stages: Mapping[str, Path]
    map: Path | None = None
    recall: Path | None = None
    errors: Path | None = None
    intervals: Path | None = None
    records: Sequence[str] = field(default=())
    ablations: Sequence[Path] = field(default=())
    curves: Mapping[tuple[str, str, int], Path] = field(default_factory=dict)
    published: str | None = None


def write_report(
    dataset: str, inputs: ReportInputs, output: Path, settings: ReportSettings, error_iou: float
) -> None:
    """Write the page of a data set.

    Args:
        dataset: Its name.
        inputs: What it is made from.
        output: The HTML file; the galleries lie below ``report_data/`` beside it.
        settings: In how many files the page is.
        error_iou: The IoU at which the galleries call a prediction right.

    Raises:
        DataError: A file cannot be used.
    """
    videos = pd.read_csv(
        inputs.videos, dtype={"video": str, "label": str, "split": str}, keep_default_na=False
    )
    failures = pd.read_csv(inputs.failures, dtype=str, keep_default_na=False)
    sections = [
        ("run", "What was run", _run(videos, failures, inputs)),
        ("numbers", "The numbers", _numbers(dataset, inputs)),
        ("training", "Training", _training(inputs.curves)),
        ("videos", "The videos", _gallery(bool(inputs.galleries), inputs.map is not None, error_iou)),
    ]
    page = Page(
        title=dataset,
        subtitle=_subtitle(videos, failures),
        sections=[part for part in sections if part[2]],
        folder=output.parent / "report_data",
        galleries=[path.name for path in inputs.galleries],
    )
    write_page(page, output, settings)


def _subtitle(videos: pd.DataFrame, failures: pd.DataFrame) -> str:
    splits = [
        f"{count} of the split {name}" for name, count in videos["split"].value_counts().items() if name
    ]
    text = f"{len(videos)} videos" + (f", {' and '.join(splits)}" if splits else "")
    failed = failures["video"].nunique()
    return f"{text}. " + (f"{failed} could not be used." if failed else "All could be used.")


# ------------------------------------------------------------------------------- what was run


def _run(videos: pd.DataFrame, failures: pd.DataFrame, inputs: ReportInputs) -> str:
    parts = [_key_figures(videos, inputs)]
    if len(failures):
        parts += [
            "<h3>What could not be used</h3>",
            html.table(failures, "videos that failed", "failures.csv"),
            html.paragraph("Each was left out at that stage; all other videos went on.", "note"),
        ]
    if cost := cost_lines(inputs.records, len(videos)):
        table = pd.DataFrame(cost, columns=COST_COLUMNS).set_index("stage").astype(float).reset_index()
        parts += [
            "<h3>Time and memory by stage</h3>",
            html.table(table, "cost by stage", "cost.csv", 2),
            html.paragraph(
                f"This page was written on {machine()}; other jobs may have run elsewhere.", "note"
            ),
        ]
    parts.append("<h3>Settings and versions</h3>")
    parts += [_provenance(stage, path) for stage, path in inputs.stages.items()]
    return "\n".join(parts)


def _key_figures(videos: pd.DataFrame, inputs: ReportInputs) -> str:
    figures = [("videos", f"{len(videos):,}"), ("frames", f"{int(pd.to_numeric(videos['frames']).sum()):,}")]
    if inputs.map:
        table = _read(inputs.map)
        for threshold in ("0.2", _SHOWN):
            rows = table[(table["class"] == "mean") & (table["iou_threshold"] == threshold)]
            if len(rows):
                first = rows[
                    (rows["linker"] == rows["linker"].iloc[0]) & (rows["model"] == rows["model"].iloc[0])
                ]
                seeds = f", mean of {len(first)} seeds" if len(first) > 1 else ""
                value = first["average_precision"].mean()
                figures.append((f"mAP at IoU {threshold}, {first['model'].iloc[0]}{seeds}", f"{value:.3f}"))
    if inputs.recall:
        table = _read(inputs.recall)
        rows = table[(table["group"] == "all") & (table["iou_threshold"] == _SHOWN)]
        if len(rows):
            last = rows[rows["linker"] == rows["linker"].iloc[0]].iloc[-1]
            what = f"recall at IoU {_SHOWN} of {last['proposals']} tubes, {last['linker']}"
            figures.append((what, f"{last['recall']:.3f}"))
    return html.key_figures(figures)


def _read(path: Path) -> pd.DataFrame:
    """One of the contract's tables; thresholds stay text."""
    return pd.read_csv(
        path, dtype={"iou_threshold": str, "class": str, "group": str}, keep_default_na=False, na_values=[""]
    )


def _provenance(stage: str, path: Path) -> str:
    """What the artifact of a stage says made it, folded."""
    with h5py.File(path, "r") as shard:
        record: dict[str, Any] = json.loads(shard.attrs["provenance"])
    settings = ", ".join(f"{key}: {value}" for key, value in record.get("settings", {}).items())
    return html.folded(
        f"{stage}: {settings}"[:160], html.preformatted(json.dumps(record, indent=2, sort_keys=True))
    )


# ------------------------------------------------------------------------------- the numbers


def _numbers(dataset: str, inputs: ReportInputs) -> str:
    parts: list[str] = []
    if inputs.map:
        parts += _map_parts(dataset, _read(inputs.map))
    if inputs.recall:
        parts += _recall_parts(dataset, _read(inputs.recall))
    if inputs.errors:
        parts += [
            "<h3>Kinds of errors</h3>",
            html.table(_read(inputs.errors), "kinds of errors", "errors.csv"),
        ]
    if inputs.intervals:
        parts += [
            "<h3>How certain the figures are</h3>",
            html.table(_read(inputs.intervals), "confidence intervals", "intervals.csv"),
        ]
    for path in inputs.ablations:
        parts += [
            f"<h3>Ablation: {html.escape(path.stem)}</h3>",
            html.table(_read(path), path.stem, path.name),
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
    shown = _SHOWN if _SHOWN in thresholds else thresholds[0]
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
    shown = _SHOWN if _SHOWN in thresholds else min(thresholds)
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
        html.table(table.drop(columns="dataset"), "recall", f"{dataset}_recall.csv"),
    ]


# -------------------------------------------------------------------------------- training


def _training(curves: Mapping[tuple[str, str, int], Path]) -> str:
    if not curves:
        return ""
    rows = pd.concat(
        [
            pd.read_csv(path).assign(linker=linker, model=model, seed=seed)
            for (linker, model, seed), path in curves.items()
        ]
    )
    parts = [
        html.chart(
            charts.training_curves(rows, column, column), f"Training {column} by epoch; thin lines are seeds."
        )
        for column in ("loss", "accuracy")
        if column in rows
    ]
    return html.side_by_side(*parts) + html.folded(
        "As a table", html.table(rows, "training by epoch", "training.csv", 5)
    )


# -------------------------------------------------------------------------------- the videos


def _gallery(some: bool, evaluated: bool, threshold: float) -> str:
    if not some:
        return html.paragraph("No video was scored, so that none can be shown; the failures above say why.")
    about = "Each video plays with its tubes: predictions solid, in orange."
    if evaluated:
        about = (
            "Each video plays with its tubes: predictions solid, ground truth dashed. Right means that the "
            "prediction of the highest score lies on a ground-truth tube of its class with an IoU of "
            f"{threshold:g} or more. Best first is by the IoU of the best-scoring prediction of the video's "
            "own class."
        )
    return (STATIC / "gallery.html").read_text("utf-8").replace("@about@", html.escape(about))
