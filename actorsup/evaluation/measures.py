"""The measures: ground-truth tubes and predicted tubes in, pandas tables out."""

import logging
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import TypedDict, Unpack

import numpy as np
import pandas as pd

from actorsup.errors import ConfigError
from actorsup.evaluation.bootstrap import precision_intervals, recall_intervals
from actorsup.evaluation.error_analysis import errors_table, kinds_table
from actorsup.evaluation.frame_level import frame_table
from actorsup.evaluation.ground_truth import GroundTruthTubes, classes_of
from actorsup.evaluation.input_warnings import warn_of_classes, warn_of_videos
from actorsup.evaluation.matching import VideoOverlap, overlaps
from actorsup.evaluation.predictions import Predictions
from actorsup.evaluation.protocol import DEFAULT_PROTOCOL, THRESHOLDS, EvaluationProtocol, protocol_named
from actorsup.evaluation.tables import actor_table, map_table, recall_table
from actorsup.tubes import Tubes

_LOG = logging.getLogger(__name__)
Annotated = Mapping[str, Collection[int]]


class Evaluation:
    """The tubes of some videos compared with their ground truth; each method returns one table.

    Overlaps are computed once, on first use. Doubtful input is logged as warnings (logger
    ``actorsup``).

    Args:
        ground_truth: The annotated tubes of each video.
        predictions: The scored tubes of each video, and the class names; or the proposals of each
            video, best first, for recall only.
        protocol: How to match and integrate, or the name of a public evaluator that does so.
        videos: The videos to evaluate; default: those of both sides.
        annotated: The annotated frames of each video, if not all are: only these count.
        known: Videos outside of ``videos`` that may have tubes or ground truth without a warning.

    Raises:
        ConfigError: The protocol is unknown.
        DataError: A class has the name of another row of the tables.
    """

    def __init__(
        self,
        ground_truth: GroundTruthTubes,
        predictions: Predictions | Mapping[str, Tubes],
        protocol: EvaluationProtocol | str = DEFAULT_PROTOCOL,
        videos: Collection[str] | None = None,
        annotated: Annotated | None = None,
        known: Collection[str] = (),
    ) -> None:
        self.protocol = protocol_named(protocol) if isinstance(protocol, str) else protocol
        self.ground_truth, self.annotated = ground_truth, annotated
        self.tubes: Mapping[str, Tubes]
        self._classes: Sequence[str] | None
        if isinstance(predictions, Predictions):
            self.tubes, self._classes = predictions
        else:
            self.tubes, self._classes = predictions, None
        self.videos = sorted({*ground_truth, *self.tubes} if videos is None else {*videos})
        warn_of_videos(self.videos, ground_truth, self.tubes, known)
        if self._classes is not None:
            warn_of_classes(classes_of(ground_truth, self.videos), self._classes)

    @property
    def classes(self) -> Sequence[str]:
        """Names of the columns of ``class_score``.

        Raises:
            ConfigError: The tubes are proposals.
        """
        if self._classes is None:
            raise ConfigError("proposals have no class scores; pass Predictions(videos, classes) instead")
        return self._classes

    @cached_property
    def overlaps(self) -> list[VideoOverlap]:
        """The overlaps of the tubes of each video with its ground truth."""
        found = overlaps(self.videos, self.tubes, self.ground_truth, self.annotated, self.protocol)
        if missing := sum(int(np.isnan(video.class_score).sum()) for video in found):
            total = sum(video.class_score.size for video in found)
            _LOG.info("%d of %d class scores are NaN: no prediction", missing, total)
        return found

    def average_precision(self, thresholds: Sequence[float] = THRESHOLDS, by: str = "class") -> pd.DataFrame:
        """Compute the average precision at the video level (Gkioxari & Malik 2015).

        Args:
            thresholds: IoU thresholds, above 0 and at most 1; the table adds ``0.5:0.95``.
            by: ``class``; or ``actor``, for the ground truth of each actor.

        Returns:
            ``class, iou_threshold, average_precision, ground_truth, tubes``, with rows of class
            ``mean``; or ``actor, iou_threshold, average_precision, ground_truth``.
        """
        if by not in ("class", "actor"):
            raise ConfigError(f"by: {by!r}; allowed: class, actor")
        table = map_table if by == "class" else actor_table
        return table(self.overlaps, self.classes, self.protocol, thresholds)

    def frame_average_precision(self, thresholds: Sequence[float] = (0.5,)) -> pd.DataFrame:
        """Compute the average precision of the boxes of all frames: frame mAP.

        Returns:
            ``class, iou_threshold, average_precision, ground_truth, boxes``, with rows of class ``mean``.
        """
        return frame_table(
            self.videos,
            self.tubes,
            self.ground_truth,
            self.classes,
            self.annotated,
            self.protocol,
            thresholds,
        )

    def recall(
        self, thresholds: Sequence[float] = THRESHOLDS, counts: Sequence[int] | None = None
    ) -> pd.DataFrame:
        """Compute the recall of the best proposals of each video (van Gemert et al. 2015).

        Args:
            thresholds: IoU thresholds, above 0 and at most 1.
            counts: Numbers of proposals; default: 1, 2, 5, 10, ... up to the most of a video.

        Returns:
            ``group, proposals, iou_threshold, recall, ground_truth``: for ``all``, each ``class:NAME``
            and ``actor:NAME``, pooled over ground-truth tubes, and ``class-mean``.
        """
        return recall_table(self.overlaps, thresholds, self.protocol, counts)

    def errors(self, threshold: float = 0.5) -> pd.DataFrame:
        """Count the predictions of each class by kind of error; see ``errors_table``."""
        return errors_table(self.overlaps, self.classes, threshold, self.protocol)

    def prediction_kinds(self, threshold: float = 0.5) -> pd.DataFrame:
        """Name the kind of error of each tube and class; see ``kinds_table``."""
        return kinds_table(self.overlaps, self.classes, threshold, self.protocol)

    def recall_intervals(
        self,
        thresholds: Sequence[float] = THRESHOLDS,
        counts: Sequence[int] | None = None,
        resamples: int = 1000,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Compute the part of ``confidence_intervals`` that is about recall."""
        return recall_intervals(self.overlaps, thresholds, self.protocol, counts, resamples, seed)

    def precision_intervals(
        self, thresholds: Sequence[float] = THRESHOLDS, resamples: int = 1000, seed: int = 0
    ) -> pd.DataFrame:
        """Compute the part of ``confidence_intervals`` that is about average precision."""
        return precision_intervals(self.overlaps, self.classes, self.protocol, thresholds, resamples, seed)

    def confidence_intervals(
        self,
        thresholds: Sequence[float] = THRESHOLDS,
        counts: Sequence[int] | None = None,
        resamples: int = 1000,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Compute 95 % intervals of recall and average precision, by a bootstrap over videos.

        Args:
            thresholds: As in ``recall`` and ``average_precision``.
            counts: As in ``recall``.
            resamples: Number of resamples.
            seed: Seed of the resampling.

        Returns:
            ``measure, group, proposals, iou_threshold, value, low, high, resamples``.
        """
        parts = [
            self.recall_intervals(thresholds, counts, resamples, seed),
            self.precision_intervals(thresholds, resamples, seed),
        ]
        return pd.concat(parts, ignore_index=True)


class EvaluationOptions(TypedDict, total=False):
    """Keyword arguments of every function below; see ``Evaluation``."""

    protocol: EvaluationProtocol | str
    videos: Collection[str] | None
    annotated: Annotated | None


def recall(
    ground_truth: GroundTruthTubes,
    proposals: Mapping[str, Tubes],
    thresholds: Sequence[float] = THRESHOLDS,
    counts: Sequence[int] | None = None,
    **options: Unpack[EvaluationOptions],
) -> pd.DataFrame:
    """Compute the recall of proposals; see ``Evaluation.recall``."""
    return Evaluation(ground_truth, proposals, **options).recall(thresholds, counts)


def average_precision(
    ground_truth: GroundTruthTubes,
    predictions: Predictions,
    thresholds: Sequence[float] = THRESHOLDS,
    by: str = "class",
    **options: Unpack[EvaluationOptions],
) -> pd.DataFrame:
    """Compute the average precision of scored tubes; see ``Evaluation.average_precision``."""
    return Evaluation(ground_truth, predictions, **options).average_precision(thresholds, by)


def frame_average_precision(
    ground_truth: GroundTruthTubes,
    predictions: Predictions,
    thresholds: Sequence[float] = (0.5,),
    **options: Unpack[EvaluationOptions],
) -> pd.DataFrame:
    """Compute the frame mAP of scored tubes; see ``Evaluation.frame_average_precision``."""
    return Evaluation(ground_truth, predictions, **options).frame_average_precision(thresholds)


def prediction_kinds(
    ground_truth: GroundTruthTubes,
    predictions: Predictions,
    threshold: float = 0.5,
    **options: Unpack[EvaluationOptions],
) -> pd.DataFrame:
    """Name the kind of error of each tube and class; see ``kinds_table``."""
    return Evaluation(ground_truth, predictions, **options).prediction_kinds(threshold)


def errors(
    ground_truth: GroundTruthTubes,
    predictions: Predictions,
    threshold: float = 0.5,
    **options: Unpack[EvaluationOptions],
) -> pd.DataFrame:
    """Count the predictions of each class by kind of error; see ``errors_table``."""
    return Evaluation(ground_truth, predictions, **options).errors(threshold)


def confidence_intervals(
    ground_truth: GroundTruthTubes,
    predictions: Predictions,
    thresholds: Sequence[float] = THRESHOLDS,
    counts: Sequence[int] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    **options: Unpack[EvaluationOptions],
) -> pd.DataFrame:
    """Compute confidence intervals by a bootstrap; see ``Evaluation.confidence_intervals``."""
    evaluation = Evaluation(ground_truth, predictions, **options)
    return evaluation.confidence_intervals(thresholds, counts, resamples, seed)


intervals = confidence_intervals
"""Its name before version 0.2.0."""
