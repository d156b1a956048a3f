"""Detections made elsewhere, from a CSV, a COCO-results JSON, MOT text or CVAT XML.

CSV, one line a detection, ``category`` by name or id (1-90), frames 0-based, a video by its id::

    video,frame,x1,y1,x2,y2,score,category
    Biking/v_Biking_g01_c01,0,12.5,30,80,200,0.97,person

COCO results, ``image_id`` being the video's id, ``/`` and the 0-based frame::

    [{"image_id": "Biking/v_Biking_g01_c01/0", "category_id": 1,
      "bbox": [12.5, 30, 67.5, 170], "score": 0.97}]

MOTChallenge text, a ``.zip`` of ``<video>/det/det.txt`` or ``<video>.txt``, or one such file, as
``actorsup.formats.mot`` reads it; a detection without a class is a person, one without a score has 1.
CVAT XML, an ``.xml`` or a ``.zip``, as ``actorsup.formats.cvat`` reads it: labels are categories; a track
without a score has 1. COCO JSON with images and annotations, as ``actorsup.formats.coco`` reads it.

Boxes are in pixels of the source frame: two corners in the CSV, corner and size in the JSON.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from actorsup.artifacts.paths import existing_path
from actorsup.artifacts.tube_files import VideoInfo
from actorsup.boxes import area, clip
from actorsup.coco import CONTIGUOUS, ID_OF, NAME_OF
from actorsup.detection.base import Detections, DetectorType, ImageDetections
from actorsup.detection.settings import DetectorSettings, SuppliedSection
from actorsup.detection.suppression import suppress, take
from actorsup.errors import ConfigError, DataError, VideoError, report_read_errors
from actorsup.formats.coco import coco_boxes
from actorsup.formats.conventions import (
    UNSTATED,
    BoxSource,
    Conventions,
    Problem,
    from_corners,
    in_pixels_and_frames,
)
from actorsup.formats.cvat import read_cvat
from actorsup.formats.formats import BOX_FORMAT_OF, detect_format
from actorsup.formats.mot import MotOptions, mot_files
from actorsup.formats.plausibility import check_scores, check_table, report
from actorsup.formats.tables import Columns, read_table
from actorsup.formats.unit_hints import format_hint, times_hint
from actorsup.formats.video_ids import video_id
from actorsup.formats.video_names import match_names
from actorsup.frames.store import VideoFrames

_LOG = logging.getLogger(__name__)

COLUMNS = ["video", "frame", "x1", "y1", "x2", "y2", "score", "category"]
_MOT_NAMES = {"": "person", "pedestrian": "person", "motorbike": "motorcycle"}
"""The MOTChallenge's names of what COCO has too."""
_BOX = ["x1", "y1", "x2", "y2"]
_NUMBERS = ["frame", *_BOX, "score"]


