"""Write COCO JSON of videos, in the format that ``coco.py`` describes."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

import numpy as np

from actorsup import __version__
from actorsup.artifacts.tube_files import VideoInfo
from actorsup.formats.labeled import DECIMALS, LabeledTube, LabeledVideo, known_info


def write_coco(videos: Iterable[LabeledVideo], stream: TextIO, classes: Sequence[str], where: str) -> None:
    """Write COCO-VID, one video at a time: frames 0-based, every frame an image.

    Args:
        videos: Videos of known length and size, with tubes of ``classes``.
        stream: The file to write.
        classes: Class names, with ids from 1.
        where: The file name, for messages.

    Raises:
        DataError: A length or a size is unknown.
    """
    info = {
        "description": "tubes; boxes xywh in pixels, frames 0-based",
        "version": f"actorsup {__version__}",
    }
    categories = [{"id": number, "name": name} for number, name in enumerate(classes, 1)]
    stream.write(f'{{"info": {_json(info)},\n"categories": {_json(categories)},\n"annotations": [')
    kept: list[tuple[str, VideoInfo, int]] = []
    images = tracks = annotations = 0
    for video in videos:
        known = known_info(where, video)
        kept.append((video.video, known, images))
        for tube in video.tubes:
            tracks += 1
            for entry in _annotations(tube, len(kept), images, tracks, classes.index(tube.action) + 1):
                stream.write(
                    ("," if annotations else "")
                    + "\n"
                    + _json({"id": (annotations := annotations + 1), **entry})
                )
        images += known.frames
    stream.write('],\n"videos": [' + ",\n".join(_json(entry) for entry in _videos(kept)))
    stream.write('],\n"images": [')
    for number, entry in enumerate(_images(kept)):
        stream.write(("," if number else "") + "\n" + _json(entry))
    stream.write("]}\n")


def _annotations(
    tube: LabeledTube, video: int, images: int, track: int, category: int
) -> Iterator[dict[str, Any]]:
    corners = np.round(tube.boxes, DECIMALS)
    sizes = np.round(corners[:, 2:] - corners[:, :2], DECIMALS)
    more: dict[str, Any] = {"actor": tube.actor} if tube.actor else {}
    if tube.score is not None:
        more["score"] = tube.score
    for frame, corner, size in zip(
        tube.frames.tolist(), corners[:, :2].tolist(), sizes.tolist(), strict=True
    ):
        ids = {"image_id": images + frame + 1, "video_id": video, "category_id": category}
        box = {"bbox": [*corner, *size], "area": round(size[0] * size[1], 4), "iscrowd": 0}
        yield ids | {"instance_id": track, "track_id": track} | box | more


def _videos(kept: Sequence[tuple[str, VideoInfo, int]]) -> Iterator[dict[str, Any]]:
    for number, (name, info, _) in enumerate(kept, 1):
        yield {"id": number, "name": name, "fps": info.fps, "width": info.width, "height": info.height}


def _images(kept: Sequence[tuple[str, VideoInfo, int]]) -> Iterator[dict[str, Any]]:
    for number, (name, info, before) in enumerate(kept, 1):
        for frame in range(info.frames):
            place = {"video_id": number, "frame_id": frame, "frame_index": frame}
            file = f"{name}/{frame:06d}.jpg"
            size = {"width": info.width, "height": info.height}
            yield {"id": before + frame + 1, "file_name": file, **place, **size}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
