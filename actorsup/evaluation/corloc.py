"""CorLoc and class accuracy of videos, for a trained model and for baselines that choose a tube without one.

CorLoc (Deselaers et al. 2012), the measure of weakly supervised localization: for each class, the share of
the videos with ground truth of the class in which the tube with the highest score for the class has a tube
IoU of at least the threshold with a ground-truth tube of the class. Class accuracy is the share of the videos
of a class whose class with the highest video score is among their labels.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.evaluation.bootstrap import average_without_nan, draw_resamples, percentile_interval
from actorsup.evaluation.matching import VideoOverlap
from actorsup.evaluation.protocol import DEFAULT_PROTOCOL, THRESHOLDS, EvaluationProtocol
from actorsup.evaluation.ranking import check_columns, divide
from actorsup.tubes import Tubes

CORLOC_COLUMNS = [
    "dataset", "linker", "model", "seed", "split", "class", "iou_threshold",
    "corloc", "corloc_low", "corloc_high", "accuracy", "videos",
]  # fmt: skip

Choice = Callable[[VideoOverlap, str], NDArray[np.float64]]
"""Function from a video and a class to the probability (P,) that each tube of the video is chosen for the
class. The probabilities sum to 1, or to 0 if no tube can be chosen."""


def best_tube(classes: Sequence[str], prior: Mapping[str, NDArray] | None = None) -> Choice:
    """Choose the tube with the highest score for a class; of equal scores, that of the better proposal.

    Args:
        classes: Class name of each column of ``class_score``.
        prior: Factor (P,) of the scores of the tubes, such as their detection scores, by video id; None uses
            only the class scores.
    """
    columns = {name: column for column, name in enumerate(classes)}

    def choose(video: VideoOverlap, action: str) -> NDArray[np.float64]:
        check_columns(video.video, video.class_score, classes)
        if action not in columns or not video.class_score.size:
            return np.zeros(len(video.iou))
        score = video.class_score[:, columns[action]]
        return _highest(score if prior is None else score * prior[video.video])

    return choose


def random_tube(video: VideoOverlap, action: str) -> NDArray[np.float64]:
    """Choose each tube with the same probability, so that CorLoc is the expected value, without sampling."""
    is_judged = _is_judged(video)
    return is_judged / max(is_judged.sum(), 1)


def most_confident_detection(video: VideoOverlap, action: str) -> NDArray[np.float64]:
    """Choose the tube with the highest detection score, which is the first."""
    return _highest(np.where(_is_judged(video), -np.arange(len(video.iou)), np.nan))


def largest_tube(tubes: Mapping[str, Tubes]) -> Choice:
    """Choose the tube with the largest mean box area.

    Args:
        tubes: Tubes by video id.
    """
    areas = {video: mean_box_area(video_tubes) for video, video_tubes in tubes.items()}

    def choose(video: VideoOverlap, action: str) -> NDArray[np.float64]:
        return _highest(np.where(_is_judged(video), areas.get(video.video, np.zeros(0)), np.nan))

    return choose


def mean_box_area(tubes: Tubes) -> NDArray[np.float64]:
    """Return the mean area (P,) of the boxes of each tube in square pixels; NaN for a tube without boxes."""
    sides = tubes.boxes[..., 2:].astype(np.float64) - tubes.boxes[..., :2]
    area = sides.prod(-1)
    is_present = ~np.isnan(area)
    return divide(np.where(is_present, area, 0).sum(1), is_present.sum(1))


def _is_judged(video: VideoOverlap) -> NDArray[np.bool_]:
    """Return whether each tube (P,) can be chosen: a tube outside the annotated frames cannot be judged."""
    return np.ones(len(video.iou), bool) if video.is_judged is None else video.is_judged


def _highest(priority: NDArray) -> NDArray[np.float64]:
    """Return the probability 1 for the first tube with the highest priority; a tube of NaN is not chosen."""
    probability = np.zeros(len(priority))
    if not np.isnan(priority).all():
        probability[np.nanargmax(priority)] = 1
    return probability


@dataclass(frozen=True)
class VideoClasses:
    """Classes of the videos of a split: their labels, and the classes that are predicted for them.

    Attributes:
        labels: Classes of each video by id; without labels, pass the classes of the ground truth.
        predicted: Class with the highest video score by video id; a video without a score has no entry. None
            if there are no video scores, so that the accuracy is unknown.
    """

    labels: Mapping[str, Collection[str]]
    predicted: Mapping[str, str] | None = None

    def accuracy(self, action: str) -> tuple[float, int]:
        """Return the accuracy on the videos of a class, and their number; NaN if it is unknown."""
        videos = [video for video, labels in self.labels.items() if action in labels]
        if self.predicted is None or not videos:
            return float("nan"), len(videos)
        is_correct = [self.predicted.get(video) in self.labels[video] for video in videos]
        return float(np.mean(is_correct)), len(videos)


def predicted_classes(
    video_logits: Mapping[str, NDArray | None], classes: Sequence[str]
) -> dict[str, str] | None:
    """Return the class with the highest score of each video; of equal scores, the first class.

    Args:
        video_logits: Score (C,) of each video for each class; NaN or no array for a video without a score.
        classes: Names of the C classes.

    Returns:
        Class by video id, without the videos that have no score; None if no video has an array.
    """
    arrays = {video: array for video, array in video_logits.items() if array is not None}
    if video_logits and not arrays:
        return None
    return {video: classes[int(np.nanargmax(a))] for video, a in arrays.items() if not np.isnan(a).all()}


def mean_of_tubes(tubes: Tubes) -> NDArray[np.float64] | None:
    """Return the score (C,) of a video without attention: the mean of the logits of its tubes.

    Trimmed copies of a tube have the logit of one class only, and do not count.

    Returns:
        NaN without tubes that count; None for tubes without logits.
    """
    if tubes.class_logit is None:
        return None
    logits = tubes.class_logit.astype(np.float64)
    is_complete = ~np.isnan(logits).any(1)
    return divide(logits[is_complete].sum(0), np.array(is_complete.sum()))


def corloc_table(
    videos: Sequence[VideoOverlap],
    choose: Choice,
    video_classes: VideoClasses,
    classes: Sequence[str] = (),
    protocol: EvaluationProtocol = DEFAULT_PROTOCOL,
    thresholds: Sequence[float] = THRESHOLDS,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compute CorLoc with its 95 % confidence interval, and the accuracy, of each class and their means.

    The interval is a percentile bootstrap over the videos (``actorsup.evaluation.bootstrap``).

    Args:
        videos: Overlaps of the videos; a video without tubes counts as not localized.
        choose: How a tube is chosen for a class.
        video_classes: Labels and predicted classes of the videos of the split.
        classes: Classes that get rows even if no video has them.
        protocol: Evaluation protocol, which decides whether an IoU equal to the threshold is enough.
        thresholds: IoU thresholds, above 0 and at most 1.
        resamples: Number of resamples.
        seed: Seed of the random generator.

    Returns:
        A table with the columns ``CORLOC_COLUMNS`` from ``class`` on, which includes the class ``mean``.
        ``corloc`` is NaN for a class without ground truth, ``accuracy`` for a class without labeled videos.
        ``videos`` counts the labeled videos of the class.
    """
    named = {name for labels in video_classes.labels.values() for name in labels}
    named |= {label.action for video in videos for label in video.truth}
    names = [*classes, *sorted(named - {*classes})]
    probability = [
        localization_probability(videos, name, choose, protocol, thresholds) for name in names
    ]  # (V, T) each
    values = np.reshape(probability, (len(names), len(videos), len(thresholds)))
    corloc, resampled = _resample(values, resamples, seed)
    accuracies = [video_classes.accuracy(name) for name in names]
    rows = []
    for row, (name, accuracy) in enumerate(zip(names, accuracies, strict=True)):
        rows.append((name, corloc[row], resampled[row], *accuracy))
    mean_accuracy = float(average_without_nan([np.array(share) for share, _ in accuracies]))
    rows.append(
        ("mean", average_without_nan([*corloc]), average_without_nan([*resampled]), mean_accuracy,
         sum(bool(labels) for labels in video_classes.labels.values()))
    )  # fmt: skip
    return pd.DataFrame(
        [
            (name, f"{threshold:g}", float(value), *percentile_interval(samples), accuracy, count)
            for name, values_of_class, samples_of_class, accuracy, count in rows
            for threshold, value, samples in zip(thresholds, values_of_class, samples_of_class.T, strict=True)
        ],
        columns=CORLOC_COLUMNS[5:],
    )


