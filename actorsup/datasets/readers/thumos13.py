"""THUMOS13 (UCF101-24) in its published layout: the 24 classes of UCF101 with boxes (Section 4.1)."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.paths import existing_path
from actorsup.boxes import xywh_to_xyxy
from actorsup.datasets.base import DatasetType, GroundTruth, Listing, make_listing
from actorsup.datasets.files import scan_folder
from actorsup.datasets.ground_truth_checks import check_ground_truth
from actorsup.datasets.matlab import read_matlab
from actorsup.datasets.pickles import read_numbers
from actorsup.datasets.published import published_paths
from actorsup.datasets.settings import Thumos13Section
from actorsup.errors import DataError
from actorsup.formats.conventions import BoxSource
from actorsup.formats.labeled import UNKNOWN_INFO, LabeledTube, LabeledVideo, ground_truth_table
from actorsup.formats.plausibility import report

ANNOTATION_SIZE = (320, 240)
"""Width and height of the annotated frames in pixels."""

DEFAULT_ANNOTATIONS = Path("annotations/pyannot.pkl")
"""Path of the corrected annotations, relative to the root of the data set."""

_FOLDERS = ("UCF-101", "rgb-images")
_SPLITS = ("train", "test")
_LOG = logging.getLogger(__name__)

Tube = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Frame indices (M,) int64 of one actor, 0-based, ascending, and its boxes (M, 4) float32 xyxy in pixels."""


@dataclass(frozen=True)
class Annotations:
    """The content of an annotation file.

    Attributes:
        tubes: Tubes of each annotated video, by video id.
        frames: Number of frames of each annotated video, by video id.
        splits: Lists of the ``train`` and ``test`` video ids of the splits 1, 2 and 3, by ``train`` and
            ``test``; empty if the file has no splits.
    """

    tubes: Mapping[str, Sequence[Tube]]
    frames: Mapping[str, int]
    splits: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Thumos13:
    """The UCF101-24 data set: videos, one of the published splits, and the corrected annotations.

    The training videos are all listed training videos of the annotated classes, since training needs no
    boxes; the test videos are the annotated test videos.

    Attributes:
        root: Path of the folder that contains the videos, the lists of the split and the annotations.
            Videos: ``UCF-101/<class>/<video>.<any extension>``, or folders of frames there, or folders
            of frames in ``rgb-images`` (layout of ACT and MOC). Lists:
            ``ucfTrainTestlist/{trainlist,testlist}0<split>.txt``; if this folder is missing, the lists in
            ACT's cache.
        split: Number of the split: 1, 2 or 3.
        annotations: Path of the annotation file, relative to ``root`` or absolute: the corrected annotations
            as ``pyannot.pkl`` or ``finalAnnots.mat``, or ACT's cache ``UCF101v2-GT.pkl``.
    """

    root: Path
    split: int = 1
    annotations: Path = DEFAULT_ANNOTATIONS

    @cached_property
    def _annotations(self) -> Annotations:
        return read_annotations(self.root / self.annotations)

    def listing(self) -> Listing:
        """List the videos; only the video ids of the annotations are used.

        Raises:
            DataError: A file is missing or damaged, a video is in both lists, or two videos have the same
                id.
        """
        annotated = self._annotations.tubes
        classes = tuple(sorted(set(map(_class_name, annotated))))
        video_lists = {split: self._read_list(split) for split in _SPLITS}
        if repeated := sorted(set(video_lists["train"]) & set(video_lists["test"])):
            raise DataError(f"{self.root}: {repeated[0]!r} is in the lists of both splits; wanted one")
        splits = {
            **{video: "train" for video in video_lists["train"] if _class_name(video) in classes},
            **{video: "test" for video in video_lists["test"] if video in annotated},
        }
        folders = [self.root / name for name in _FOLDERS]
        folder = next((folder for folder in folders if folder.is_dir()), folders[0])
        listing = make_listing(
            ((video, split, (_class_name(video),)) for video, split in splits.items()),
            scan_folder(folder),
            lambda video: folder / f"{video}.avi",
            classes,
        )
        for split in _SPLITS:
            counts = [
                sum(r.split == split for r in records) for records in (listing.records, listing.missing)
            ]
            _LOG.info("%s: %d %s videos, %d missing", self.root, counts[0], split, counts[1])
        return listing

    def _read_list(self, split: str) -> list[str]:
        path = self.root / "ucfTrainTestlist" / f"{split}list{self.split:02d}.txt"
        if not path.parent.exists() and self._annotations.splits:
            try:
                return list(self._annotations.splits[split][self.split - 1])
            except IndexError as error:
                raise DataError(f"{self.root / self.annotations}: has no split {self.split}") from error
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: this list of UCF101 cannot be read ({error})") from error
        # "Class/v_Class_g01_c01.avi", followed by the class number in the training lists
        return [line.split()[0].rsplit(".", 1)[0] for line in lines if line.strip()]

    def ground_truth(self) -> GroundTruth:
        """Read the tubes of all annotated videos, whatever their split.

        Raises:
            DataError: The annotation file is missing, damaged or not in a published format.
        """
        annotations = self._annotations
        videos = [
            LabeledVideo(
                video,
                UNKNOWN_INFO,
                tuple(
                    LabeledTube(str(number), _class_name(video), frames, boxes, "person")
                    for number, (frames, boxes) in enumerate(annotations.tubes[video])
                ),
            )
            for video in sorted(annotations.tubes)
        ]
        source = BoxSource(str(self.root / self.annotations), is_published=True)
        sizes = dict.fromkeys(annotations.tubes, ANNOTATION_SIZE)
        truth = GroundTruth(ground_truth_table(videos), sizes, frames=annotations.frames, source=source)
        report(check_ground_truth(truth))
        return truth