class SuppliedDetections:
    """A file of detections, by video.

    Args:
        path: A ``.csv``, ``.json``, ``.txt``, ``.xml`` or ``.zip`` file in one of the forms above.
        actors: COCO category ids (1-90) of the actors of interest; others are dropped.
        settings: Score threshold and IoU of the suppression.

    Raises:
        DataError: The file cannot be read, has other columns or keys, or an unknown category.
    """

    def __init__(self, path: Path, actors: Sequence[int], settings: DetectorSettings) -> None:
        conventions = Conventions.of_settings(settings.options)
        rows = read_supplied(path, conventions)
        self._path, self._settings, self._conventions = path, settings, conventions
        self._warned: set[str] = set()
        by_video = rows[rows["category"].isin(actors)].groupby("video")
        self._by_video = {str(video): of_video for video, of_video in by_video}

    def detect_video(self, video: str, images: VideoFrames) -> Detections:
        """Detections of a video; raises as ``_detections``."""
        info = VideoInfo(len(images), images.fps, images.width, images.height, images.times)
        return self._detections(video, info)

    def detections(self, video: str, frames: int, width: int, height: int, fps: float = 0.0) -> Detections:
        """Detections of a video of this many frames of this size in pixels; raises as ``detect_video``."""
        return self._detections(video, VideoInfo(frames, fps, width, height))

    def _detections(self, video: str, info: VideoInfo) -> Detections:
        """Detections of a video, after suppression.

        Warnings about implausible boxes are logged once.

        Raises:
            VideoError: The file names the video in another way, a frame that the video does not have, a score
                outside [0, 1], a box that is not finite, has no area, or lies outside the frame.
        """
        rows = self._by_video.get(video)
        if rows is None:
            similar = match_names(self._by_video, [video])
            if other := next(iter({**similar.guessed, **similar.doubtful}), None):
                raise VideoError(
                    f"{self._path}: has no detection of {video!r}, but of {other!r}, which may be the same "
                    "video; name it by its id"
                )
            _LOG.warning("%s: no detection of %s", self._path, video)
            return Detections.of_images([], [])
        frames, width, height = info.frames, info.width, info.height
        self._warn(rows, video, info)
        rows = in_pixels_and_frames(str(self._path), rows, self._conventions, {video: info})
        self._check(rows, frames, width, height)
        rows = rows.sort_values("frame", kind="stable")
        every = ImageDetections(
            clip(rows[_BOX].to_numpy(np.float32), width, height),
            rows["score"].to_numpy(np.float32),
            rows["category"].to_numpy(np.int16),
        )
        at, starts = np.unique(rows["frame"].to_numpy(np.int32), return_index=True)
        ends = [*starts[1:], len(rows)]
        found = [
            suppress(take(every, np.arange(start, end)), self._settings.min_score, self._settings.nms_iou)
            for start, end in zip(starts, ends, strict=True)
        ]
        return Detections.of_images(at, found)

    def _warn(self, rows: pd.DataFrame, video: str, info: VideoInfo) -> None:
        """Log what is implausible about the boxes in frames of this size, once for each kind."""
        source = BoxSource(str(self._path), BOX_FORMAT_OF.get(_format(self._path), "xyxy"), self._conventions)
        found = check_table(source, rows.drop(columns="category"), {video: info})
        # an impossible video fails, and the others do not
        for problem in found:
            kind = problem.text.rpartition("look")[2]
            if kind not in self._warned:
                _LOG.warning("%s", problem.text)
            self._warned.add(kind)

    def _check(self, rows: pd.DataFrame, frames: int, width: int, height: int) -> None:
        numbers = rows[_NUMBERS].to_numpy()
        boxes, frame, score = rows[_BOX].to_numpy(), rows["frame"], rows["score"]
        checks = [
            (~np.isfinite(numbers).all(1), "a value is not a finite number"),
            (~frame.isin(range(frames)), f"frame must be one of 0 to {frames - 1}"),
            (~score.between(0, 1), "score must lie in [0, 1]"),
            (area(boxes) <= 0, "the box has no area; wanted x1 < x2 and y1 < y2"),
            (area(clip(boxes, width, height)) <= 0, f"the box lies outside the frame of {width}x{height}"),
        ]
        for wrong, reason in checks:
            if np.any(wrong):
                first = rows.iloc[int(np.argmax(wrong))]
                what = ", ".join(f"{name}={first[name]:g}" for name in _NUMBERS)
                raise VideoError(f"{self._path}: {rows.index.name} {first.name}: {reason}; found {what}")


def read_supplied(path: Path, conventions: Conventions = UNSTATED) -> pd.DataFrame:
    """Read a file of detections as a table of ``COLUMNS``, categories as COCO ids, by line or row.

    Args:
        path: Path of the file.
        conventions: What the numbers of the file are, where they differ from its format. Units are not
            converted.

    Raises:
        DataError: The file cannot be read, has other columns or keys, an unknown category, or impossible
            boxes or scores.
    """
    format_name = _format(path)
    source = BoxSource(str(path), BOX_FORMAT_OF[format_name], conventions)
    if format_name == "mot":
        rows = _read_mot(path, conventions)
    else:
        rows = _READERS[format_name](path)
    rows["video"] = rows["video"].map(video_id)
    if rows.index.name != "line":
        rows.index = pd.RangeIndex(1, len(rows) + 1, name="row")
    with report_read_errors(path, "holds a number that is none"):
        rows[_NUMBERS] = rows[_NUMBERS].apply(pd.to_numeric, errors="coerce").astype(float)
    category = rows["category"].map(_category)
    if category.isna().any():
        first = int(np.argmax(category.isna()))
        found = str(rows["category"].iloc[first])[:80]
        raise DataError(
            f"{path}: {rows.index.name} {rows.index[first]}: category {found!r} is no COCO category; "
            f"wanted an id (1-90) or a name: {', '.join(ID_OF)}"
        )
    rows["category"] = category.astype(int)
    boxes = from_corners(rows[_BOX].to_numpy(float), source.box_format)
    rows[_BOX] = conventions.corners(boxes, source.box_format)
    if format_name != "mot":
        rows["frame"] -= conventions.frame_base or 0
    scores = check_scores(source, rows["score"].to_numpy(float))
    is_part = (rows["frame"] % 1 != 0).to_numpy()
    if is_part.any() and not conventions.has_times and (hint := times_hint(source, rows["frame"].to_numpy())):
        raise DataError(f"{path}: row {int(is_part.argmax()) + 1}: frame must be a whole number{hint}")
    report([*check_table(source, rows.drop(columns="category")), *scores])
    if (rows["x2"] < rows["x1"]).any() and (hint := format_hint(source, boxes)):
        raise DataError(f"{path}: wanted x1 < x2 and y1 < y2{hint}")
    return rows


