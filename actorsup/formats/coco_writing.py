"""Write COCO JSON of videos (COCO-VID), in the format that ``coco.py`` describes."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

import numpy as np

from actorsup import __version__
from actorsup.artifacts.tube_files import VideoInfo
from actorsup.formats.labeled import DECIMALS, LabeledTube, LabeledVideo, require_info


def write_coco(videos: Iterable[LabeledVideo], stream: TextIO, classes: Sequence[str], location: str) -> None:
    """Write COCO-VID, with 0-based frames and one image per annotated frame, one video at a time.

    Images of a video of variable frame rate have a ``timestamp`` in seconds from the first frame.

    Args:
        videos: Videos of known length and frame size, whose tubes have actions in ``classes`` and boxes in
            annotated frames only.
        stream: Text file to write to.
        classes: Names of all classes, in the order of their ids 1, 2, ...
        location: File name, for messages.

    Raises:
        DataError: The length or frame size of a video is unknown.
    """
    info = {
        "description": "tubes; boxes xywh in pixels, frames 0-based",
        "version": f"actorsup {__version__}",
    }
    categories = [{"id": number, "name": name} for number, name in enumerate(classes, 1)]
    stream.write(f'{{"info": {_json(info)},\n"categories": {_json(categories)},\n"annotations": [')
    written_videos: list[tuple[str, VideoInfo, int]] = []
    annotated: list[Sequence[int]] = []
    num_images = tracks = annotations = 0
    for video in videos:
        known = require_info(location, video)
        written_videos.append((video.video, known, num_images))
        frames = np.arange(known.frames) if video.annotated is None else video.annotated
        annotated.append(frames[frames < known.frames].tolist())
        for tube in video.tubes:
            tracks += 1
            for entry in _annotations(
                tube, len(written_videos), num_images, tracks, classes.index(tube.action) + 1
            ):
                stream.write(
                    ("," if annotations else "")
                    + "\n"
                    + _json({"id": (annotations := annotations + 1), **entry})
                )
        num_images += known.frames
    stream.write('],\n"videos": [' + ",\n".join(_json(entry) for entry in _videos(written_videos)))
    stream.write('],\n"images": [')
    for number, entry in enumerate(_images(written_videos, annotated)):
        stream.write(("," if number else "") + "\n" + _json(entry))
    stream.write("]}\n")


def _annotations(
    tube: LabeledTube, video: int, num_images: int, track: int, category: int
) -> Iterator[dict[str, Any]]:
    corners = np.round(tube.boxes, DECIMALS)
    sizes = np.round(corners[:, 2:] - corners[:, :2], DECIMALS)
    extras: dict[str, Any] = {"actor": tube.actor} if tube.actor else {}
    if tube.score is not None:
        extras["score"] = tube.score
    for frame, corner, size in zip(
        tube.frames.tolist(), corners[:, :2].tolist(), sizes.tolist(), strict=True
    ):
        ids = {"image_id": num_images + frame + 1, "video_id": video, "category_id": category}
        box = {"bbox": [*corner, *size], "area": round(size[0] * size[1], 4), "iscrowd": 0}
        yield ids | {"instance_id": track, "track_id": track} | box | extras


def _videos(written_videos: Sequence[tuple[str, VideoInfo, int]]) -> Iterator[dict[str, Any]]:
    for number, (name, info, _) in enumerate(written_videos, 1):
        yield {"id": number, "name": name, "fps": info.fps, "width": info.width, "height": info.height}


def _images(
    written_videos: Sequence[tuple[str, VideoInfo, int]], annotated: Sequence[Sequence[int]]
) -> Iterator[dict[str, Any]]:
    for number, (name, info, num_previous_images) in enumerate(written_videos, 1):
        for frame in annotated[number - 1]:
            place = {"video_id": number, "frame_id": frame, "frame_index": frame}
            file = f"{name}/{frame:06d}.jpg"
            size = {"width": info.width, "height": info.height}
            time = {} if info.times is None else {"timestamp": round(info.seconds(frame), 6)}
            yield {"id": num_previous_images + frame + 1, "file_name": file, **place, **size, **time}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
