"""Which format a file is of, and what reads it."""

from pathlib import Path

from actorsup.errors import DataError, did_you_mean
from actorsup.formats.archive import Archive
from actorsup.formats.coco import videos_of_coco
from actorsup.formats.cvat import read_cvat
from actorsup.formats.json_files import load_json
from actorsup.formats.labeled import LabeledVideo, classes_of
from actorsup.formats.mot import read_mot
from actorsup.formats.predictions import classes_of_shards, read_shards, videos_of_predictions

FORMATS = ("csv", "predictions", "coco", "mot", "cvat")
_BY_SUFFIX = {".csv": "csv", ".h5": "predictions", ".xml": "cvat", ".txt": "mot"}


def format_read(path: Path) -> str:
    """The format of a file or folder that is there: by its suffix, else by what is in it.

    Raises:
        DataError: It is not there, or of none of them.
    """
    suffix = path.suffix.lower()
    if not path.exists():
        beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        raise DataError(f"{path}: no such file or folder{did_you_mean(path.name, beside)}")
    if suffix in _BY_SUFFIX and path.is_file():
        return _BY_SUFFIX[suffix]
    if suffix == ".json":
        content = load_json(path)
        is_ours = isinstance(content, dict) and "classes" in content and "images" not in content
        return "predictions" if is_ours else "coco"
    if path.is_dir() or suffix == ".zip":
        return "cvat" if Archive(path, (".xml",)).names else "mot"
    raise DataError(
        f"{path}: its name tells no format; wanted .csv, .json, .h5, .xml, .txt, .zip or a folder"
    )


def format_written(path: Path) -> str:
    """The format that a name asks for.

    Raises:
        DataError: It does not tell.
    """
    match path.suffix.lower():
        case ".csv" | ".xml" as suffix:
            return _BY_SUFFIX[suffix]
        case ".json":
            return "predictions" if path.stem.startswith("predictions") else "coco"
    raise DataError(f"{path}: the name does not tell the format; say which with --to: {', '.join(FORMATS)}")


def read_labelled(
    path: Path,
    form: str,
    name: str | None = None,
    frame_base: int | None = None,
    origin: int | None = None,
) -> tuple[list[LabeledVideo], list[str]]:
    """The labeled videos of a file of any form but ``csv``, and the names of the classes.

    Args:
        path: The file or folder.
        form: One of ``FORMATS``.
        name: The video's id, where the file is of one and does not say it (MOT, CVAT).
        frame_base: Of COCO: number of the first frame; None takes it from the file.
        origin: Of MOT: what the corner of the first pixel is called; None goes by ``labels.txt``.

    Raises:
        DataError: As the format's reader says.
    """
    match form:
        case "predictions" if path.suffix.lower() == ".h5":
            return [*read_shards([path])], classes_of_shards([path])
        case "predictions":
            return videos_of_predictions(path)
        case "coco":
            videos = videos_of_coco(path, load_json(path), frame_base)
        case "mot":
            videos = read_mot(path, name, origin)
        case "cvat":
            videos = read_cvat(path, name)
        case _:
            raise DataError(f"{path}: {form!r} is no format; allowed: {', '.join(FORMATS)}")
    return videos, classes_of(videos)
