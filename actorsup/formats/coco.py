"""Read COCO JSON of videos: COCO-VID, the format of mmtracking for ImageNet VID, MOT17 and TAO.

Keys: ``videos`` (``id``, ``name`` or ``file_name``), ``images`` (``id``, ``video_id``, ``frame_id`` or
``frame_index``, ``width``, ``height``), ``categories`` and ``annotations`` (``image_id``,
``category_id``, ``bbox``, ``instance_id`` or ``track_id``; ``score`` for predictions). Boxes are corner
and size in pixels, 0-based. Frame numbers are 0-based in mmtracking's documentation, but 1-based in the
output of conversion scripts such as ByteTrack's; the lowest frame number of a file tells them apart. The
images of a video are its annotated frames. ``coco_layouts.py`` lists the other layouts that are read.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from actorsup.artifacts.tube_files import MOST_FRAMES, VideoInfo, video_info
from actorsup.boxes import xywh_to_xyxy
from actorsup.errors import DataError, report_read_errors
from actorsup.formats.coco_layouts import FRAME_KEYS, to_coco_vid
from actorsup.formats.json_files import load_json
from actorsup.formats.labeled import LabeledTube, LabeledVideo, make_tube, mean_score

_LOG = logging.getLogger(__name__)
_TRACK_KEYS = ("instance_id", "track_id")
_Rows = list[tuple[int, Any]]


def read_coco(path: Path, frame_base: int | None = None, name: str | None = None) -> list[LabeledVideo]:
    """Read the tracks of a COCO-VID file.

    Args:
        path: The JSON file.
        frame_base: Number of a video's first frame, 0 or 1; None infers it from the lowest frame number.
        name: Id of the only video, if the file does not name it.

    Raises:
        DataError: The file is not COCO-VID, an id is unknown, a box is invalid, a track has two
            categories, or the lowest frame number is neither 0 nor 1.
    """
    return convert_coco(path, load_json(path), frame_base, name)


def convert_coco(
    path: Path, content: Any, frame_base: int | None = None, name: str | None = None
) -> list[LabeledVideo]:
    """Return the tracks in the loaded JSON of a COCO-VID file.

    Args:
        path: Path of the file, for messages.
        content: Loaded JSON of the file.
        frame_base: Number of a video's first frame, 0 or 1; None infers it from the lowest frame number.
        name: Id of the only video, if the file does not name it.

    Raises:
        DataError: The content is not valid COCO-VID, as described in ``read_coco``.
    """
    with report_read_errors(path, "not in the format of COCO-VID"):
        videos = _convert_videos(path, to_coco_vid(path, content, name), frame_base)
    if name is None:
        return videos
    if len(videos) > 1:
        raise DataError(f"{path}: holds {len(videos)} videos, so {name!r} cannot name one video")
    return [replace(video, video=name) for video in videos]


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
    frames = {key: number - base for key, number in numbers.items()}
    if frame_base is not None and min(frames.values(), default=0) < 0:
        raise DataError(f"{path}: has a frame {base - 1}, so frames do not count from {base}")
    video_of_image = {key: _video_of(path, key, image, videos) for key, image in images.items()}
    grouped = _group_by_track(path, content, categories, frames, video_of_image)
    infos = _video_infos(path, images, frames, video_of_image, videos)
    tubes: dict[str, list[LabeledTube]] = {key: [] for key in videos}
    for (video, track), rows in grouped.items():
        tubes[video].append(_convert_track(f"{path}: {names[video]}: track {track}", track, rows, categories))
    annotated: dict[str, list[int]] = {key: [] for key in videos}
    for key, video in video_of_image.items():
        annotated[video].append(frames[key])
    return [
        LabeledVideo(names[key], infos[key], tuple(tubes[key]), np.unique(np.array(annotated[key], np.int64)))
        for key in videos
    ]


def _group_by_track(
    path: Path,
    content: Any,
    categories: Mapping[str, Any],
    frames: Mapping[str, int],
    video_of_image: Mapping[str, str],
) -> dict[tuple[str, str], _Rows]:
    """Return the frames and annotations of each video and track; tracks of two videos may have one id."""
    grouped: dict[tuple[str, str], _Rows] = {}
    num_crowds = 0
    for number, annotation in enumerate(_read_list(path, content, "annotations")):
        location = f"{path}: annotation {number}"
        image = _look_up(location, annotation, "image_id", frames)
        if annotation.get("iscrowd") in (1, True, "1"):
            num_crowds += 1
            continue
        _look_up(location, annotation, "category_id", categories)
        track = str(_track_of(path, number, annotation))
        grouped.setdefault((video_of_image[image], track), []).append((frames[image], annotation))
    if num_crowds:
        _LOG.warning(
            "%s: left out %d crowd annotations (iscrowd: 1), whose boxes are of no single actor",
            path,
            num_crowds,
        )
    return grouped


def _track_of(path: Path, number: int, annotation: Any) -> Any:
    attributes = annotation.get("attributes")
    if isinstance(attributes, dict) and isinstance(attributes.get("track_id"), int | str):
        return attributes["track_id"]  # as CVAT writes it
    for key in _TRACK_KEYS:
        if isinstance(annotation.get(key), int | str):
            return annotation[key]
    raise DataError(
        f"{path}: annotation {number} has none of {', '.join(_TRACK_KEYS)}; wanted the same number in all "
        "boxes of an actor of a video; boxes without tracks can only be detections (`type: supplied`)"
    )


def _convert_track(location: str, track: str, rows: _Rows, categories: Mapping[str, Any]) -> LabeledTube:
    category_ids = {_key(annotation["category_id"]) for _, annotation in rows}
    if len(category_ids) > 1:
        raise DataError(
            f"{location}: has boxes of the categories {', '.join(sorted(category_ids))}; wanted one category"
        )
    try:
        unique = {(frame, *_box(annotation)): (frame, annotation) for frame, annotation in rows}
        boxes = np.array([key[1:] for key in unique], np.float64).reshape(-1, 4)
        rows = [*unique.values()]
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
    return make_tube(location, track, name, frames, corners, actor=actors.pop(), score=score)


def _box(annotation: Any) -> tuple[float, ...]:
    """Return corner and size of an annotation's box, or those of the hull of its polygons."""
    box, polygons = annotation.get("bbox"), annotation.get("segmentation")
    if not box and isinstance(polygons, list) and polygons:
        points = np.concatenate([np.asarray(p, np.float64).reshape(-1, 2) for p in polygons])
        corner = points.min(axis=0)
        box = [*corner.tolist(), *(points.max(axis=0) - corner).tolist()]
    x, y, width, height = box
    return float(x), float(y), float(width), float(height)


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


