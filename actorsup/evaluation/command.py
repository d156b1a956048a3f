"""``actorsup evaluate``: evaluation of tubes in files, without a Snakemake run."""

import argparse
import logging
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path

import pandas as pd

from actorsup.artifacts.tube_files import VideoInfo
from actorsup.datasets.ground_truth_files import EVERY_FRAME, ONLY_BOXES
from actorsup.errors import ConfigError, DataError
from actorsup.evaluation.ground_truth import (
    StoredGroundTruth,
    annotated_frames,
    read_annotated,
    read_ground_truth,
    test_videos,
)
from actorsup.evaluation.input_warnings import check_agreement
from actorsup.evaluation.measures import Evaluation
from actorsup.evaluation.predictions import (
    MAX_CHECKED,
    Predictions,
    check_predictions,
    infos_of,
    read_predictions,
)
from actorsup.evaluation.protocol import EvaluationProtocol
from actorsup.evaluation.settings import EvaluationSettings
from actorsup.evaluation.stage import write_table
from actorsup.formats.convention_options import add_convention_options, conventions_of_options
from actorsup.formats.conventions import BoxSource
from actorsup.formats.coverage import warn_if_sparse
from actorsup.formats.labeled import read_video_info
from actorsup.formats.plausibility import report

_LOG = logging.getLogger("actorsup")


def evaluate(options: argparse.Namespace) -> None:
    """Evaluate scored tubes in files, write the requested tables, and print the mAP.

    Args:
        options: Parsed options of ``actorsup evaluate``.

    Raises:
        DataError: An input file cannot be used, or no video has both ground truth and predictions.
        ConfigError: An option has an invalid value, or contradicts the protocol.
    """
    with _log_to_stderr():
        tables = _compute_tables(options, _read_settings(options))
    for path, table in tables.items():
        write_table(table, path)
    means = tables[options.output].query("`class` == 'mean'")
    for threshold, value in zip(means["iou_threshold"], means["average_precision"], strict=True):
        print(f"mAP@{threshold}: {value:.4f}")


def _read_settings(options: argparse.Namespace) -> EvaluationSettings:
    """Return the settings of the command line, with defaults for omitted options."""
    names = [field.name for field in fields(EvaluationSettings)]
    user_values = {name: getattr(options, name) for name in names if getattr(options, name, None) is not None}
    settings = EvaluationSettings(**user_values)
    protocol = settings.evaluation_protocol
    for name in [field.name for field in fields(EvaluationProtocol)]:
        if name in user_values and user_values[name] != getattr(protocol, name):
            raise ConfigError(
                f"--protocol {settings.protocol} has {name} {getattr(protocol, name)!r}; omit either"
            )
    return settings


def _compute_tables(options: argparse.Namespace, settings: EvaluationSettings) -> dict[Path, pd.DataFrame]:
    """Compute the tables that the options request; return each by its output path."""
    truth, predictions = _read_files(options)
    videos = _select_videos(truth, predictions, options.videos)
    annotated = _read_annotated(truth, options.annotated, videos)
    evaluation = Evaluation(truth, predictions, settings.evaluation_protocol, videos, annotated)
    thresholds, iou = settings.iou_thresholds, settings.error_iou
    tables: dict[str, Callable[[], pd.DataFrame]] = {
        "output": lambda: evaluation.average_precision(thresholds),
        "recall": lambda: evaluation.recall(thresholds),
        "errors": lambda: evaluation.errors(iou),
        "kinds": lambda: evaluation.prediction_kinds(iou),
        "confidence_intervals": lambda: evaluation.confidence_intervals(
            thresholds, resamples=settings.resamples, seed=options.seed
        ),
        "actor_map": lambda: evaluation.average_precision(thresholds, by="actor"),
        "frame_map": lambda: evaluation.frame_average_precision(thresholds),
    }
    return {getattr(options, name): measure() for name, measure in tables.items() if getattr(options, name)}


def _read_files(options: argparse.Namespace) -> tuple[StoredGroundTruth, Predictions]:
    """Read ground truth and predictions, and check that their numbers are plausible.

    Raises:
        DataError: A file cannot be used, or its boxes are impossible.
    """
    said = conventions_of_options(options, "predictions-")
    predictions = read_predictions(options.predictions, said)
    location = ", ".join(map(str, options.predictions[:2])) + (" ..." if len(options.predictions) > 2 else "")
    report(check_predictions(location, predictions.videos, said))
    conventions = conventions_of_options(options)
    converts = conventions.reference_size is not None or conventions.has_times
    infos = infos_of(predictions.videos, None if converts else MAX_CHECKED)
    listed: dict[str, VideoInfo] = {}
    if options.videos:
        with suppress(DataError):  # the table may list ids only
            listed = read_video_info(options.videos)
    is_sparse = options.annotated not in (None, EVERY_FRAME)
    truth = read_ground_truth(
        options.ground_truth, options.action, conventions, {**infos, **listed}, is_sparse
    )
    report(check_agreement(BoxSource(location, "xyxy", said), infos, listed, truth))
    return truth, predictions


