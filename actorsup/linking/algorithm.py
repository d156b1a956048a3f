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
    """Tracks the best detections through the whole video: Algorithm 1, for many videos at once.

    A tube depends on its seed alone, so that tracking may run ahead of the algorithm. It goes in
    rounds: in each, every video that has detections left gives the seed that it waits for and
    ``seeds_ahead`` that it will likely want next (``GreedyTracks``), and all are tracked together.
    Then each video takes its steps as far as it has the tracks for. The tubes of a video are those
    that it has by itself, one seed after the other; a track that is not wanted is dropped.

    Args:
        tracker: The actor tracker of line 8.
        tubes: The most tubes of a video, N.
        filter_iou: Detections whose IoU with a tube is strictly above it are dropped (4.2).
        seeds_ahead: Seeds of a video that are tracked before it is known that they are wanted.

    Attributes:
        tracked: How many seeds were tracked so far.
        wasted: How many of them made no tube.
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
        """The tubes of each video, in the order they were made: by falling score of the seed."""
        running = [_Video(video, self._tubes, self._filter_iou) for video in videos]
        while wanted := [(v, index) for v in running for index in v.wanted(1 + self._seeds_ahead)]:
            tracks = self._tracker.track([video.seed(index) for video, index in wanted])  # line 8
            self.tracked += len(tracks)
            for (video, index), track in zip(wanted, tracks, strict=True):
                video.tracks[index] = track
            for video in running:
                video.advance()
            _LOG.info("%d seeds tracked, %d tubes so far", len(wanted), sum(v.made for v in running))
        self.wasted += sum(len(video.tracks) for video in running)
        if self._seeds_ahead:
            _LOG.info("%d of %d seeds tracked so far made no tube", self.wasted, self.tracked)
        return [video.result() for video in running]


class _Video:
    """The state of Algorithm 1 in one video: the set D of detections and the set T of tubes.

    Attributes:
        tracks: Of seeds that made no tube yet, by their detection.
    """

    def __init__(self, video: VideoDetections, tubes: int, filter_iou: float) -> None:
        self._images, self._detections = video.images, video.detections
        self._tubes, self._filter_iou = tubes, filter_iou
        self._remaining = np.ones(len(video.detections), bool)  # line 3: all detections
        # best first; ties: the earliest frame, then the detector's order
        self._order = np.lexsort((video.detections.frame, -video.detections.score))
        self._pushed: list[tuple[int, Track]] = []  # line 4
        self._likely = GreedyTracks(video.detections, len(video.images))
        self.tracks: dict[int, Track] = {}

    @property
    def made(self) -> int:
        """Tubes so far."""
        return len(self._pushed)

    def wanted(self, count: int) -> list[int]:
        """Detections to track: the next one of the algorithm, and likely ones after it.

        Args:
            count: How many at most.
        """
        remaining, made, seeds = self._remaining.copy(), self.made, list[int]()
        while made < self._tubes and remaining.any():
            index = self._select(remaining)
            if index not in self.tracks:
                seeds.append(index)
                if len(seeds) == count:
                    break
            known = self.tracks.get(index)
            self._filter(remaining, index, known.boxes if known else self._likely.boxes(index))
            made += 1
        return seeds

    def advance(self) -> None:
        """Lines 5 to 11, as far as there are tracks: until no detection is left or N tubes are made."""
        while self.made < self._tubes and self._remaining.any():
            index = self._select(self._remaining)  # line 7
            if index not in self.tracks:
                return
            track = self.tracks.pop(index)
            self._pushed.append((index, track))  # line 9
            self._filter(self._remaining, index, track.boxes)  # line 10

    def _select(self, remaining: NDArray[np.bool_]) -> int:
        """Line 7: the detection of the highest score."""
        return int(self._order[np.argmax(remaining[self._order])])

    def _filter(self, remaining: NDArray[np.bool_], index: int, boxes: NDArray[np.float32]) -> None:
        """Line 10: of any actor; the tube's boxes are not cut to the frame here."""
        detections = self._detections
        tube = boxes[detections.frame].astype(np.float64)
        remaining &= ~(paired_iou(detections.boxes.astype(np.float64), tube) > self._filter_iou)
        remaining[index] = False  # whatever its overlap: the algorithm ends

    def seed(self, index: int) -> Seed:
        detections = self._detections
        return Seed(self._images, int(detections.frame[index]), detections.boxes[index])

    def result(self) -> Tubes:
        frames = len(self._images)
        if not self._pushed:
            return Tubes.empty(frames)
        height, width = self._images[0].shape[:2]
        index = np.array([index for index, _ in self._pushed])
        detections = self._detections
        return Tubes(
            boxes=clip(np.stack([track.boxes for _, track in self._pushed]), width, height),
            score=detections.score[index],
            actor=detections.actor[index],
            seed_frame=detections.frame[index],
            frame_score=np.stack([track.score for _, track in self._pushed]),
            interval=np.tile(np.array([0, frames], np.int32), (len(index), 1)),
        )
