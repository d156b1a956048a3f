"""Detect the format of a file of tubes, and read it."""

from collections.abc import Iterable
from pathlib import Path

from actorsup.errors import DataError, did_you_mean, report_read_errors
from actorsup.formats.archive import Archive
from actorsup.formats.coco import convert_coco
from actorsup.formats.conventions import UNSTATED, Conventions, with_corners
from actorsup.formats.coverage import drop_unannotated
from actorsup.formats.cvat import read_cvat
from actorsup.formats.json_files import load_json, open_json
from actorsup.formats.labeled import LabeledVideo, class_names, shift_frames, with_box_format
from actorsup.formats.mot import MotOptions, read_mot
from actorsup.formats.predictions import classes_of_shards, read_shards
from actorsup.formats.predictions_reader import read_predictions_json
from actorsup.formats.sinks import is_sink, is_sink_csv, read_sink

FORMATS = ("csv", "predictions", "coco", "mot", "cvat", "supervision")
BOX_FORMAT_OF = {
    "csv": "xyxy",
    "predictions": "xyxy",
    "coco": "xywh",
    "mot": "xywh",
    "cvat": "xyxy",
    "supervision": "xyxy",
}
"""What the four numbers of a box are in each format."""
_BY_SUFFIX = {".csv": "csv", ".h5": "predictions", ".xml": "cvat", ".txt": "mot"}


def detect_format(path: Path) -> str:
    """Return the format of an existing file or folder, inferred from its suffix or else its content.

    Raises:
        DataError: The path does not exist, or its format is unknown.
    """
    suffix = path.suffix.lower()
    if not path.exists():
        siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        raise DataError(f"{path}: no such file or folder{did_you_mean(path.name, siblings)}")
    if suffix in _BY_SUFFIX and path.is_file():
        return "supervision" if suffix == ".csv" and is_sink_csv(path) else _BY_SUFFIX[suffix]
    if suffix == ".json":
        with report_read_errors(path, "cannot be read as JSON"):
            return _detect_json(path)
    if path.is_dir() or suffix == ".zip":
        return "cvat" if Archive(path, (".xml",)).names else "mot"
    raise DataError(
        f"{path}: the name does not show the format; wanted .csv, .json, .h5, .xml, .txt, .zip or a folder"
    )


def _detect_json(path: Path) -> str:
    """Return the format of a JSON file, inferred from the first keys that only one format has."""
    keys = []
    with open_json(path) as reader:
        if reader.peek() == "[":
            return "supervision" if is_sink(next(reader.elements(), None)) else "coco"
        for key in reader.members("the file", "an object or a list"):
            if key in ("images", "annotations", "categories"):
                return "coco"
            if key == "videos" and reader.peek() in "{[":
                return "predictions" if reader.peek() == "{" else "coco"
            keys.append(key)
            reader.skip()
    return "predictions" if "classes" in keys else "coco"


def output_format_of_name(path: Path) -> str:
    """Return the format of a file to write, inferred from its name.

    Raises:
        DataError: The suffix belongs to no format.
    """
    suffix = path.suffix.lower()
    if suffix in (".csv", ".xml"):
        return _BY_SUFFIX[suffix]
    if suffix == ".json":
        return "predictions" if path.stem.startswith("predictions") else "coco"
    raise DataError(f"{path}: the name does not show the format; name it with --to: {', '.join(FORMATS)}")


def read_labeled(
    path: Path,
    format_name: str,
    name: str | None = None,
    origin: int | None = None,
    action: str | None = None,
    conventions: Conventions = UNSTATED,
) -> tuple[list[LabeledVideo], list[str]]:
    """Read labeled videos and class names into memory, as ``iterate_labeled``."""
    videos, classes = iterate_labeled(path, format_name, name, origin, action, conventions)
    in_memory = list(videos)
    return in_memory, class_names(in_memory) if classes is None else classes


def iterate_labeled(
    path: Path,
    format_name: str,
    name: str | None = None,
    origin: int | None = None,
    action: str | None = None,
    conventions: Conventions = UNSTATED,
) -> tuple[Iterable[LabeledVideo], list[str] | None]:
    """Read labeled videos, if possible one at a time, and class names from a file of a format except ``csv``.

    Boxes that a format interpolates into frames that are not annotated are left out.

    Args:
        path: Path of the file or folder.
        format_name: Format of the file, one of ``FORMATS`` except ``csv``.
        name: Id of the only video; None uses the names in the file.
        origin: Coordinate of the first pixel's corner in MOT text; None: 0 with a ``labels.txt``, else 1.
        action: Class of the tracks in MOT text that have none.
        conventions: What the numbers of the file are, where it differs from the convention of its format.
            Units are not converted.

    Returns:
        The videos, to iterate over once; the names of all classes, or None if the file does not list them.

    Raises:
        DataError: The file is missing, damaged or invalid; also raised by the iteration.
    """
    match format_name:
        case "predictions" if path.suffix.lower() == ".h5":
            return read_shards([path]), classes_of_shards([path])
        case "predictions":
            classes, scored = read_predictions_json(path)
            converted = (with_corners(video, conventions) for video in scored)
            return (video.to_labeled(str(path)) for video in converted), classes
        case "coco":
            videos: Iterable[LabeledVideo] = convert_coco(path, load_json(path), conventions.frame_base, name)
        case "mot":
            origin = conventions.mot_origin(origin)
            videos = read_mot(path, MotOptions(name, origin, conventions.frame_base, action))
        case "cvat":
            videos = (shift_frames(video, -(conventions.frame_base or 0)) for video in read_cvat(path, name))
        case "supervision":
            videos = [shift_frames(video, -(conventions.frame_base or 0)) for video in read_sink(path, name)]
        case _:
            raise DataError(f"{path}: {format_name!r} is not a format; allowed: {', '.join(FORMATS)}")
    videos = map(drop_unannotated, videos)
    if conventions.box_format is not None:
        box_format = BOX_FORMAT_OF[format_name]
        videos = (with_box_format(path, video, box_format, conventions) for video in videos)
    return videos, None
