"""Temporal trimming of tubes by the logits of their frames, without temporal labels."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def interpolate_over_time(
    values: Floats, frame_indices: NDArray[np.int64], num_frames: int, width: int
) -> Floats:
    """Interpolate values at sampled frames linearly over all frames of a video, and smooth the result.

    Args:
        values: (M, C) values at M sampled frames.
        frame_indices: (M,) ascending 0-based indices of the sampled frames.
        num_frames: Number of frames of the video.
        width: Width of the moving average in frames, cropped at the ends of the video; 1 does not smooth.

    Returns:
        (num_frames, C) smoothed values.
    """
    frames = np.arange(num_frames)
    curves = np.stack([np.interp(frames, frame_indices, column) for column in values.T], axis=1)
    sums = np.concatenate([np.zeros((1, curves.shape[1])), np.cumsum(curves, axis=0)])
    first = np.maximum(frames - width // 2, 0)
    end = np.minimum(frames - width // 2 + max(width, 1), num_frames)
    return (sums[end] - sums[first]) / (end - first)[:, None]


def find_best_intervals(log_odds: Floats) -> NDArray[np.int64]:
    """Find the interval of frames with the largest sum for each class (Kadane's algorithm; Bentley 1984).

    If the values are log-odds of independent frames, this interval is the most likely one.

    Args:
        log_odds: (N, C) values of N > 0 frames.

    Returns:
        (C, 2) int64 first frame and end frame (exclusive) of the interval of each class. Among intervals with
        equal sums, the interval that ends first is returned, and among these the longest.
    """
    classes = log_odds.shape[1]
    best_sum = np.full(classes, -np.inf)
    intervals = np.zeros((classes, 2), np.int64)
    running_sum, first = np.zeros(classes), np.zeros(classes, np.int64)
    for frame, values in enumerate(log_odds):
        is_restart = running_sum < 0
        running_sum, first = np.where(is_restart, 0, running_sum) + values, np.where(is_restart, frame, first)
        is_better = running_sum > best_sum
        best_sum = np.where(is_better, running_sum, best_sum)
        intervals[is_better] = np.stack([first, np.full(classes, frame + 1)], axis=1)[is_better]
    return intervals
