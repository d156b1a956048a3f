"""Find the format of a file, and read it."""

from pathlib import Path

from actorsup.errors import DataError, did_you_mean
from actorsup.formats.archive import Archive
from actorsup.formats.coco import videos_of_coco
from actorsup.formats.cvat import read_cvat
from actorsup.formats.json_files import load_json
from actorsup.formats.labeled import LabeledVideo, classes_of
from actorsup.formats.mot import read_mot
from actorsup.formats.predictions import classes_of_shards, read_shards
from actorsup.formats.predictions_json import read_predictions_json

FORMATS = ("csv", "predictions", "coco", "mot", "cvat")
_BY_SUFFIX = {".csv": "csv", ".h5": "predictions", ".xml": "cvat", ".txt": "mot"}


def format_read(path: Path) -> str:
    """Find the format of an existing file or folder: by its suffix, else by its content.

    Raises:
        DataError: It does not exist, or has no known format.
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


def format_written(path: Path) -> str:
    """Find the format of a file to write, by its name.

    Raises:
        DataError: The name does not show it.
    """
    suffix = path.suffix.lower()
    if suffix in (".csv", ".xml"):
        return _BY_SUFFIX[suffix]
    if suffix == ".json":
        return "predictions" if path.stem.startswith("predictions") else "coco"
    raise DataError(f"{path}: the name does not show the format; name it with --to: {', '.join(FORMATS)}")


def read_labelled(
    path: Path,
    form: str,
    name: str | None = None,
    frame_base: int | None = None,
    origin: int | None = None,
) -> tuple[list[LabeledVideo], list[str]]:
    """Read labeled videos and class names from a file of any format but ``csv``.

    Args:
        path: The file or folder.
        form: One of ``FORMATS``.
        name: MOT, CVAT: the id of the only video, if the file lacks it.
        frame_base: COCO: number of the first frame; None infers it from the file.
        origin: MOT: coordinate of the first pixel's corner; None: 0 if there is a ``labels.txt``, else 1.

    Raises:
        DataError: The file cannot be used.
    """
    match form:
        case "predictions" if path.suffix.lower() == ".h5":
            return [*read_shards([path])], classes_of_shards([path])
        case "predictions":
            classes, scored = read_predictions_json(path)
            return [video.to_labeled(str(path)) for video in scored], classes
        case "coco":
            videos = videos_of_coco(path, load_json(path), frame_base)
        case "mot":
            videos = read_mot(path, name, origin)
        case "cvat":
            videos = read_cvat(path, name)
        case _:
            raise DataError(f"{path}: {form!r} is not a format; allowed: {', '.join(FORMATS)}")
    return videos, classes_of(videos)
