"""The export stage: write the scored tubes of a run in the formats of other tools."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from actorsup.artifacts.atomic import open_text_atomically
from actorsup.formats.coco_writing import write_coco
from actorsup.formats.cvat_writing import write_cvat
from actorsup.formats.labeled import LabeledVideo, best_tubes
from actorsup.formats.mot_writing import write_mot
from actorsup.formats.predictions import classes_of_shards, read_shards

_LOG = logging.getLogger(__name__)


def export_tubes(
    shards: Sequence[str | Path],
    coco: Path,
    cvat: Path,
    mot: Path,
    top: int | None = 3,
    min_score: float = 0.0,
    tolerance: float = 1.0,
) -> None:
    """Write scored tubes as COCO JSON, a folder of CVAT XML, and a folder of MOT text.

    Each tube is labeled with its highest-scoring class. One video is in memory at a time.

    Args:
        shards: Paths of the shards of scored tubes.
        coco: Path of the JSON file to write.
        cvat: Path of the folder to write, with one XML file per video.
        mot: Path of the folder to write, with one folder per video.
        top: Maximum number of tubes per video, chosen by score; None writes all tubes.
        min_score: Minimum score of a tube's highest-scoring class.
        tolerance: Maximum error of interpolated boxes in the CVAT XML, in pixels; 0 writes every box.

    Raises:
        DataError: ``shards`` is empty, or a shard cannot be read.
    """
    classes = classes_of_shards(shards)

    def videos() -> Iterator[LabeledVideo]:
        return best_tubes(read_shards(shards), top, min_score)

    with open_text_atomically(coco) as stream:
        write_coco(videos(), stream, classes, str(coco))
    write_cvat(videos(), cvat, classes, tolerance)
    write_mot(videos(), mot, classes)
    counts = [len(video.tubes) for video in videos()]
    _LOG.info("exported %d tubes of %d videos", sum(counts), len(counts))
