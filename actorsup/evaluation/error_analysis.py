"""Error analysis: the kind of error of every prediction, and the number of missed ground-truth tubes.

The kinds follow Hoiem et al. 2012 and TIDE (Bolya et al. 2020), which analyze detections in images. As in
Kalogeiton et al. 2017 and MultiSports (Li et al. 2021), localization errors are spatial or temporal.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.evaluation.matching import VideoOverlap
from actorsup.evaluation.protocol import DEFAULT_PROTOCOL, EvaluationProtocol
from actorsup.evaluation.ranking import Pool, Ranking

KINDS = ("correct", "duplicate", "wrong class", "poor boxes", "poor time", "background")
"""Kinds of predictions, in order of precedence."""

MISSED = "missed"
"""Kind of the ground-truth tubes that no prediction matches."""

BACKGROUND_IOU = 0.1
"""IoU with the ground-truth tubes of its class below which a prediction is background (Hoiem et al. 2012)."""

ERROR_COLUMNS = [
    "dataset", "linker", "model", "seed", "class", "iou_threshold", "predictions", "kind", "count",
]  # fmt: skip
KIND_COLUMNS = [
    "video", "tube", "class", "score", "rank", "kind", "ground_truth", "iou", "temporal_iou", "spatial_iou",
]  # fmt: skip


def kinds_table(
    videos: Sequence[VideoOverlap],
    classes: Sequence[str],
    iou: float = 0.5,
    protocol: EvaluationProtocol = DEFAULT_PROTOCOL,
) -> pd.DataFrame:
    """Classify every prediction (a tube with a score for a class) by kind of error.

    The kind of a prediction of class c at IoU threshold t is the first of these whose condition holds:

    - ``correct``: the prediction matches a ground-truth tube of c, as in the average precision;
    - ``duplicate``: its IoU with a ground-truth tube of c that another prediction matches reaches t;
    - ``wrong class``: its IoU with a ground-truth tube of another class reaches t;
    - ``poor time``: its highest IoU with a ground-truth tube of c is at least 0.1, and the temporal IoU is
      lower than the mean box IoU over the common frames (the tube IoU is the product of these factors);
    - ``poor boxes``: its highest IoU with a ground-truth tube of c is at least 0.1;
    - ``background``: none of these conditions holds.

    Args:
        videos: Overlaps of every video to evaluate.
        classes: Class name of each column of ``class_score``.
        iou: IoU threshold t.
        protocol: Rules of matching.

    Returns:
        A table with the columns ``KIND_COLUMNS`` and one row per prediction. ``tube`` is the 0-based index of
        the tube in its video. ``rank`` is the 1-based rank in the class. ``ground_truth`` is the 0-based
        index, in the video, of the ground-truth tube that the kind refers to; -1 for background. ``iou``,
        ``temporal_iou`` and ``spatial_iou`` are the overlaps with this ground-truth tube.
    """
    pool = Pool(videos)
    video_ids = np.array([video.video for video in pool.videos], object)
    tables = []
    for ranking in pool.rankings(classes, [iou], protocol):
        kind, truth_index = _classify(pool, ranking, iou, protocol)
        overlaps = [
            _select_overlaps(pool.videos, ranking, truth_index, name)
            for name in ("iou", "temporal", "spatial")
        ]
        columns = [
            video_ids[ranking.video], ranking.tube, np.full(len(kind), ranking.action, object), ranking.score,
            np.arange(1, len(kind) + 1), np.array(KINDS, object)[kind], truth_index, *overlaps,
        ]  # fmt: skip
        tables.append(pd.DataFrame(dict(zip(KIND_COLUMNS, columns, strict=True))))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=KIND_COLUMNS)


def errors_table(
    videos: Sequence[VideoOverlap],
    classes: Sequence[str],
    iou: float = 0.5,
    protocol: EvaluationProtocol = DEFAULT_PROTOCOL,
) -> pd.DataFrame:
    """Count the predictions of each class by kind, and the missed ground-truth tubes.

    The predictions are counted twice: ``all`` of them, and the ``top`` G of each class with G ground-truth
    tubes (Hoiem et al. 2012), because every tube has a score for every class, and most predictions rank low.
    The counts of the kinds add up to the number of predictions; ``correct`` and ``missed`` add up to the
    number of ground-truth tubes.

    Args:
        videos: Overlaps of every video to evaluate.
        classes: Class name of each column of ``class_score``.
        iou: IoU threshold.
        protocol: Rules of matching.

    Returns:
        A table with the columns ``ERROR_COLUMNS`` from ``class`` on; the class ``all`` is the sum over the
        classes.
    """
    pool = Pool(videos)
    counts: dict[str, dict[str, NDArray]] = {}
    for ranking in pool.rankings(classes, [iou], protocol):
        kind, _ = _classify(pool, ranking, iou, protocol)
        num_true = int(ranking.truth.sum())
        counts_by_kind = [np.bincount(kinds, minlength=len(KINDS)) for kinds in (kind[:num_true], kind)]
        counts[ranking.action] = {
            subset: np.append(kind_counts, num_true - kind_counts[KINDS.index("correct")])
            for subset, kind_counts in zip(("top", "all"), counts_by_kind, strict=True)
        }
    zeros = np.zeros(len(KINDS) + 1, int)
    counts["all"] = {
        subset: sum((class_counts[subset] for class_counts in counts.values()), zeros)
        for subset in ("top", "all")
    }
    rows = [
        (action, f"{iou:g}", subset, kind_name, int(count))
        for action, subsets in counts.items()
        for subset, kind_counts in subsets.items()
        for kind_name, count in zip((*KINDS, MISSED), kind_counts, strict=True)
    ]
    return pd.DataFrame(rows, columns=ERROR_COLUMNS[4:])


def _classify(
    pool: Pool, ranking: Ranking, iou: float, protocol: EvaluationProtocol
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Classify the D predictions of a class.

    Returns:
        The kind (D,) of each prediction, an index of ``KINDS``, and the index (D,), in its video, of the
        ground-truth tube that the kind refers to; -1 for background.
    """
    best_iou, best_index = pool.best
    best_iou, best_index = best_iou[ranking.row], best_index[ranking.row]
    # these kinds hold for videos without ground truth of the class; the loop overwrites those of other videos
    is_wrong_class = protocol.reaches(best_iou, iou)
    kind = np.where(is_wrong_class, KINDS.index("wrong class"), KINDS.index("background"))
    truth_index = np.where(is_wrong_class, best_index, -1)
    has_class = np.isin(ranking.video, [*pool.truth.get(ranking.action, {})])
    for video_index, rows in _group_by_video(ranking.video, np.flatnonzero(has_class)):
        video, tubes = pool.videos[video_index], ranking.tube[rows]
        kind[rows], truth_index[rows] = _classify_unmatched(video, tubes, ranking.action, iou, protocol)
    kind[ranking.true_positives], truth_index[ranking.true_positives] = (
        KINDS.index("correct"),
        ranking.matched[0],
    )
    return kind, truth_index


