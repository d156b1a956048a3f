"""Read COCO JSON of videos: COCO-VID, the format of mmtracking for ImageNet VID, MOT17 and TAO.

Keys: ``videos`` (``id``, ``name`` or ``file_name``), ``images`` (``id``, ``video_id``, ``frame_id`` or
``frame_index``, ``width``, ``height``), ``categories`` and ``annotations`` (``image_id``,
``category_id``, ``bbox``, ``instance_id`` or ``track_id``; ``score`` for predictions). Boxes are corner
and size in pixels, 0-based. Frame numbers are 0-based in mmtracking's documentation, but 1-based in the
output of conversion scripts such as ByteTrack's; the lowest frame number of a file tells them apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from actorsup.artifacts.tube_files import MOST_FRAMES, VideoInfo, video_info
from actorsup.boxes import xywh_to_xyxy
from actorsup.errors import DataError, report_read_errors
from actorsup.formats.json_files import load_json
from actorsup.formats.labeled import LabeledTube, LabeledVideo, make_tube, mean_score

_FRAME_KEYS = ("frame_id", "frame_index")
_TRACK_KEYS = ("instance_id", "track_id")


def read_coco(path: Path, frame_base: int | None = None) -> list[LabeledVideo]:
    """Read the tracks of a COCO-VID file.

    Args:
        path: The JSON file.
        frame_base: Number of a video's first frame, 0 or 1; None infers it from the lowest frame number.

    Raises:
        DataError: The file is not COCO-VID, an id is unknown, a box is invalid, a track has two
            categories, or the lowest frame number is neither 0 nor 1.
    """
    return convert_coco(path, load_json(path), frame_base)


def convert_coco(path: Path, content: Any, frame_base: int | None = None) -> list[LabeledVideo]:
    """Return the tracks in the loaded JSON of a COCO-VID file.

    Args:
        path: Path of the file, for messages.
        content: Loaded JSON of the file.
        frame_base: Number of a video's first frame, 0 or 1; None infers it from the lowest frame number.

    Raises:
        DataError: The content is not valid COCO-VID, as described in ``read_coco``.
    """
    with report_read_errors(path, "not in the format of COCO-VID"):
        return _convert_videos(path, content, frame_base)


def _convert_videos(path: Path, content: Any, frame_base: int | None) -> list[LabeledVideo]:
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
    # tracks of two videos may have the same id, as in MOT17
    grouped: dict[Any, dict[Any, list[tuple[int, Any]]]] = {}
    for number, annotation in enumerate(_read_list(path, content, "annotations")):
        location = f"{path}: annotation {number}"
        image = _look_up(location, annotation, "image_id", images)
        _look_up(location, annotation, "category_id", categories)
        _look_up(location, image, "video_id", videos)
        frame = numbers[annotation["image_id"]] - base
        rows_of_track = grouped.setdefault(
            _first_value(path, f"annotation {number}", annotation, _TRACK_KEYS), {}
        )
        rows_of_track.setdefault(image["video_id"], []).append((frame, annotation))
    infos = _video_infos(path, images, numbers, base, videos)
    tubes: dict[Any, list[LabeledTube]] = {key: [] for key in videos}
    for track, rows_of_track in grouped.items():
        for video, rows in rows_of_track.items():
            tubes[video].append(
                _convert_track(f"{path}: {names[video]}: track {track}", track, rows, categories)
            )
    return [LabeledVideo(names[key], infos[key], tuple(tubes[key])) for key in videos]


def _convert_track(
    location: str, track: Any, rows: Sequence[tuple[int, Any]], categories: Mapping[Any, Any]
) -> LabeledTube:
    category_ids = {annotation["category_id"] for _, annotation in rows}
    if len(category_ids) > 1:
        raise DataError(
            f"{location}: has boxes of the categories {sorted(category_ids)}; wanted one category"
        )
    try:
        boxes = np.array([annotation["bbox"] for _, annotation in rows], np.float64).reshape(-1, 4)
        scores = [float(annotation["score"]) for _, annotation in rows if "score" in annotation]
        name = str(categories[category_ids.pop()]["name"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{location}: wanted bbox: [x, y, width, height] and a number as score ({error!r})"
        ) from error
    if len(scores) not in (0, len(rows)) or not np.isfinite(scores).all():
        raise DataError(f"{location}: wanted a finite score for all of its boxes, or for none")
    # rounding restores corners that were written with two decimals
    corners = np.round(xywh_to_xyxy(boxes), 9)
    actors = {str(annotation.get("actor", "")) for _, annotation in rows}
    score = mean_score(scores)
    frames = [frame for frame, _ in rows]
    return make_tube(location, str(track), name, frames, corners, actor=actors.pop(), score=score)


def _frame_number(path: Path, key: Any, image: Any) -> int:
    value = _first_value(path, f"image {key}", image, _FRAME_KEYS)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MOST_FRAMES:
        raise DataError(
            f"{path}: image {key}: its frame is {str(value)[:40]!r}, wanted a whole number from 0 to "
            f"{MOST_FRAMES:,}"
        )
    return value


def _infer_frame_base(path: Path, numbers: Iterable[int]) -> int:
    lowest = min(numbers, default=0)
    if lowest > 1:
        raise DataError(
            f"{path}: its lowest frame is {lowest}, so frames may count from 0 or 1; state which with "
            "`actorsup convert --frame-base 0` or 1"
        )
    return lowest


def _video_infos(
    path: Path, images: Mapping[Any, Any], numbers: Mapping[Any, int], base: int, videos: Mapping[Any, Any]
) -> dict[Any, VideoInfo]:
    """Return length (up to the last listed frame), frame rate and size of each video; 0 if unknown."""
    last_frame: dict[Any, int] = dict.fromkeys(videos, -1)
    sizes: dict[Any, tuple[int, int]] = {}
    try:
        for key, image in images.items():
            video = image["video_id"]
            last_frame[video] = max(last_frame[video], numbers[key] - base)
            image_size = int(image.get("width") or 0), int(image.get("height") or 0)
            if sizes.setdefault(video, image_size) != image_size:
                raise DataError(
                    f"{path}: image {key}: the frames of its video have two sizes, {sizes[video]} and "
                    f"{image_size}"
                )
        return {
            key: video_info(
                last_frame[key] + 1,
                video.get("fps") or 0,
                *(sizes.get(key) or (int(video.get("width") or 0), int(video.get("height") or 0))),
            )
            for key, video in videos.items()
        }
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: an image without a video, or a size that is not a number ({error!r})"
        ) from error


def _read_list(path: Path, content: Any, key: str) -> list[Any]:
    if not isinstance(content, dict) or not isinstance(content.get(key), list):
        raise DataError(
            f"{path}: has no list {key!r}; wanted COCO-VID: videos, images, categories, annotations"
        )
    for number, entry in enumerate(content[key]):
        if not isinstance(entry, dict):
            raise DataError(f"{path}: {key}: entry {number} is {entry!r}, wanted keys and values")
    return content[key]


def _index_by_id(path: Path, content: Any, key: str) -> dict[Any, Any]:
    entries: dict[Any, Any] = {}
    for number, entry in enumerate(_read_list(path, content, key)):
        if not isinstance(entry.get("id"), int | str) or entry["id"] in entries:
            raise DataError(
                f"{path}: {key}: entry {number} has the id {entry.get('id')!r}; wanted a unique one"
            )
        entries[entry["id"]] = entry
    return entries


def _look_up(location: str, entry: Any, key: str, entries: Mapping[Any, Any]) -> Any:
    value = entry.get(key)
    if not isinstance(value, int | str) or value not in entries:
        raise DataError(f"{location}: {key} is {value!r}, which the file lacks")
    return entries[value]


def _first_value(path: Path, description: str, entry: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        if isinstance(entry.get(key), int | str):
            return entry[key]
    raise DataError(f"{path}: {description} has none of {', '.join(keys)}; wanted COCO-VID, with tracks")
