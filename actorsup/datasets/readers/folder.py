"""A folder of a user's own videos, with a table of labels, with boxes, or without."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from actorsup.artifacts.paths import existing_path
from actorsup.datasets.base import DatasetType, GroundTruth, Listing, VideoRecord, listing_of
from actorsup.datasets.files import find_videos
from actorsup.datasets.ground_truth_files import read_ground_truth_file
from actorsup.datasets.settings import FolderSection
from actorsup.errors import DataError, did_you_mean, report_read_errors
from actorsup.formats.ground_truth_csv import read_annotated_table
from actorsup.formats.video_ids import video_id

TABLE_COLUMNS = ["video", "label", "split"]
_SPLITS = ("train", "test", "")


@dataclass(frozen=True)
class Folder:
    """Videos of any depth below a folder.

    Attributes:
        root: The folder.
        table: CSV ``video,label,split``: the id (an extension is allowed), class names joined by
            ``|``, and ``train``, ``test`` or nothing. None: unlabelled videos, to be predicted.
            Videos that the table does not name are left out.
        boxes: Ground truth, in pixels of the videos, ids as in the table: a CSV, or one of the forms of
            other tools; None where there is none.
        classes: The class names that there are; empty takes them from the table.
        annotated: CSV ``video,frame`` of the frames that ``boxes`` annotates, where it does not
            annotate all; None: it does.
    """

    root: Path
    table: Path | None = None
    boxes: Path | None = None
    classes: tuple[str, ...] = ()
    annotated: Path | None = None

    def listing(self) -> Listing:
        """Which videos there are.

        Raises:
            DataError: The folder or the table cannot be used, or two videos have one id.
        """
        return self._listing

    @cached_property
    def _listing(self) -> Listing:
        on_disk = find_videos(self.root)
        if self.table is None:
            records = [VideoRecord(video, path, "", ()) for video, path in sorted(on_disk.items())]
            return Listing(tuple(records), (), self.classes)
        rows = self._rows(self.table)
        classes = self.classes or tuple(sorted({label for _, labels, _ in rows for label in labels}))
        for name in {"mean", "all"}.intersection(classes):
            raise DataError(
                f"{self.table}: no class can be called {name!r}, as rows of the tables are; rename it"
            )
        wanted = [(video, split, labels) for video, labels, split in rows]
        return listing_of(wanted, on_disk, lambda video: self.root / video, classes)

    def ground_truth(self) -> GroundTruth | None:
        """The boxes, where a file of them is named.

        Raises:
            DataError: A file cannot be used, names a class that there is not, or a box is of a
                frame that is not annotated.
        """
        if self.boxes is None:
            return None
        truth = read_ground_truth_file(self.boxes)
        classes = self.listing().classes
        for name in truth.boxes["class"].unique():
            if classes and name not in classes:
                hint = f"allowed: {', '.join(classes)}{did_you_mean(name, classes)}"
                raise DataError(f"{self.boxes}: class {name!r} is not there; {hint}")
        return replace(truth, annotated=self._annotated_frames(truth.boxes))

    def _annotated_frames(self, rows: pd.DataFrame) -> pd.DataFrame | None:
        if self.annotated is None:
            return None
        frames = read_annotated_table(self.annotated)
        frames["video"] = frames["video"].map(video_id)
        known = set(zip(frames["video"], frames["frame"], strict=True))
        for video, frame in zip(rows["video"], rows["frame"], strict=True):
            if (video, frame) not in known:
                raise DataError(
                    f"{self.boxes}: {video!r} has a box in frame {frame}, which {self.annotated} does not "
                    "name; add the frame, or drop the box"
                )
        return frames.drop_duplicates()

    def _rows(self, path: Path) -> list[tuple[str, tuple[str, ...], str]]:
        """Id, labels and split of each video of the table, sorted by id."""
        with report_read_errors(path, "cannot be read as CSV"):
            rows = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
        if absent := [name for name in TABLE_COLUMNS if name not in rows.columns]:
            raise DataError(
                f"{path}: column {absent[0]!r} is missing; found {', '.join(rows.columns)}; "
                f"wanted {', '.join(TABLE_COLUMNS)}"
            )
        found: dict[str, tuple[tuple[str, ...], str]] = {}
        for line, (name, label, split) in enumerate(rows[TABLE_COLUMNS].itertuples(index=False), 2):
            video = video_id(name)
            where = f"{path}: line {line}: {name!r}"
            labels = tuple(part.strip() for part in label.split("|") if part.strip())
            if "\0" in video or {"", ".", ".."}.intersection(video.split("/")):
                raise DataError(f"{where} is no path below {self.root}")
            if video in found:
                raise DataError(f"{where}: the video {video!r} stands in an earlier line too")
            if split not in _SPLITS:
                raise DataError(f"{where}: split is {split!r}; allowed: train, test or nothing")
            if split == "train" and not labels:
                raise DataError(
                    f"{where}: a training video without a label; give it one or leave split empty"
                )
            for one in labels:
                if self.classes and one not in self.classes:
                    hint = f"allowed: {', '.join(self.classes)}{did_you_mean(one, self.classes)}"
                    raise DataError(f"{where}: no class is called {one!r}; {hint}")
            found[video] = labels, split
        return [(video, *found[video]) for video in sorted(found)]


def _open(name: str, section: Mapping[str, Any], seed: int) -> Folder:
    def path(key: str) -> Path | None:
        return existing_path(section[key], f"datasets.{name}.{key}") if section.get(key) else None

    root = existing_path(section["root"], f"datasets.{name}.root", "make it, and put videos into it")
    classes = tuple(section.get("classes") or ())
    return Folder(root, path("table"), path("ground_truth"), classes, path("annotated"))


def _annotation_files(name: str, section: Mapping[str, Any], dataset: Folder) -> list[str]:
    keys = [key for key in ("ground_truth", "annotated") if section.get(key)]
    return [str(existing_path(section[key], f"datasets.{name}.{key}")) for key in keys]


TYPE = DatasetType(
    _open,
    FolderSection,
    has_ground_truth=lambda section: bool(section.get("ground_truth")),
    annotation_files=_annotation_files,
    sparse=lambda section: bool(section.get("annotated")),
    written_by_users=True,
)
