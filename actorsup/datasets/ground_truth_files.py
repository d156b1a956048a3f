"""Read ground truth from a user's file in any supported format."""

from pathlib import Path

from actorsup.datasets.base import GroundTruth
from actorsup.errors import DataError
from actorsup.formats.formats import detect_format, read_labeled
from actorsup.formats.ground_truth_csv import read_ground_truth_table
from actorsup.formats.labeled import ground_truth_table
from actorsup.formats.video_ids import video_id


def read_ground_truth_file(path: Path) -> GroundTruth:
    """Read ground truth from CSV, COCO JSON or CVAT XML, or from a folder or zip of MOT text or CVAT XML.

    Video ids are normalized by ``video_id``; the frame sizes are those that the file states.

    Raises:
        DataError: The file is invalid, or contains scored tubes instead of ground truth.
    """
    format_name = detect_format(path)
    if format_name == "predictions":
        raise DataError(
            f"{path}: contains scored tubes, not ground truth; convert it to CSV with `actorsup convert`"
        )
    if format_name == "csv":
        rows = read_ground_truth_table(path)
        return GroundTruth(rows.assign(video=rows["video"].map(video_id)), {})
    videos, _ = read_labeled(path, format_name)
    rows = ground_truth_table(videos).assign(video=lambda table: table["video"].map(video_id))
    infos = [(video_id(video.video), video.info) for video in videos]
    sizes = {video: (info.width, info.height) for video, info in infos if info.width and info.height}
    order = ["video", "tube", "frame"]
    return GroundTruth(rows.sort_values(order, kind="stable").reset_index(drop=True), sizes)
