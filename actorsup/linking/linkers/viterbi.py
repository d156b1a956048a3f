"""Viterbi linking (Gkioxari & Malik 2015, "Finding Action Tubes"): the paper's baseline (Section 4.3).

The two papers leave details open. This implementation uses the following:

- A run is a longest sequence of consecutive frames that all have a remaining detection of one category.
  A path takes one detection of that category in each frame of a run.
- The energy of a path is the sum of its detections' scores, plus ``overlap_weight`` times the IoU of each
  two consecutive detections.
- The next tube is the path with the highest energy over all runs and categories. Its detections are
  removed, which may split its run.
- Ties go to the lowest category, then to the earliest frame; among equal detections to the first.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from actorsup.boxes import clip, iou_matrix
from actorsup.detection.base import Detections
from actorsup.linking.base import LinkerType, VideoDetections
from actorsup.linking.settings import ViterbiSection
from actorsup.tubes import Tubes

Index = NDArray[np.int64]


class ViterbiLinker:
    """Links detections without a tracker, by dynamic programming over their scores and overlaps.

    Args:
        tubes: The maximum number of tubes per video, N.
        overlap_weight: The weight of the IoU of two consecutive detections relative to a score.
    """

    def __init__(self, tubes: int, overlap_weight: float) -> None:
        self._tubes, self._overlap_weight = tubes, overlap_weight

    def link(self, videos: Sequence[VideoDetections]) -> list[Tubes]:
        """Return the tubes of each video, by descending mean score of their detections."""
        return [self._link(video) for video in videos]

    def _link(self, video: VideoDetections) -> Tubes:
        found = video.detections
        paths: list[Index] = []
        queue = [
            _best_path(found, run, actor, self._overlap_weight)
            for actor in np.unique(found.actor)
            for run in _runs(found, np.flatnonzero(found.actor == actor))
        ]
        heapq.heapify(queue)
        while queue and len(paths) < self._tubes:
            best = heapq.heappop(queue)
            paths.append(best.path)
            left = np.concatenate(best.run)
            for run in _runs(found, left[~np.isin(left, best.path)]):
                heapq.heappush(queue, _best_path(found, run, best.actor, self._overlap_weight))
        return _tubes(video, paths)


@dataclass(frozen=True, order=True)
class _Path:
    """The best path of a run; sorts in the order in which paths become tubes."""

    negative_energy: float
    actor: int
    first: int
    run: list[Index]
    path: Index


def _runs(found: Detections, left: Index) -> Iterator[list[Index]]:
    """Split the detections ``left`` of one category into runs, each a list of indices per frame."""
    frames, starts = np.unique(found.frame[left], return_index=True)
    by_frame = np.split(left, starts[1:])
    gaps = np.flatnonzero(np.diff(frames) > 1) + 1
    for start, end in pairwise([0, *gaps, len(frames)]):
        if start < end:
            yield by_frame[start:end]


def _best_path(found: Detections, run: list[Index], actor: int, overlap_weight: float) -> _Path:
    """Return the path with the highest energy through a run, found exactly by dynamic programming."""
    boxes, score = found.boxes.astype(np.float64), found.score.astype(np.float64)
    energy = score[run[0]]
    back: list[Index] = []
    for before, here in pairwise(run):
        through = energy[:, None] + overlap_weight * iou_matrix(boxes[before], boxes[here])
        back.append(through.argmax(0))
        energy = through.max(0) + score[here]
    last = energy.argmax()
    path = [run[-1][last]]
    for here, step in zip(reversed(run[:-1]), reversed(back), strict=True):
        last = step[last]
        path.append(here[last])
    path.reverse()
    first = int(found.frame[path[0]])
    return _Path(-float(energy.max()), int(actor), first, run, np.array(path, np.int64))


def _tubes(video: VideoDetections, paths: Sequence[Index]) -> Tubes:
    found, frames = video.detections, len(video.images)
    if not paths:
        return Tubes.empty(frames)
    mean = np.array([found.score[path].mean(dtype=np.float64) for path in paths], np.float32)
    best_first = np.argsort(-mean, kind="stable")
    paths = [paths[index] for index in best_first]
    height, width = video.images[0].shape[:2]
    boxes = np.full((len(paths), frames, 4), np.nan, np.float32)
    frame_score = np.full((len(paths), frames), np.nan, np.float32)
    seed = np.zeros(len(paths), np.int64)
    for tube, path in enumerate(paths):
        boxes[tube, found.frame[path]] = found.boxes[path]
        frame_score[tube, found.frame[path]] = found.score[path]
        seed[tube] = path[found.score[path].argmax()]
    return Tubes(
        boxes=clip(boxes, width, height),
        score=mean[best_first],
        actor=found.actor[seed],
        seed_frame=found.frame[seed],
        frame_score=frame_score,
        interval=np.array([found.frame[path[[0, -1]]] + [0, 1] for path in paths], np.int32),
    )


TYPE = LinkerType(
    lambda settings, weights, device: ViterbiLinker(settings.tubes, settings.overlap_weight), ViterbiSection
)
