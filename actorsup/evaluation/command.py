"""``actorsup evaluate``: tables of tubes that were made elsewhere, without a run."""

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import pandas as pd

from actorsup.errors import ConfigError, DataError
from actorsup.evaluation.bootstrap import INTERVAL_COLUMNS, precision_intervals, recall_intervals
from actorsup.evaluation.error_analysis import errors_table, kinds_table
from actorsup.evaluation.frame_level import frame_table
from actorsup.evaluation.ground_truth import (
    StoredGroundTruth,
    read_annotated,
    read_ground_truth,
    test_videos,
)
from actorsup.evaluation.matching import VideoOverlap, overlaps
from actorsup.evaluation.predictions import Predictions, read_predictions
from actorsup.evaluation.protocol import EvaluationProtocol
from actorsup.evaluation.settings import EvaluationSettings
from actorsup.evaluation.split import tell_classes, tell_scores, tell_videos
from actorsup.evaluation.stage import write_table
from actorsup.evaluation.tables import actor_table, map_table, recall_table

_LOG = logging.getLogger("actorsup")


def evaluate(options: argparse.Namespace) -> None:
    """Evaluate tubes that were scored elsewhere, and print their mAP.

    Args:
        options: Of the command line.

    Raises:
        DataError, ConfigError: A file or an option cannot be used.
    """
    with _warnings():
        tables = _tables(options, _settings(options))
    for path, table in tables.items():
        write_table(table, path)
    means = tables[options.output].query("`class` == 'mean'")
    for threshold, value in zip(means["iou_threshold"], means["average_precision"], strict=True):
        print(f"mAP@{threshold}: {value:.4f}")


def _settings(options: argparse.Namespace) -> EvaluationSettings:
    """What the options say; what they leave out is as by default."""
    names = [field.name for field in fields(EvaluationSettings)]
    given = {name: getattr(options, name) for name in names if getattr(options, name, None) is not None}
    settings = EvaluationSettings(**given)
    for name in [field.name for field in fields(EvaluationProtocol)]:
        if name in given and given[name] != getattr(settings.rules, name):
            raise ConfigError(
                f"--protocol {settings.protocol} has {name} {getattr(settings.rules, name)!r}; leave one out"
            )
    return settings


def _tables(options: argparse.Namespace, settings: EvaluationSettings) -> dict[Path, pd.DataFrame]:
    truth = read_ground_truth(options.ground_truth)
    predictions = read_predictions(options.predictions)
    names = _videos(truth, predictions, options.videos)
    tell_videos(names, truth, predictions.videos)
    tell_classes(truth.classes(names), predictions.classes)
    annotated = read_annotated(options.annotated) if options.annotated else None
    rules, levels, classes = settings.rules, settings.iou_thresholds, predictions.classes
    found = overlaps(names, predictions.videos, truth, annotated, rules)
    tell_scores(found)
    tables = {options.output: map_table(found, classes, rules, levels)}
    if options.recall:
        tables[options.recall] = recall_table(found, levels, rules)
    if options.errors:
        tables[options.errors] = errors_table(found, classes, settings.error_iou, rules)
    if options.kinds:
        tables[options.kinds] = kinds_table(found, classes, settings.error_iou, rules)
    if options.intervals:
        tables[options.intervals] = _intervals(found, classes, settings, options.seed)
    if options.actor_map:
        tables[options.actor_map] = actor_table(found, classes, rules, levels)
    if options.frame_map:
        of_frames = frame_table(names, predictions.videos, truth, classes, annotated, rules, levels)
        tables[options.frame_map] = of_frames
    return tables


def _videos(truth: StoredGroundTruth, predictions: Predictions, table: Path | None) -> list[str]:
    """The videos to evaluate: those of a table, or those of both sides.

    Raises:
        DataError: Nothing is predicted of any video that has ground truth.
    """
    names = test_videos(table)[0] if table else sorted({*truth, *predictions.videos})
    true, made = ([name for name in names if name in side] for side in (truth, predictions.videos))
    if not true:
        raise DataError("no video to evaluate has ground truth")
    if made and not {*true} & {*made}:
        raise DataError(
            f"no video has both ground truth and predictions; found ids such as {true[0]!r} and {made[0]!r}"
        )
    return names


def _intervals(
    found: Sequence[VideoOverlap], classes: Sequence[str], settings: EvaluationSettings, seed: int
) -> pd.DataFrame:
    rules, levels, resamples = settings.rules, settings.iou_thresholds, settings.resamples
    parts = [
        recall_intervals(found, levels, rules, resamples=resamples, seed=seed),
        precision_intervals(found, classes, rules, levels, resamples, seed),
    ]
    return pd.concat(parts)[INTERVAL_COLUMNS[4:]]


@contextmanager
def _warnings() -> Iterator[None]:
    """What is odd about the input goes to stderr, a line each."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("actorsup: %(levelname)s: %(message)s"))
    level = _LOG.level
    _LOG.addHandler(handler)
    _LOG.setLevel(logging.INFO)
    try:
        yield
    finally:
        _LOG.removeHandler(handler)
        _LOG.setLevel(level)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``actorsup evaluate``."""
    add = parser.add_argument
    add(
        "--ground-truth",
        type=Path,
        required=True,
        help="video,tube,class,frame,x1,... (CSV); COCO JSON, CVAT XML, MOT text",
    )
    add("--predictions", type=Path, required=True, nargs="+", help="predictions.json or .h5")
    add("--output", type=Path, required=True, help="the table of average precision")
    add("--recall", type=Path, help="a table of recall too")
    add("--errors", type=Path, help="how many predictions are right, or in which way wrong")
    add("--kinds", type=Path, help="the same of each tube and class")
    add("--intervals", type=Path, help="confidence intervals of precision and recall")
    add("--actor-map", type=Path, help="average precision for each actor of the ground truth")
    add("--frame-map", type=Path, help="average precision of the boxes of every frame")
    add("--videos", type=Path, help="the test videos; default: those of the two files")
    add("--annotated", type=Path, help="video,frame: only these frames are annotated")
    add("--protocol", metavar="NAME", help="the rules of act, moc, yowo, retinanet, mmaction2 or matlab")
    for field in fields(EvaluationProtocol):
        if field.name == "strict":
            add("--strict", action="store_true", default=None, help="the IoU must be above the threshold")
        else:
            kind = float if field.name == "nms_iou" else str
            add("--" + field.name.replace("_", "-"), type=kind, help=_HELP[field.name])
    add("--iou-thresholds", type=_threshold, nargs="+", help="0.1 to 0.5, 0.75 by default")
    add("--error-iou", type=_threshold, help="from which IoU on a tube is right, 0.5 by default")
    add("--resamples", type=int, help="how often videos are drawn for intervals, 1000 by default")
    add("--seed", type=int, default=0, help="of that drawing")


_HELP = {
    "interpolation": "envelope (default) or trapezoid",
    "matching": "free (default) or voc",
    "nms_iou": "of tubes of a class that overlap more, only the best is predicted; none by default",
    "box_area": "continuous (default) or plus_one",
    "duration": "frames (default) or ends",
}


def _threshold(text: str) -> float:
    """An IoU threshold of the command line."""
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text}: an IoU threshold is above 0 and at most 1")
    return value
