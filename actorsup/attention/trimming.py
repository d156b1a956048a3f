"""Tubes cut in time, from what the network makes of their frames: no label says when."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def over_time(values: Floats, chosen: NDArray[np.int64], count: int, width: int) -> Floats:
    """Curves over all frames of a video, from the frames that were looked at.

    Args:
        values: (M, C) at those frames.
        chosen: (M,) the frames, 0-based, ascending.
        count: Frames of the video.
        width: Frames around each whose mean is taken, fewer at the video's ends; 1 leaves it as it is.

    Returns:
        (count, C), linear between those frames.
    """
    frames = np.arange(count)
    curves = np.stack([np.interp(frames, chosen, column) for column in values.T], axis=1)
    sums = np.concatenate([np.zeros((1, curves.shape[1])), np.cumsum(curves, axis=0)])
    first = np.maximum(frames - width // 2, 0)
    end = np.minimum(frames - width // 2 + max(width, 1), count)
    return (sums[end] - sums[first]) / (end - first)[:, None]


def best_spans(odds: Floats) -> NDArray[np.int64]:
    """The span of frames whose values add up to most, for each class (Bentley 1984, Kadane's algorithm).

    Of frames that are independent and log-odds of a class in each, it is the likeliest span.

    Args:
        odds: (N, C) of at least one frame.

    Returns:
        (C, 2) int64, first frame and one past the last; of equal sums the first that is reached, and
        the longest of those that end there.
    """
    classes = odds.shape[1]
    best = np.full(classes, -np.inf)
    spans = np.zeros((classes, 2), np.int64)
    total, first = np.zeros(classes), np.zeros(classes, np.int64)
    for frame, values in enumerate(odds):
        anew = total < 0
        total, first = np.where(anew, 0, total) + values, np.where(anew, frame, first)
        better = total > best
        best = np.where(better, total, best)
        spans[better] = np.stack([first, np.full(classes, frame + 1)], axis=1)[better]
    return spans
