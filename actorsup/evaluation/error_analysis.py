"""What kind of right or wrong every prediction is, and which ground truth is missed.

After Hoiem et al. 2012 and TIDE (Bolya et al. 2020) for images. For tubes, as in Kalogeiton et al.
2017 and MultiSports (Li et al. 2021), localization is told apart in space and time.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.evaluation.matching import VideoOverlap
from actorsup.evaluation.protocol import EvaluationProtocol
from actorsup.evaluation.ranking import Pool, Ranking

KINDS = ("correct", "duplicate", "wrong class", "poor boxes", "poor time", "background")
"""Kinds of predictions, in the order in which they are tried."""

MISSED = "missed"
"""Ground truth that no prediction has taken."""

BACKGROUND_IOU = 0.1
"""Below this IoU with every tube of its class, a prediction is not meant for one (Hoiem et al. 2012)."""

ERROR_COLUMNS = [
    "dataset",
    "linker",
    "model",
    "seed",
    "class",
    "iou_threshold",
    "predictions",
    "kind",
    "count",
]
KIND_COLUMNS = [
    "video", "tube", "class", "score", "rank", "kind", "ground_truth", "iou", "temporal_iou", "spatial_iou",
]  # fmt: skip


def kinds_table(
    videos: Sequence[VideoOverlap],
    classes: Sequence[str],
    iou: float = 0.5,
    rules: EvaluationProtocol | None = None,
) -> pd.DataFrame:
    """The kind of every prediction: one row for each tube and class that it is predicted for.

    The first of these that holds is the kind of a prediction of class c at threshold t:

    - ``correct``: it takes a ground-truth tube of c, as in the average precision;
    - ``duplicate``: its IoU with one of c, which a better prediction has taken, reaches t;
    - ``wrong class``: its IoU with one of another class reaches t;
    - ``poor boxes``, ``poor time``: its best IoU with one of c is at least 0.1. Tube IoU is temporal
      IoU times the mean box IoU of the frames in common: the lower of the two names the kind, and
      boxes where they are equal;
    - ``background``: all else.

    Args:
        videos: Every video to evaluate.
        classes: Names of the columns of ``class_score``.
        iou: The threshold t.
        rules: How predictions are matched; default: ``EvaluationProtocol()``.

    Returns:
        Columns ``KIND_COLUMNS``: ``tube`` is the number of the tube in its video, best proposal
        first; ``rank`` from 1 on, of its class; ``ground_truth`` the number, in its video, of the
        ground-truth tube that it takes or that its kind speaks of, -1 for background; then the IoU
        with it.
    """
    rules = rules or EvaluationProtocol()
    pool = Pool(videos)
    names = np.array([video.video for video in pool.videos], object)
    parts = []
    for action, column in pool.columns(classes).items():
        ranking = pool.rank(column, action, [iou], rules)
        kind, truth = _kinds(pool, ranking, iou, rules)
        overlaps = [_of(pool.videos, ranking, truth, name) for name in ("iou", "temporal", "spatial")]
        columns = [
            names[ranking.video], ranking.tube, np.full(len(truth), action, object), ranking.score,
            np.arange(1, len(truth) + 1), np.array(KINDS, object)[kind], truth, *overlaps,
        ]  # fmt: skip
        parts.append(pd.DataFrame(dict(zip(KIND_COLUMNS, columns, strict=True))))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=KIND_COLUMNS)


def errors_table(
    videos: Sequence[VideoOverlap],
    classes: Sequence[str],
    iou: float = 0.5,
    rules: EvaluationProtocol | None = None,
) -> pd.DataFrame:
    """How many predictions of each class are of each kind, and how much ground truth is missed.

    Twice: over ``all`` predictions, and over the ``top`` ones of each class, as many as it has
    ground-truth tubes (Hoiem et al. 2012), since all tubes are scored for all classes and most of
    these predictions stand low in the order. Either way the kinds add up to the predictions, and
    ``correct`` and ``missed`` to the ground truth.

    Returns:
        Columns ``ERROR_COLUMNS`` from ``class`` on; class ``all`` is the sum over the classes.
    """
    rules = rules or EvaluationProtocol()
    pool = Pool(videos)
    counts: dict[tuple[str, str, str], int] = {}
    actions = pool.columns(classes)
    for action, column in actions.items():
        ranking = pool.rank(column, action, [iou], rules)
        kind, _ = _kinds(pool, ranking, iou, rules)
        truth = int(ranking.truth.sum())
        for which, some in (("top", kind[:truth]), ("all", kind)):
            found = dict(zip(KINDS, np.bincount(some, minlength=len(KINDS)).tolist(), strict=True))
            found[MISSED] = truth - found["correct"]
            for name, count in found.items():
                counts[action, which, name] = count
                counts["all", which, name] = counts.get(("all", which, name), 0) + count
    rows = [
        (action, f"{iou:g}", which, name, counts.get((action, which, name), 0))
        for action in [*(one for one in actions if one != "all"), "all"]
        for which in ("top", "all")
        for name in (*KINDS, MISSED)
    ]
    return pd.DataFrame(rows, columns=ERROR_COLUMNS[4:])


def _kinds(
    pool: Pool, ranking: Ranking, iou: float, rules: EvaluationProtocol
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Kind of each prediction, its place in ``KINDS``, and the ground-truth tube that it speaks of."""
    best, which = pool.best
    best, which = best[ranking.row], which[ranking.row]
    # right for where there is nothing of the class; the others are seen one by one
    other = rules.reaches(best, iou)
    kind = np.where(other, KINDS.index("wrong class"), KINDS.index("background"))
    truth = np.where(other, which, -1)
    mine = np.isin(ranking.video, [*pool.truth.get(ranking.action, {})])
    for number, rows in _rows_of_videos(ranking.video, np.flatnonzero(mine)):
        video, tubes = pool.videos[number], ranking.tube[rows]
        kind[rows], truth[rows] = _kinds_beside(video, tubes, ranking.action, iou, rules)
    kind[ranking.places], truth[ranking.places] = KINDS.index("correct"), ranking.taken[0]
    return kind, truth


