"""Tracking success, measured forward and backward from a ground-truth box."""

import numpy as np
from numpy.typing import NDArray

from actorsup.boxes import paired_iou
from actorsup.linking.base import Seed, Track, Tracker
from actorsup.linking.siamese.sequences import Sequences

THRESHOLDS = np.linspace(0, 1, 21)
"""IoU thresholds of the success curve (Wu, Lim & Yang 2013)."""


def success(iou: NDArray[np.floating]) -> float:
    """Return the area under the success curve (Wu, Lim & Yang 2013).

    Args:
        iou: (N,) IoU of the tracked box with the ground truth, for frames that have one.

    Returns:
        The share of frames whose IoU is strictly above a threshold, averaged over ``THRESHOLDS``; NaN if
        there are no frames.
    """
    return float(np.mean(iou[:, None] > THRESHOLDS)) if len(iou) else float("nan")


def track_success(track: Track, seed: Seed, index: NDArray[np.int64], boxes: NDArray[np.float32]) -> float:
    """Return the success of one track over all annotated frames except the seed's.

    Args:
        track: The track of the seed.
        seed: The seed.
        index: (M,) frames with a ground-truth box.
        boxes: (M, 4) xyxy ground truth in pixels of the seed's images.
    """
    others = index != seed.frame
    iou = paired_iou(track.boxes[index[others]].astype(np.float64), boxes[others].astype(np.float64))
    return success(iou)


def sequences_success(tracker: Tracker, sequences: Sequences) -> float:
    """Return the mean success over sequences, each tracked from its middle usable image in both directions.

    NaN if no sequence shows its target twice.
    """
    values = []
    for number, sequence in enumerate(sequences.sequences):
        if len(sequence.usable) < 2:
            continue
        images = [sequences.image(number, index) for index in range(len(sequence.paths))]
        middle = int(sequence.usable[len(sequence.usable) // 2])
        seed = Seed(images, middle, sequence.boxes[middle])
        track = tracker.track([seed])[0]
        values.append(track_success(track, seed, sequence.usable, sequence.boxes[sequence.usable]))
    return float(np.mean(values)) if values else float("nan")
