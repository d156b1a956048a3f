"""Error analysis: the kind of every prediction, and how much ground truth is missed.

After Hoiem et al. 2012 and TIDE (Bolya et al. 2020) for images. As in Kalogeiton et al. 2017 and
MultiSports (Li et al. 2021), localization errors of tubes are split into space and time.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.evaluation.matching import VideoOverlap
from actorsup.evaluation.protocol import DEFAULT_PROTOCOL, EvaluationProtocol
from actorsup.evaluation.ranking import Pool, Ranking

KINDS = ("correct", "duplicate", "wrong class", "poor boxes", "poor time", "background")
"""The kinds of a prediction; the first that holds is its kind."""

MISSED = "missed"
"""Ground truth that no prediction matches."""

BACKGROUND_IOU = 0.1
"""A prediction below this IoU with every tube of its class is background (Hoiem et al. 2012)."""

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
    """Name the kind of every prediction: one row for each tube and class it is predicted for.

    The first of these that holds is the kind of a prediction of class c at threshold t:

    - ``correct``: it matches a ground-truth tube of c, as in the average precision;
    - ``duplicate``: its IoU with a tube of c, which a better prediction matches, reaches t;
    - ``wrong class``: its IoU with a tube of another class reaches t;
    - ``poor boxes``, ``poor time``: its best IoU with a tube of c is at least 0.1. Tube IoU is temporal
      IoU times the mean box IoU of the common frames: the lower factor names the kind, boxes in a tie;
    - ``background``: everything else.

    Args:
        videos: Every video to evaluate.
        classes: Names of the columns of ``class_score``.
        iou: The threshold t.
        protocol: How to match.

    Returns:
        Columns ``KIND_COLUMNS``. ``tube`` is the tube's number in its video, best proposal first;
        ``rank`` counts from 1 in its class; ``ground_truth`` is the number, in the video, of the
        ground-truth tube that it matches or that its kind is about, -1 for background; the IoUs are
        with that tube.
    """
    pool = Pool(videos)
    names = np.array([video.video for video in pool.videos], object)
    parts = []
    for ranking in pool.rankings(classes, [iou], protocol):
        kind, truth = _kinds(pool, ranking, iou, protocol)
        overlaps = [_overlap_of(pool.videos, ranking, truth, name) for name in ("iou", "temporal", "spatial")]
        columns = [
            names[ranking.video], ranking.tube, np.full(len(truth), ranking.action, object), ranking.score,
            np.arange(1, len(truth) + 1), np.array(KINDS, object)[kind], truth, *overlaps,
        ]  # fmt: skip
        parts.append(pd.DataFrame(dict(zip(KIND_COLUMNS, columns, strict=True))))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=KIND_COLUMNS)


def errors_table(
    videos: Sequence[VideoOverlap],
    classes: Sequence[str],
    iou: float = 0.5,
    protocol: EvaluationProtocol = DEFAULT_PROTOCOL,
) -> pd.DataFrame:
    """Count the predictions of each class by kind, and the missed ground truth.

    Once over ``all`` predictions, and once over the ``top`` ones of each class, as many as it has
    ground-truth tubes (Hoiem et al. 2012): every tube is scored for every class, so most predictions
    rank low. The kinds add up to the predictions, and ``correct`` and ``missed`` to the ground truth.

    Returns:
        Columns ``ERROR_COLUMNS`` from ``class`` on; class ``all`` is the sum over the classes.
    """
    pool = Pool(videos)
    counts: dict[str, dict[str, NDArray]] = {}
    for ranking in pool.rankings(classes, [iou], protocol):
        kind, _ = _kinds(pool, ranking, iou, protocol)
        truth = int(ranking.truth.sum())
        numbers = [np.bincount(part, minlength=len(KINDS)) for part in (kind[:truth], kind)]
        counts[ranking.action] = {
            which: np.append(by_kind, truth - by_kind[KINDS.index("correct")])
            for which, by_kind in zip(("top", "all"), numbers, strict=True)
        }
    nothing = np.zeros(len(KINDS) + 1, int)
    counts["all"] = {
        which: sum((each[which] for each in counts.values()), nothing) for which in ("top", "all")
    }
    rows = [
        (action, f"{iou:g}", which, name, int(count))
        for action, tables in counts.items()
        for which, by_kind in tables.items()
        for name, count in zip((*KINDS, MISSED), by_kind, strict=True)
    ]
    return pd.DataFrame(rows, columns=ERROR_COLUMNS[4:])


def _kinds(
    pool: Pool, ranking: Ranking, iou: float, protocol: EvaluationProtocol
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(D,) kind of each prediction as an index of ``KINDS``, and (D,) the ground-truth tube it is about."""
    best, which = pool.best
    best, which = best[ranking.row], which[ranking.row]
    # final for videos without ground truth of the class; the loop overwrites the others
    other = protocol.reaches(best, iou)
    kind = np.where(other, KINDS.index("wrong class"), KINDS.index("background"))
    truth = np.where(other, which, -1)
    mine = np.isin(ranking.video, [*pool.truth.get(ranking.action, {})])
    for number, rows in _rows_of_videos(ranking.video, np.flatnonzero(mine)):
        video, tubes = pool.videos[number], ranking.tube[rows]
        kind[rows], truth[rows] = _kinds_if_unmatched(video, tubes, ranking.action, iou, protocol)
    kind[ranking.true_positives], truth[ranking.true_positives] = KINDS.index("correct"), ranking.matched[0]
    return kind, truth


