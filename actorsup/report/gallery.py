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

from actorsup.detection.stage import SCHEMA as DETECTIONS_SCHEMA
from actorsup.detection.stage import read_detections
from actorsup.evaluation.ground_truth import read_annotated, read_ground_truth
from actorsup.evaluation.matching import VideoOverlap, overlap
from actorsup.folders import whole_folder
from actorsup.frames.store import FrameStore, VideoFrames
from actorsup.logs import progress
from actorsup.report.examples import Example, Judged, card, details, shown_frames
from actorsup.report.settings import ReportSettings
from actorsup.report.webm import playable_rate, write_jpeg, write_webm
from actorsup.storage import ShardReader, write_whole
from actorsup.tube_files import PREDICTIONS_SCHEMA, TUBES_SCHEMA, read_info, read_tubes

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
    settings: ReportSettings,
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
        settings: What is shown.
        provenance: What makes it; partial work of another is thrown away.

    Raises:
        DataError: A shard or a table cannot be used.
    """
    truth = {} if ground_truth is None else read_ground_truth(ground_truth)
    sparse = None if annotated is None else read_annotated(annotated)
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
                classes=classes,
                scored=tubes,
                proposals=proposals,
                detections=read_detections(found[video]),
                truth=true,
                judged=judge(overlap(video, tubes, true, kept), classes, settings.iou_threshold),
                overlap=_best_overlap(overlap(video, proposals, true, kept).iou),
            )
            name = f"{number:04d}"
            cards.append(card(example, f"{output.name}/{name}"))
            if not (partial / f"{name}.js").exists():
                _write_video(partial, name, store[video], settings.max_side)
                text = script(f"{output.name}/{name}", details(example, settings.iou_threshold))
                write_whole(partial / f"{name}.js", text)  # last: it says that the video is finished
        write_whole(partial / CARDS, json.dumps(cards, allow_nan=False))


def _write_video(folder: Path, name: str, images: VideoFrames, max_side: int) -> None:
    at = shown_frames(len(images))
    write_jpeg(folder / f"{name}.jpg", images[at[len(at) // 2]], _POSTER_SIDE)
    rate = playable_rate(images.fps) * len(at) / len(images)
    write_webm(folder / f"{name}.webm", (images[index] for index in at), rate, max_side)


def judge(found: VideoOverlap, classes: Sequence[str], threshold: float) -> list[Judged]:
    """PROVISIONAL."""
    pairs = sorted(
        (-found.class_score[p, c], p, c)
        for p, c in zip(*np.nonzero(~np.isnan(found.class_score)), strict=True)
    )
    taken: set[int] = set()
    out = []
    for minus, p, c in pairs:
        own = [q for q, t in enumerate(found.truth) if t.action == classes[c]]
        best = max(own, key=lambda q: found.iou[p, q], default=-1)
        iou = float(found.iou[p, best]) if best >= 0 else 0.0
        kind = (
            "" if not found.truth else "correct" if iou >= threshold and best not in taken else "background"
        )
        if kind == "correct":
            taken.add(best)
        out.append(Judged(int(p), int(c), float(-minus), kind, best, iou))
    return out


def _best_overlap(iou: NDArray[np.float64]) -> NDArray[np.float64]:
    return iou.max(axis=1) if iou.shape[1] else np.full(len(iou), np.nan)


def script(files: str, content: Mapping[str, Any]) -> str:
    """Details of a video as a script that a page opened from disk can load."""
    return f"actorsup.video({json.dumps(files)}, {json.dumps(content, allow_nan=False)});\n"
