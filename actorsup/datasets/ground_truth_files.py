"""Read ground truth from a user's file in any supported format."""

from pathlib import Path

from actorsup.datasets.base import GroundTruth
from actorsup.errors import DataError
from actorsup.formats.conventions import UNSTATED, BoxSource, Conventions
from actorsup.formats.formats import BOX_FORMAT_OF, detect_format, read_labeled
from actorsup.formats.ground_truth_csv import read_ground_truth_table
from actorsup.formats.labeled import ground_truth_table
from actorsup.formats.video_ids import video_id


def read_ground_truth_file(path: Path, conventions: Conventions = UNSTATED) -> GroundTruth:
    """Read ground truth from CSV, COCO JSON or CVAT XML, or from a folder or zip of MOT text or CVAT XML.

    Video ids are normalized by ``video_id``; the frame sizes are those that the file or the conventions
    state.

    Args:
        path: Path of the file or folder.
        conventions: What the numbers of the file are, where it differs from the convention of its format.

    Raises:
        DataError: The file is invalid, or contains scored tubes instead of ground truth.
    """
    format_name = detect_format(path)
    if format_name == "predictions":
        raise DataError(
            f"{path}: contains scored tubes, not ground truth; convert it to CSV with `actorsup convert`"
        )
    source = BoxSource(str(path), BOX_FORMAT_OF[format_name], conventions)
    if format_name == "csv":
        rows = read_ground_truth_table(path, conventions)
        rows, infos = rows.assign(video=rows["video"].map(video_id)), []
    else:
        videos, _ = read_labeled(path, format_name, conventions=conventions)
        rows = ground_truth_table(videos).assign(video=lambda table: table["video"].map(video_id))
        rows = rows.sort_values(["video", "tube", "frame"], kind="stable").reset_index(drop=True)
        infos = [(video_id(video.video), video.info) for video in videos]
    sizes = {video: (info.width, info.height) for video, info in infos if info.width and info.height}
    if conventions.reference_size is not None:
        sizes = dict.fromkeys(rows["video"].unique(), conventions.reference_size)
    rates = {video: info.fps for video, info in infos if info.fps > 0}
    return GroundTruth(rows, sizes, rates=rates, source=source)