def _format(path: Path) -> str:
    """Format of a file of detections, a key of ``BOX_FORMAT_OF``."""
    if path.suffix.lower() == ".zip":
        return "cvat" if detect_format(path) == "cvat" else "mot"
    return {".json": "coco", ".txt": "mot", ".xml": "cvat"}.get(path.suffix.lower(), "csv")


def _category(value: Any) -> int | None:
    """Category id of a name or an id."""
    text = str(value).strip()
    # by its text: a number may have 5,000 digits
    return ID_OF.get(text) or {str(number): number for number in NAME_OF}.get(text)


def _read_csv(path: Path) -> pd.DataFrame:
    return read_table(path, Columns(tuple(COLUMNS), numbers=tuple(_NUMBERS)))


def _read_mot(path: Path, conventions: Conventions) -> pd.DataFrame:
    names = [NAME_OF[i] for i in CONTIGUOUS]
    options = MotOptions(None, conventions.mot_origin(), conventions.frame_base, zero_based_names=names)
    files = mot_files(path, "det.txt", options)
    rows = pd.concat([file.rows.assign(video=file.video, score=_scores(file.rows)) for file in files])
    return rows.assign(category=rows["class"].replace(_MOT_NAMES))[COLUMNS]


def _scores(rows: pd.DataFrame) -> pd.Series:
    """Scores of the boxes of a MOT file; 1 if the file has none, so that every conf is -1."""
    return rows["conf"] if (rows["conf"] != -1).any() else rows["conf"].abs()


def _read_cvat(path: Path) -> pd.DataFrame:
    rows = [
        [video.video, frame, *box, 1.0 if tube.score is None else tube.score, tube.action]
        for video in read_cvat(path)
        for tube in video.tubes
        for frame, box in zip(tube.frames.tolist(), tube.boxes.tolist(), strict=True)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _read_json(path: Path) -> pd.DataFrame:
    with report_read_errors(path, "cannot be read as JSON"):
        entries = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(entries, dict) and "annotations" in entries:
        return pd.DataFrame(coco_boxes(path, entries), columns=COLUMNS, dtype=object)
    if not isinstance(entries, list):
        raise DataError(
            f"{path}: holds a {type(entries).__name__}, wanted a list of COCO results, or COCO JSON of videos"
        )
    rows = [_row(path, n, entry) for n, entry in enumerate(entries, 1)]
    # as objects: a number may be beyond any type
    return pd.DataFrame(rows, columns=COLUMNS, dtype=object)


def _row(path: Path, number: int, entry: Any) -> list[Any]:
    try:
        video, slash, frame = entry["image_id"].rpartition("/")
        x, y, width, height = entry["bbox"]
        corners = [x, y, x + width, y + height]
        row = [video, frame, *corners, entry["score"], entry["category_id"]]
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise DataError(
            f"{path}: row {number}: {str(entry)[:200]} is no COCO result of a video; wanted image_id "
            '("<video>/<frame>"), category_id, bbox ([x, y, width, height]) and score'
        ) from error
    if not slash:
        raise DataError(f'{path}: row {number}: image_id is {entry["image_id"]!r}, wanted "<video>/<frame>"')
    return row


_READERS = {"csv": _read_csv, "coco": _read_json, "cvat": _read_cvat}


def _build(
    settings: DetectorSettings, actors: Sequence[int], weights: Path | None, device: str
) -> SuppliedDetections:
    if weights is None:
        raise ConfigError("path: a detector of the type supplied needs a file")
    return SuppliedDetections(weights, actors, settings)


def check_file(section: Mapping[str, Any], videos: Mapping[str, VideoInfo]) -> list[Problem]:
    """Return what is implausible about the detections of a section, in videos of these sizes and lengths.

    Raises:
        DataError: The file cannot be read, or its boxes are impossible.
    """
    conventions, path = Conventions.of_settings(section), existing_path(section["path"], "path")
    rows = read_supplied(path, conventions)
    source = BoxSource(str(path), BOX_FORMAT_OF[_format(path)], conventions)
    return check_table(source, rows.drop(columns="category"), {} if conventions.has_times else videos)


TYPE = DetectorType(_build, SuppliedSection, files=("path",), check=check_file)
