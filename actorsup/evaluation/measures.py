"""The measures, for programs that hold tubes of their own: tubes in, tables out.

Each takes the ground-truth tubes and the predicted ones by video, and evaluates the videos of both
sides unless ``videos`` names them. ``EvaluationProtocol`` says how public evaluators differ. Doubtful
input is logged as warnings (logger ``actorsup``).
"""

from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from actorsup.errors import ConfigError
from actorsup.evaluation.bootstrap import precision_intervals, recall_intervals
from actorsup.evaluation.error_analysis import errors_table, kinds_table
from actorsup.evaluation.frame_level import frame_table
from actorsup.evaluation.ground_truth import GroundTruthTubes, classes_of
from actorsup.evaluation.matching import VideoOverlap, overlaps
from actorsup.evaluation.predictions import Predictions
from actorsup.evaluation.protocol import THRESHOLDS, EvaluationProtocol, protocol_named
from actorsup.evaluation.split import tell_classes, tell_videos
from actorsup.evaluation.tables import actor_table, map_table, recall_table
from actorsup.tubes import Tubes

Annotated = Mapping[str, Collection[int]]
"""The annotated frames of each video, where not all are: both sides are cut to them."""


def recall(
    ground_truth: GroundTruthTubes,
    proposals: Mapping[str, Tubes],
    thresholds: Sequence[float] = THRESHOLDS,
    counts: Sequence[int] | None = None,
    *,
    rules: EvaluationProtocol | None = None,
    videos: Collection[str] | None = None,
    annotated: Annotated | None = None,
) -> pd.DataFrame:
    """Recall of the best proposals of each video (van Gemert et al. 2015).

    Args:
        ground_truth: The annotated tubes of each video.
        proposals: The tubes of each video, best first.
        thresholds: IoU thresholds, above 0 and at most 1.
        counts: Numbers of proposals; default: 1, 2, 5, 10, ... up to the most of a video.
        rules: Box areas and whether the threshold itself is enough; default: ``EvaluationProtocol()``.
        videos: The videos to evaluate; default: those of both sides.
        annotated: The annotated frames of each video, where not all are.

    Returns:
        ``group, proposals, iou_threshold, recall, ground_truth``: for ``all``, each ``class:NAME``
        and ``actor:NAME``, pooled over ground-truth tubes, and ``class-mean``.
    """
    found = _compared(ground_truth, proposals, rules, videos, annotated)
    return recall_table(found, thresholds, rules, counts)


def average_precision(
    ground_truth: GroundTruthTubes,
    predictions: Predictions,
    thresholds: Sequence[float] = THRESHOLDS,
    interpolation: str = "envelope",
    matching: str = "free",
    nms: float | None = None,
    *,
    strict: bool = False,
    box_area: str = "continuous",
    duration: str = "frames",
    protocol: str | None = None,
    by: str = "class",
    videos: Collection[str] | None = None,
    annotated: Annotated | None = None,
) -> pd.DataFrame:
    """Average precision at the video level (Gkioxari & Malik 2015).

    Args:
        ground_truth: The annotated tubes of each video.
        predictions: The scored tubes of each video, and the names of the classes.
        thresholds: IoU thresholds, above 0 and at most 1; ``0.5:0.95`` is there beside them.
        interpolation: ``envelope`` or ``trapezoid``; this and the next five as in ``EvaluationProtocol``.
        matching: ``free`` or ``voc``.
        nms: IoU above which the lower of two tubes of a video is dropped for a class.
        strict: The IoU must be above the threshold.
        box_area: ``continuous`` or ``plus_one``.
        duration: ``frames`` or ``ends``.
        protocol: All six as a public evaluator has them: ``act``, ``moc``, ``yowo``, ``retinanet``,
            ``mmaction2`` or ``matlab``; none of them can be given beside it.
        by: ``class``, or ``actor``: over the ground truth of each actor.
        videos: The videos to evaluate; default: those of both sides.
        annotated: The annotated frames of each video, where not all are.

    Returns:
        ``class, iou_threshold, average_precision, ground_truth, tubes``, with rows of class
        ``mean``; or ``actor, iou_threshold, average_precision, ground_truth``.

    Raises:
        ConfigError: A name that is not there.
    """
    rules = EvaluationProtocol(interpolation, matching, strict, nms, box_area, duration)
    if protocol is not None:
        if rules != EvaluationProtocol():
            raise ConfigError(f"protocol: {protocol!r} says all of the rules; give none beside it")
        rules = protocol_named(protocol)
    if by not in ("class", "actor"):
        raise ConfigError(f"by: {by!r}; allowed: class, actor")
    found = _compared(ground_truth, predictions, rules, videos, annotated)
    make = map_table if by == "class" else actor_table
    return make(found, predictions.classes, rules, thresholds)


