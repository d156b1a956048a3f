"""A folder of a user's own videos, optionally with a table of labels and with boxes."""

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
    """Videos at any depth below a folder.

    Attributes:
        root: The folder.
        table: CSV ``video,label,split``: the id (an extension is allowed), class names joined by ``|``, and
            ``train``, ``test`` or nothing; other videos are left out. None if the videos are unlabeled.
        boxes: Ground truth with the same ids, in pixels of the videos: a CSV, or a format of another tool;
            None if there is none.
        classes: All class names; empty takes them from the table.
        annotated: CSV ``video,frame`` of the frames that ``boxes`` annotates; None if it annotates all.
    """

    root: Path
    table: Path | None = None
    boxes: Path | None = None
    classes: tuple[str, ...] = ()
    annotated: Path | None = None

    def listing(self) -> Listing:
        """List the videos.

        Raises:
            DataError: The folder or the table cannot be used, or two videos have the same id.
        """
        return self._listing

    @cached_property
    def _listing(self) -> Listing:
        on_disk = find_videos(self.root)
        if self.table is None:
            records = [VideoRecord(video, path, "", ()) for video, path in sorted(on_disk.items())]
            return Listing(tuple(records), (), self.classes)
        rows = self._rows(self.table)
        classes = self.classes or tuple(sorted({label for *_, labels in rows for label in labels}))
        for name in {"mean", "all"}.intersection(classes):
            raise DataError(
                f"{self.table}: the class name {name!r} is reserved for a row of the tables; rename the class"
            )
        return listing_of(rows, on_disk, lambda video: self.root / video, classes)

    def ground_truth(self) -> GroundTruth | None:
        """Read the boxes, if a file is named.

        Raises:
            DataError: A file cannot be used or names an unknown class, or a box is in a frame that is not
                annotated.
        """
        if self.boxes is None:
            return None
        truth = read_ground_truth_file(self.boxes)
        classes = self.listing().classes
        for name in truth.boxes["class"].unique():
            if classes and name not in classes:
                hint = f"allowed: {', '.join(classes)}{did_you_mean(name, classes)}"
                raise DataError(f"{self.boxes}: class {name!r} is unknown; {hint}")
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
                    "list; add the frame or remove the box"
                )
        return frames.drop_duplicates()

    def _rows(self, path: Path) -> list[tuple[str, str, tuple[str, ...]]]:
        """Id, split and labels of each video of the table."""
        with report_read_errors(path, "cannot be read as CSV"):
            rows = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
        if absent := [name for name in TABLE_COLUMNS if name not in rows.columns]:
            raise DataError(
                f"{path}: column {absent[0]!r} is missing; found {', '.join(rows.columns)}; "
                f"wanted {', '.join(TABLE_COLUMNS)}"
            )
        found: dict[str, tuple[str, str, tuple[str, ...]]] = {}
        for line, (name, label, split) in enumerate(rows[TABLE_COLUMNS].itertuples(index=False), 2):
            video = video_id(name)
            where = f"{path}: line {line}: {name!r}"
            labels = tuple(part.strip() for part in label.split("|") if part.strip())
            if "\0" in video or {"", ".", ".."}.intersection(video.split("/")):
                raise DataError(f"{where} is not a path below {self.root}")
            if video in found:
                raise DataError(f"{where}: an earlier line has the video {video!r} too")
            if split not in _SPLITS:
                raise DataError(f"{where}: split is {split!r}; allowed: train, test or nothing")
            if split == "train" and not labels:
                raise DataError(
                    f"{where}: a training video without a label; add a label or leave split empty"
                )
            for one in labels:
                if self.classes and one not in self.classes:
                    hint = f"allowed: {', '.join(self.classes)}{did_you_mean(one, self.classes)}"
                    raise DataError(f"{where}: class {one!r} is unknown; {hint}")
            found[video] = video, split, labels
        return list(found.values())


def _open(name: str, section: Mapping[str, Any], seed: int) -> Folder:
    def path(key: str) -> Path | None:
        return existing_path(section[key], f"datasets.{name}.{key}") if section.get(key) else None

    root = existing_path(section["root"], f"datasets.{name}.root", "create it and put videos into it")
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
