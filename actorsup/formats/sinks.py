"""Read the detections with tracker ids that supervision's ``CSVSink`` and ``JSONSink`` write, of one video.

A row has ``x_min``, ``y_min``, ``x_max``, ``y_max`` in pixels from 0, ``class_id``, ``confidence``,
``tracker_id``, the detections' ``data``, such as ``class_name``, and the caller's ``custom_data``, such as
``frame_index``, from 0.
"""

import csv
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from actorsup.artifacts.tube_files import MOST_FRAMES
from actorsup.errors import DataError, report_read_errors
from actorsup.formats.json_files import load_json
from actorsup.formats.labeled import UNKNOWN_INFO, LabeledTube, LabeledVideo, make_tube, mean_score

_CORNERS = ("x_min", "y_min", "x_max", "y_max")
_FRAMES = ("frame_index", "frame_number", "frame_id", "frame")
_EXAMPLE = 'sink.append(detections, custom_data={"frame_index": index})'
_Row = tuple[int, str, list[float], float | None]
"""Frame, class, corners and score of a box; None without a score."""


def is_sink(columns: object) -> bool:
    """Return True if these are the columns of a CSV, or the keys of a JSON row, of supervision's sinks."""
    return isinstance(columns, Mapping | Sequence) and {*_CORNERS, "tracker_id"} <= {*map(str, columns)}


def is_sink_csv(path: Path) -> bool:
    """Return True if a CSV file has the columns of supervision's sinks."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            return is_sink(next(csv.reader(islice(stream, 1)), []))
    except (OSError, ValueError, csv.Error):
        return False


def read_sink(path: Path, name: str | None = None) -> list[LabeledVideo]:
    """Read the tracks of a CSV or JSON file of supervision's sinks.

    Args:
        path: Path of the ``.csv`` or ``.json`` file.
        name: Id of the video; None uses the name of the file.

    Raises:
        DataError: The file cannot be read, a row lacks a tracker id, a frame or the name of its class, a box
            is invalid, or a track has two classes or two boxes in one frame.
    """
    with report_read_errors(path, "not in the format of supervision's sinks"):
        if path.suffix.lower() == ".json":
            rows = load_json(path)
        else:
            with open(path, encoding="utf-8-sig", newline="") as stream:
                rows = [*csv.DictReader(stream)]
    tracks: dict[str, list[_Row]] = {}
    for number, row in enumerate(rows, 1):
        location = f"{path}: detection {number}"
        if not is_sink(row):
            raise DataError(
                f"{location}: lacks one of {', '.join(_CORNERS)}, tracker_id; found {str(row)[:200]}"
            )
        track = str(row["tracker_id"])
        if not track or track.startswith("-"):
            raise DataError(f"{location}: has no tracker_id; pass the detections through a tracker")
        tracks.setdefault(track, []).append(_read_row(location, row))
    tubes = tuple(_make_track(f"{path}: track {track}", track, found) for track, found in tracks.items())
    return [LabeledVideo(name or path.stem, UNKNOWN_INFO, tubes)]


def _read_row(location: str, row: Mapping[str, Any]) -> _Row:
    frame_key = next((key for key in _FRAMES if row.get(key) not in ("", None)), None)
    if frame_key is None:
        raise DataError(f"{location}: has no frame, wanted one of {', '.join(_FRAMES)}: {_EXAMPLE}")
    label = str(row.get("class_name") or "")
    if not label:
        raise DataError(f"{location}: has no class_name, only the class_id {str(row.get('class_id'))[:40]!r}")
    try:
        frame = float(row[frame_key])
        corners = [float(row[key]) for key in _CORNERS]
        score = None if row.get("confidence") in ("", None) else float(row["confidence"])
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{location}: a value is no number ({str(error)[:200]})") from error
    if not 0 <= frame < MOST_FRAMES or frame % 1:
        raise DataError(
            f"{location}: {frame_key} is {frame:g}, wanted a whole number from 0 to {MOST_FRAMES:,}"
        )
    return int(frame), label, corners, score


def _make_track(location: str, track: str, rows: Sequence[_Row]) -> LabeledTube:
    labels = {label for _, label, _, _ in rows}
    if len(labels) > 1:
        raise DataError(f"{location}: has boxes of the classes {', '.join(sorted(labels))}; wanted one class")
    scores = [score for *_, score in rows if score is not None]
    if len(scores) not in (0, len(rows)) or not all(abs(score) < float("inf") for score in scores):
        raise DataError(f"{location}: wanted a finite confidence for all of its boxes, or for none")
    frames = [frame for frame, *_ in rows]
    boxes = [corners for _, _, corners, _ in rows]
    return make_tube(location, track, labels.pop(), frames, boxes, score=mean_score(scores))