def frame_average_precision(
    ground_truth: GroundTruthTubes,
    predictions: Predictions,
    thresholds: Sequence[float] = (0.5,),
    *,
    rules: EvaluationProtocol | None = None,
    videos: Collection[str] | None = None,
    annotated: Annotated | None = None,
) -> pd.DataFrame:
    """Average precision of the boxes of all frames: frame mAP.

    Arguments as in ``average_precision``; ``rules`` as in ``frame_table``.

    Returns:
        ``class, iou_threshold, average_precision, ground_truth, boxes``, with rows of class ``mean``.
    """
    names = _told(ground_truth, predictions, videos)
    return frame_table(
        names, predictions.videos, ground_truth, predictions.classes, annotated, rules, thresholds
    )


def prediction_kinds(
    ground_truth: GroundTruthTubes,
    predictions: Predictions,
    threshold: float = 0.5,
    *,
    rules: EvaluationProtocol | None = None,
    videos: Collection[str] | None = None,
    annotated: Annotated | None = None,
) -> pd.DataFrame:
    """What each predicted tube is for each class: right, or in which way wrong; see ``kinds_table``."""
    found = _compared(ground_truth, predictions, rules, videos, annotated)
    return kinds_table(found, predictions.classes, threshold, rules)


def errors(
    ground_truth: GroundTruthTubes,
    predictions: Predictions,
    threshold: float = 0.5,
    *,
    rules: EvaluationProtocol | None = None,
    videos: Collection[str] | None = None,
    annotated: Annotated | None = None,
) -> pd.DataFrame:
    """How many predictions of each class are right, or in which way wrong; see ``errors_table``."""
    found = _compared(ground_truth, predictions, rules, videos, annotated)
    return errors_table(found, predictions.classes, threshold, rules)


def intervals(
    ground_truth: GroundTruthTubes,
    predictions: Predictions,
    thresholds: Sequence[float] = THRESHOLDS,
    counts: Sequence[int] | None = None,
    *,
    resamples: int = 1000,
    seed: int = 0,
    rules: EvaluationProtocol | None = None,
    videos: Collection[str] | None = None,
    annotated: Annotated | None = None,
) -> pd.DataFrame:
    """Confidence intervals of the average precision and the recall, by a bootstrap over videos.

    Arguments as in ``average_precision`` and ``recall``; ``resamples`` and ``seed`` as in
    ``precision_intervals``.

    Returns:
        ``measure, group, proposals, iou_threshold, value, low, high, resamples``: percentile
        intervals of 95 %.
    """
    found = _compared(ground_truth, predictions, rules, videos, annotated)
    parts = [
        precision_intervals(found, predictions.classes, rules, thresholds, resamples, seed),
        recall_intervals(found, thresholds, rules, counts, resamples, seed),
    ]
    return pd.concat(parts, ignore_index=True)


def _told(
    ground_truth: GroundTruthTubes, tubes: Mapping[str, Tubes] | Predictions, videos: Collection[str] | None
) -> list[str]:
    """The videos to evaluate: those named, or those of both sides; what one side alone knows is told."""
    made = tubes.videos if isinstance(tubes, Predictions) else tubes
    names = sorted({*ground_truth, *made} if videos is None else {*videos})
    tell_videos(names, ground_truth, made)
    if isinstance(tubes, Predictions):
        tell_classes(classes_of(ground_truth, names), tubes.classes)
    return names


def _compared(
    ground_truth: GroundTruthTubes,
    tubes: Mapping[str, Tubes] | Predictions,
    rules: EvaluationProtocol | None,
    videos: Collection[str] | None,
    annotated: Annotated | None,
) -> list[VideoOverlap]:
    names = _told(ground_truth, tubes, videos)
    made = tubes.videos if isinstance(tubes, Predictions) else tubes
    return overlaps(names, made, ground_truth, annotated, rules)
