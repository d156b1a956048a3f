"""Detect the format of a file of tubes, and read it."""

from pathlib import Path

from actorsup.errors import DataError, did_you_mean
from actorsup.formats.archive import Archive
from actorsup.formats.coco import convert_coco
from actorsup.formats.conventions import UNSTATED, Conventions, with_corners
from actorsup.formats.coverage import drop_unannotated
from actorsup.formats.cvat import read_cvat
from actorsup.formats.json_files import load_json
from actorsup.formats.labeled import LabeledVideo, class_names, shift_frames, with_box_format
from actorsup.formats.mot import MotOptions, read_mot
from actorsup.formats.predictions import classes_of_shards, read_shards
from actorsup.formats.predictions_json import read_predictions_json
from actorsup.formats.sinks import is_sink, is_sink_csv, read_sink

FORMATS = ("csv", "predictions", "coco", "mot", "cvat", "supervision")
BOX_FORMAT_OF = {
    "csv": "xyxy", "predictions": "xyxy", "coco": "xywh", "mot": "xywh", "cvat": "xyxy",
    "supervision": "xyxy",
}  # fmt: skip
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
        content = load_json(path)
        if isinstance(content, list) and content and is_sink(content[0]):
            return "supervision"
        is_ours = isinstance(content, dict) and "classes" in content and "images" not in content
        return "predictions" if is_ours else "coco"
    if path.is_dir() or suffix == ".zip":
        return "cvat" if Archive(path, (".xml",)).names else "mot"
    raise DataError(
        f"{path}: the name does not show the format; wanted .csv, .json, .h5, .xml, .txt, .zip or a folder"
    )


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
    """Read labeled videos and class names from a file of any format except ``csv``.

    Boxes that a format interpolates into frames that are not annotated are left out.

    Args:
        path: Path of the file or folder.
        format_name: Format of the file, one of ``FORMATS`` except ``csv``.
        name: Id of the only video; None uses the names in the file.
        origin: Coordinate of the first pixel's corner in MOT text; None: 0 with a ``labels.txt``, else 1.
        action: Class of the tracks in MOT text that have none.
        conventions: What the numbers of the file are, where it differs from the convention of its format.
            Units are not converted.

    Raises:
        DataError: The file is missing, damaged or invalid.
    """
    match format_name:
        case "predictions" if path.suffix.lower() == ".h5":
            return [*read_shards([path])], classes_of_shards([path])
        case "predictions":
            classes, scored = read_predictions_json(path)
            converted = (with_corners(video, conventions) for video in scored)
            return [video.to_labeled(str(path)) for video in converted], classes
        case "coco":
            videos = convert_coco(path, load_json(path), conventions.frame_base, name)
        case "mot":
            origin = conventions.mot_origin(origin)
            videos = read_mot(path, MotOptions(name, origin, conventions.frame_base, action))
        case "cvat":
            videos = [shift_frames(video, -(conventions.frame_base or 0)) for video in read_cvat(path, name)]
        case "supervision":
            videos = read_sink(path, name)
        case _:
            raise DataError(f"{path}: {format_name!r} is not a format; allowed: {', '.join(FORMATS)}")
    videos = [drop_unannotated(video) for video in videos]
    if conventions.box_format is not None:
        videos = [with_box_format(path, video, BOX_FORMAT_OF[format_name], conventions) for video in videos]
    return videos, class_names(videos)
