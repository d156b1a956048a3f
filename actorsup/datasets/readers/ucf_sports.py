"""UCF-Sports in its published layout: 150 videos of ten classes (Section 4.1)."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actorsup.boxes import xywh_to_xyxy
from actorsup.datasets.base import DatasetType, GroundTruth, Listing, make_listing
from actorsup.datasets.contents import FolderContents, FrameNaming, UnusableEntry
from actorsup.datasets.entries import describe_name_problem, escape_name
from actorsup.datasets.files import find_videos
from actorsup.datasets.frame_names import image_files, natural_sort_key
from actorsup.datasets.ground_truth_checks import check_ground_truth
from actorsup.datasets.published import published_paths
from actorsup.datasets.settings import PublishedSection
from actorsup.errors import DataError
from actorsup.formats.conventions import BoxSource
from actorsup.formats.labeled import UNKNOWN_INFO, LabeledTube, LabeledVideo, ground_truth_table
from actorsup.formats.plausibility import report
from actorsup.formats.video_ids import VIDEO_SUFFIXES

FOLDERS: Mapping[str, tuple[str, int, int]] = {
    # folder: class, number of videos, number of test videos (the first videos of the folder)
    "Diving-Side": ("Diving", 14, 4),
    "Golf-Swing-Back": ("Golf-Swing", 5, 5),
    "Golf-Swing-Front": ("Golf-Swing", 8, 1),
    "Golf-Swing-Side": ("Golf-Swing", 5, 0),
    "Kicking-Front": ("Kicking", 10, 6),
    "Kicking-Side": ("Kicking", 10, 0),
    "Lifting": ("Lifting", 6, 2),
    "Riding-Horse": ("Riding-Horse", 12, 4),
    "Run-Side": ("Run", 13, 4),
    "SkateBoarding-Front": ("SkateBoarding", 12, 4),
    "Swing-Bench": ("Swing-Bench", 20, 6),
    "Swing-SideAngle": ("Swing-SideAngle", 13, 4),
    "Walk-Front": ("Walk", 22, 7),
}
"""The published folders, each with its class, number of videos and number of test videos. The split is that
of Lan, Wang and Mori, ICCV 2011: the first third of the videos of each class, in folder order, is for
testing (47 videos), the rest for training (103)."""

_NAMING = FrameNaming("*", frame_numbers="order")  # the published names have several numbers and letters
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class UcfSports:
    """The UCF-Sports data set: videos, and one text file with the box of each frame.

    Attributes:
        root: Path of the folder that contains the videos: either folders ``<folder>/<001, 002, ...>/``, each
            with the frames or one video file, or files ``<folder>/<001, 002, ...>.<any extension>``.
        annotations: Path of the folder that contains ``<folder>/<001, 002, ...>/gt/<frame name>.txt``,
            relative to ``root`` or absolute. Each file has one line ``x y w h label`` (0-based pixels). The
            class is that of the folder, since the labels are unreliable.
    """

    root: Path
    annotations: Path = Path()

    def listing(self) -> Listing:
        """List the videos.

        Raises:
            DataError: The root has none of the published folders, a video's folder contains several videos,
                or two videos have the same id.
        """
        return self._listing

    @cached_property
    def _listing(self) -> Listing:
        if not any((self.root / folder).is_dir() for folder in FOLDERS):
            raise DataError(
                f"{self.root}: has none of the folders of UCF-Sports; wanted the folder that contains "
                f"{', '.join(list(FOLDERS)[:3])}, ..."
            )
        listed_videos = [
            (f"{folder}/{number:03d}", "test" if number <= num_test else "train", (name,))
            for folder, (name, num_videos, num_test) in FOLDERS.items()
            for number in range(1, num_videos + 1)
        ]
        classes = tuple(dict.fromkeys(name for name, _, _ in FOLDERS.values()))
        contents = self._find_videos()
        return make_listing(listed_videos, contents, lambda video: self.root / video, classes, naming=_NAMING)

    def _find_videos(self) -> FolderContents:
        contents = FolderContents()
        for folder in FOLDERS:
            for entry in sorted((self.root / folder).glob("[!.]*")):
                name = entry.stem if entry.suffix.lower() in VIDEO_SUFFIXES else entry.name
                video_id = f"{folder}/{name}"
                try:
                    problem = describe_name_problem(entry.name)
                    path = _find_frames(entry) if entry.is_dir() else entry if name != entry.name else None
                except OSError as error:
                    problem = f"it cannot be read ({error.strerror})"
                if problem:
                    video_id = escape_name(video_id)
                    contents.unusable.append(UnusableEntry(video_id, f"{video_id}: {problem}"))
                elif path and video_id in contents.videos:
                    paths = f"{contents.videos[video_id]} and {path}"
                    raise DataError(f"two videos have the id {video_id!r}: {paths}; remove one")
                elif path:
                    contents.videos[video_id] = path
        return contents

    def ground_truth(self) -> GroundTruth:
        """Read the tube of each annotated video, in the frames that have a box.

        Boxes without area (the published files have four) and boxes of frames that the video lacks are
        left out and logged.

        Raises:
            DataError: A file is not in the published format, or no video is annotated.
        """
        videos: list[LabeledVideo] = []
        num_frames: dict[str, int] = {}
        records = (*self._listing.records, *self._listing.missing)
        for record in sorted(records, key=lambda record: record.video):
            folder = self.root / self.annotations / record.video / "gt"
            texts = sorted(folder.glob("*.txt"), key=lambda path: natural_sort_key(_frame_name(path)))
            if texts:
                frame_indices = _frame_indices(record.path, texts)
                frames, boxes = _read_boxes(record.path, texts, frame_indices or list(range(len(texts))))
                tube = LabeledTube("0", record.labels[0], frames, boxes, "person")
                videos.append(LabeledVideo(record.video, UNKNOWN_INFO, (tube,)))
                if not frame_indices:
                    num_frames[record.video] = len(texts)
        if not videos:
            raise DataError(
                f"{self.root / self.annotations}: has no gt/*.txt; wanted {min(FOLDERS)}/001/gt/ and so on"
            )
        source = BoxSource(str(self.root / self.annotations), is_published=True)
        truth = GroundTruth(ground_truth_table(videos), {}, frames=num_frames, source=source)
        report(check_ground_truth(truth))
        return truth


def _find_frames(folder: Path) -> Path | None:
    """Return the video in a folder: the folder itself if it contains frames, else the only video below it."""
    if image_files(folder):
        return folder
    paths = find_videos(folder)
    # the annotations name frames, so frames take precedence over their video
    frames = [path for path in paths.values() if path.is_dir()]
    videos = frames or list(paths.values())
    if len(videos) > 1:
        raise DataError(f"{folder}: contains {len(videos)} videos ({', '.join(sorted(paths))}); wanted one")
    return videos[0] if videos else None


def _frame_name(box_file: Path) -> Path:
    """Return the frame name of a box file without extensions: ``001`` for ``001.tif.txt``."""
    return Path(box_file.name.removesuffix(".txt")).with_suffix("")


def _frame_indices(video: Path, box_files: list[Path]) -> list[int]:
    """Return the 0-based frame index of each box file, or -1 if no frame has the name of the box file.

    The list is empty if the video is a video file or no name matches; then the file order is used.
    """
    images = image_files(video) if video.is_dir() else []
    index_by_name = {image.stem: index for index, image in enumerate(images)}
    indices = [index_by_name.get(_frame_name(path).name, -1) for path in box_files]
    if max(indices) >= 0:
        return indices
    if images:
        _LOG.warning("%s: no box file has the name of a frame; using the order of the files", video)
    return []


def _read_boxes(
    video: Path, box_files: list[Path], frame_indices: list[int]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return frame indices (M,) and boxes (M, 4) xyxy of a video."""
    frames = np.array(frame_indices, int)
    file_contents = [_read_box(path) for path in box_files]
    xywh = np.array([box for box, _ in file_contents], np.float32)
    has_no_area = (xywh[:, 2:] <= 0).any(1)
    checks: list[tuple[NDArray[np.bool_], str]] = [
        (np.asarray(has_no_area), "boxes have no area and are left out"),
        (frames < 0, "boxes belong to frames that the video lacks and are left out"),
        (
            np.array([lines > 1 for _, lines in file_contents], bool),
            "files have several lines; the first is used",
        ),
    ]
    for is_affected, problem in checks:
        if is_affected.any():
            names = ", ".join(
                path.name for path, affected in zip(box_files, is_affected, strict=True) if affected
            )
            _LOG.warning("%s: %d %s: %s", video, is_affected.sum(), problem, names)
    is_usable = ~has_no_area & (frames >= 0)
    return frames[is_usable], xywh_to_xyxy(xywh)[is_usable]


def _read_box(path: Path) -> tuple[list[float], int]:
    """Return ``x y w h`` of the first line of a box file, and the number of lines."""
    try:
        lines = [line for line in path.read_text(encoding="latin-1").splitlines() if line.strip()]
        box = [float(word) for word in lines[0].split()[:4]] if lines else []
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be used ({error}); wanted a line 'x y w h label'") from error
    if len(box) < 4 or not np.isfinite(box).all():
        first_line = repr(lines[0]) if lines else "nothing"
        raise DataError(f"{path}: found {first_line}; wanted a line 'x y w h label'")
    return box, len(lines)


TYPE = DatasetType(
    lambda name, section, seed: UcfSports(**published_paths(name, section)),
    PublishedSection,
    annotation_pattern="*/*/gt/*.txt",
)
