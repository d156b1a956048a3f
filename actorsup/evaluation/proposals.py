"""Recall of proposals (van Gemert et al. 2015; Section 4.1, Table 1, and Figures 4 and 5 of the paper)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from actorsup.evaluation.matching import VideoOverlap


def best_overlaps(videos: Sequence[VideoOverlap], proposals: int) -> NDArray[np.float64]:
    """Return the highest IoU of each ground-truth tube with the best proposals of its video.

    One proposal may cover several ground-truth tubes.

    Args:
        videos: Overlaps of V videos.
        proposals: Number of proposals per video.

    Returns:
        (G,) float64, IoU of the ground-truth tubes of all videos, in the order of ``videos``; 0 where a video
        has no proposals.
    """
    best_iou = [video.judged_iou[:proposals].max(axis=0, initial=0.0) for video in videos]
    return np.concatenate([np.zeros(0), *best_iou])


def proposal_counts(videos: Sequence[VideoOverlap]) -> list[int]:
    """Return the numbers of proposals per video at which recall is computed by default.

    These are 1, 2, 5, 10, 20, 50 and so on, up to the maximum number of tubes in a video, which is the last.
    """
    max_tubes = max((len(video.judged_iou) for video in videos), default=0)
    counts = [count * 10**power for power in range(len(str(max_tubes))) for count in (1, 2, 5)]
    return [*(count for count in counts if count < max_tubes), *([max_tubes] if max_tubes else [1])]


def recall_groups(videos: Sequence[VideoOverlap]) -> dict[str, NDArray[np.bool_]]:
    """Return a mask (G,) of the ground-truth tubes of all videos for each group of the recall table.

    The groups are ``all``, ``class:NAME`` and, if actors are annotated, ``actor:NAME``.
    """
    labels = [label for video in videos for label in video.truth]
    groups = {"all": np.ones(len(labels), bool)}
    for kind, names in (
        ("class", np.array([label.action for label in labels], object)),
        ("actor", np.array([label.actor for label in labels], object)),
    ):
        groups |= {f"{kind}:{name}": names == name for name in sorted({*names} - {""})}
    return groups
