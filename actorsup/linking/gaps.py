"""Frames without a picture: linkers do not see them, and tubes get interpolated boxes there."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from actorsup.tubes import Tubes


def fill_gaps(tubes: Tubes, pictures: NDArray[np.int64], frames: int) -> Tubes:
    """Return tubes over all frames of a video, given tubes over its frames with a picture.

    Between two pictures of a tube, boxes and scores are interpolated linearly. A tube over all pictures is a
    tube over all frames, with the nearest box before the first picture and after the last.

    Args:
        tubes: P tubes over the M frames with a picture.
        pictures: (M,) ascending 0-based indices of these frames.
        frames: Number of all frames, N.
    """
    if len(pictures) == frames:
        return tubes
    boxes = np.full((len(tubes), frames, 4), np.nan, np.float32)
    score = np.full((len(tubes), frames), np.nan, np.float32)
    interval = np.zeros((len(tubes), 2), np.int32)
    for tube, (first, end) in enumerate(tubes.interval):
        known = pictures[first:end]
        whole = end - first == len(pictures)
        interval[tube] = (0, frames) if whole else (known[0], known[-1] + 1)
        at = np.arange(*interval[tube])
        score[tube, at] = np.interp(at, known, tubes.frame_score[tube, first:end])
        for corner in range(4):
            boxes[tube, at, corner] = np.interp(at, known, tubes.boxes[tube, first:end, corner])
    return replace(
        tubes,
        boxes=boxes,
        frame_score=score,
        interval=interval,
        seed_frame=pictures[tubes.seed_frame].astype(tubes.seed_frame.dtype),
    )