def _video_infos(
    path: Path,
    images: Mapping[str, Any],
    frames: Mapping[str, int],
    video_of_image: Mapping[str, str],
    videos: Mapping[str, Any],
) -> dict[str, VideoInfo]:
    """Return length (up to the last listed frame), frame rate and size of each video; 0 if unknown."""
    last_frame: dict[str, int] = dict.fromkeys(videos, -1)
    sizes: dict[str, tuple[int, int]] = {}
    try:
        for key, image in images.items():
            video = video_of_image[key]
            last_frame[video] = max(last_frame[video], frames[key])
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
        raise DataError(f"{path}: a size that is not a number ({error!r})") from error


def _read_list(path: Path, content: Any, key: str) -> list[Any]:
    if not isinstance(content, dict) or not isinstance(content.get(key), list):
        raise DataError(
            f"{path}: has no list {key!r}; wanted COCO-VID: videos, images, categories, annotations"
        )
    for number, entry in enumerate(content[key]):
        if not isinstance(entry, dict):
            raise DataError(f"{path}: {key}: entry {number} is {entry!r}, wanted keys and values")
    return content[key]


def _key(value: Any) -> str:
    """Return an id as text, so that 1, 1.0 and "1" are one id; empty if it is no id."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""


def _index_by_id(path: Path, content: Any, key: str) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for number, entry in enumerate(_read_list(path, content, key)):
        entry_id = _key(entry.get("id"))
        if not entry_id or entry_id in entries:
            raise DataError(
                f"{path}: {key}: entry {number} has the id {entry.get('id')!r}; wanted a unique one"
            )
        entries[entry_id] = entry
    return entries


def _look_up(location: str, entry: Any, key: str, entries: Mapping[str, Any]) -> str:
    """Return the id that an entry refers to."""
    found = _key(entry.get(key))
    if found not in entries:
        raise DataError(f"{location}: {key} is {entry.get(key)!r}, which the file lacks")
    return found


def _video_of(path: Path, key: str, image: Any, videos: Mapping[str, Any]) -> str:
    return _look_up(f"{path}: image {key}", image, "video_id", videos)


def _first_value(path: Path, description: str, entry: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        if isinstance(entry.get(key), int | str):
            return entry[key]
    raise DataError(f"{path}: {description} has none of {', '.join(keys)}; wanted COCO-VID, with tracks")
