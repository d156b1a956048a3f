"""THUMOS13, the 24 classes of UCF101 with boxes, as its authors publish it (Section 4.1)."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from actorsup.artifacts.paths import existing_path
from actorsup.datasets.base import (
    AnnotatedTube,
    DatasetType,
    GroundTruth,
    Listing,
    boxes_table,
    listing_of,
)
from actorsup.datasets.files import find_videos
from actorsup.datasets.published import published_paths
from actorsup.datasets.settings import Thumos13Section
from actorsup.datasets.thumos13_annotations import DEFAULT, Annotations, read_annotations
from actorsup.errors import DataError

SIZE = (320, 240)
"""Width and height in pixels of the frames that the annotations speak of."""

_FOLDERS = ("UCF-101", "rgb-images")
_SPLITS = ("train", "test")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Thumos13:
    """UCF101-24: videos, one of the published splits, and the corrected annotations.

    Trains on every listed training video of the annotated classes (labels need no boxes) and
    tests on the annotated test videos.

    Attributes:
        root: Folder that holds ``UCF-101/<class>/<video>.<any extension>`` (or a folder of
            frames; or all of them under ``rgb-images``, as ACT and MOC lay them out),
            ``ucfTrainTestlist/{trainlist,testlist}0<split>.txt`` and the annotations. Without
            these lists, those of ACT's cache are used if it is the annotations.
        split: 1, 2 or 3.
        annotations: The file of annotations, below ``root`` or absolute: the corrected ones as
            a pickle or as ``finalAnnots.mat``, or ACT's cache ``UCF101v2-GT.pkl``.
    """

    root: Path
    split: int = 1
    annotations: Path = DEFAULT

    @cached_property
    def _annotations(self) -> Annotations:
        return read_annotations(self.root / self.annotations)

    def listing(self) -> Listing:
        """Which videos there are; of the annotations it uses the ids alone.

        Raises:
            DataError: A file is missing or damaged, a video stands in both lists, or two videos
                have one id.
        """
        annotated = self._annotations.tubes
        classes = tuple(sorted({video.split("/")[0] for video in annotated}))
        listed = {split: self._listed(split) for split in _SPLITS}
        if both := sorted(set(listed["train"]) & set(listed["test"])):
            raise DataError(f"{self.root}: {both[0]!r} is in the lists of both splits; wanted one")
        wanted = {
            **{video: "train" for video in listed["train"] if video.split("/")[0] in classes},
            **{video: "test" for video in listed["test"] if video in annotated},
        }
        folder = next((self.root / name for name in _FOLDERS if (self.root / name).is_dir()), None)
        folder = folder or self.root / _FOLDERS[0]
        found = listing_of(
            ((video, split, (video.split("/")[0],)) for video, split in wanted.items()),
            find_videos(folder),
            lambda video: folder / f"{video}.avi",
            classes,
        )
        for split in _SPLITS:
            counts = [sum(r.split == split for r in records) for records in (found.records, found.missing)]
            _LOG.info("%s: %d %s videos, %d missing", self.root, counts[0], split, counts[1])
        return found

    def _listed(self, split: str) -> list[str]:
        path = self.root / "ucfTrainTestlist" / f"{split}list{self.split:02d}.txt"
        if not path.parent.exists() and self._annotations.splits:
            try:
                return list(self._annotations.splits[split][self.split - 1])
            except IndexError as error:
                where = self.root / self.annotations
                raise DataError(f"{where}: has no split {self.split}; wanted one of its lists") from error
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: cannot be read ({error}); it is one of UCF101's lists") from error
        # "Class/v_Class_g01_c01.avi", in the list of training videos followed by the class's number
        return [line.split()[0].rsplit(".", 1)[0] for line in lines if line.strip()]

    def ground_truth(self) -> GroundTruth:
        """The tubes of every annotated video, of all splits.

        Raises:
            DataError: An entry is not in the published form.
        """
        found = self._annotations
        tubes = [
            AnnotatedTube(video, number, video.split("/")[0], "person", tube.frames, tube.boxes)
            for video in sorted(found.tubes)
            for number, tube in enumerate(found.tubes[video])
        ]
        return GroundTruth(boxes_table(tubes), dict.fromkeys(found.tubes, SIZE), frames=found.frames)


def _annotation_files(name: str, section: Mapping[str, Any], dataset: Thumos13) -> list[str]:
    path = dataset.root / dataset.annotations
    return [str(existing_path(str(path), f"datasets.{name}.annotations"))]


TYPE = DatasetType(
    lambda name, section, seed: Thumos13(**published_paths(name, section), split=section.get("split", 1)),
    Thumos13Section,
    annotation_files=_annotation_files,
)
