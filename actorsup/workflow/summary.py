"""What a run has made, in a few lines for the person who started it."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

_SHOWN = ("0.2", "0.5")
_NAMED = 3


def summary(datasets: Iterable[str], results: Path, since: float) -> str:
    """The tables and pages that are newer than the run, with their main figures and what failed.

    Args:
        datasets: Names of the data sets.
        results: The folder of results.
        since: When the run began, seconds since the epoch; files that are older are left out.

    Returns:
        Lines of text; empty where nothing of these was made.
    """
    lines: list[str] = []
    for name in datasets:
        made = {
            results / f"{name}_map.csv": _of_map,
            results / f"{name}_recall.csv": _of_recall,
            results / name / "failures.csv": _of_failures,
            results / name / "predictions.json": _of_file,
            results / name / "tubes.png": _of_file,
            results / name / "report.html": _of_page,
        }
        for path, told in made.items():
            if path.is_file() and path.stat().st_mtime >= since:
                first, *more = _told(told, path)
                lines += [f"  {path.as_posix():<36} {first}".rstrip(), *(f"      {line}" for line in more)]
    return "\n".join(["Made:", *lines]) if lines else ""


def _told(how: Callable[[Path], list[str]], path: Path) -> list[str]:
    """What is said of a file; nothing but its name where it cannot be read, since the run went well."""
    try:
        return how(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return [""]


def _of_file(path: Path) -> list[str]:
    return [""]


def _of_page(path: Path) -> list[str]:
    return ["open it in a browser"]


def _of_map(path: Path) -> list[str]:
    rows = pd.read_csv(
        path, dtype={"iou_threshold": str, "class": str}, keep_default_na=False, na_values=[""]
    )
    rows = rows[(rows["class"] == "mean") & rows["iou_threshold"].isin(_SHOWN)]
    lines = []
    for (linker, model), run in rows.groupby(["linker", "model"], sort=False):
        means = run.groupby("iou_threshold", sort=False)["average_precision"].mean()
        seeds = run["seed"].nunique()
        of = f"mean of {seeds} seeds" if seeds > 1 else f"seed {run['seed'].iloc[0]}"
        lines.append(f"mAP {_figures(means)} ({linker}, {model}, {of})")
    return lines or ["no figures at these thresholds"]


def _of_recall(path: Path) -> list[str]:
    rows = pd.read_csv(path, dtype={"iou_threshold": str, "group": str})
    rows = rows[(rows["group"] == "all") & rows["iou_threshold"].isin(_SHOWN)]
    lines = []
    for linker, run in rows.groupby("linker", sort=False):
        most = run["proposals"].max()
        last = run[run["proposals"] == most].set_index("iou_threshold")["recall"]
        lines.append(f"recall of {most} tubes {_figures(last)} ({linker})")
    return lines or ["no figures at these thresholds"]


def _figures(values: pd.Series) -> str:
    return ", ".join(f"{value:.3f} at {threshold}" for threshold, value in values.items())


def _of_failures(path: Path) -> list[str]:
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    if rows.empty:
        return ["no video failed"]
    lines = [f"{rows['video'].nunique()} videos could not be used, the others went on:"]
    lines += [f"{row.video}, at {row.stage}: {row.reason}" for row in rows.head(_NAMED).itertuples()]
    if len(rows) > _NAMED:
        lines.append(f"... and {len(rows) - _NAMED} more lines")
    return [*lines, "Mend or remove them and run the same command again: only they are done again."]
