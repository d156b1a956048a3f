"""THUMOS13, the 24 classes of UCF101 with boxes, as its authors publish it (Section 4.1)."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from actorsup.boxes import xywh_to_xyxy
from actorsup.datasets.base import GROUND_TRUTH_COLUMNS, GroundTruth, Listing, VideoRecord
from actorsup.datasets.files import find_videos
from actorsup.datasets.pickles import read_numbers
from actorsup.errors import DataError, reading

SIZE = (320, 240)
"""Width and height in pixels of the frames that the annotations speak of."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Thumos13:
    """UCF101-24: videos, one of the published splits, and the corrected annotations.

    Trains on every listed training video of the annotated classes (labels need no boxes) and
    tests on the annotated test videos.

    Attributes:
        root: Folder that holds ``UCF-101/<class>/<video>.<any extension>`` (or a folder of
            frames), ``ucfTrainTestlist/{trainlist,testlist}0<split>.txt`` and
            ``annotations/pyannot.pkl``.
        split: 1, 2 or 3.
    """

    root: Path
    split: int = 1

    @cached_property
    def _annotations(self) -> Mapping[str, Any]:
        path = self.root / "annotations" / "pyannot.pkl"
        content = read_numbers(path)
        if not isinstance(content, dict) or not content:
            raise DataError(f"{path}: holds no dictionary of videos; wanted the corrected annotations")
        return content

    def listing(self) -> Listing:
        """Which videos there are; of the annotations it uses the ids alone.

        Raises:
            DataError: A file is missing or damaged, or two videos have one id.
        """
        classes = tuple(sorted({video.split("/")[0] for video in self._annotations}))
        wanted = [
            *((video, "train") for video in self._listed("train") if video.split("/")[0] in classes),
            *((video, "test") for video in self._listed("test") if video in self._annotations),
        ]
        on_disk = find_videos(self.root / "UCF-101")
        there: list[VideoRecord] = []
        missing: list[VideoRecord] = []
        for video, split in sorted(wanted):
            path = on_disk.get(video, self.root / "UCF-101" / f"{video}.avi")
            record = VideoRecord(video, path, split, (video.split("/")[0],))
            (there if video in on_disk else missing).append(record)
        for split in ("train", "test"):
            counts = [sum(r.split == split for r in records) for records in (there, missing)]
            _LOG.info("%s: %d %s videos, %d missing", self.root, counts[0], split, counts[1])
        return Listing(tuple(there), tuple(missing), classes)

    def _listed(self, split: str) -> list[str]:
        path = self.root / "ucfTrainTestlist" / f"{split}list{self.split:02d}.txt"
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except OSError as error:
            raise DataError(
                f"{path}: cannot be read ({error.strerror}); it is one of UCF101's lists"
            ) from error
        # "Class/v_Class_g01_c01.avi", in the list of training videos followed by the class's number
        return [line.split()[0].rsplit(".", 1)[0] for line in lines if line.strip()]

    def ground_truth(self) -> GroundTruth:
        """The tubes of every annotated video, of all splits.

        Raises:
            DataError: An entry is not in the published form.
        """
        parts = []
        for video in sorted(self._annotations):
            path = self.root / "annotations" / "pyannot.pkl"
            with reading(path, f"{video}: not in the published form"):
                parts += list(_tubes(video, self._annotations[video]["annotations"]))
        columns = list(zip(*parts, strict=True)) if parts else [[]] * 4
        lengths = [len(boxes) for boxes in columns[3]]
        boxes = np.concatenate([np.zeros((0, 4), np.float32), *columns[3]])
        table = pd.DataFrame(
            {
                "video": np.repeat(np.array(columns[0], object), lengths),
                "tube": np.repeat(np.array(columns[1], int), lengths),
                "class": np.repeat(np.array([v.split("/")[0] for v in columns[0]], object), lengths),
                "frame": np.concatenate(
                    [np.zeros(0, int), *(f + np.arange(n) for f, n in zip(columns[2], lengths, strict=True))]
                ),
                **{name: boxes[:, i] for i, name in enumerate(("x1", "y1", "x2", "y2"))},
                "actor": "person",
            }
        )
        return GroundTruth(table[GROUND_TRUTH_COLUMNS], dict.fromkeys(self._annotations, SIZE))


def _tubes(
    video: str, annotations: Iterable[Mapping[str, Any]]
) -> Iterable[tuple[str, int, int, np.ndarray]]:
    """Video, number of the tube, first frame and boxes (M, 4) of each tube of a video.

    Published are ``[x y w h]`` in 1-based pixels, in uint8 or uint16 that wrap around unless
    converted first; ``sf`` is 0-based and ``ef`` exclusive.
    """
    for tube, annotation in enumerate(annotations):
        boxes = np.asarray(annotation["boxes"]).astype(np.float32).reshape(-1, 4)
        first, end = int(annotation["sf"]), int(annotation["ef"])
        if end - first != len(boxes):
            raise ValueError(f"tube {tube}: {len(boxes)} boxes for frames {first} to {end}")
        yield video, tube, first, xywh_to_xyxy(boxes - np.array([1, 1, 0, 0], np.float32))
