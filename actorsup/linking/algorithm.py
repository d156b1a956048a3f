"""Algorithm 1 (Section 6.1): actor proposals from detections and a tracker."""

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from actorsup.boxes import clip, paired_iou
from actorsup.linking.base import Seed, Track, Tracker, VideoDetections
from actorsup.linking.greedy_tracks import GreedyTracks
from actorsup.tubes import Tubes

_LOG = logging.getLogger(__name__)


class TrackingLinker:
    """Links detections by tracking the best ones through the whole video, for several videos at once.

    The linker works in rounds, so that the tracker gets many seeds at once. A round tracks the next seed of
    each video and up to ``seeds_ahead`` seeds that the video will probably need later (predicted by
    ``GreedyTracks``). Each video then runs Algorithm 1 until it needs a seed that has no track yet. Since a
    track depends only on its seed, the tubes equal those of one video and one seed at a time.

    Args:
        tracker: The actor tracker of line 8.
        tubes: The maximum number of tubes per video, N.
        filter_iou: Line 10 drops detections whose IoU with the tube is strictly above this (Section 4.2).
        seeds_ahead: Number of additional seeds to track per video and round.

    Attributes:
        tracked: Number of seeds tracked so far.
        wasted: How many of them never became a tube.
    """

    def __init__(self, tracker: Tracker, tubes: int, filter_iou: float, seeds_ahead: int = 0) -> None:
        self._tracker, self._tubes, self._filter_iou = tracker, tubes, filter_iou
        self._seeds_ahead = seeds_ahead
        self.tracked = self.wasted = 0

    @property
    def batches_videos(self) -> bool:
        """Whether the tracker is faster on the seeds of several videos at once."""
        return getattr(self._tracker, "batches_videos", False)

    def link(self, videos: Sequence[VideoDetections]) -> list[Tubes]:
        """Return the tubes of each video, by descending score of the seed."""
        running = [_Video(video, self._tubes, self._filter_iou) for video in videos]
        while wanted := [(v, seed) for v in running for seed in v.next_seeds(1 + self._seeds_ahead)]:
            tracks = self._tracker.track([video.seed(index) for video, index in wanted])
            self.tracked += len(tracks)
            for (video, index), track in zip(wanted, tracks, strict=True):
                video.tracks[index] = track
            for video in running:
                video.advance()
            _LOG.info("%d seeds tracked, %d tubes so far", len(wanted), sum(len(v.tubes) for v in running))
        self.wasted += sum(len(video.tracks) for video in running)
        if self._seeds_ahead:
            _LOG.info("%d of %d seeds tracked so far made no tube", self.wasted, self.tracked)
        return [video.result() for video in running]


class _Video:
    """Algorithm 1 on one video, which pauses when its next seed has no track yet.

    A detection is referred to by its index.

    Attributes:
        tracks: Tracks of seeds that the algorithm has not reached yet.
        tubes: The set T, as seeds with their tracks.
    """

    def __init__(self, video: VideoDetections, most: int, filter_iou: float) -> None:
        self._images, self._detections = video.images, video.detections
        self._most, self._filter_iou = most, filter_iou  # line 1: N is ``most``
        self._remaining = np.ones(len(video.detections), bool)  # line 3: D, as a mask over all detections
        self.tubes: list[tuple[int, Track]] = []  # lines 4 and 5: T, and i as its length
        self.tracks: dict[int, Track] = {}
        # by descending score; of equal scores the earliest frame, then the detector's order
        self._order = np.lexsort((video.detections.frame, -video.detections.score))
        self._likely = GreedyTracks(video.detections, len(video.images))

    def advance(self) -> None:
        """Run the loop of lines 6 to 11 until it ends or its next seed has no track yet."""
        while self._remaining.any() and len(self.tubes) < self._most:  # line 6
            seed = self._best(self._remaining)  # line 7
            if seed not in self.tracks:
                return
            track = self.tracks.pop(seed)  # line 8
            self.tubes.append((seed, track))  # lines 9 and 11
            self._filter(self._remaining, seed, track.boxes)  # line 10

    def next_seeds(self, count: int) -> list[int]:
        """Return up to ``count`` seeds to track: the next one, then the ones that will probably follow.

        This simulates ``advance``, with predicted tracks for the seeds that have none.
        """
        remaining, made, seeds = self._remaining.copy(), len(self.tubes), list[int]()
        while remaining.any() and made < self._most:
            seed = self._best(remaining)
            track = self.tracks.get(seed)
            if track is None:
                seeds.append(seed)
                if len(seeds) == count:
                    break
            self._filter(remaining, seed, track.boxes if track else self._likely.boxes(seed))
            made += 1
        return seeds

    def _best(self, remaining: NDArray[np.bool_]) -> int:
        """Line 7: the remaining detection with the highest score."""
        return int(self._order[np.argmax(remaining[self._order])])

    def _filter(self, remaining: NDArray[np.bool_], seed: int, boxes: NDArray[np.float32]) -> None:
        """Line 10: drop detections of any actor that overlap the tube's boxes, before clipping."""
        detections = self._detections
        tube = boxes[detections.frame].astype(np.float64)
        remaining &= ~(paired_iou(detections.boxes.astype(np.float64), tube) > self._filter_iou)
        remaining[seed] = False  # even if it does not overlap its tube, so that the loop ends

    def seed(self, index: int) -> Seed:
        detections = self._detections
        return Seed(self._images, int(detections.frame[index]), detections.boxes[index])

    def result(self) -> Tubes:
        """Line 2: T, with boxes clipped to the frame."""
        frames = len(self._images)
        if not self.tubes:
            return Tubes.empty(frames)
        height, width = self._images[0].shape[:2]
        seeds = np.array([seed for seed, _ in self.tubes])
        return Tubes(
            boxes=clip(np.stack([track.boxes for _, track in self.tubes]), width, height),
            score=self._detections.score[seeds],
            actor=self._detections.actor[seeds],
            seed_frame=self._detections.frame[seeds],
            frame_score=np.stack([track.score for _, track in self.tubes]),
            interval=np.tile(np.array([0, frames], np.int32), (len(seeds), 1)),
        )
