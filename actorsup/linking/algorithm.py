"""Algorithm 1 (Section 6.1): actor proposals from detections and a tracker."""

import logging
from collections.abc import Sequence

import numpy as np

from actorsup.boxes import clip, paired_iou
from actorsup.linking.base import Seed, Track, Tracker, VideoDetections
from actorsup.tubes import Tubes

_LOG = logging.getLogger(__name__)


class TrackingLinker:
    """Tracks the best detections through the whole video: Algorithm 1, for many videos at once.

    A tube depends on its seed alone, so that videos go in rounds: in each, every video that has
    detections left gives one seed, and all are tracked together. The tubes of a video are those
    that it has by itself.

    Args:
        tracker: The actor tracker of line 8.
        tubes: The most tubes of a video, N.
        filter_iou: Detections whose IoU with a tube is strictly above it are dropped (4.2).
    """

    def __init__(self, tracker: Tracker, tubes: int, filter_iou: float) -> None:
        self._tracker, self._tubes, self._filter_iou = tracker, tubes, filter_iou

    def link(self, videos: Sequence[VideoDetections]) -> list[Tubes]:
        """The tubes of each video, in the order they were made: by falling score of the seed."""
        running = [_Video(video) for video in videos]
        # lines 5, 6 and 11: until no detection is left or N tubes are made
        for done in range(self._tubes):
            active = [video for video in running if video.remaining.any()]
            if not active:
                break
            _LOG.info("tube %d of at most %d, in %d videos", done + 1, self._tubes, len(active))
            chosen = [video.select() for video in active]
            seeds = [video.seed(index) for video, index in zip(active, chosen, strict=True)]
            tracks = self._tracker.track(seeds)  # line 8
            for video, index, track in zip(active, chosen, tracks, strict=True):
                video.push(index, track)
                video.filter(index, track, self._filter_iou)
        return [video.result() for video in running]


class _Video:
    """The state of Algorithm 1 in one video: the set D of detections and the set T of tubes."""

    def __init__(self, video: VideoDetections) -> None:
        self._images, self._detections = video.images, video.detections
        self.remaining = np.ones(len(video.detections), bool)  # line 3: all detections
        # best first; ties: the earliest frame, then the detector's order
        self._order = np.lexsort((video.detections.frame, -video.detections.score))
        self._pushed: list[tuple[int, Track]] = []  # line 4

    def select(self) -> int:
        """Line 7: the detection of the highest score."""
        return int(self._order[np.argmax(self.remaining[self._order])])

    def seed(self, index: int) -> Seed:
        detections = self._detections
        return Seed(self._images, int(detections.frame[index]), detections.boxes[index])

    def push(self, index: int, track: Track) -> None:
        """Line 9."""
        self._pushed.append((index, track))

    def filter(self, index: int, track: Track, filter_iou: float) -> None:
        """Line 10: of any actor; the tube's boxes are not cut to the frame here."""
        detections = self._detections
        tube = track.boxes[detections.frame].astype(np.float64)
        self.remaining &= ~(paired_iou(detections.boxes.astype(np.float64), tube) > filter_iou)
        self.remaining[index] = False  # whatever its overlap: the algorithm ends

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
