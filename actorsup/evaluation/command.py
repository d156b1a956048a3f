"""``actorsup evaluate``: evaluate tubes from files, without a run."""

import argparse
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import pandas as pd

from actorsup.errors import ConfigError, DataError
from actorsup.evaluation.ground_truth import (
    StoredGroundTruth,
    read_annotated,
    read_ground_truth,
    test_videos,
)
from actorsup.evaluation.measures import Evaluation
from actorsup.evaluation.predictions import Predictions, read_predictions
from actorsup.evaluation.protocol import EvaluationProtocol
from actorsup.evaluation.settings import EvaluationSettings
from actorsup.evaluation.stage import write_table

_LOG = logging.getLogger("actorsup")


def evaluate(options: argparse.Namespace) -> None:
    """Evaluate scored tubes from files, write the tables, and print the mAP.

    Raises:
        DataError, ConfigError: A file or an option cannot be used.
    """
    with _log_to_stderr():
        tables = _tables(options, _settings(options))
    for path, table in tables.items():
        write_table(table, path)
    means = tables[options.output].query("`class` == 'mean'")
    for threshold, value in zip(means["iou_threshold"], means["average_precision"], strict=True):
        print(f"mAP@{threshold}: {value:.4f}")


def _settings(options: argparse.Namespace) -> EvaluationSettings:
    """The settings of the command line, with defaults for omitted options."""
    names = [field.name for field in fields(EvaluationSettings)]
    given = {name: getattr(options, name) for name in names if getattr(options, name, None) is not None}
    settings = EvaluationSettings(**given)
    protocol = settings.evaluation_protocol
    for name in [field.name for field in fields(EvaluationProtocol)]:
        if name in given and given[name] != getattr(protocol, name):
            raise ConfigError(
                f"--protocol {settings.protocol} has {name} {getattr(protocol, name)!r}; omit either"
            )
    return settings


def _tables(options: argparse.Namespace, settings: EvaluationSettings) -> dict[Path, pd.DataFrame]:
    """The tables that the options ask for, by path."""
    truth, predictions = read_ground_truth(options.ground_truth), read_predictions(options.predictions)
    videos = _videos(truth, predictions, options.videos)
    annotated = read_annotated(options.annotated) if options.annotated else None
    evaluation = Evaluation(truth, predictions, settings.evaluation_protocol, videos, annotated)
    levels, iou = settings.iou_thresholds, settings.error_iou
    tables: dict[str, Callable[[], pd.DataFrame]] = {
        "output": lambda: evaluation.average_precision(levels),
        "recall": lambda: evaluation.recall(levels),
        "errors": lambda: evaluation.errors(iou),
        "kinds": lambda: evaluation.prediction_kinds(iou),
        "confidence_intervals": lambda: evaluation.confidence_intervals(
            levels, resamples=settings.resamples, seed=options.seed
        ),
        "actor_map": lambda: evaluation.average_precision(levels, by="actor"),
        "frame_map": lambda: evaluation.frame_average_precision(levels),
    }
    return {getattr(options, name): measure() for name, measure in tables.items() if getattr(options, name)}


def _videos(truth: StoredGroundTruth, predictions: Predictions, table: Path | None) -> list[str]:
    """The videos to evaluate: those of a table, or those of both sides.

    Raises:
        DataError: No video has both ground truth and predictions.
    """
    names = test_videos(table)[0] if table else sorted({*truth, *predictions.videos})
    true, made = ([name for name in names if name in side] for side in (truth, predictions.videos))
    if not true:
        raise DataError("no video to evaluate has ground truth")
    if made and not {*true} & {*made}:
        raise DataError(
            f"no video has both ground truth and predictions: the ids are such as {true[0]!r} and {made[0]!r}"
        )
    return names


@contextmanager
def _log_to_stderr() -> Iterator[None]:
    """Print log messages, such as warnings about the input, to stderr."""
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
    """Add the options of ``actorsup evaluate``."""
    add = parser.add_argument
    add(
        "--ground-truth",
        type=Path,
        required=True,
        help="CSV (video,tube,class,frame,x1,...), COCO JSON, CVAT XML or MOT text",
    )
    add("--predictions", type=Path, required=True, nargs="+", help="predictions.json, or .h5 shards")
    add("--output", type=Path, required=True, help="write the average precision of each class")
    add("--recall", type=Path, help="write the recall of proposals")
    add("--errors", type=Path, help="write the number of predictions by kind of error")
    add("--kinds", type=Path, help="write the kind of error of each tube and class")
    add("--confidence-intervals", "--intervals", type=Path, help="write intervals of recall and precision")
    add("--actor-map", type=Path, help="write the average precision of each actor")
    add("--frame-map", type=Path, help="write the average precision of the boxes of all frames")
    add("--videos", type=Path, help="the videos to evaluate; default: those of both files")
    add("--annotated", type=Path, help="the annotated frames (video,frame); default: all")
    add("--protocol", metavar="NAME", help="act, moc, yowo, retinanet, mmaction2 or matlab")
    for field in fields(EvaluationProtocol):
        if field.name == "strict":
            add("--strict", action="store_true", default=None, help="the IoU must exceed the threshold")
        else:
            kind = float if field.name == "nms_iou" else str
            add("--" + field.name.replace("_", "-"), type=kind, help=_HELP[field.name])
    add("--iou-thresholds", type=_threshold, nargs="+", help="default: 0.1 to 0.5, and 0.75")
    add("--error-iou", type=_threshold, help="IoU threshold of the error analysis; default: 0.5")
    add("--resamples", type=int, help="resamples for confidence intervals; default: 1000")
    add("--seed", type=int, default=0, help="seed of the resampling; default: 0")


_HELP = {
    "interpolation": "envelope (default) or trapezoid",
    "matching": "free (default) or voc",
    "nms_iou": "keep only the best of the tubes of a class that overlap by more; default: keep all",
    "box_area": "continuous (default) or plus_one",
    "duration": "frames (default) or ends",
}


def _threshold(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text}: an IoU threshold must be above 0 and at most 1")
    return value
