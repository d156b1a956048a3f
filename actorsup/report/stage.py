"""The stage: the page of a data set, from the tables, curves, records and galleries of a run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import pandas as pd

from actorsup.artifacts.provenance import machine
from actorsup.report import charts, html
from actorsup.report.cost import COST_COLUMNS, cost_lines
from actorsup.report.inputs import ReportInputs, read_table
from actorsup.report.numbers import SHOWN, numbers
from actorsup.report.page import STATIC, Page, write_page
from actorsup.report.settings import ReportSettings


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
        ("numbers", "The numbers", numbers(dataset, inputs)),
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
        table = read_table(inputs.map)
        for threshold in ("0.2", SHOWN):
            rows = table[(table["class"] == "mean") & (table["iou_threshold"] == threshold)]
            if len(rows):
                first = rows[
                    (rows["linker"] == rows["linker"].iloc[0]) & (rows["model"] == rows["model"].iloc[0])
                ]
                seeds = f", mean of {len(first)} seeds" if len(first) > 1 else ""
                value = first["average_precision"].mean()
                figures.append((f"mAP at IoU {threshold}, {first['model'].iloc[0]}{seeds}", f"{value:.3f}"))
    if inputs.recall:
        table = read_table(inputs.recall)
        rows = table[(table["group"] == "all") & (table["iou_threshold"] == SHOWN)]
        if len(rows):
            last = rows[rows["linker"] == rows["linker"].iloc[0]].iloc[-1]
            what = f"recall at IoU {SHOWN} of {last['proposals']} tubes, {last['linker']}"
            figures.append((what, f"{last['recall']:.3f}"))
    return html.key_figures(figures)


def _provenance(stage: str, path: Path) -> str:
    """What the artifact of a stage says made it, folded."""
    with h5py.File(path, "r") as shard:
        record: dict[str, Any] = json.loads(shard.attrs["provenance"])
    settings = ", ".join(f"{key}: {value}" for key, value in record.get("settings", {}).items())
    return html.folded(
        f"{stage}: {settings}"[:160], html.preformatted(json.dumps(record, indent=2, sort_keys=True))
    )


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