def read_annotations(path: Path) -> Annotations:
    """Read ``pyannot.pkl``, ``finalAnnots.mat`` or ``UCF101v2-GT.pkl``, recognized by suffix and content.

    Raises:
        DataError: The file is missing, damaged or in none of the three formats; the message names the
            video.
    """
    if path.suffix.lower() == ".mat":
        return _read_matlab_file(path)
    content = read_numbers(path)
    if not isinstance(content, dict) or not content:
        raise DataError(
            f"{path}: not a dictionary of videos; wanted the corrected annotations (pyannot.pkl, "
            "finalAnnots.mat) or ACT's cache (UCF101v2-GT.pkl)"
        )
    annotations = (
        _convert_act_cache(path, content) if "gttubes" in content else _convert_pickle(path, content)
    )
    if invalid_ids := [video for video in annotations.tubes if not isinstance(video, str)]:
        raise DataError(
            f"{path}: a video id is {str(invalid_ids[0])[:80]}, not text; download the file again"
        )
    return annotations


@contextmanager
def _report_malformed_entry(path: Path, entry: str) -> Iterator[None]:
    """Convert an error in the block to a ``DataError`` that names the entry of the file."""
    try:
        yield
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise DataError(f"{path}: {entry}: not in the published format ({error!r})") from error


def _convert_pickle(path: Path, content: Mapping[str, Any]) -> Annotations:
    tubes, frames = {}, {}
    for video, entry in content.items():
        with _report_malformed_entry(path, video):
            tubes[video] = [_convert_tube(a["sf"], a["ef"], a["boxes"]) for a in entry["annotations"]]
            frames[video] = int(entry["numf"])
    return Annotations(tubes, frames)


def _read_matlab_file(path: Path) -> Annotations:
    """Read ``finalAnnots.mat``, whose first frames ``sf`` are 1-based (0-based in the pickle)."""
    problem = "not a MATLAB file of the corrected annotations"
    videos = read_matlab(path, "annot", problem)
    if not isinstance(videos, list):
        raise DataError(f"{path}: {problem}; 'annot' is not a structure")
    tubes, frames = {}, {}
    for index, entry in enumerate(videos):
        with _report_malformed_entry(path, f"video {index + 1}"):
            video = str(entry["name"])
        with _report_malformed_entry(path, video):
            tubes[video] = [
                _convert_tube(tube["sf"] - 1, tube["ef"], tube["boxes"]) for tube in entry["tubes"]
            ]
            frames[video] = int(entry["num_imgs"])
    return Annotations(tubes, frames)


def _convert_tube(first: Any, end: Any, boxes: Any) -> Tube:
    """Convert a tube of the corrected annotations, in the frames ``first`` (0-based) to ``end`` - 1.

    The boxes are ``[x y w h]`` in 1-based pixels; their dtype, uint8 or uint16, would overflow in sums.
    """
    first, end = int(first), int(end)
    boxes = np.asarray(boxes).astype(np.float32).reshape(-1, 4)
    if first < 0 or end - first != len(boxes):
        raise ValueError(f"{len(boxes)} boxes for frames {first} to {end}")
    return np.arange(first, end), xywh_to_xyxy(boxes - np.array([1, 1, 0, 0], np.float32))


def _convert_act_cache(path: Path, content: Mapping[str, Any]) -> Annotations:
    """Convert ACT's cache, with rows ``frame x1 y1 x2 y2``: frames 1-based, corners 0-based."""
    tubes, frames = {}, {}
    with _report_malformed_entry(path, "gttubes"):
        by_video = dict(content["gttubes"])
    for video, by_label in by_video.items():
        with _report_malformed_entry(path, video):
            tubes[video] = [_convert_act_tube(rows) for label in by_label for rows in by_label[label]]
            frames[video] = int(content["nframes"][video])
    with _report_malformed_entry(path, "train_videos and test_videos"):
        splits = {
            split: [list(map(str, videos)) for videos in content[f"{split}_videos"]] for split in _SPLITS
        }
    return Annotations(tubes, frames, splits)


def _convert_act_tube(rows: Any) -> Tube:
    rows = np.asarray(rows, np.float32)
    if rows.ndim != 2 or rows.shape[1] != 5:
        raise ValueError(f"a tube of shape {rows.shape}; wanted (frames, 5)")
    frames = rows[:, 0].astype(np.int64) - 1
    if (frames < 0).any() or (np.diff(frames) <= 0).any():
        raise ValueError("frames are not ascending from 1")
    return frames, rows[:, 1:]


def _class_name(video: str) -> str:
    return video.split("/")[0]


def _annotation_files(name: str, section: Mapping[str, Any], dataset: Thumos13) -> list[str]:
    path = dataset.root / dataset.annotations
    return [str(existing_path(str(path), f"datasets.{name}.annotations"))]


TYPE = DatasetType(
    lambda name, section, seed: Thumos13(**published_paths(name, section), split=section.get("split", 1)),
    Thumos13Section,
    annotation_files=_annotation_files,
)
