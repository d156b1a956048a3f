"""Detect the format of a file of tubes, and read it."""

from pathlib import Path

from actorsup.errors import DataError, did_you_mean
from actorsup.formats.archive import Archive
from actorsup.formats.coco import convert_coco
from actorsup.formats.coverage import drop_unannotated
from actorsup.formats.cvat import read_cvat
from actorsup.formats.json_files import load_json
from actorsup.formats.labeled import LabeledVideo, class_names
from actorsup.formats.mot import MotOptions, read_mot
from actorsup.formats.predictions import classes_of_shards, read_shards
from actorsup.formats.predictions_json import read_predictions_json

FORMATS = ("csv", "predictions", "coco", "mot", "cvat")
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
        return _BY_SUFFIX[suffix]
    if suffix == ".json":
        content = load_json(path)
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
    frame_base: int | None = None,
    origin: int | None = None,
    action: str | None = None,
) -> tuple[list[LabeledVideo], list[str]]:
    """Read labeled videos and class names from a file of any format except ``csv``.

    Boxes that a format interpolates into frames that are not annotated are left out.

    Args:
        path: Path of the file or folder.
        format_name: Format of the file, one of ``FORMATS`` except ``csv``.
        name: Id of the only video; None uses the names in the file.
        frame_base: Number of the first frame in COCO JSON or MOT text; None infers it from the file.
        origin: Coordinate of the first pixel's corner in MOT text; None: 0 with a ``labels.txt``, else 1.
        action: Class of the tracks in MOT text that have none.

    Raises:
        DataError: The file is missing, damaged or invalid.
    """
    match format_name:
        case "predictions" if path.suffix.lower() == ".h5":
            return [*read_shards([path])], classes_of_shards([path])
        case "predictions":
            classes, scored = read_predictions_json(path)
            return [video.to_labeled(str(path)) for video in scored], classes
        case "coco":
            videos = convert_coco(path, load_json(path), frame_base, name)
        case "mot":
            videos = read_mot(path, MotOptions(name, origin, frame_base, action))
        case "cvat":
            videos = read_cvat(path, name)
        case _:
            raise DataError(f"{path}: {format_name!r} is not a format; allowed: {', '.join(FORMATS)}")
    videos = [drop_unannotated(video) for video in videos]
    return videos, class_names(videos)
