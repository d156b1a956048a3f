"""The main results of a run, in a few lines for the person who started it."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

_THRESHOLDS = ("0.2", "0.5")
_FAILURES = 3
"""Lines of failures.csv to show."""


def summary(datasets: Iterable[str], results: Path, since: float) -> str:
    """List the tables and pages that a run made, with their main figures, and the videos that failed.

    Args:
        datasets: Names of the data sets.
        results: The folder of results.
        since: When the run started, in seconds since the epoch; older files are left out.

    Returns:
        Lines of text; empty if no such file was made.
    """
    lines: list[str] = []
    for name in datasets:
        descriptions: dict[Path, Callable[[Path], list[str]]] = {
            results / f"{name}_map.csv": _map,
            results / f"{name}_recall.csv": _recall,
            results / name / "failures.csv": _failures,
            results / name / "predictions.json": lambda path: [""],
            results / name / "tubes.png": lambda path: [""],
            results / name / "report.html": lambda path: ["open it in a browser"],
        }
        for path, describe in descriptions.items():
            if path.is_file() and path.stat().st_mtime >= since:
                first, *more = _described(describe, path)
                lines += [f"  {path.as_posix():<36} {first}".rstrip(), *(f"      {line}" for line in more)]
    return "\n".join(["Made:", *lines]) if lines else ""


def _described(describe: Callable[[Path], list[str]], path: Path) -> list[str]:
    try:
        return describe(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return [""]  # an unreadable table must not make a successful run fail


def _map(path: Path) -> list[str]:
    text = {"iou_threshold": str, "class": str}
    rows = pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""])
    rows = rows[(rows["class"] == "mean") & rows["iou_threshold"].isin(_THRESHOLDS)]
    lines = []
    for (linker, model), run in rows.groupby(["linker", "model"], sort=False):
        means = run.groupby("iou_threshold", sort=False)["average_precision"].mean()
        seeds = run["seed"].nunique()
        which = f"mean of {seeds} seeds" if seeds > 1 else f"seed {run['seed'].iloc[0]}"
        lines.append(f"mAP {_figures(means)} ({linker}, {model}, {which})")
    return lines or ["no figures at these thresholds"]


def _recall(path: Path) -> list[str]:
    rows = pd.read_csv(path, dtype={"iou_threshold": str, "group": str})
    rows = rows[(rows["group"] == "all") & rows["iou_threshold"].isin(_THRESHOLDS)]
    lines = []
    for linker, run in rows.groupby("linker", sort=False):
        most = run["proposals"].max()
        recall = run[run["proposals"] == most].set_index("iou_threshold")["recall"]
        lines.append(f"recall of {most} tubes {_figures(recall)} ({linker})")
    return lines or ["no figures at these thresholds"]


def _figures(values: pd.Series) -> str:
    return ", ".join(f"{value:.3f} at {threshold}" for threshold, value in values.items())


def _failures(path: Path) -> list[str]:
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    if rows.empty:
        return ["no video failed"]
    lines = [f"{rows['video'].nunique()} videos could not be used; the others were processed:"]
    lines += [f"{row.video}, at {row.stage}: {row.reason}" for row in rows.head(_FAILURES).itertuples()]
    more = [f"... and {len(rows) - _FAILURES} more lines"] if len(rows) > _FAILURES else []
    return [*lines, *more, "Repair or remove them and repeat the command: only they are processed again."]