def _classify_unmatched(
    video: VideoOverlap, tubes: NDArray[np.int32], action: str, iou: float, protocol: EvaluationProtocol
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Classify predictions of a video that has ground truth of the class, as if no prediction was correct.

    Returns:
        The kind of each tube and the index of a ground-truth tube, as from ``_classify``.
    """
    has_class = np.array([label.action == action for label in video.truth])
    kind = np.full(len(tubes), KINDS.index("background"))
    truth_index = np.full(len(tubes), -1)
    class_iou, class_index = _find_best(video.iou[tubes], has_class)
    is_temporal = video.temporal[tubes, class_index] < video.spatial[tubes, class_index]
    other_iou, other_index = _find_best(video.iou[tubes], ~has_class)
    for is_kind, kind_name, index in (  # later kinds of this list take precedence
        ((class_iou >= BACKGROUND_IOU) & is_temporal, "poor time", class_index),
        ((class_iou >= BACKGROUND_IOU) & ~is_temporal, "poor boxes", class_index),
        (protocol.reaches(other_iou, iou), "wrong class", other_index),
        (protocol.reaches(class_iou, iou), "duplicate", class_index),
    ):
        kind[is_kind], truth_index[is_kind] = KINDS.index(kind_name), index[is_kind]
    return kind, truth_index


def _find_best(iou: NDArray, mask: NDArray[np.bool_]) -> tuple[NDArray, NDArray[np.int64]]:
    """Return the highest IoU of each row in the columns of a mask, and its column; -1 for an empty mask."""
    masked_iou = np.where(mask, iou, -1.0)
    return masked_iou.max(1), masked_iou.argmax(1)


def _group_by_video(video: NDArray[np.int32], rows: NDArray[np.int64]) -> list[tuple[int, NDArray[np.int64]]]:
    """Group rows by video; return pairs of video index and rows."""
    if not len(rows):
        return []
    rows = rows[np.argsort(video[rows], kind="stable")]
    video_indices, starts = np.unique(video[rows], return_index=True)
    return list(zip(video_indices.tolist(), np.split(rows, starts[1:]), strict=True))


def _select_overlaps(
    videos: Sequence[VideoOverlap], ranking: Ranking, truth_index: NDArray[np.int64], field: str
) -> NDArray[np.float64]:
    """Return one field of ``VideoOverlap`` for pairs of prediction and ground-truth tube; 0 for tube -1."""
    return np.array(
        [
            getattr(videos[v], field)[p, q] if q >= 0 else 0.0
            for v, p, q in zip(ranking.video, ranking.tube, truth_index, strict=True)
        ],
        float,
    )