def _read_annotated(
    truth: StoredGroundTruth, option: str | None, videos: Sequence[str]
) -> Mapping[str, Collection[int] | None] | None:
    """Return the annotated frames of ``--annotated``, or those that the file of the ground truth states.

    Without the option, a file that states none and seems to be sparse gets a warning.
    """
    if option is None:
        unstated = [name for name in videos if name in truth and name not in truth.annotated]
        warn_if_sparse(str(truth.path), {name: truth.frames_with_boxes(name) for name in unstated})
        return annotated_frames(truth, videos)
    if option == EVERY_FRAME:
        return dict.fromkeys(videos)
    if option == ONLY_BOXES:
        return {name: truth.frames_with_boxes(name) for name in videos if name in truth}
    return read_annotated(Path(option))


def _select_videos(truth: StoredGroundTruth, predictions: Predictions, table: Path | None) -> list[str]:
    """Return the ids of the videos to evaluate: the test videos of a table, or all videos without a table.

    Raises:
        DataError: No video has both ground truth and predictions.
    """
    names = test_videos(table)[0] if table else sorted({*truth, *predictions.videos})
    annotated_videos, predicted_videos = (
        [name for name in names if name in tubes] for tubes in (truth, predictions.videos)
    )
    if not annotated_videos:
        raise DataError("no video to evaluate has ground truth")
    if predicted_videos and not {*annotated_videos} & {*predicted_videos}:
        raise DataError(
            "no video has both ground truth and predictions: the ids are such as "
            f"{annotated_videos[0]!r} and {predicted_videos[0]!r}"
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
    """Add the options of ``actorsup evaluate`` to a parser."""
    add_option = parser.add_argument
    add_option(
        "--ground-truth",
        type=Path,
        required=True,
        help="CSV (video,tube,class,frame,x1,...), COCO JSON, CVAT XML or MOT text",
    )
    add_option("--predictions", type=Path, required=True, nargs="+", help="predictions.json, or .h5 shards")
    add_option("--output", type=Path, required=True, help="write the average precision of each class")
    add_option("--recall", type=Path, help="write the recall of proposals")
    add_option("--errors", type=Path, help="write the number of predictions by kind of error")
    add_option("--kinds", type=Path, help="write the kind of error of each tube and class")
    add_option(
        "--confidence-intervals", "--intervals", type=Path, help="write intervals of recall and precision"
    )
    add_option("--actor-map", type=Path, help="write the average precision of each actor")
    add_option("--frame-map", type=Path, help="write the average precision of the boxes of all frames")
    add_option("--videos", type=Path, help="the videos to evaluate; default: those of both files")
    add_option(
        "--annotated",
        metavar="boxes|all|FILE",
        help="annotated frames: those with a box, all, or a table (video,frame); default: those that the "
        "ground truth states, else all",
    )
    add_option(
        "--class", dest="action", metavar="NAME", help="class of the ground truth's tracks without one (MOT)"
    )
    add_convention_options(parser, "the ground truth")
    add_convention_options(parser, "the predictions", "predictions-")
    add_option("--protocol", metavar="NAME", help="act, moc, yowo, retinanet, mmaction2 or matlab")
    for field in fields(EvaluationProtocol):
        if field.name == "strict":
            add_option(
                "--strict", action="store_true", default=None, help="the IoU must exceed the threshold"
            )
        else:
            value_type = float if field.name == "nms_iou" else str
            add_option("--" + field.name.replace("_", "-"), type=value_type, help=_HELP[field.name])
    add_option("--iou-thresholds", type=_parse_threshold, nargs="+", help="default: 0.1 to 0.5, and 0.75")
    add_option("--error-iou", type=_parse_threshold, help="IoU threshold of the error analysis; default: 0.5")
    add_option("--resamples", type=int, help="resamples for confidence intervals; default: 1000")
    add_option("--seed", type=int, default=0, help="seed of the resampling; default: 0")


_HELP = {
    "interpolation": "envelope (default) or trapezoid",
    "matching": "free (default) or voc",
    "nms_iou": "keep only the best of the tubes of a class that overlap by more; default: keep all",
    "box_area": "continuous (default) or plus_one",
    "duration": "frames (default) or ends",
}


def _parse_threshold(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text}: an IoU threshold must be above 0 and at most 1")
    return value
