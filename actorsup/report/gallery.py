"""The stage that makes the gallery of the page, one shard of videos per job."""

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from actorsup.artifacts.atomic import write_text_atomically
from actorsup.artifacts.folders import replace_folder
from actorsup.artifacts.images import encode_jpeg
from actorsup.artifacts.shards import ShardReader
from actorsup.artifacts.tube_files import PREDICTIONS_SCHEMA, TUBES_SCHEMA, read_info, read_tubes
from actorsup.detection.base import SCHEMA as DETECTIONS_SCHEMA
from actorsup.detection.base import read_detections
from actorsup.evaluation.error_analysis import kinds_table
from actorsup.evaluation.ground_truth import read_annotated, read_ground_truth
from actorsup.evaluation.matching import VideoOverlap, overlap
from actorsup.evaluation.protocol import EvaluationProtocol
from actorsup.evaluation.settings import EvaluationSettings
from actorsup.formats.conventions import EXACT
from actorsup.frames.store import FrameStore, VideoFrames
from actorsup.logs import progress
from actorsup.report.examples import Example, Judged, card, details, shown_frames
from actorsup.report.webm import playable_rate, shrink, write_webm

_POSTER_SIDE = 320
CARDS = "cards.json"


@dataclass(frozen=True)
class Shards:
    """The shards of each stage for the same videos."""

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
    """Write the gallery's files for the scored videos of a shard into a folder.

    Each video has ``NNNN.webm``, ``NNNN.jpg`` and ``NNNN.js``; ``cards.json`` lists the videos. The
    folder appears when it is complete; after a killed run, finished videos are not made again.

    Args:
        shards: The shards of the stages.
        labels: Split and classes of each video by its id.
        ground_truth: The ground-truth table, or None.
        annotated: The table of annotated frames, or None if all are annotated.
        output: The folder to make, named after the shard.
        max_side: Longest side of the videos in pixels.
        evaluation: How predictions are matched, and the IoU of a correct one.
        provenance: Provenance of the folder; partial work with another provenance is deleted.

    Raises:
        DataError: A shard or a table cannot be used.
    """
    truth = {} if ground_truth is None else read_ground_truth(ground_truth, conventions=EXACT)
    sparse = None if annotated is None else read_annotated(annotated)
    protocol, threshold = evaluation.evaluation_protocol, evaluation.error_iou
    cards = []
    with replace_folder(output, provenance) as partial, ExitStack() as stack:
        store = stack.enter_context(FrameStore(shards.frames))
        detections = stack.enter_context(ShardReader(shards.detections, DETECTIONS_SCHEMA))
        linked = stack.enter_context(ShardReader(shards.tubes, TUBES_SCHEMA))
        scored = stack.enter_context(ShardReader(shards.predictions, PREDICTIONS_SCHEMA))
        classes = [str(name) for name in scored.file.attrs["classes"]]
        videos = progress(scored.videos, len(scored.videos), "making the page's videos")
        for number, video in enumerate(videos):
            split, classes_of_video = labels.get(video, ("", ()))
            tubes, proposals = read_tubes(scored[video]), read_tubes(linked[video])
            true = truth.get(video, [])
            frames = None if sparse is None else sparse.get(video, set())
            iou = overlap(video, proposals, true, frames, protocol).iou
            example = Example(
                video=video,
                info=read_info(scored[video]),
                split=split,
                labels=classes_of_video,
                scored=tubes,
                proposals=proposals,
                detections=read_detections(detections[video]),
                truth=true,
                judged=judged(overlap(video, tubes, true, frames, protocol), classes, threshold, protocol),
                overlap=iou.max(axis=1) if true else np.full(len(iou), np.nan),
            )
            name = f"{number:04d}"
            cards.append(card(example, f"{output.name}/{name}"))
            if not (partial / f"{name}.js").exists():
                _write_video(partial, name, store[video], max_side)
                content = json.dumps(details(example, threshold), allow_nan=False)
                script = f"actorsup.video({json.dumps(f'{output.name}/{name}')}, {content});\n"
                # last, because it marks the video as finished
                write_text_atomically(partial / f"{name}.js", script)
        write_text_atomically(partial / CARDS, json.dumps(cards, allow_nan=False))


def _write_video(folder: Path, name: str, images: VideoFrames, max_side: int) -> None:
    shown = shown_frames(len(images))
    poster = shrink(images.shown(shown[len(shown) // 2]), _POSTER_SIDE)
    (folder / f"{name}.jpg").write_bytes(encode_jpeg(poster, quality=80))
    rate = playable_rate(images.fps) * len(shown) / len(images)
    times = None if images.times is None else images.times[list(shown)].tolist()
    write_webm(folder / f"{name}.webm", (images.shown(index) for index in shown), rate, max_side, times)


def judged(
    video: VideoOverlap, classes: Sequence[str], threshold: float, protocol: EvaluationProtocol
) -> list[Judged]:
    """Return the predictions of a video in descending order of score, each with its kind of error."""
    rows = kinds_table([video], classes, threshold, protocol)
    rows = rows.sort_values("score", ascending=False, kind="stable")
    actions = np.array([label.action for label in video.truth], object)
    return [
        Judged(
            tube=int(row["tube"]),
            action=str(row["class"]),
            score=float(row["score"]),
            kind=str(row["kind"]) if video.truth else "",
            truth=int(row["ground_truth"]),
            iou=float(row["iou"]),
            class_iou=float(video.iou[int(row["tube"]), actions == row["class"]].max(initial=0.0)),
        )
        for row in rows.to_dict("records")
    ]
