"""Ground truth of a user's own, in any of the forms that it is read from."""

from pathlib import Path

from actorsup.datasets.base import GroundTruth
from actorsup.errors import DataError
from actorsup.formats.formats import format_read, read_labelled
from actorsup.formats.ground_truth_csv import read_ground_truth_table
from actorsup.formats.labeled import table_of
from actorsup.formats.video_ids import video_id


def read_ground_truth_file(path: Path) -> GroundTruth:
    """The boxes of a CSV, COCO JSON, CVAT XML, or a folder or zip of MOT text or CVAT XML.

    Video ids are as the table of videos has them; sizes are those that the file tells.

    Raises:
        DataError: The file cannot be used, or holds scored tubes.
    """
    form = format_read(path)
    if form == "predictions":
        raise DataError(
            f"{path}: holds scored tubes, not ground truth; `actorsup convert` makes a CSV of them"
        )
    if form == "csv":
        rows = read_ground_truth_table(path)
        return GroundTruth(rows.assign(video=rows["video"].map(video_id)), {})
    videos, _ = read_labelled(path, form)
    rows = table_of(videos).assign(video=lambda found: found["video"].map(video_id))
    sizes = {
        video_id(video.video): (video.info.width, video.info.height)
        for video in videos
        if video.info.width and video.info.height
    }
    order = ["video", "tube", "frame"]
    return GroundTruth(rows.sort_values(order, kind="stable").reset_index(drop=True), sizes)
