"""Recall of proposals (van Gemert et al. 2015; Section 4.1, Table 1, Figures 4 and 5)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from actorsup.evaluation.matching import VideoOverlap

_COUNTS = (1, 2, 5)


def best_overlaps(videos: Sequence[VideoOverlap], proposals: int) -> NDArray[np.float64]:
    """The highest IoU that any of the first ``proposals`` tubes has with each ground-truth tube.

    One tube may cover several ground-truth tubes. Ground-truth tubes come in the order of the
    videos; 0 where a video has no tubes.
    """
    best = [video.iou[:proposals].max(axis=0, initial=0.0) for video in videos]
    return np.concatenate([np.zeros(0), *best])


def proposal_counts(videos: Sequence[VideoOverlap]) -> list[int]:
    """1, 2, 5, 10, 20, 50, ... up to the most tubes of a video, itself included."""
    most = max((len(video.iou) for video in videos), default=0)
    steps = [count * 10**power for power in range(len(str(most))) for count in _COUNTS]
    return [*(count for count in steps if count < most), *([most] if most else [1])]


def members(videos: Sequence[VideoOverlap]) -> dict[str, NDArray[np.bool_]]:
    """Which ground-truth tubes, in the order of the videos, each group of the table of recall holds.

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
