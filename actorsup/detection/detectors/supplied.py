"""Detections made elsewhere, from a CSV, a COCO-results JSON, MOT text or CVAT XML.

CSV, one line a detection, ``category`` by name or id (1-90), frames 0-based, a video by its id,
with its extension or without::

    video,frame,x1,y1,x2,y2,score,category
    Biking/v_Biking_g01_c01,0,12.5,30,80,200,0.97,person

COCO results, ``image_id`` being the video's id, ``/`` and the 0-based frame::

    [{"image_id": "Biking/v_Biking_g01_c01/0", "category_id": 1,
      "bbox": [12.5, 30, 67.5, 170], "score": 0.97}]

MOTChallenge text, a ``.zip`` of ``<video>/det/det.txt`` or ``<video>.txt``, or one such file, as
``actorsup.formats.mot`` reads it; a detection without a class is a person, one without a score has 1. CVAT XML, an ``.xml`` or a
``.zip``, as ``actorsup.formats.cvat`` reads it: labels are categories; a track without a score has 1.

Boxes are in pixels of the source frame: two corners in the CSV, corner and size in the JSON.
"""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from actorsup.boxes import area, clip
from actorsup.coco import CONTIGUOUS, ID_OF, NAME_OF
from actorsup.detection.base import Detections, DetectorType, ImageDetections
from actorsup.detection.settings import DetectorSettings, SuppliedSection
from actorsup.detection.suppression import suppress, take
from actorsup.errors import ConfigError, DataError, VideoError, report_read_errors
from actorsup.formats.cvat import read_cvat
from actorsup.formats.formats import detect_format
from actorsup.formats.mot import MotOptions, mot_files
from actorsup.formats.video_ids import video_id
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
        rows = read_supplied(path)
        self._path, self._settings = path, settings
        self._by_video = dict(iter(rows[rows["category"].isin(actors)].groupby("video")))

    def detect_video(self, video: str, images: VideoFrames) -> Detections:
        """Detections of a video; raises as ``detections``."""
        return self.detections(video, len(images), images.width, images.height)

    def detections(self, video: str, frames: int, width: int, height: int) -> Detections:
        """Detections of a video of this many frames of this size in pixels, after suppression.

        Raises:
            VideoError: A frame that the video does not have, a score outside [0, 1], a box
                that is not finite, has no area, or lies outside the frame.
        """
        rows = self._by_video.get(video)
        if rows is None:
            _LOG.warning("%s: no detection of %s", self._path, video)
            return Detections.of_images([], [])
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
                raise VideoError(f"{self._path}: row {first.name}: {reason}; found {what}")


def read_supplied(path: Path) -> pd.DataFrame:
    """A file of detections as a table of ``COLUMNS``, categories as COCO ids, rows from 1.

    Raises:
        DataError: The file cannot be read, has other columns or keys, or an unknown category.
    """
    readers = {".json": _read_json, ".txt": _read_mot, ".xml": _read_cvat, ".zip": _read_zip}
    rows = readers.get(path.suffix.lower(), _read_csv)(path)
    rows["video"] = rows["video"].map(video_id)
    rows.index = pd.RangeIndex(1, len(rows) + 1)
    with report_read_errors(path, "holds a number that is none"):
        rows[_NUMBERS] = rows[_NUMBERS].apply(pd.to_numeric, errors="coerce").astype(float)
    category = rows["category"].map(_category)
    if category.isna().any():
        first = int(np.argmax(category.isna()))
        found = str(rows["category"].iloc[first])[:80]
        raise DataError(
            f"{path}: row {first + 1}: category {found!r} is no COCO category; "
            f"wanted an id (1-90) or a name: {', '.join(ID_OF)}"
        )
    rows["category"] = category.astype(int)
    return rows


def _category(value: Any) -> int | None:
    """Category id of a name or an id."""
    text = str(value).strip()
    # by its text: a number may have 5,000 digits
    return ID_OF.get(text) or {str(number): number for number in NAME_OF}.get(text)


def _read_csv(path: Path) -> pd.DataFrame:
    with report_read_errors(path, "cannot be read as CSV"):
        # as text: a video may be called "NA" or "007"
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    if not set(COLUMNS) <= set(rows.columns):
        missing = [name for name in COLUMNS if name not in rows.columns]
        raise DataError(
            f"{path}: column {missing[0]!r} is missing; found {', '.join(rows.columns)}; "
            f"wanted {', '.join(COLUMNS)}"
        )
    return rows[COLUMNS]


def _read_mot(path: Path) -> pd.DataFrame:
    files = mot_files(path, "det.txt", MotOptions(zero_based_names=[NAME_OF[i] for i in CONTIGUOUS]))
    rows = pd.concat([file.rows.assign(video=file.video, score=_scores(file.rows)) for file in files])
    return rows.assign(category=rows["class"].replace(_MOT_NAMES))[COLUMNS]


def _scores(rows: pd.DataFrame) -> pd.Series:
    """Scores of the boxes of a MOT file; 1 if the file has none, so that every conf is -1."""
    return rows["conf"].where((rows["conf"] != -1).any(), 1.0)


def _read_zip(path: Path) -> pd.DataFrame:
    return _read_cvat(path) if detect_format(path) == "cvat" else _read_mot(path)


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
    if not isinstance(entries, list):
        raise DataError(f"{path}: holds a {type(entries).__name__}, wanted a list of COCO results")
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


def _build(
    settings: DetectorSettings, actors: Sequence[int], weights: Path | None, device: str
) -> SuppliedDetections:
    if weights is None:
        raise ConfigError("path: a detector of the type supplied needs a file")
    return SuppliedDetections(weights, actors, settings)


TYPE = DetectorType(_build, SuppliedSection, files=("path",))