def _kinds_if_unmatched(
    video: VideoOverlap, tubes: NDArray[np.int32], action: str, iou: float, protocol: EvaluationProtocol
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Same as above, for tubes of one video with ground truth of the class, as if none was correct."""
    own = np.array([label.action == action for label in video.truth])
    kind = np.full(len(tubes), KINDS.index("background"))
    truth = np.full(len(tubes), -1)
    best, which = _best(video.iou[tubes], own)
    late = video.temporal[tubes, which] < video.spatial[tubes, which]
    others, other = _best(video.iou[tubes], ~own)
    for holds, name, whose in (  # a later kind overwrites an earlier one
        ((best >= BACKGROUND_IOU) & late, "poor time", which),
        ((best >= BACKGROUND_IOU) & ~late, "poor boxes", which),
        (protocol.reaches(others, iou), "wrong class", other),
        (protocol.reaches(best, iou), "duplicate", which),
    ):
        kind[holds], truth[holds] = KINDS.index(name), whose[holds]
    return kind, truth


def _best(iou: NDArray, mask: NDArray[np.bool_]) -> tuple[NDArray, NDArray[np.int64]]:
    """The best IoU of each row among the masked columns, -1 if none are, and its column."""
    masked = np.where(mask, iou, -1.0)
    return masked.max(1), masked.argmax(1)


def _rows_of_videos(video: NDArray[np.int32], rows: NDArray[np.int64]) -> list[tuple[int, NDArray[np.int64]]]:
    """Group predictions by video."""
    if not len(rows):
        return []
    rows = rows[np.argsort(video[rows], kind="stable")]
    numbers, starts = np.unique(video[rows], return_index=True)
    return list(zip(numbers.tolist(), np.split(rows, starts[1:]), strict=True))


def _overlap_of(
    videos: Sequence[VideoOverlap], ranking: Ranking, truth: NDArray[np.int64], name: str
) -> NDArray[np.float64]:
    """One kind of overlap of each prediction with the ground-truth tube it is about; 0 for none."""
    return np.array(
        [
            getattr(videos[v], name)[p, q] if q >= 0 else 0.0
            for v, p, q in zip(ranking.video, ranking.tube, truth, strict=True)
        ],
        float,
    )
