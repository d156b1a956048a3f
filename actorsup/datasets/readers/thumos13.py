"""THUMOS13, the 24 classes of UCF101 with boxes, as its authors publish it (Section 4.1)."""

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
from actorsup.datasets.base import DatasetType, GroundTruth, Listing, listing_of
from actorsup.datasets.files import find_videos
from actorsup.datasets.matlab import read_matlab
from actorsup.datasets.pickles import read_numbers
from actorsup.datasets.published import published_paths
from actorsup.datasets.settings import Thumos13Section
from actorsup.errors import DataError
from actorsup.formats.labeled import UNKNOWN, LabeledTube, LabeledVideo, table_of

SIZE = (320, 240)
"""Width and height of the annotated frames in pixels."""

DEFAULT = Path("annotations/pyannot.pkl")
"""The corrected annotations, below the data set's root."""

_FOLDERS = ("UCF-101", "rgb-images")
_SPLITS = ("train", "test")
_LOG = logging.getLogger(__name__)

Tube = tuple[NDArray[np.int64], NDArray[np.float32]]
"""The frames (M,) of one actor, 0-based, ascending, and its boxes (M, 4) xyxy."""


@dataclass(frozen=True)
class Annotations:
    """The content of a file of annotations.

    Attributes:
        tubes: The tubes of each annotated video, by id.
        frames: Number of frames of each annotated video.
        splits: Ids of the ``train`` and ``test`` videos of splits 1, 2 and 3, if the file has them.
    """

    tubes: Mapping[str, Sequence[Tube]]
    frames: Mapping[str, int]
    splits: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Thumos13:
    """UCF101-24: videos, one of the published splits, and the corrected annotations.

    Training uses every listed training video of the annotated classes, since labels need no boxes; testing
    uses the annotated test videos.

    Attributes:
        root: Folder that contains ``UCF-101/<class>/<video>.<any extension>`` (or a folder of frames; or
            all of them in ``rgb-images``, the layout of ACT and MOC),
            ``ucfTrainTestlist/{trainlist,testlist}0<split>.txt`` and the annotations. Without these lists,
            the lists of ACT's cache are used if it is the annotations.
        split: 1, 2 or 3.
        annotations: The file of annotations, below ``root`` or absolute: the corrected ones as a pickle or
            as ``finalAnnots.mat``, or ACT's cache ``UCF101v2-GT.pkl``.
    """

    root: Path
    split: int = 1
    annotations: Path = DEFAULT

    @cached_property
    def _annotations(self) -> Annotations:
        return read_annotations(self.root / self.annotations)

    def listing(self) -> Listing:
        """List the videos; of the annotations, only the video ids are used.

        Raises:
            DataError: A file is missing or damaged, a video is in both lists, or two videos have the same
                id.
        """
        annotated = self._annotations.tubes
        classes = tuple(sorted(set(map(_class_of, annotated))))
        listed = {split: self._listed(split) for split in _SPLITS}
        if both := sorted(set(listed["train"]) & set(listed["test"])):
            raise DataError(f"{self.root}: {both[0]!r} is in the lists of both splits; wanted one")
        split_of = {
            **{video: "train" for video in listed["train"] if _class_of(video) in classes},
            **{video: "test" for video in listed["test"] if video in annotated},
        }
        folders = [self.root / name for name in _FOLDERS]
        folder = next((folder for folder in folders if folder.is_dir()), folders[0])
        found = listing_of(
            ((video, split, (_class_of(video),)) for video, split in split_of.items()),
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
                raise DataError(f"{self.root / self.annotations}: has no split {self.split}") from error
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: this list of UCF101 cannot be read ({error})") from error
        # "Class/v_Class_g01_c01.avi", followed by the class number in the training lists
        return [line.split()[0].rsplit(".", 1)[0] for line in lines if line.strip()]

    def ground_truth(self) -> GroundTruth:
        """Read the tubes of every annotated video, of all splits.

        Raises:
            DataError: An entry is not in the published form.
        """
        found = self._annotations
        videos = [
            LabeledVideo(
                video,
                UNKNOWN,
                tuple(
                    LabeledTube(str(number), _class_of(video), frames, boxes, "person")
                    for number, (frames, boxes) in enumerate(found.tubes[video])
                ),
            )
            for video in sorted(found.tubes)
        ]
        return GroundTruth(table_of(videos), dict.fromkeys(found.tubes, SIZE), frames=found.frames)


def read_annotations(path: Path) -> Annotations:
    """Read ``pyannot.pkl``, ``finalAnnots.mat`` or ``UCF101v2-GT.pkl``, recognized by the content.

    Raises:
        DataError: The file is missing, damaged, or has none of the three forms; the message names the
            video.
    """
    if path.suffix.lower() == ".mat":
        return _matlab(path)
    content = read_numbers(path)
    if not isinstance(content, dict) or not content:
        raise DataError(
            f"{path}: not a dictionary of videos; wanted the corrected annotations (pyannot.pkl, "
            "finalAnnots.mat) or ACT's cache (UCF101v2-GT.pkl)"
        )
    found = _act(path, content) if "gttubes" in content else _pickle(path, content)
    if odd := [video for video in found.tubes if not isinstance(video, str)]:
        raise DataError(f"{path}: a video id is {str(odd[0])[:80]}, not text; download the file again")
    return found


@contextmanager
def _published_form(path: Path, what: str) -> Iterator[None]:
    """Report any error inside as a mistake of the file in its entry ``what``."""
    try:
        yield
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise DataError(f"{path}: {what}: not in the published form ({error!r})") from error


def _pickle(path: Path, content: Mapping[str, Any]) -> Annotations:
    tubes, frames = {}, {}
    for video, entry in content.items():
        with _published_form(path, video):
            tubes[video] = [_corrected(a["sf"], a["ef"], a["boxes"]) for a in entry["annotations"]]
            frames[video] = int(entry["numf"])
    return Annotations(tubes, frames)


def _matlab(path: Path) -> Annotations:
    """``finalAnnots.mat``: like the pickle, except that ``sf`` is 1-based."""
    wanted = "not a MATLAB file of the corrected annotations"
    videos = read_matlab(path, "annot", wanted)
    if not isinstance(videos, list):
        raise DataError(f"{path}: {wanted}; 'annot' is not a structure")
    tubes, frames = {}, {}
    for index, entry in enumerate(videos):
        with _published_form(path, f"video {index + 1}"):
            video = str(entry["name"])
        with _published_form(path, video):
            tubes[video] = [_corrected(tube["sf"] - 1, tube["ef"], tube["boxes"]) for tube in entry["tubes"]]
            frames[video] = int(entry["num_imgs"])
    return Annotations(tubes, frames)


def _corrected(first: Any, end: Any, boxes: Any) -> Tube:
    """Convert a tube of the corrected annotations, from its first frame (0-based) to one before ``end``.

    The files have ``[x y w h]`` in 1-based pixels, as uint8 or uint16, whose sums wrap around.
    """
    first, end = int(first), int(end)
    boxes = np.asarray(boxes).astype(np.float32).reshape(-1, 4)
    if first < 0 or end - first != len(boxes):
        raise ValueError(f"{len(boxes)} boxes for frames {first} to {end}")
    return np.arange(first, end), xywh_to_xyxy(boxes - np.array([1, 1, 0, 0], np.float32))


def _act(path: Path, content: Mapping[str, Any]) -> Annotations:
    """ACT's cache: rows ``frame x1 y1 x2 y2``, frames 1-based, corners 0-based."""
    tubes, frames = {}, {}
    with _published_form(path, "gttubes"):
        by_video = dict(content["gttubes"])
    for video, by_label in by_video.items():
        with _published_form(path, video):
            tubes[video] = [_act_tube(rows) for label in by_label for rows in by_label[label]]
            frames[video] = int(content["nframes"][video])
    with _published_form(path, "train_videos and test_videos"):
        splits = {
            split: [list(map(str, videos)) for videos in content[f"{split}_videos"]] for split in _SPLITS
        }
    return Annotations(tubes, frames, splits)


def _act_tube(rows: Any) -> Tube:
    rows = np.asarray(rows, np.float32)
    if rows.ndim != 2 or rows.shape[1] != 5:
        raise ValueError(f"a tube of shape {rows.shape}; wanted (frames, 5)")
    frames = rows[:, 0].astype(np.int64) - 1
    if (frames < 0).any() or (np.diff(frames) <= 0).any():
        raise ValueError("frames are not ascending from 1")
    return frames, rows[:, 1:]


def _class_of(video: str) -> str:
    return video.split("/")[0]


def _annotation_files(name: str, section: Mapping[str, Any], dataset: Thumos13) -> list[str]:
    path = dataset.root / dataset.annotations
    return [str(existing_path(str(path), f"datasets.{name}.annotations"))]


TYPE = DatasetType(
    lambda name, section, seed: Thumos13(**published_paths(name, section), split=section.get("split", 1)),
    Thumos13Section,
    annotation_files=_annotation_files,
)
