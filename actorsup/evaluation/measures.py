"""Evaluation measures, as pandas tables computed from ground-truth tubes and predicted tubes."""

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
from actorsup.evaluation.ground_truth import GroundTruthTubes, annotated_frames, classes_of
from actorsup.evaluation.input_warnings import warn_of_classes, warn_of_videos
from actorsup.evaluation.matching import VideoOverlap, overlaps
from actorsup.evaluation.predictions import Predictions
from actorsup.evaluation.protocol import DEFAULT_PROTOCOL, THRESHOLDS, EvaluationProtocol, protocol_named
from actorsup.evaluation.tables import actor_table, map_table, recall_table
from actorsup.tubes import Tubes

_LOG = logging.getLogger(__name__)
Annotated = Mapping[str, Collection[int] | None]


class Evaluation:
    """Evaluation of the tubes of some videos; each method returns one table.

    Overlaps with the ground truth are computed once, on first use. Warnings about suspicious input are logged
    (logger ``actorsup``).

    Args:
        ground_truth: Ground-truth tubes by video id.
        predictions: Scored tubes by video id, and the class names; or, for recall only, the proposals by
            video id, best first.
        protocol: Rules of matching and integration, or the name of a public evaluator with such rules.
        videos: Ids of the videos to evaluate; by default, all videos with ground truth or predictions.
        annotated: Annotated frames (0-based) by video id; other frames are ignored. A video without an entry
            has none; a value of None stands for every frame. By default, the frames that the ground truth's
            file states, else every frame.
        known: Ids of videos that are not evaluated but may have tubes or ground truth without a warning.

    Raises:
        ConfigError: The name of the protocol is unknown.
        DataError: A class has the name ``mean`` or ``all``, which the tables use for other rows.
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
        self.ground_truth = ground_truth
        self.tubes: Mapping[str, Tubes]
        self._classes: Sequence[str] | None
        if isinstance(predictions, Predictions):
            self.tubes, self._classes = predictions
        else:
            self.tubes, self._classes = predictions, None
        self.videos = sorted({*ground_truth, *self.tubes} if videos is None else {*videos})
        self.annotated = annotated_frames(ground_truth, self.videos) if annotated is None else annotated
        frames = dict.fromkeys(self.videos) if self.annotated is None else self.annotated
        ignored = [
            video for video in self.videos if (array := frames.get(video, ())) is not None and not len(array)
        ]
        warn_of_videos(self.videos, ground_truth, self.tubes, known, ignored)
        if self._classes is not None:
            warn_of_classes(classes_of(ground_truth, self.videos), self._classes)

    @property
    def classes(self) -> Sequence[str]:
        """Class name of each column of ``class_score``.

        Raises:
            ConfigError: The tubes are proposals.
        """
        if self._classes is None:
            raise ConfigError("proposals have no class scores; pass Predictions(videos, classes) instead")
        return self._classes

    @cached_property
    def overlaps(self) -> list[VideoOverlap]:
        """Overlaps of the tubes of each video with its ground truth, sorted by video id."""
        video_overlaps = overlaps(self.videos, self.tubes, self.ground_truth, self.annotated, self.protocol)
        num_unjudged = sum(
            int((~video.is_judged).sum()) for video in video_overlaps if video.is_judged is not None
        )
        if num_unjudged:
            _LOG.info("%d tubes lie entirely in frames that are not annotated and are ignored", num_unjudged)
        judged_scores = [
            video.class_score if video.is_judged is None else video.class_score[video.is_judged]
            for video in video_overlaps
        ]
        if num_missing := sum(int(np.isnan(score).sum()) for score in judged_scores):
            total = sum(score.size for score in judged_scores)
            _LOG.info("%d of %d class scores are NaN: no prediction", num_missing, total)
        return video_overlaps

    def average_precision(self, thresholds: Sequence[float] = THRESHOLDS, by: str = "class") -> pd.DataFrame:
        """Compute the average precision of tubes, also called video mAP (Gkioxari & Malik 2015).

        Args:
            thresholds: IoU thresholds, above 0 and at most 1; the table adds ``0.5:0.95``.
            by: ``class`` for a row per class, or ``actor`` for a row per actor category.

        Returns:
            A table with columns ``class, iou_threshold, average_precision, ground_truth, tubes``, which
            includes the class ``mean``; or with columns ``actor, iou_threshold, average_precision,
            ground_truth``.

        Raises:
            ConfigError: ``by`` has another value, or the tubes are proposals.
            DataError: The number of class scores of a video is not the number of classes.
        """
        if by not in ("class", "actor"):
            raise ConfigError(f"by: {by!r}; allowed: class, actor")
        compute_table = map_table if by == "class" else actor_table
        return compute_table(self.overlaps, self.classes, self.protocol, thresholds)

    def frame_average_precision(self, thresholds: Sequence[float] = (0.5,)) -> pd.DataFrame:
        """Compute the average precision of the boxes in all frames, also called frame mAP.

        Args:
            thresholds: IoU thresholds of boxes, above 0 and at most 1.

        Returns:
            A table with columns ``class, iou_threshold, average_precision, ground_truth, boxes``, which
            includes the class ``mean``.

        Raises:
            ConfigError: The tubes are proposals.
            DataError: The number of class scores of a video is not the number of classes.
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
            counts: Numbers of proposals per video; by default, 1, 2, 5, 10, 20, 50 and so on, up to the
                maximum number of tubes in a video.

        Returns:
            A table with columns ``group, proposals, iou_threshold, recall, ground_truth``. The groups
            ``all``, ``class:NAME`` and ``actor:NAME`` are pooled over ground-truth tubes; ``class-mean`` is
            the mean over classes.
        """
        return recall_table(self.overlaps, thresholds, self.protocol, counts)

    def errors(self, threshold: float = 0.5) -> pd.DataFrame:
        """Count the predictions of each class by kind of error, as in ``errors_table``."""
        return errors_table(self.overlaps, self.classes, threshold, self.protocol)

    def prediction_kinds(self, threshold: float = 0.5) -> pd.DataFrame:
        """Classify each prediction by kind of error, as in ``kinds_table``."""
        return kinds_table(self.overlaps, self.classes, threshold, self.protocol)

    def recall_intervals(
        self,
        thresholds: Sequence[float] = THRESHOLDS,
        counts: Sequence[int] | None = None,
        resamples: int = 1000,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Compute the confidence intervals of recall, as in ``confidence_intervals``."""
        return recall_intervals(self.overlaps, thresholds, self.protocol, counts, resamples, seed)

    def precision_intervals(
        self, thresholds: Sequence[float] = THRESHOLDS, resamples: int = 1000, seed: int = 0
    ) -> pd.DataFrame:
        """Compute the confidence intervals of average precision, as in ``confidence_intervals``."""
        return precision_intervals(self.overlaps, self.classes, self.protocol, thresholds, resamples, seed)

    def confidence_intervals(
        self,
        thresholds: Sequence[float] = THRESHOLDS,
        counts: Sequence[int] | None = None,
        resamples: int = 1000,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Compute 95 % confidence intervals of recall and average precision by a bootstrap over videos.

        Args:
            thresholds: IoU thresholds, above 0 and at most 1; the rows of average precision include
                ``0.5:0.95``.
            counts: Numbers of proposals per video, as in ``recall``.
            resamples: Number of resamples.
            seed: Seed of the random generator.

        Returns:
            A table with columns ``measure, group, proposals, iou_threshold, value, low, high, resamples``.
        """
        tables = [
            self.recall_intervals(thresholds, counts, resamples, seed),
            self.precision_intervals(thresholds, resamples, seed),
        ]
        return pd.concat(tables, ignore_index=True)


class EvaluationOptions(TypedDict, total=False):
    """Optional arguments of ``Evaluation`` that the functions of this module also have."""

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
    """Classify each prediction by kind of error, as in ``kinds_table``."""
    return Evaluation(ground_truth, predictions, **options).prediction_kinds(threshold)


def errors(
    ground_truth: GroundTruthTubes,
    predictions: Predictions,
    threshold: float = 0.5,
    **options: Unpack[EvaluationOptions],
) -> pd.DataFrame:
    """Count the predictions of each class by kind of error, as in ``errors_table``."""
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
    """Compute 95 % confidence intervals; see ``Evaluation.confidence_intervals``."""
    evaluation = Evaluation(ground_truth, predictions, **options)
    return evaluation.confidence_intervals(thresholds, counts, resamples, seed)


intervals = confidence_intervals
"""Name of ``confidence_intervals`` before version 0.2.0."""