def localization_probability(
    videos: Sequence[VideoOverlap],
    action: str,
    choose: Choice,
    protocol: EvaluationProtocol = DEFAULT_PROTOCOL,
    thresholds: Sequence[float] = THRESHOLDS,
) -> NDArray[np.float64]:
    """Return the probability that the tube chosen for a class localizes the class, in each video.

    Returns:
        (V, T) float64: at each threshold, 0 or 1 if one tube is chosen, or the share of the tubes that
        localize the class if any tube is; NaN for a video without ground truth of the class.
    """
    probability = np.full((len(videos), len(thresholds)), np.nan)
    for row, video in enumerate(videos):
        is_of_class = np.array([label.action == action for label in video.truth], bool)
        if is_of_class.any():
            best_iou = video.iou[:, is_of_class].max(axis=1, initial=0.0)
            localizes = protocol.reaches(best_iou[:, None], np.asarray(thresholds))
            probability[row] = choose(video, action) @ localizes
    return probability


def _resample(
    values: NDArray[np.float64], resamples: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the means (K, T) of the values (K, V, T) over videos, and the means (K, B, T) in B resamples."""
    num_videos, num_thresholds = values.shape[1:]
    # a class depends only on the videos with ground truth of it
    indices = [np.flatnonzero(~np.isnan(of_class).any(1)) for of_class in values]
    means = [divide(v[i].sum(0), np.array(len(i))) for v, i in zip(values, indices, strict=True)]
    batches = [np.zeros((len(values), 0, num_thresholds))]
    for draws in draw_resamples(num_videos, resamples, seed, num_videos) if num_videos else ():
        weights = [draws[:, i].astype(float) for i in indices]
        sums = [w @ v[i] for w, v, i in zip(weights, values, indices, strict=True)]
        counts = [w.sum(1)[:, None] for w in weights]
        batches.append(np.stack([divide(s, n) for s, n in zip(sums, counts, strict=True)]))
    return np.stack(means), np.concatenate(batches, axis=1)