def _kinds_beside(
    video: VideoOverlap, tubes: NDArray[np.int32], action: str, iou: float, rules: EvaluationProtocol
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The same of the tubes of a video with ground truth of the class, had none of them taken any."""
    own = np.array([label.action == action for label in video.truth])
    kind = np.full(len(tubes), KINDS.index("background"))
    truth = np.full(len(tubes), -1)
    best, which = _best(video.iou[tubes], own)
    late = video.temporal[tubes, which] < video.spatial[tubes, which]
    others, other = _best(video.iou[tubes], ~own)
    for holds, name, whose in (  # the later one wins
        ((best >= BACKGROUND_IOU) & late, "poor time", which),
        ((best >= BACKGROUND_IOU) & ~late, "poor boxes", which),
        (rules.reaches(others, iou), "wrong class", other),
        (rules.reaches(best, iou), "duplicate", which),
    ):
        kind[holds], truth[holds] = KINDS.index(name), whose[holds]
    return kind, truth


def _best(iou: NDArray, mask: NDArray[np.bool_]) -> tuple[NDArray, NDArray[np.int64]]:
    """The best IoU of each row among some columns, -1 where there are none, and which it is with."""
    among = np.where(mask, iou, -1.0)
    return among.max(1), among.argmax(1)


def _rows_of_videos(video: NDArray[np.int32], rows: NDArray[np.int64]) -> list[tuple[int, NDArray[np.int64]]]:
    """Some predictions, by their video."""
    if not len(rows):
        return []
    rows = rows[np.argsort(video[rows], kind="stable")]
    numbers, starts = np.unique(video[rows], return_index=True)
    return list(zip(numbers.tolist(), np.split(rows, starts[1:]), strict=True))


def _of(
    videos: Sequence[VideoOverlap], ranking: Ranking, truth: NDArray[np.int64], name: str
) -> NDArray[np.float64]:
    """An overlap of each prediction with the ground-truth tube that it speaks of; 0 without one."""
    return np.array(
        [
            getattr(videos[v], name)[p, q] if q >= 0 else 0.0
            for v, p, q in zip(ranking.video, ranking.tube, truth, strict=True)
        ],
        float,
    )
