"""Read COCO JSON of videos: COCO-VID, the format of mmtracking for ImageNet VID, MOT17 and TAO.

Keys: ``videos`` (``id``, ``name`` or ``file_name``), ``images`` (``id``, ``video_id``, ``frame_id`` or
``frame_index``, ``width``, ``height``), ``categories`` and ``annotations`` (``image_id``,
``category_id``, ``bbox``, ``instance_id`` or ``track_id``; ``score`` for predictions). Boxes are corner
and size in pixels, 0-based. Frame numbers are 0-based in mmtracking's documentation, but 1-based in the
output of conversion scripts such as ByteTrack's; the lowest frame number of a file tells them apart. The
images of a video are its annotated frames. ``coco_layouts.py`` lists the other layouts that are read.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from actorsup.artifacts.tube_files import VideoInfo, video_info
from actorsup.boxes import xywh_to_xyxy
from actorsup.errors import DataError, report_read_errors
from actorsup.formats.coco_index import CocoIndex, id_key, index_coco, look_up, read_list
from actorsup.formats.coco_layouts import to_coco_vid
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


def coco_boxes(path: Path, content: Any) -> list[list[Any]]:
    """Return the boxes in the loaded JSON of a COCO file of videos, with or without tracks.

    Returns:
        Video id, 0-based frame, x1, y1, x2, y2, score (1 if absent) and category name of each box.

    Raises:
        DataError: The content is not valid COCO, as described in ``read_coco``.
    """
    with report_read_errors(path, "not in the format of COCO"):
        content = to_coco_vid(path, content)
        index = index_coco(path, content, None)
        rows = []
        for number, annotation in enumerate(read_list(path, content, "annotations")):
            location = f"{path}: annotation {number}"
            image = look_up(location, annotation, "image_id", index.frames)
            category = look_up(location, annotation, "category_id", index.categories)
            x, y, width, height = _box(annotation)
            place = index.names[index.videos[image]], index.frames[image]
            name = str(index.categories[category].get("name"))
            rows.append([*place, x, y, x + width, y + height, annotation.get("score", 1.0), name])
        return rows


def _convert_videos(path: Path, content: Any, frame_base: int | None) -> list[LabeledVideo]:
    index = index_coco(path, content, frame_base)
    names = index.names
    grouped = _group_by_track(path, content, index)
    infos = _video_infos(path, index)
    tubes: dict[str, list[LabeledTube]] = {key: [] for key in names}
    for (video, track), rows in grouped.items():
        tubes[video].append(
            _convert_track(f"{path}: {names[video]}: track {track}", track, rows, index.categories)
        )
    annotated: dict[str, list[int]] = {key: [] for key in names}
    for key, video in index.videos.items():
        annotated[video].append(index.frames[key])
    return [
        LabeledVideo(names[key], infos[key], tuple(tubes[key]), np.unique(np.array(annotated[key], np.int64)))
        for key in names
    ]


def _group_by_track(path: Path, content: Any, index: CocoIndex) -> dict[tuple[str, str], _Rows]:
    """Return the frames and annotations of each video and track; tracks of two videos may have one id."""
    grouped: dict[tuple[str, str], _Rows] = {}
    num_crowds = 0
    for number, annotation in enumerate(read_list(path, content, "annotations")):
        location = f"{path}: annotation {number}"
        image = look_up(location, annotation, "image_id", index.frames)
        if annotation.get("iscrowd") in (1, True, "1"):
            num_crowds += 1
            continue
        look_up(location, annotation, "category_id", index.categories)
        track = str(_track_of(path, number, annotation))
        grouped.setdefault((index.videos[image], track), []).append((index.frames[image], annotation))
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
    category_ids = {id_key(annotation["category_id"]) for _, annotation in rows}
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


def _video_infos(path: Path, index: CocoIndex) -> dict[str, VideoInfo]:
    """Return length (up to the last listed frame), frame rate and size of each video; 0 if unknown."""
    last_frame: dict[str, int] = dict.fromkeys(index.entries, -1)
    sizes: dict[str, tuple[int, int]] = {}
    try:
        for key, image in index.images.items():
            video = index.videos[key]
            last_frame[video] = max(last_frame[video], index.frames[key])
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
            for key, video in index.entries.items()
        }
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: a size that is not a number ({error!r})") from error
