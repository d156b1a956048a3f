"""UCF-Sports, 150 videos of ten classes, as its authors publish it (Section 4.1)."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actorsup.boxes import xywh_to_xyxy
from actorsup.datasets.base import DatasetType, GroundTruth, Listing, listing_of
from actorsup.datasets.files import find_videos, image_files, natural
from actorsup.datasets.published import published_paths
from actorsup.datasets.settings import PublishedSection
from actorsup.errors import DataError
from actorsup.formats.labeled import UNKNOWN, LabeledTube, LabeledVideo, table_of
from actorsup.formats.video_ids import VIDEO_SUFFIXES

FOLDERS: Mapping[str, tuple[str, int, int]] = {
    # folder: class, number of videos, number of test videos, which come first
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
"""The published folders, and the split of Lan, Wang and Mori, ICCV 2011: the first third of each class's
videos, in the order of folders, is for testing (47), the others for training (103)."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class UcfSports:
    """UCF-Sports: folders of frames or video files, and a text file with the box of each frame.

    Attributes:
        root: Folder that contains ``<folder>/<001, 002, ...>/`` with the frames, or else one video, in it,
            or ``<folder>/<001, 002, ...>.<any extension>``.
        annotations: Folder that contains ``<folder>/<001, ...>/gt/<name of the frame>.txt``, below ``root``
            or absolute; each has one line ``x y w h label`` (0-based pixels). The label is unreliable; the
            folder determines the class.
    """

    root: Path
    annotations: Path = Path()

    def listing(self) -> Listing:
        """List the videos.

        Raises:
            DataError: The root has none of the published folders, or a video's folder contains several
                videos.
        """
        return self._listing

    @cached_property
    def _listing(self) -> Listing:
        if not any((self.root / folder).is_dir() for folder in FOLDERS):
            raise DataError(
                f"{self.root}: has none of the folders of UCF-Sports; wanted the folder that contains "
                f"{', '.join(list(FOLDERS)[:3])}, ..."
            )
        listed = [
            (f"{folder}/{number:03d}", "test" if number <= tests else "train", (name,))
            for folder, (name, videos, tests) in FOLDERS.items()
            for number in range(1, videos + 1)
        ]
        classes = tuple(dict.fromkeys(name for name, _, _ in FOLDERS.values()))
        return listing_of(listed, self._on_disk(), lambda video: self.root / video, classes)

    def _on_disk(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for folder in FOLDERS:
            path = self.root / folder
            for entry in sorted(path.glob("[!.]*")):
                name = entry.stem if entry.suffix.lower() in VIDEO_SUFFIXES else entry.name
                video = _within(entry) if entry.is_dir() else entry if name != entry.name else None
                if not video:
                    continue
                if (key := f"{folder}/{name}") in found:
                    raise DataError(f"two videos have the id {key!r}: {found[key]} and {video}; remove one")
                found[key] = video
        return found

    def ground_truth(self) -> GroundTruth:
        """Read the tube of each annotated video; frames without a box are absent.

        Boxes without area (the published files have four) and boxes of a frame that the video lacks are
        left out and logged.

        Raises:
            DataError: A file is not in the published form, or no video is annotated.
        """
        videos: list[LabeledVideo] = []
        files: dict[str, int] = {}
        records = (*self._listing.records, *self._listing.missing)
        for record in sorted(records, key=lambda record: record.video):
            folder = self.root / self.annotations / record.video / "gt"
            texts = sorted(folder.glob("*.txt"), key=lambda path: natural(_frame(path)))
            if texts:
                numbers = _numbers(record.path, texts)
                frames, boxes = _boxes(record.path, texts, numbers or list(range(len(texts))))
                tube = LabeledTube("0", record.labels[0], frames, boxes, "person")
                videos.append(LabeledVideo(record.video, UNKNOWN, (tube,)))
                if not numbers:
                    files[record.video] = len(texts)
        if not videos:
            raise DataError(
                f"{self.root / self.annotations}: has no gt/*.txt; wanted {min(FOLDERS)}/001/gt/ and so on"
            )
        return GroundTruth(table_of(videos), {}, frames=files)


def _within(folder: Path) -> Path | None:
    """The video of a folder: the folder itself if it contains frames, else the one below it."""
    if image_files(folder):
        return folder
    found = find_videos(folder)
    # the annotations name frames, so frames take precedence over their video
    frames = [path for path in found.values() if path.is_dir()]
    videos = frames or list(found.values())
    if len(videos) > 1:
        raise DataError(f"{folder}: contains {len(videos)} videos ({', '.join(sorted(found))}); wanted one")
    return videos[0] if videos else None


def _frame(text: Path) -> Path:
    """The name of the frame, without its extension, of a file such as ``001.tif.txt``."""
    return Path(text.name.removesuffix(".txt")).with_suffix("")


def _numbers(video: Path, texts: list[Path]) -> list[int]:
    """The 0-based frame that the name of each box file refers to, -1 if none.

    Empty for a video file, and if no name matches: then only the order of the files is known.
    """
    images = image_files(video) if video.is_dir() else []
    number = {image.stem: index for index, image in enumerate(images)}
    named = [number.get(_frame(path).name, -1) for path in texts]
    if max(named) >= 0:
        return named
    if images:
        _LOG.warning("%s: no box file has the name of a frame; using the order of the files", video)
    return []


def _boxes(
    video: Path, texts: list[Path], numbers: list[int]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Frames (M,) and boxes (M, 4) xyxy of a video."""
    frames = np.array(numbers, int)
    found = [_box(path) for path in texts]
    xywh = np.array([box for box, _ in found], np.float32)
    flat = (xywh[:, 2:] <= 0).any(1)
    checks: list[tuple[NDArray[np.bool_], str]] = [
        (np.asarray(flat), "boxes have no area and are left out"),
        (frames < 0, "boxes belong to frames that the video lacks and are left out"),
        (np.array([lines > 1 for _, lines in found], bool), "files have several lines; the first is used"),
    ]
    for wrong, what in checks:
        if wrong.any():
            names = ", ".join(path.name for path, bad in zip(texts, wrong, strict=True) if bad)
            _LOG.warning("%s: %d %s: %s", video, wrong.sum(), what, names)
    kept = ~flat & (frames >= 0)
    return frames[kept], xywh_to_xyxy(xywh)[kept]


def _box(path: Path) -> tuple[list[float], int]:
    """The ``x y w h`` of a file's first line, and its number of lines."""
    try:
        lines = [line for line in path.read_text(encoding="latin-1").splitlines() if line.strip()]
        box = [float(word) for word in lines[0].split()[:4]] if lines else []
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be used ({error}); wanted a line 'x y w h label'") from error
    if len(box) < 4 or not np.isfinite(box).all():
        found = repr(lines[0]) if lines else "nothing"
        raise DataError(f"{path}: found {found}; wanted a line 'x y w h label'")
    return box, len(lines)


TYPE = DatasetType(
    lambda name, section, seed: UcfSports(**published_paths(name, section)),
    PublishedSection,
    annotation_pattern="*/*/gt/*.txt",
)
