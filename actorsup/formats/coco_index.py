"""Videos, images and categories of COCO JSON by id."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actorsup.artifacts.tube_files import MOST_FRAMES
from actorsup.errors import DataError
from actorsup.formats.coco_layouts import FRAME_KEYS


@dataclass(frozen=True)
class CocoIndex:
    """Content of a file by id.

    Attributes:
        entries: The videos.
        names: Name of each video.
        categories: The categories.
        images: The images.
        frames: 0-based frame of each image.
        videos: Video of each image.
    """

    entries: Mapping[str, Any]
    names: Mapping[str, str]
    categories: Mapping[str, Any]
    images: Mapping[str, Any]
    frames: Mapping[str, int]
    videos: Mapping[str, str]


def index_coco(path: Path, content: Any, frame_base: int | None) -> CocoIndex:
    """Check the videos, images and categories of COCO-VID, and index them by id.

    Args:
        path: Path of the file, for messages.
        content: Loaded JSON of the file.
        frame_base: Number of a video's first frame, 0 or 1; None infers it from the lowest frame number.

    Raises:
        DataError: A list is missing, an id is unknown or repeated, or a frame number is invalid.
    """
    videos = _index_by_id(path, content, "videos")
    names = {
        key: str(_first_value(path, f"video {key}", v, ("name", "file_name"))) for key, v in videos.items()
    }
    if len(set(names.values())) < len(names):
        raise DataError(f"{path}: two videos have the same name: {sorted(names.values())}")
    categories = _index_by_id(path, content, "categories")
    images = _index_by_id(path, content, "images")
    numbers = {key: _frame_number(path, key, image) for key, image in images.items()}
    base = _infer_frame_base(path, numbers.values()) if frame_base is None else frame_base
    frames = {key: number - base for key, number in numbers.items()}
    if frame_base is not None and min(frames.values(), default=0) < 0:
        raise DataError(f"{path}: has a frame {base - 1}, so frames do not count from {base}")
    video_of_image = {
        key: look_up(f"{path}: image {key}", image, "video_id", videos) for key, image in images.items()
    }
    return CocoIndex(videos, names, categories, images, frames, video_of_image)


def _frame_number(path: Path, key: str, image: Any) -> int:
    value = _first_value(path, f"image {key}", image, FRAME_KEYS)
    number = int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 13 else value
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < MOST_FRAMES:
        raise DataError(
            f"{path}: image {key}: its frame is {str(value)[:40]!r}, wanted a whole number from 0 to "
            f"{MOST_FRAMES:,}"
        )
    return number


def _infer_frame_base(path: Path, numbers: Iterable[int]) -> int:
    lowest = min(numbers, default=0)
    if lowest > 1:
        raise DataError(
            f"{path}: its lowest frame is {lowest}, so frames may count from 0 or 1; state which with "
            "`actorsup convert FILE.json boxes.csv --frame-base 0` or 1"
        )
    return lowest


def read_list(path: Path, content: Any, key: str) -> list[Any]:
    """Return a list of the file, after a check that its entries are keys and values.

    Raises:
        DataError: The list is missing, or an entry is something else.
    """
    if not isinstance(content, dict) or not isinstance(content.get(key), list):
        raise DataError(
            f"{path}: has no list {key!r}; wanted COCO-VID: videos, images, categories, annotations"
        )
    for number, entry in enumerate(content[key]):
        if not isinstance(entry, dict):
            raise DataError(f"{path}: {key}: entry {number} is {entry!r}, wanted keys and values")
    return content[key]


def id_key(value: Any) -> str:
    """Return an id as text, so that 1, 1.0 and "1" are one id; empty if it is no id."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""


def _index_by_id(path: Path, content: Any, key: str) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for number, entry in enumerate(read_list(path, content, key)):
        entry_id = id_key(entry.get("id"))
        if not entry_id or entry_id in entries:
            raise DataError(
                f"{path}: {key}: entry {number} has the id {entry.get('id')!r}; wanted a unique one"
            )
        entries[entry_id] = entry
    return entries


def look_up(location: str, entry: Any, key: str, entries: Mapping[str, Any]) -> str:
    """Return the id that an entry refers to."""
    found = id_key(entry.get(key))
    if found not in entries:
        raise DataError(f"{location}: {key} is {entry.get(key)!r}, which the file lacks")
    return found


def _first_value(path: Path, description: str, entry: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        if isinstance(entry.get(key), int | str):
            return entry[key]
    raise DataError(f"{path}: {description} has none of {', '.join(keys)}; wanted COCO-VID, with tracks")
