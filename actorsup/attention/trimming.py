"""Trimming of tubes in time, from the logits of their frames; no label gives the times."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def over_time(values: Floats, sampled: NDArray[np.int64], count: int, width: int) -> Floats:
    """Interpolate values at sampled frames linearly over all frames of a video, and smooth them.

    Args:
        values: (M, C) values at the sampled frames.
        sampled: (M,) 0-based indices of these frames, ascending.
        count: Number of frames of the video.
        width: Frames of the moving average, fewer at the ends of the video; 1 does not smooth.

    Returns:
        (count, C).
    """
    frames = np.arange(count)
    curves = np.stack([np.interp(frames, sampled, column) for column in values.T], axis=1)
    sums = np.concatenate([np.zeros((1, curves.shape[1])), np.cumsum(curves, axis=0)])
    first = np.maximum(frames - width // 2, 0)
    end = np.minimum(frames - width // 2 + max(width, 1), count)
    return (sums[end] - sums[first]) / (end - first)[:, None]


def best_spans(odds: Floats) -> NDArray[np.int64]:
    """Find the span of frames with the largest sum, for each class (Kadane's algorithm; Bentley 1984).

    If the values are log-odds of independent frames, this is the most likely span.

    Args:
        odds: (N, C) values of at least one frame.

    Returns:
        (C, 2) int64, first frame and one past the last. Of equal sums, the span that ends first, and of those
        the longest.
    """
    classes = odds.shape[1]
    best = np.full(classes, -np.inf)
    spans = np.zeros((classes, 2), np.int64)
    total, first = np.zeros(classes), np.zeros(classes, np.int64)
    for frame, values in enumerate(odds):
        restart = total < 0
        total, first = np.where(restart, 0, total) + values, np.where(restart, frame, first)
        better = total > best
        best = np.where(better, total, best)
        spans[better] = np.stack([first, np.full(classes, frame + 1)], axis=1)[better]
    return spans
