"""A data set of a user's own videos, optionally with a table of labels and with ground-truth boxes."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Any

from actorsup.artifacts.paths import existing_path
from actorsup.datasets.base import DatasetType, GroundTruth, Listing, make_listing
from actorsup.datasets.contents import DEFAULT_NAMING, FolderContents, FrameNaming
from actorsup.datasets.files import scan_folder
from actorsup.datasets.ground_truth_checks import check_ground_truth
from actorsup.datasets.ground_truth_files import (
    EVERY_FRAME,
    ONLY_BOXES,
    read_ground_truth_file,
    set_annotated_frames,
)
from actorsup.datasets.settings import FolderSection
from actorsup.errors import DataError, did_you_mean
from actorsup.formats.conventions import UNSTATED, Conventions
from actorsup.formats.plausibility import report
from actorsup.formats.tables import Columns, read_splits, read_table
from actorsup.formats.video_names import match_names

_LOG = logging.getLogger(__name__)
TABLE_COLUMNS = ["video", "label", "split"]
_WORDS = (ONLY_BOXES, EVERY_FRAME)


@dataclass(frozen=True)
class Folder:
    """A data set of the videos at any depth below a folder.

    Attributes:
        root: Path of the folder.
        table: Path of a CSV table ``video,label,split``: the video id (an extension is allowed), the class
            names joined by ``|``, and ``train``, ``test`` or nothing. Videos that the table lacks are left
            out. None if the videos are unlabeled.
        boxes: Path of the ground truth, in pixels of the videos, as CSV or in a format of another tool;
            None if the data set has no ground truth.
        classes: Names of all classes; if empty, the classes of the table.
        annotated: ``boxes`` if the frames with a box are annotated, ``all`` if every frame is, or the path of
            a CSV table ``video,frame`` of the annotated frames; None: the frames that ``boxes`` states.
        naming: How the names of the files number the frames of a folder.
        conventions: What the numbers of the ground truth are, where they differ from its format.
    """

    root: Path
    table: Path | None = None
    boxes: Path | None = None
    classes: tuple[str, ...] = ()
    annotated: str | Path | None = None
    naming: FrameNaming = DEFAULT_NAMING
    conventions: Conventions = UNSTATED

    def listing(self) -> Listing:
        """List the videos.

        Raises:
            DataError: The folder does not exist, the table is invalid, or two videos have the same id.
        """
        return self._listing

    @cached_property
    def _contents(self) -> FolderContents:
        return scan_folder(self.root)

    @cached_property
    def _listing(self) -> Listing:
        rows: list[tuple[str, str, tuple[str, ...]]]
        if self.table is None:
            rows = [(video, "", ()) for video in self._contents.videos]
        else:
            rows = self._rows(self.table)
        classes = self.classes or tuple(sorted({label for *_, labels in rows for label in labels}))
        for name in {"mean", "all"}.intersection(classes):
            raise DataError(
                f"{self.table}: the class name {name!r} is reserved for a row of the tables; rename the class"
            )
        annotated = self.annotated if isinstance(self.annotated, Path) else None
        own_files = (self.table, self.boxes, annotated)
        return make_listing(
            rows, self._contents, lambda video: self.root / video, classes, own_files, self.naming
        )

    def ground_truth(self) -> GroundTruth | None:
        """Read the ground-truth boxes; return None if the data set has no ground truth.

        Raises:
            DataError: A file is invalid or names an unknown class, or a box lies in a frame that is not
                annotated.
        """
        if self.boxes is None:
            return None
        classes = self.listing().classes
        only_class = classes[0] if len(classes) == 1 else None
        ground_truth = self._resolve_ids(read_ground_truth_file(self.boxes, only_class, self.conventions))
        for name in ground_truth.boxes["class"].unique():
            if classes and name not in classes:
                hint = f"allowed: {', '.join(classes)}{did_you_mean(name, classes)}"
                number = "; the file holds numbers of classes in place of names" if name.isdecimal() else ""
                raise DataError(f"{self.boxes}: class {name!r} is unknown{number}; {hint}")
        annotated = None if self.annotated is None else str(self.annotated)
        videos = [record.video for record in (*self.listing().records, *self.listing().missing)]
        find_ids = partial(self._find_ids, str(self.annotated))
        ground_truth = set_annotated_frames(ground_truth, annotated, self.boxes, videos, find_ids)
        report(check_ground_truth(ground_truth))
        return ground_truth

    def _resolve_ids(self, truth: GroundTruth) -> GroundTruth:
        """Return ground truth with the ids of the videos that its names mean."""
        mappings = (truth.size, truth.annotated, truth.frames, truth.rates)
        names = {*truth.boxes["video"].unique(), *chain.from_iterable(mappings)}
        ids = self._find_ids(str(self.boxes), names)
        return replace(
            truth,
            boxes=truth.boxes.assign(video=truth.boxes["video"].map(ids)),
            size={ids[video]: size for video, size in truth.size.items()},
            annotated={ids[video]: frames for video, frames in truth.annotated.items()},
            frames={ids[video]: count for video, count in truth.frames.items()},
            rates={ids[video]: fps for video, fps in truth.rates.items()},
        )

    def _find_ids(self, path: str, names: Iterable[str]) -> Mapping[str, str]:
        """Return the ids of the videos that the names in a file mean; names of no video stay as they are."""
        listing = self.listing()
        ids = {record.video for record in (*listing.records, *listing.missing)}.union(listing.unlisted)
        matched = match_names(sorted(names), ids, self.root, self._contents.file_names)
        if matched.guessed:
            _LOG.warning("%s: %s", path, matched.note())
        for name in matched.doubtful:
            raise DataError(f"{path}: {matched.doubt(name)}")
        return matched.ids

    def _rows(self, path: Path) -> list[tuple[str, str, tuple[str, ...]]]:
        """Return id, split and labels of each video of the table."""
        rows = read_table(path, Columns(tuple(TABLE_COLUMNS)))
        if rows.empty:
            raise DataError(f"{path}: has a header, but no row; wanted a row for each video")
        rows["split"] = read_splits(path, rows)
        ids = {*self._contents.videos, *self._contents.companions}
        names = match_names(rows["video"], ids, self.root, self._contents.file_names)
        if names.guessed:
            _LOG.warning("%s: %s", path, names.note())
        entries: dict[str, tuple[str, str, tuple[str, ...]]] = {}
        line_of: dict[str, int] = {}
        for line, name, label, split in rows.itertuples():
            video = names.ids[name]
            where = f"{path}: line {line}: {name!r}"
            if name in names.doubtful:
                raise DataError(f"{path}: line {line}: {names.doubt(name)}")
            labels = tuple(name.strip() for name in label.split("|") if name.strip())
            if "\0" in video or {"", ".", ".."}.intersection(video.split("/")):
                raise DataError(f"{where} is not a path below {self.root}")
            if entries.get(video, (video, split, labels)) != (video, split, labels):
                raise DataError(
                    f"{where}: line {line_of[video]} has the video {video!r} too, with another label or "
                    "split; delete one"
                )
            if video in entries:
                _LOG.warning("%s: line %d repeats line %d", path, line, line_of[video])
            if split == "train" and not labels:
                raise DataError(
                    f"{where}: a training video without a label; add a label or leave split empty"
                )
            for class_name in labels:
                if self.classes and class_name not in self.classes:
                    hint = f"allowed: {', '.join(self.classes)}{did_you_mean(class_name, self.classes)}"
                    raise DataError(f"{where}: class {class_name!r} is unknown; {hint}")
            entries[video] = video, split, labels
            line_of.setdefault(video, line)
        return list(entries.values())


def _open(name: str, section: Mapping[str, Any], seed: int) -> Folder:
    def path(key: str) -> Path | None:
        return existing_path(section[key], f"datasets.{name}.{key}") if section.get(key) else None

    root = existing_path(section["root"], f"datasets.{name}.root", "create it and put videos into it")
    classes = tuple(section.get("classes") or ())
    annotated = section.get("annotated") if section.get("annotated") in _WORDS else path("annotated")
    conventions = Conventions.of_settings(section)
    naming = FrameNaming(*(section.get(each.name) for each in fields(FrameNaming)))
    return Folder(root, path("table"), path("ground_truth"), classes, annotated, naming, conventions)


def _annotation_files(name: str, section: Mapping[str, Any], dataset: Folder) -> list[str]:
    keys = [key for key in ("ground_truth", "annotated") if section.get(key) and section[key] not in _WORDS]
    return [str(existing_path(section[key], f"datasets.{name}.{key}")) for key in keys]


TYPE = DatasetType(
    _open,
    FolderSection,
    has_ground_truth=lambda section: bool(section.get("ground_truth")),
    annotation_files=_annotation_files,
    has_sparse_boxes=lambda section: section.get("annotated") not in (None, EVERY_FRAME),
    is_user_written=True,
)
