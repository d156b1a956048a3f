"""The stage: the files of the page's gallery, a shard of videos at a time."""

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.atomic import write_whole
from actorsup.artifacts.folders import whole_folder
from actorsup.artifacts.shards import ShardReader
from actorsup.artifacts.tube_files import PREDICTIONS_SCHEMA, TUBES_SCHEMA, read_info, read_tubes
from actorsup.detection.base import SCHEMA as DETECTIONS_SCHEMA
from actorsup.detection.base import read_detections
from actorsup.evaluation.error_analysis import kinds_table
from actorsup.evaluation.ground_truth import read_annotated, read_ground_truth
from actorsup.evaluation.matching import VideoOverlap, overlap
from actorsup.evaluation.protocol import EvaluationProtocol
from actorsup.evaluation.settings import EvaluationSettings
from actorsup.frames.store import FrameStore, VideoFrames
from actorsup.logs import progress
from actorsup.report.examples import Example, Judged, card, details, shown_frames
from actorsup.report.webm import playable_rate, write_poster, write_webm

_LOG = logging.getLogger(__name__)
_POSTER_SIDE = 320
CARDS = "cards.json"


@dataclass(frozen=True)
class Shards:
    """The shards of one bucket of videos: what each stage made of them."""

    frames: Path
    detections: Path
    tubes: Path
    predictions: Path


def write_gallery(
    shards: Shards,
    labels: Mapping[str, tuple[str, tuple[str, ...]]],
    ground_truth: Path | None,
    annotated: Path | None,
    output: Path,
    max_side: int,
    evaluation: EvaluationSettings,
    provenance: Mapping[str, Any],
) -> None:
    """Write what the page shows of the scored videos of a shard into a folder of its own.

    Of each video ``NNNN.webm``, ``NNNN.jpg`` and ``NNNN.js``; and ``cards.json``, the rows of the
    gallery. The folder appears when it is whole; a run that was killed goes on after the last
    finished video.

    Args:
        shards: What the stages made.
        labels: Split and classes of each video, by its id.
        ground_truth: The table of ground truth, or None.
        annotated: The table of the annotated frames, where not all are.
        output: The folder to make; its name is the shard's.
        max_side: Longest side of the videos, pixels.
        evaluation: How predictions are matched, and at which IoU one is right.
        provenance: What makes it; partial work of another is thrown away.

    Raises:
        DataError: A shard or a table cannot be used.
    """
    truth = {} if ground_truth is None else read_ground_truth(ground_truth)
    sparse = None if annotated is None else read_annotated(annotated)
    rules, threshold = evaluation.rules, evaluation.error_iou
    cards = []
    with whole_folder(output, provenance) as partial, ExitStack() as stack:
        store = stack.enter_context(FrameStore(shards.frames))
        found, made, scored = (
            stack.enter_context(ShardReader(path, schema))
            for path, schema in (
                (shards.detections, DETECTIONS_SCHEMA),
                (shards.tubes, TUBES_SCHEMA),
                (shards.predictions, PREDICTIONS_SCHEMA),
            )
        )
        classes = [str(name) for name in scored.file.attrs["classes"]]
        for number, video in enumerate(
            progress(scored.videos, len(scored.videos), "making the page's videos")
        ):
            split, own = labels.get(video, ("", ()))
            tubes, proposals, true = read_tubes(scored[video]), read_tubes(made[video]), truth.get(video, [])
            kept = None if sparse is None else sparse.get(video, set())
            example = Example(
                video=video,
                info=read_info(scored[video]),
                split=split,
                labels=own,
                scored=tubes,
                proposals=proposals,
                detections=read_detections(found[video]),
                truth=true,
                judged=judged(overlap(video, tubes, true, kept, rules), classes, threshold, rules),
                overlap=_best_overlap(overlap(video, proposals, true, kept, rules).iou),
            )
            name = f"{number:04d}"
            cards.append(card(example, f"{output.name}/{name}"))
            if not (partial / f"{name}.js").exists():
                _write_video(partial, name, store[video], max_side)
                text = script(f"{output.name}/{name}", details(example, threshold))
                write_whole(partial / f"{name}.js", text)  # last: it says that the video is finished
        write_whole(partial / CARDS, json.dumps(cards, allow_nan=False))


def _write_video(folder: Path, name: str, images: VideoFrames, max_side: int) -> None:
    at = shown_frames(len(images))
    write_poster(folder / f"{name}.jpg", images[at[len(at) // 2]], _POSTER_SIDE)
    rate = playable_rate(images.fps) * len(at) / len(images)
    write_webm(folder / f"{name}.webm", (images[index] for index in at), rate, max_side)


def judged(
    found: VideoOverlap, classes: Sequence[str], threshold: float, rules: EvaluationProtocol
) -> list[Judged]:
    """Every prediction of a video, the highest score first, and what kind of right or wrong it is."""
    rows = kinds_table([found], classes, threshold, rules)
    rows = rows.sort_values("score", ascending=False, kind="stable")
    own = np.array([label.action for label in found.truth], object)
    return [
        Judged(
            tube=int(row["tube"]),
            action=str(row["class"]),
            score=float(row["score"]),
            kind=str(row["kind"]) if found.truth else "",
            truth=int(row["ground_truth"]),
            iou=float(row["iou"]),
            own_iou=float(found.iou[int(row["tube"]), own == row["class"]].max(initial=0.0)),
        )
        for row in rows.to_dict("records")
    ]


def _best_overlap(iou: NDArray[np.float64]) -> NDArray[np.float64]:
    return iou.max(axis=1) if iou.shape[1] else np.full(len(iou), np.nan)


def script(files: str, content: Mapping[str, Any]) -> str:
    """Details of a video as a script that a page opened from disk can load."""
    return f"actorsup.video({json.dumps(files)}, {json.dumps(content, allow_nan=False)});\n"
