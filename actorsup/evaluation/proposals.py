"""Recall of proposals (van Gemert et al. 2015; Section 4.1, Table 1, Figures 4 and 5)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from actorsup.evaluation.matching import VideoOverlap


def best_overlaps(videos: Sequence[VideoOverlap], proposals: int) -> NDArray[np.float64]:
    """Return the highest IoU of each ground-truth tube with the first ``proposals`` tubes.

    One tube may cover several ground-truth tubes. Ground-truth tubes come in the order of the
    videos; 0 where a video has no tubes.
    """
    best = [video.iou[:proposals].max(axis=0, initial=0.0) for video in videos]
    return np.concatenate([np.zeros(0), *best])


def proposal_counts(videos: Sequence[VideoOverlap]) -> list[int]:
    """Return 1, 2, 5, 10, 20, 50, ... up to and including the most tubes of a video."""
    most = max((len(video.iou) for video in videos), default=0)
    steps = [count * 10**power for power in range(len(str(most))) for count in (1, 2, 5)]
    return [*(count for count in steps if count < most), *([most] if most else [1])]


def recall_groups(videos: Sequence[VideoOverlap]) -> dict[str, NDArray[np.bool_]]:
    """Return the groups of the recall table, as masks of the ground-truth tubes of all videos.

    ``all``, ``class:NAME`` and, where actors are annotated, ``actor:NAME``.
    """
    labels = [label for video in videos for label in video.truth]
    groups = {"all": np.ones(len(labels), bool)}
    for kind, names in (
        ("class", np.array([label.action for label in labels], object)),
        ("actor", np.array([label.actor for label in labels], object)),
    ):
        groups |= {f"{kind}:{name}": names == name for name in sorted({*names} - {""})}
    return groups
