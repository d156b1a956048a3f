"""Read COCO JSON of videos: COCO-VID, the format of mmtracking for ImageNet VID, MOT17 and TAO.

Keys: ``videos`` (``id``, ``name`` or ``file_name``), ``images`` (``id``, ``video_id``, ``frame_id`` or
``frame_index``, ``width``, ``height``), ``categories`` and ``annotations`` (``image_id``,
``category_id``, ``bbox``, ``instance_id`` or ``track_id``; ``score`` for predictions). Boxes are corner
and size in pixels, 0-based. Frames are 0-based according to mmtracking's documentation; conversion
scripts such as ByteTrack's count from 1, which the lowest number of a file shows.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from actorsup.artifacts.tube_files import MOST_FRAMES, VideoInfo, video_info
from actorsup.boxes import xywh_to_xyxy
from actorsup.errors import DataError, report_read_errors
from actorsup.formats.json_files import load_json
from actorsup.formats.labeled import LabeledTube, LabeledVideo, checked_tube, score_of

_FRAME = ("frame_id", "frame_index")
_TRACK = ("instance_id", "track_id")


def read_coco(path: Path, frame_base: int | None = None) -> list[LabeledVideo]:
    """Read the tracks of a COCO-VID file.

    Args:
        path: The JSON file.
        frame_base: Number of the first frame, 0 or 1; None takes the lowest frame number of the images.

    Raises:
        DataError: The file is not COCO-VID, an id is unknown, a box cannot be used, a track has two
            categories, or the lowest frame number is neither 0 nor 1.
    """
    return videos_of_coco(path, load_json(path), frame_base)


def videos_of_coco(path: Path, content: Any, frame_base: int | None = None) -> list[LabeledVideo]:
    """Same as ``read_coco``, for loaded JSON."""
    with report_read_errors(path, "not in the format of COCO-VID"):
        return _videos(path, content, frame_base)


def _videos(path: Path, content: Any, frame_base: int | None) -> list[LabeledVideo]:
    videos = _by_id(path, content, "videos")
    names = {key: str(_one_of(path, f"video {key}", v, ("name", "file_name"))) for key, v in videos.items()}
    if len(set(names.values())) < len(names):
        raise DataError(f"{path}: two videos have the same name: {sorted(names.values())}")
    categories = _by_id(path, content, "categories")
    images = _by_id(path, content, "images")
    numbers = {key: _frame(path, key, image) for key, image in images.items()}
    base = _base(path, numbers.values()) if frame_base is None else frame_base
    # the same number in two videos is two tracks, as in MOT17's files
    grouped: dict[Any, dict[Any, list[tuple[int, Any]]]] = {}
    for number, annotation in enumerate(_list(path, content, "annotations")):
        where = f"{path}: annotation {number}"
        image = _lookup(where, annotation, "image_id", images)
        _lookup(where, annotation, "category_id", categories)
        _lookup(where, image, "video_id", videos)
        frame = numbers[annotation["image_id"]] - base
        of_track = grouped.setdefault(_one_of(path, f"annotation {number}", annotation, _TRACK), {})
        of_track.setdefault(image["video_id"], []).append((frame, annotation))
    infos = _infos(path, images, numbers, base, videos)
    tubes: dict[Any, list[LabeledTube]] = {key: [] for key in videos}
    for track, of_track in grouped.items():
        for video, rows in of_track.items():
            tubes[video].append(_tube(f"{path}: {names[video]}: track {track}", track, rows, categories))
    return [LabeledVideo(names[key], infos[key], tuple(tubes[key])) for key in videos]


def _tube(
    where: str, track: Any, rows: Sequence[tuple[int, Any]], categories: Mapping[Any, Any]
) -> LabeledTube:
    found = {annotation["category_id"] for _, annotation in rows}
    if len(found) > 1:
        raise DataError(f"{where}: has boxes of the categories {sorted(found)}; wanted one category")
    try:
        boxes = np.array([annotation["bbox"] for _, annotation in rows], np.float64).reshape(-1, 4)
        scores = [float(annotation["score"]) for _, annotation in rows if "score" in annotation]
        name = str(categories[found.pop()]["name"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{where}: wanted bbox: [x, y, width, height] and a number as score ({error!r})"
        ) from error
    if len(scores) not in (0, len(rows)) or not np.isfinite(scores).all():
        raise DataError(f"{where}: wanted a finite score for all of its boxes, or for none")
    # rounded so that corners of two decimals stay exact
    corners = np.round(xywh_to_xyxy(boxes), 9)
    actors = {str(annotation.get("actor", "")) for _, annotation in rows}
    score = score_of(scores)
    frames = [frame for frame, _ in rows]
    return checked_tube(where, str(track), name, frames, corners, actor=actors.pop(), score=score)


def _frame(path: Path, key: Any, image: Any) -> int:
    value = _one_of(path, f"image {key}", image, _FRAME)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MOST_FRAMES:
        raise DataError(
            f"{path}: image {key}: its frame is {str(value)[:40]!r}, wanted a whole number from 0 to "
            f"{MOST_FRAMES:,}"
        )
    return value


def _base(path: Path, numbers: Iterable[int]) -> int:
    lowest = min(numbers, default=0)
    if lowest > 1:
        raise DataError(
            f"{path}: its lowest frame is {lowest}, so frames may count from 0 or 1; state which with "
            "`actorsup convert --frame-base 0` or 1"
        )
    return lowest


def _infos(
    path: Path, images: Mapping[Any, Any], numbers: Mapping[Any, int], base: int, videos: Mapping[Any, Any]
) -> dict[Any, VideoInfo]:
    """Length (up to the last listed frame), frame rate and size of each video; 0 if unknown."""
    last: dict[Any, int] = dict.fromkeys(videos, -1)
    size: dict[Any, tuple[int, int]] = {}
    try:
        for key, image in images.items():
            video = image["video_id"]
            last[video] = max(last[video], numbers[key] - base)
            own = int(image.get("width") or 0), int(image.get("height") or 0)
            if size.setdefault(video, own) != own:
                raise DataError(
                    f"{path}: image {key}: the frames of its video have two sizes, {size[video]} and {own}"
                )
        return {
            key: video_info(
                last[key] + 1,
                video.get("fps") or 0,
                *(size.get(key) or (int(video.get("width") or 0), int(video.get("height") or 0))),
            )
            for key, video in videos.items()
        }
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: an image without a video, or a size that is not a number ({error!r})"
        ) from error


def _list(path: Path, content: Any, key: str) -> list[Any]:
    if not isinstance(content, dict) or not isinstance(content.get(key), list):
        raise DataError(
            f"{path}: has no list {key!r}; wanted COCO-VID: videos, images, categories, annotations"
        )
    for number, entry in enumerate(content[key]):
        if not isinstance(entry, dict):
            raise DataError(f"{path}: {key}: entry {number} is {entry!r}, wanted keys and values")
    return content[key]


def _by_id(path: Path, content: Any, key: str) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for number, entry in enumerate(_list(path, content, key)):
        if not isinstance(entry.get("id"), int | str) or entry["id"] in found:
            raise DataError(
                f"{path}: {key}: entry {number} has the id {entry.get('id')!r}; wanted a unique one"
            )
        found[entry["id"]] = entry
    return found


def _lookup(where: str, entry: Any, key: str, there: Mapping[Any, Any]) -> Any:
    value = entry.get(key)
    if not isinstance(value, int | str) or value not in there:
        raise DataError(f"{where}: {key} is {value!r}, which the file lacks")
    return there[value]


def _one_of(path: Path, what: str, entry: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        if isinstance(entry.get(key), int | str):
            return entry[key]
    raise DataError(f"{path}: {what} has none of {', '.join(keys)}; wanted COCO-VID, with tracks")
