"""The stage that writes the page of a data set from the tables, curves, records and galleries of a run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from actorsup.artifacts.hdf5_files import open_hdf5
from actorsup.artifacts.provenance import machine
from actorsup.errors import REBUILD
from actorsup.report import charts
from actorsup.report.cost import COST_COLUMNS, cost_lines
from actorsup.report.html import PARTS, join, table
from actorsup.report.inputs import ReportInputs, read_table
from actorsup.report.numbers import SHOWN, numbers
from actorsup.report.page import Page, write_page
from actorsup.report.settings import ReportSettings


def write_report(
    dataset: str, inputs: ReportInputs, output: Path, settings: ReportSettings, error_iou: float
) -> None:
    """Write the page of a data set.

    Args:
        dataset: Name of the data set.
        inputs: The input files of the page.
        output: The HTML file, next to ``report_data/``, which holds the galleries.
        settings: Whether the page is a single file.
        error_iou: IoU from which a prediction in the gallery is correct.

    Raises:
        DataError: An input file cannot be used.
    """
    text = {"video": str, "label": str, "split": str}
    videos = pd.read_csv(inputs.videos, dtype=text, keep_default_na=False)
    failures = pd.read_csv(inputs.failures, dtype=str, keep_default_na=False)
    sections = [
        ("run", "The run", _run(videos, failures, inputs)),
        ("numbers", "Results", numbers(dataset, inputs)),
        ("training", "Training", _training(inputs.curves)),
        ("videos", "Videos", _gallery(bool(inputs.galleries), inputs.map is not None, error_iou)),
    ]
    page = Page(
        title=dataset,
        subtitle=_subtitle(videos, failures),
        sections=[section for section in sections if section[2]],
        folder=output.parent / "report_data",
        galleries=[path.name for path in inputs.galleries],
    )
    write_page(page, output, settings)


def _subtitle(videos: pd.DataFrame, failures: pd.DataFrame) -> str:
    counts = videos["split"].value_counts().items()
    splits = " and ".join(f"{count} in split {name}" for name, count in counts if name)
    failed = failures["video"].nunique()
    outcome = f"{failed} could not be used." if failed else "All could be used."
    return f"{len(videos)} videos{', ' if splits else ''}{splits}. {outcome}"


def _run(videos: pd.DataFrame, failures: pd.DataFrame, inputs: ReportInputs) -> Markup:
    parts = [PARTS.key_figures(_key_figures(videos, inputs))]
    if len(failures):
        parts += [
            PARTS.heading("Videos that could not be used"),
            table(failures, "videos that failed", "failures.csv"),
            PARTS.note("Each was left out from that stage on; all other videos were processed."),
        ]
    if cost := cost_lines(inputs.records, len(videos)):
        rows = pd.DataFrame(cost, columns=COST_COLUMNS).set_index("stage").astype(float).reset_index()
        parts += [
            PARTS.heading("Time and memory by stage"),
            table(rows, "cost by stage", "cost.csv", 2),
            PARTS.note(f"This page was written on {machine()}; other jobs may have run elsewhere."),
        ]
    parts.append(PARTS.heading("Settings and versions"))
    return join([*parts, *(_provenance(stage, path) for stage, path in inputs.stages.items())])


def _key_figures(videos: pd.DataFrame, inputs: ReportInputs) -> list[tuple[str, str]]:
    figures = [("videos", f"{len(videos):,}"), ("frames", f"{int(pd.to_numeric(videos['frames']).sum()):,}")]
    if inputs.map:
        means = read_table(inputs.map).query("`class` == 'mean'")
        for threshold in ("0.2", SHOWN):
            rows = means[means["iou_threshold"] == threshold]
            if len(rows):
                linker, model = rows.iloc[0][["linker", "model"]]
                first = rows[(rows["linker"] == linker) & (rows["model"] == model)]
                seeds = f", mean of {len(first)} seeds" if len(first) > 1 else ""
                value = f"{first['average_precision'].mean():.3f}"
                figures.append((f"mAP at IoU {threshold}, {model}{seeds}", value))
    if inputs.recall:
        rows = read_table(inputs.recall)
        rows = rows[(rows["group"] == "all") & (rows["iou_threshold"] == SHOWN)]
        if len(rows):
            last = rows[rows["linker"] == rows["linker"].iloc[0]].iloc[-1]
            meaning = f"recall at IoU {SHOWN} of {last['proposals']} tubes, {last['linker']}"
            figures.append((meaning, f"{last['recall']:.3f}"))
    return figures


def _provenance(stage: str, path: Path) -> Markup:
    with open_hdf5(path, f"not a valid shard; {REBUILD}") as shard:
        record: dict[str, Any] = json.loads(shard.attrs["provenance"])
    settings = ", ".join(f"{key}: {value}" for key, value in record.get("settings", {}).items())
    text = json.dumps(record, indent=2, sort_keys=True)
    return PARTS.folded(f"{stage}: {settings}"[:160], PARTS.preformatted(text))


def _training(curves: Mapping[tuple[str, str, int], Path]) -> Markup:
    if not curves:
        return Markup()
    rows = pd.concat(
        [
            pd.read_csv(path).assign(linker=linker, model=model, seed=seed)
            for (linker, model, seed), path in curves.items()
        ]
    )
    drawn = [
        (charts.training_curves(rows, column, column), f"Training {column} by epoch; thin lines are seeds.")
        for column in ("loss", "accuracy")
        if column in rows
    ]
    by_epoch = table(rows, "training by epoch", "training.csv", 5)
    return join([PARTS.charts(drawn), PARTS.folded("As a table", by_epoch)])


def _gallery(has_videos: bool, is_evaluated: bool, threshold: float) -> Markup:
    if not has_videos:
        return PARTS.note("No video was scored, so none can be shown; the failures above say why.")
    if not is_evaluated:
        return PARTS.gallery("Each video plays with its predicted tubes drawn in solid orange.")
    return PARTS.gallery(
        "Each video plays with its tubes: predictions solid, ground truth dashed. A video is right if its "
        f"top prediction has an IoU of {threshold:g} or more with a ground-truth tube of its class. Best "
        "first sorts by the IoU of the top prediction among the video's own classes."
    )
