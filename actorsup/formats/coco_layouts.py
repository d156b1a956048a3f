"""Bring the layouts in which COCO JSON of videos is found into that of COCO-VID.

- Images without ``video_id``: an image belongs to the video that the folder of its ``file_name`` names,
  without a last ``img1``. If the names have no folder, the user names the video.
- Images without ``frame_id`` and ``frame_index``: the frame is the number at the end of the file name.
- YouTube-VIS: ``file_names`` of each video in place of images, and annotations that are tracks.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from actorsup.errors import DataError

FRAME_KEYS = ("frame_id", "frame_index")
_IMAGE_FOLDER = "img1"


def to_coco_vid(path: Path, content: Any, name: str | None = None) -> Any:
    """Return the content of a JSON file in the layout of COCO-VID, if it has another known layout.

    Args:
        path: Path of the file, for messages.
        content: Loaded JSON of the file.
        name: Id of the only video, if the file does not name it.

    Raises:
        DataError: The file has no videos or tracks, or an image cannot be assigned to a video and a frame.
    """
    if isinstance(content, list):
        raise DataError(
            f"{path}: is a list, such as COCO results, which have no tracks; to use its boxes as "
            "detections, name it as the path of a detector of `type: supplied`"
        )
    if not isinstance(content, dict):
        return content
    if "images" not in content and any(map(_is_youtube_vis, content.get("videos") or ())):
        return {**content, **_of_youtube_vis(path, content)}
    images = content.get("images")
    if not isinstance(images, list) or not all(isinstance(image, dict) for image in images):
        return content
    if images and not any("video_id" in image for image in images):
        videos, images = _videos_of_files(path, images, name)
        content = {**content, "videos": videos, "images": images}
    if not any(key in image for image in images for key in FRAME_KEYS):
        images = [{**image, "frame_id": _number_of_file(path, image)} for image in images]
    return {**content, "images": images}


def _videos_of_files(
    path: Path, images: list[dict[str, Any]], name: str | None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the videos named by the folders of the images, and the images with a video id."""
    folders = [_folder(image) for image in images]
    if "" in folders and not (name and {*folders} == {""}):
        found = images[folders.index("")].get("file_name")
        raise DataError(
            f"{path}: its images have no video_id, and the file name {str(found)[:80]!r} has no folder "
            "that names the video; wanted <video>/<frame>.jpg; if all are of one video, name it: `actorsup "
            "convert FILE.json boxes.csv --name VIDEO`"
        )
    names = [folder or str(name) for folder in folders]
    videos = [{"id": video, "name": video} for video in dict.fromkeys(names)]
    return videos, [{**image, "video_id": video} for image, video in zip(images, names, strict=True)]


def _folder(image: Mapping[str, Any]) -> str:
    """Return the folder of an image's file, without a last ``img1``; empty if there is none."""
    file = image.get("file_name")
    folder = PurePosixPath(file.replace("\\", "/")).parent if isinstance(file, str) else PurePosixPath()
    return str(folder.parent if folder.name == _IMAGE_FOLDER else folder).removeprefix(".").strip("/")


def _number_of_file(path: Path, image: Mapping[str, Any]) -> int:
    file = image.get("file_name")
    number = re.search(r"([0-9]{1,12})$", PurePosixPath(file).stem) if isinstance(file, str) else None
    if number is None:
        raise DataError(
            f"{path}: image {str(image.get('id'))[:40]} has none of {', '.join(FRAME_KEYS)}, and its file "
            f"name {str(file)[:80]!r} does not end with a frame number"
        )
    return int(number[1])


def _is_youtube_vis(video: Any) -> bool:
    return isinstance(video, dict) and isinstance(video.get("file_names"), list)


def _of_youtube_vis(path: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the videos, images and annotations of YouTube-VIS in the layout of COCO-VID."""
    videos, images = [], []
    for video in filter(_is_youtube_vis, content["videos"]):
        size = {key: video[key] for key in ("width", "height") if key in video}
        files = [{"file_name": file, "video_id": video.get("id"), **size} for file in video["file_names"]]
        videos.append({"name": _folder(files[0]) if files else str(video.get("id")), **video})
        images += [{"id": f"{video.get('id')}/{n}", **file} for n, file in enumerate(files)]
    images = [{**image, "frame_id": _number_of_file(path, image)} for image in images]
    return {"videos": videos, "images": images, "annotations": [*_boxes_of_tracks(path, content)]}


def _boxes_of_tracks(path: Path, content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for number, track in enumerate(content.get("annotations") or ()):
        if not isinstance(track, dict) or not isinstance(track.get("bboxes"), list):
            raise DataError(
                f"{path}: annotation {number} has no list bboxes; wanted YouTube-VIS, with a box or null for "
                "each frame of its video"
            )
        shared = {key: track[key] for key in ("category_id", "iscrowd", "score") if key in track}
        for n, box in enumerate(track["bboxes"]):
            if box:
                ids = {"image_id": f"{track.get('video_id')}/{n}", "track_id": track.get("id", number)}
                yield {**shared, **ids, "bbox": box}
