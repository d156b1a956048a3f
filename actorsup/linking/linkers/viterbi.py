"""Viterbi linking (Gkioxari & Malik 2015, "Finding Action Tubes"): the paper's baseline (Section 4.3).

Where the two papers leave a choice, the choice is:

- A path takes one detection of one category in each frame of a run: of a longest stretch of frames
  that all have detections of the category left. At a frame without any a path is broken.
- The energy of a path is the sum of its detections' scores and, for each two that follow one
  another, of ``overlap_weight`` times their IoU.
- The next tube is the path of the highest energy of all runs and categories. Its detections are
  removed, which may break its run in two.
- Of equal paths that of the lowest category, then of the earliest frame is taken; of equal
  detections the first.
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
    """Links detections alone, by dynamic programming over their scores and overlaps.

    Args:
        tubes: The most tubes of a video, N.
        overlap_weight: Of the IoU of two detections that follow one another, against a score.
    """

    def __init__(self, tubes: int, overlap_weight: float) -> None:
        self._tubes, self._overlap_weight = tubes, overlap_weight

    def link(self, videos: Sequence[VideoDetections]) -> list[Tubes]:
        """The tubes of each video, by falling mean score of their detections."""
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
    """The best path of a run, ordered as it is taken."""

    energy: float
    actor: int
    first: int
    run: list[Index]
    path: Index


def _runs(found: Detections, left: Index) -> Iterator[list[Index]]:
    """Detections ``left`` of one category, frame by frame, cut where a frame has none."""
    if not len(left):
        return
    starts = np.flatnonzero(np.diff(found.frame[left])) + 1
    by_frame = np.split(left, starts)
    frames = np.array([found.frame[one[0]] for one in by_frame])
    ends = [*(np.flatnonzero(np.diff(frames) > 1) + 1), len(frames)]
    for start, end in pairwise([0, *ends]):
        yield by_frame[start:end]


def _best_path(found: Detections, run: list[Index], actor: int, overlap_weight: float) -> _Path:
    """The path of the highest energy through a run: exact, by dynamic programming."""
    boxes, score = found.boxes.astype(np.float64), found.score.astype(np.float64)
    energy = score[run[0]]
    back: list[Index] = []
    for before, here in pairwise(run):
        through = energy[:, None] + overlap_weight * iou_matrix(boxes[before], boxes[here])
        back.append(through.argmax(0))
        energy = through.max(0) + score[here]
    last = int(energy.argmax())
    best = float(energy[last])
    path = [run[-1][last]]
    for here, step in zip(reversed(run[:-1]), reversed(back), strict=True):
        last = int(step[last])
        path.append(here[last])
    path.reverse()
    return _Path(-best, int(actor), int(found.frame[path[0]]), run, np.array(path, np.int64))


def _tubes(video: VideoDetections, paths: Sequence[Index]) -> Tubes:
    found, frames = video.detections, len(video.images)
    if not paths:
        return Tubes.empty(frames)
    mean = np.array([found.score[path].mean(dtype=np.float64) for path in paths], np.float32)
    best_first = np.argsort(-mean, kind="stable")
    height, width = video.images[0].shape[:2]
    boxes = np.full((len(paths), frames, 4), np.nan, np.float32)
    frame_score = np.full((len(paths), frames), np.nan, np.float32)
    seed = np.zeros(len(paths), np.int64)
    for tube, index in enumerate(best_first):
        path = paths[index]
        boxes[tube, found.frame[path]] = found.boxes[path]
        frame_score[tube, found.frame[path]] = found.score[path]
        seed[tube] = path[found.score[path].argmax()]
    ends = [(found.frame[paths[index][0]], found.frame[paths[index][-1]] + 1) for index in best_first]
    return Tubes(
        boxes=clip(boxes, width, height),
        score=mean[best_first],
        actor=found.actor[seed],
        seed_frame=found.frame[seed],
        frame_score=frame_score,
        interval=np.array(ends, np.int32),
    )


TYPE = LinkerType(
    lambda settings, weights, device: ViterbiLinker(settings.tubes, settings.overlap_weight), ViterbiSection
)
