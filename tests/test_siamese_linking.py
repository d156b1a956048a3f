"""Algorithm 1 with the Siamese tracker: in batches and ahead of itself, the tubes of one at a time."""

import numpy as np
import pytest
import torch
from moving_targets import moving, textured
from test_linking import literal_algorithm_1

from actorsup.boxes import clip
from actorsup.detection.base import Detections
from actorsup.linking.algorithm import TrackingLinker
from actorsup.linking.base import VideoDetections
from actorsup.linking.settings import LinkerSettings
from actorsup.linking.siamese.network import siamese_network
from actorsup.linking.siamese.tracker import SiameseTracker


def tracker(mode: str) -> SiameseTracker:
    settings = LinkerSettings(trunk="small", mode=mode)
    return SiameseTracker(siamese_network("small", None), settings, torch.device("cpu"))


def detections_of(frame, boxes, score) -> Detections:
    order = np.argsort(frame, kind="stable")
    actor = np.ones(len(order), np.int16)
    return Detections(
        np.asarray(frame, np.int32)[order],
        np.asarray(boxes, np.float32)[order],
        np.asarray(score, np.float32)[order],
        actor,
    )


def awkward_videos() -> list[VideoDetections]:
    random = np.random.default_rng(0)
    videos = []
    # hundreds of nearly the same detections, scores that tie
    images, boxes = moving(8, seed=1)
    frame = np.repeat(np.arange(8), 30)
    near = boxes[frame] + random.normal(0, 0.3, (240, 4))
    videos.append(VideoDetections(images, detections_of(frame, near, random.choice([0.5, 0.9], 240))))
    # seeds on the first and the last frame, of a target that leaves the frame
    images, boxes = moving(10, seed=2, step=(14, 3))
    videos.append(VideoDetections(images, detections_of([0, 9], boxes[[0, 9]], [0.8, 0.8])))
    # fewer frames than scales; one frame; detections all over, some out of the frame; none at all
    for count, found in ((2, 5), (1, 3), (6, 12), (4, 0)):
        images = [textured(10 * count + n, 120, 160) for n in range(count)]
        corner = random.uniform((-20, -20), (150, 110), (found, 2))
        boxes = np.concatenate([corner, corner + random.uniform(4, 60, (found, 2))], 1)
        frame = random.integers(0, count, found)
        videos.append(VideoDetections(images, detections_of(frame, boxes, random.choice([0.4, 0.6], found))))
    return videos


@pytest.mark.parametrize("seeds_ahead", [0, 4, 30])
@pytest.mark.parametrize("mode", ["exact", "shared"])
def test_tubes_are_those_of_the_lines_of_the_paper_to_the_bit(mode, seeds_ahead):
    videos, most = awkward_videos(), 5
    linked = TrackingLinker(tracker(mode), most, 0.7, seeds_ahead).link(videos)
    assert sum(map(len, linked)) > 15
    for video, tubes in zip(videos, linked, strict=True):
        expected = literal_algorithm_1(video, tracker(mode), most, 0.7)
        assert len(tubes) == len(expected)
        for number, ((frame, _, score, _), track) in enumerate(expected):
            assert (tubes.seed_frame[number], tubes.score[number]) == (frame, np.float32(score))
            height, width = video.images[0].shape[:2]
            np.testing.assert_array_equal(tubes.boxes[number], clip(track.boxes, width, height))
            np.testing.assert_array_equal(tubes.frame_score[number], track.score)


def test_the_paper_s_trunk_too():
    settings = LinkerSettings()
    videos = awkward_videos()[2:4]
    network = siamese_network("vgg16", None)

    def paper() -> SiameseTracker:
        return SiameseTracker(network, settings, torch.device("cpu"))

    linked = TrackingLinker(paper(), 2, 0.7, 1).link(videos)
    for video, tubes in zip(videos, linked, strict=True):
        expected = literal_algorithm_1(video, paper(), 2, 0.7)
        assert len(tubes) == len(expected) > 0
        for number, (_, track) in enumerate(expected):
            np.testing.assert_array_equal(tubes.frame_score[number], track.score)
