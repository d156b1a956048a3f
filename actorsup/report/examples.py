"""What the page shows of one video: its tubes, and why a prediction is right or wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.tube_files import VideoInfo
from actorsup.coco import NAME_OF
from actorsup.detection.base import Detections
from actorsup.evaluation.ground_truth import GroundTruthTube
from actorsup.report.webm import evenly, playable_rate
from actorsup.tubes import Tubes

MOST_FRAMES = 3000
"""Frames of a video that are shown; of a longer one only every second, third, ... frame."""

MOST_TUBES = 30
"""Tubes of a video that are shown, of its predictions and of its proposals."""

MOST_DETECTIONS = 20
"""Detections of a frame that are shown."""


@dataclass(frozen=True)
class Judged:
    """One prediction, and what there is to say of it.

    Attributes:
        tube: Number of its tube among the scored tubes.
        action: Its class.
        score: What average precision sorts by.
        kind: ``correct`` or the kind of its error (``evaluation.error_analysis``); empty where the
            video has no ground truth.
        truth: Number of the ground-truth tube that the kind speaks of; -1 for none.
        iou: Tube IoU with that one.
        own_iou: The best tube IoU with ground truth of its class.
    """

    tube: int
    action: str
    score: float
    kind: str
    truth: int
    iou: float
    own_iou: float


@dataclass(frozen=True)
class Example:
    """One test video of a run.

    Attributes:
        video: Its id.
        info: Length, rate and size.
        split: Of the table of videos.
        labels: Its classes, by the table of videos.
        scored: Its scored tubes.
        proposals: Its tubes as the linker made them.
        detections: What the detector found.
        truth: Its ground-truth tubes.
        judged: Its predictions, the highest score first.
        overlap: (proposals,) IoU of each proposal with the nearest ground-truth tube; NaN without.
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
    """The row of a video in the gallery.

    ``quality`` is what best and worst are sorted by: the IoU of the highest-scoring prediction of
    one of the video's own classes with the nearest ground-truth tube of that class.

    Args:
        example: The video.
        files: Its files, below ``report_data/`` and without their suffix.
    """
    first = example.judged[0] if example.judged else None
    judged = bool(example.truth)
    own = {tube.action for tube in example.truth}
    quality = next((one.own_iou for one in example.judged if one.action in own), 0.0)
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
    """Kinds of the best predictions, as many as there are ground-truth tubes, and what is missed."""
    best = {one.kind for one in example.judged[: max(1, len(example.truth))]}
    return best | ({"missed"} if _missed(example) else set())


def _missed(example: Example) -> list[int]:
    found = {one.truth for one in example.judged if one.kind == "correct"}
    return [number for number in range(len(example.truth)) if number not in found]


def shown_frames(frames: int) -> Sequence[int]:
    """The frames of a video that the page shows, all of them but in very long ones."""
    return evenly(frames, MOST_FRAMES)


def details(example: Example, threshold: float) -> dict[str, Any]:
    """What the player shows of a video, as JSON can hold it; boxes in pixels of the source frame.

    Args:
        example: The video.
        threshold: The IoU at which a prediction is right.
    """
    at = shown_frames(example.info.frames)
    step = at.step if isinstance(at, range) else 1
    missed = _missed(example)
    return {
        "frames": len(at),
        "step": step,
        "rate": playable_rate(example.info.fps) / step,
        "width": example.info.width,
        "height": example.info.height,
        "about": _about(example, step),
        "truth": [
            {
                "class": tube.action,
                "actor": tube.actor,
                "why": f"no prediction of its class has an IoU of {threshold:g} with it"
                if q in missed
                else "found",
                **_true_boxes(tube, example.info.frames, at),
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
            for one in example.judged[:MOST_TUBES]
        ],
        "tubes": [
            {
                "score": round(float(example.proposals.score[p]), 4),
                "actor": NAME_OF.get(int(example.proposals.actor[p]), "actor"),
                "seed": int(example.proposals.seed_frame[p]) // step,
                "overlap": None if np.isnan(example.overlap[p]) else round(float(example.overlap[p]), 3),
                **_boxes(example.proposals.boxes[p], at),
            }
            for p in range(min(MOST_TUBES, len(example.proposals)))
        ],
        "detections": _detections(example.detections, at),
    }


def _about(example: Example, step: int) -> str:
    info = example.info
    text = f"{info.frames} frames of {info.width} × {info.height} pixels"
    text += f", {info.fps:.4g} a second" if playable_rate(info.fps) == info.fps else ", rate unknown"
    if step > 1:
        text += f"; long: every {step}th frame is shown"
    most = max(len(example.judged), len(example.proposals))
    return text + (f"; the best {MOST_TUBES} of {most} tubes are shown" if most > MOST_TUBES else "")


_WORDS = {
    "correct": "right: IoU {iou:.2f}",
    "duplicate": "duplicate: a prediction of a higher score has found this {truth} already",
    "wrong class": "wrong class: it lies on a {truth}, IoU {iou:.2f}",
    "poor boxes": "poor boxes: IoU {iou:.2f} with a {truth}, not {threshold:g}; boxes fit less than time",
    "poor time": "poor time: IoU {iou:.2f} with a {truth}, not {threshold:g}; time fits less than boxes",
    "background": "background: it lies on no ground-truth tube of any class",
}


def _why(one: Judged, example: Example, threshold: float) -> str:
    truth = example.truth[one.truth].action if one.truth >= 0 else "nothing"
    return _WORDS.get(one.kind, one.kind).format(iou=one.iou, truth=truth, threshold=threshold)


def _boxes(boxes: NDArray[np.float32], at: Sequence[int]) -> dict[str, Any]:
    """First shown frame of a tube and its boxes from there on, None in a gap."""
    shown = boxes[list(at)]
    there = np.flatnonzero(~np.isnan(shown).any(1))
    if not len(there):
        return {"first": 0, "boxes": []}
    first, end = int(there[0]), int(there[-1]) + 1
    rounded = np.round(shown[first:end].astype(float), 1)
    return {"first": first, "boxes": [None if np.isnan(box).any() else box.tolist() for box in rounded]}


def _true_boxes(tube: GroundTruthTube, frames: int, at: Sequence[int]) -> dict[str, Any]:
    dense = np.full((frames, 4), np.nan, np.float32)
    inside = tube.frames < frames
    dense[tube.frames[inside]] = tube.boxes[inside]
    return _boxes(dense, at)


def _detections(found: Detections, at: Sequence[int]) -> list[list[list[float]]]:
    """For each shown frame its best detections: x1, y1, x2, y2, score."""
    rows = np.concatenate([np.round(found.boxes, 1), np.round(found.score, 3)[:, None]], axis=1).astype(float)
    first, end = (np.searchsorted(found.frame, list(at), side=side) for side in ("left", "right"))
    return [
        [[round(value, 3) for value in row] for row in rows[a : min(b, a + MOST_DETECTIONS)].tolist()]
        for a, b in zip(first, end, strict=True)
    ]
