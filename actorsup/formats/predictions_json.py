"""Write ``predictions.json``: tubes of videos with their class scores.

Tubes have a box in every frame of their interval.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TextIO

import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.tube_files import VideoInfo
from actorsup.coco import ID_OF, NAME_OF
from actorsup.errors import DataError
from actorsup.formats.labeled import DECIMALS, SIZES_HINT, LabeledVideo, make_tube
from actorsup.formats.tube_checks import check_size, check_tubes
from actorsup.tubes import Tubes


@dataclass(frozen=True)
class ScoredTube:
    """A tube of a predictions file, with its class scores.

    Attributes:
        interval: First frame of the tube, and last frame + 1.
        boxes: (M, 4) float64 xyxy boxes in pixels, one per frame of the interval.
        score: Score of the tube as a proposal; 0 if unknown.
        actor: Name of the actor category; empty if unknown.
        class_score: Score of each predicted class, by class name.
    """

    interval: tuple[int, int]
    boxes: NDArray[np.floating]
    score: float
    actor: str
    class_score: Mapping[str, float]


@dataclass(frozen=True)
class ScoredVideo:
    """A video id, the length, frame rate and size of the video (0 if unknown), and its scored tubes."""

    video: str
    info: VideoInfo
    tubes: tuple[ScoredTube, ...]

    @classmethod
    def from_tubes(cls, video: str, info: VideoInfo, tubes: Tubes, classes: Sequence[str]) -> Self:
        """Convert the scored tubes of a video, without the classes whose score is NaN (no prediction)."""
        assert tubes.class_score is not None
        scored = []
        for p, (first, end) in enumerate(tubes.interval.tolist()):
            scores = zip(classes, tubes.class_score[p].tolist(), strict=True)
            scored.append(
                ScoredTube(
                    interval=(first, end),
                    boxes=tubes.boxes[p, first:end].astype(np.float64),
                    score=round(float(tubes.score[p]), 6),
                    actor=NAME_OF[int(tubes.actor[p])],
                    class_score={name: value for name, value in scores if not np.isnan(value)},
                )
            )
        return cls(video, info, tuple(scored))

    @classmethod
    def from_labeled(cls, video: LabeledVideo, location: str) -> Self:
        """Convert labeled tubes, whose score, or 1 for an annotation, becomes the score of their class.

        Raises:
            DataError: The number of frames of the video is unknown, or a tube lacks a box in a frame.
        """
        if video.info.frames <= 0:
            raise DataError(f"{location}: the number of frames of {video.video!r} is not known; {SIZES_HINT}")
        scored = []
        for tube in video.tubes:
            if not len(tube.frames):
                continue
            first, end = int(tube.frames[0]), int(tube.frames[-1]) + 1
            if end - first != len(tube.frames):
                raise DataError(
                    f"{location}: {video.video}: tube {tube.name}: some frames from {first} to {end - 1} "
                    "have no box, but predictions.json cannot hold gaps; write it as ground truth (.csv)"
                )
            score = 1.0 if tube.score is None else tube.score
            scored.append(ScoredTube((first, end), tube.boxes, score, tube.actor, {tube.action: score}))
        return cls(video.video, video.info, tuple(scored))

    def to_tubes(self, classes: Sequence[str]) -> Tubes:
        """Convert the tubes to dense arrays, in descending order of their proposal score.

        Raises:
            ValueError: The arrays would be too large, or a box has x2 < x1 or y2 < y1.
        """
        count, frames = len(self.tubes), self.info.frames
        check_size(count, frames)
        boxes = np.full((count, frames, 4), np.nan, np.float32)
        class_score = np.full((count, len(classes)), np.nan)
        for p, tube in enumerate(self.tubes):
            boxes[p, slice(*tube.interval)] = tube.boxes
            class_score[p] = [tube.class_score.get(name, np.nan) for name in classes]
        interval = np.array([tube.interval for tube in self.tubes], np.int32).reshape(-1, 2)
        score = np.array([tube.score for tube in self.tubes])
        tubes = Tubes(
            boxes=boxes,
            score=score.astype(np.float32),
            actor=np.array([ID_OF.get(tube.actor, 0) for tube in self.tubes], np.int16),
            seed_frame=interval[:, 0],
            frame_score=np.where(np.isnan(boxes[..., 0]), np.nan, 1).astype(np.float32),
            interval=interval,
            class_score=class_score,
        )
        check_tubes(tubes, frames, classes)
        return tubes.chosen(np.argsort(-score, kind="stable"))

    def to_labeled(self, location: str) -> LabeledVideo:
        """Convert to labeled tubes of the highest-scoring class, without tubes that have no class score.

        Raises:
            DataError: A tube has an invalid box or class name.
        """
        labeled = []
        for p, tube in enumerate(self.tubes):
            if tube.class_score:
                best_class = max(tube.class_score, key=lambda name: tube.class_score[name])
                labeled.append(
                    make_tube(
                        f"{location}: {self.video}: tube {p}", str(p), best_class, range(*tube.interval),
                        tube.boxes, self.info.frames, actor=tube.actor, score=tube.class_score[best_class],
                    )
                )  # fmt: skip
        return LabeledVideo(self.video, self.info, tuple(labeled))


def write_predictions_json(videos: Iterable[ScoredVideo], stream: TextIO, classes: Sequence[str]) -> None:
    """Write ``predictions.json`` as strict JSON, one video at a time."""
    stream.write('{"classes": ' + json.dumps(list(classes)) + ', "videos": {')
    for number, video in enumerate(videos):
        info = video.info
        entry = {
            "frames": info.frames, "fps": info.fps, "width": info.width, "height": info.height,
            **({} if info.times is None else {"times": info.times.round(6).tolist()}),
            "tubes": [_tube_entry(tube) for tube in video.tubes],
        }  # fmt: skip
        text = json.dumps(entry, allow_nan=False)
        stream.write(("," if number else "") + f"\n{json.dumps(video.video)}: {text}")
    stream.write("\n}}\n")


def _tube_entry(tube: ScoredTube) -> dict[str, Any]:
    return {
        "interval": list(tube.interval),
        "boxes": np.round(tube.boxes, DECIMALS).tolist(),
        "score": tube.score,
        **({"actor": tube.actor} if tube.actor else {}),
        "class_score": dict(tube.class_score),
    }
