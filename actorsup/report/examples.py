"""A video as the page shows it: its tubes, and why a prediction is right or wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.tube_files import VideoInfo
from actorsup.coco import NAME_OF
from actorsup.detection.base import Detections
from actorsup.evaluation.ground_truth import GroundTruthTube
from actorsup.report.webm import playable_rate
from actorsup.tubes import Tubes

MAX_FRAMES = 3000
"""Maximum number of frames of a video on the HTML report; longer videos show every n-th frame."""

MAX_TUBES = 30
"""Maximum number of predictions, and of proposals, of a video on the HTML report."""

MAX_DETECTIONS = 20
"""Maximum number of detections of a frame on the HTML report."""


@dataclass(frozen=True)
class Judged:
    """A prediction compared with the ground truth.

    Attributes:
        tube: Index of the tube among the scored tubes.
        action: Name of the predicted class.
        score: The score that average precision sorts by.
        kind: ``correct`` or the kind of error (``evaluation.error_analysis``); empty if the video has
            no ground truth.
        truth: Index of the ground-truth tube that the kind refers to; -1 for none.
        iou: Tube IoU with that ground-truth tube.
        class_iou: Highest tube IoU with a ground-truth tube of its class.
    """

    tube: int
    action: str
    score: float
    kind: str
    truth: int
    iou: float
    class_iou: float


@dataclass(frozen=True)
class Example:
    """A scored video of a run.

    Attributes:
        video: Video id.
        info: Length, frame rate and size of the video.
        split: Split of the video in the table of videos.
        labels: Classes of the video in the table of videos.
        scored: Tubes with class scores.
        proposals: Tubes from the linker.
        detections: Detections in all frames.
        truth: Ground-truth tubes.
        judged: Predictions in descending order of score, compared with the ground truth.
        overlap: (P,) highest tube IoU of each proposal with a ground-truth tube; NaN without ground truth.
    """

    video: str
    info: VideoInfo
    split: str
    labels: tuple[str, ...]
    scored: Tubes
    proposals: Tubes
    detections: Detections
    truth: Sequence[GroundTruthTube]
    judged: Sequence[Judged]
    overlap: NDArray[np.float64]


def card(example: Example, files: str) -> dict[str, Any]:
    """Return the entry of a video in the gallery.

    Best and worst sort by ``quality``: the highest IoU that the top prediction among the video's own
    classes has with a ground-truth tube of its class.

    Args:
        example: The video.
        files: Path of its files below ``report_data/``, without the suffix.
    """
    first = example.judged[0] if example.judged else None
    judged = bool(example.truth)
    actions = {tube.action for tube in example.truth}
    quality = next((one.class_iou for one in example.judged if one.action in actions), 0.0)
    right = first is not None and first.kind == "correct"
    return {
        "id": example.video,
        "files": files,
        "split": example.split,
        "labels": list(example.labels),
        "says": None if first is None else first.action,
        "score": None if first is None else round(first.score, 4),
        "outcome": ("right" if right else "wrong") if judged else "",
        "why": "" if right or not judged else (first.kind if first else "missed"),
        "kinds": sorted(_kinds(example)) if judged else [],
        "quality": round(quality, 4) if judged else None,
    }


def _kinds(example: Example) -> set[str]:
    """Kinds of the top predictions, as many as there are ground-truth tubes; ``missed`` if one is."""
    best = {one.kind for one in example.judged[: max(1, len(example.truth))]}
    return best | ({"missed"} if _missed(example) else set())


def _missed(example: Example) -> list[int]:
    """Indices of the ground-truth tubes without a correct prediction."""
    matched = {one.truth for one in example.judged if one.kind == "correct"}
    return [index for index in range(len(example.truth)) if index not in matched]


def shown_frames(frames: int) -> range:
    """Return the evenly spaced frames of a video that the HTML report shows."""
    return range(0, frames, max(1, -(-frames // MAX_FRAMES)))


def details(example: Example, threshold: float) -> dict[str, Any]:
    """Return the player's data of a video, ready for JSON; boxes in pixels of the source frame.

    Args:
        example: The video.
        threshold: The IoU from which a prediction is correct.
    """
    at = shown_frames(example.info.frames)
    step, missed = at.step, _missed(example)
    return {
        "frames": len(at),
        "step": step,
        "rate": playable_rate(example.info.fps) / step,
        **_times(example.info, at),
        "width": example.info.width,
        "height": example.info.height,
        "about": _about(example, step),
        "truth": [
            {
                "class": tube.action,
                "actor": tube.actor,
                "why": f"no prediction of its class has an IoU of {threshold:g} or more with it"
                if q in missed
                else "matched",
                **_boxes(tube.dense(example.info.frames), at),
            }
            for q, tube in enumerate(example.truth)
        ],
        "predictions": [
            {
                "class": one.action,
                "score": round(one.score, 4),
                "kind": one.kind,
                "why": _why(one, example, threshold),
                **_boxes(example.scored.boxes[one.tube], at),
            }
            for one in example.judged[:MAX_TUBES]
        ],
        "tubes": [
            {
                "score": round(float(example.proposals.score[p]), 4),
                "actor": NAME_OF.get(int(example.proposals.actor[p]), "actor"),
                "seed": int(example.proposals.seed_frame[p]) // step,
                "overlap": None if np.isnan(example.overlap[p]) else round(float(example.overlap[p]), 3),
                **_boxes(example.proposals.boxes[p], at),
            }
            for p in range(min(MAX_TUBES, len(example.proposals)))
        ],
        "detections": _detections(example.detections, at),
    }


def _times(info: VideoInfo, at: Sequence[int]) -> dict[str, list[float]]:
    """The start of each shown frame of a video of variable rate in seconds, and the end of the video."""
    if info.times is None:
        return {}
    return {"times": [round(info.seconds(frame), 3) for frame in (*at, info.frames)]}


def _about(example: Example, step: int) -> str:
    info = example.info
    text = f"{info.frames} frames of {info.width} × {info.height} pixels"
    text += f", {info.fps:.4g} per second" if playable_rate(info.fps) == info.fps else ", rate unknown"
    if info.times is not None:
        text += " on average, at a variable rate"
    if step > 1:
        text += f"; only every {step}th frame is shown"
    most = max(len(example.judged), len(example.proposals))
    return text + (f"; the best {MAX_TUBES} of {most} tubes are shown" if most > MAX_TUBES else "")


_WORDS = {
    "correct": "right: IoU {iou:.2f}",
    "duplicate": "duplicate: a prediction with a higher score matches this {truth}",
    "wrong class": "wrong class: IoU {iou:.2f} with a {truth}",
    "poor boxes": "poor boxes: IoU {iou:.2f} with a {truth}, below {threshold:g}; boxes fit worse than time",
    "poor time": "poor time: IoU {iou:.2f} with a {truth}, below {threshold:g}; time fits worse than boxes",
    "background": "background: overlaps no ground-truth tube of any class",
}


def _why(one: Judged, example: Example, threshold: float) -> str:
    truth = example.truth[one.truth].action if one.truth >= 0 else "nothing"
    return _WORDS.get(one.kind, one.kind).format(iou=one.iou, truth=truth, threshold=threshold)


def _boxes(boxes: NDArray[np.float32], at: Sequence[int]) -> dict[str, Any]:
    """The first shown frame of a tube, and its boxes from that frame on, None in gaps."""
    shown = boxes[list(at)]
    there = np.flatnonzero(~np.isnan(shown).any(1))
    if not len(there):
        return {"first": 0, "boxes": []}
    first, end = int(there[0]), int(there[-1]) + 1
    rounded = np.round(shown[first:end].astype(float), 1)
    return {"first": first, "boxes": [None if np.isnan(box).any() else box.tolist() for box in rounded]}


def _detections(detections: Detections, at: Sequence[int]) -> list[list[list[float]]]:
    """The best detections of each shown frame, each x1, y1, x2, y2, score."""
    rows = np.concatenate(
        [np.round(detections.boxes, 1), np.round(detections.score, 3)[:, None]], axis=1
    ).astype(float)
    first, end = (np.searchsorted(detections.frame, list(at), side=side) for side in ("left", "right"))
    return [
        [[round(value, 3) for value in row] for row in rows[a : min(b, a + MAX_DETECTIONS)].tolist()]
        for a, b in zip(first, end, strict=True)
    ]
