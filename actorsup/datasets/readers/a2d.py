"""A2D, the Actor-Action Dataset, in its published layout (Section 4.1 of the paper)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.datasets.a2d_frames import (
    ACTORS,
    ANNOTATION_SUFFIXES,
    CODES,
    AnnotatedFrame,
    class_name,
    is_action,
    read_codes,
    read_frame,
)
from actorsup.datasets.base import DatasetType, GroundTruth, Listing, make_listing
from actorsup.datasets.digests import compute_cached
from actorsup.datasets.files import scan_folder
from actorsup.datasets.ground_truth_checks import check_ground_truth
from actorsup.datasets.published import published_paths
from actorsup.datasets.settings import PublishedSection
from actorsup.errors import DataError
from actorsup.formats.conventions import BoxSource
from actorsup.formats.labeled import UNKNOWN_INFO, LabeledTube, LabeledVideo, ground_truth_table
from actorsup.formats.plausibility import report

COLUMNS = ("video", "label", "start", "end", "height", "width", "frames", "annotated", "split")
"""Columns of ``videoset.csv``, which has no header."""

_VIDEO_NAME = r"(?!\.)[^/\\\0]{1,60}"
_SPLITS = {"0": "train", "1": "test"}

Boxes = NDArray[np.float32]


@dataclass(frozen=True)
class A2D:
    """The A2D data set: clips, a list of the videos and their splits, and sparsely annotated frames.

    A class is a pair of actor and action, such as ``dog-running``. An actor without an action (``none``)
    has no class: it adds neither a label nor a ground-truth box.

    The labels of a video, which training uses, are the classes of all instances in its annotated frames.
    Training uses no boxes.

    Attributes:
        root: Path of the folder ``Release``, which contains ``videoset.csv``, ``clips320H/<video>.mp4`` (or
            another video format, or a folder of frames) and the annotations.
        annotations: Path of the folder of ``<video>/<frame>.mat`` (or the ``.h5`` files of A2D Sentences,
            which also have instance ids), relative to ``root`` or absolute.
        cache: Path of a JSON cache of each video's codes; None reads all annotation files each time.
    """

    root: Path
    annotations: Path = Path("Annotations/mat")
    cache: Path | None = None

    @cached_property
    def videos(self) -> pd.DataFrame:
        """The table ``videoset.csv``, indexed by video, with the columns ``COLUMNS``.

        ``frames`` is an int; ``split`` is ``train`` or ``test``.

        Raises:
            DataError: The file cannot be read, or a line is not in the published format.
        """
        path = self.root / "videoset.csv"
        try:
            rows = pd.read_csv(path, header=None, dtype=str, keep_default_na=False, skipinitialspace=True)
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: A2D's list of videos cannot be read as CSV ({error})") from error
        if rows.shape[1] != len(COLUMNS):
            raise DataError(f"{path}: {rows.shape[1]} columns; wanted {len(COLUMNS)}: {', '.join(COLUMNS)}")
        rows.columns = list(COLUMNS)
        video = rows["video"]
        checks = [
            (video.duplicated() | (video == ""), "video", "a unique id"),
            (~video.str.fullmatch(_VIDEO_NAME), "video", "a file name of at most 60 characters"),
            (~rows["split"].isin(_SPLITS), "split", "0 (train) or 1 (test)"),
            (~rows["frames"].str.fullmatch("[0-9]{1,9}"), "frames", "a whole number"),
        ]
        for is_wrong, name, wanted in checks:
            if is_wrong.any():
                line = int(is_wrong.to_numpy().argmax())
                raise DataError(
                    f"{path}: line {line + 1}: {name} is {rows[name].iloc[line][:80]!r}; wanted {wanted}"
                )
        rows["split"] = rows["split"].map(_SPLITS)
        return rows.assign(frames=rows["frames"].astype(int)).set_index("video", drop=False)

    def listing(self) -> Listing:
        """List the videos; only the codes of the annotations are read.

        Raises:
            DataError: A file is missing or damaged, or two videos have the same id.
        """
        codes = cached_codes(self._files, read_codes, self.cache)
        labels = {
            video: tuple(map(class_name, filter(is_action, video_codes)))
            for video, video_codes in codes.items()
        }
        listed_videos = [(str(v), str(s), labels.get(str(v), ())) for v, s in self.videos["split"].items()]
        folder = self.root / "clips320H"
        classes = tuple(map(class_name, filter(is_action, CODES)))
        return make_listing(
            listed_videos, scan_folder(folder), lambda video: folder / f"{video}.mp4", classes
        )

    @cached_property
    def _files(self) -> dict[str, list[Path]]:
        """The annotation files of each video, in frame order.

        Raises:
            DataError: The folder does not exist, or a file name is not a frame number.
        """
        folder = self.root / self.annotations
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder; wanted A2D's annotations, <video>/<frame>.mat")
        files: dict[str, list[Path]] = {}
        for video in self.videos.index:
            paths = [path for path in (folder / video).glob("*") if path.suffix in ANNOTATION_SUFFIXES]
            for path in paths:
                if not path.stem.isdecimal() or not int(path.stem):
                    raise DataError(f"{path}: wanted the number of a frame, from 1, as the file name")
            if paths:
                files[str(video)] = sorted(paths, key=lambda path: int(path.stem))
        return files

    def ground_truth(self) -> GroundTruth:
        """Read the boxes of the annotated frames.

        Raises:
            DataError: An annotation file is missing, damaged or invalid.
        """
        videos: list[LabeledVideo] = []
        annotated = {str(video): np.zeros(0, np.int64) for video in self.videos.index}
        sizes: dict[str, tuple[int, int]] = {}
        for video, paths in self._files.items():
            frame_indices = [int(path.stem) - 1 for path in paths]
            annotated_frames = [read_frame(path) for path in paths]
            annotated[video] = np.array(frame_indices, np.int64)
            sizes.update((video, frame.size) for frame in annotated_frames if frame.size)
            videos.append(LabeledVideo(video, UNKNOWN_INFO, link_instances(frame_indices, annotated_frames)))
        frames = {str(video): int(count) for video, count in self.videos["frames"].items()}
        source = BoxSource(str(self.root / self.annotations), is_published=True)
        truth = GroundTruth(ground_truth_table(videos), sizes, annotated, frames, source=source)
        report(check_ground_truth(truth))
        return truth


def cached_codes(
    files: Mapping[str, Sequence[Path]], read: Callable[[Path], list[int]], cache: Path | None
) -> dict[str, list[int]]:
    """Return the sorted distinct codes of each video, by video id.

    Args:
        files: Paths of the annotation files of each video, by video id.
        read: Function that reads the codes of an annotation file.
        cache: JSON cache, keyed by the names, sizes and modification times of the files; None reads every
            file.
    """
    stamps = {
        video: " ".join(f"{p.name}:{s.st_size}:{s.st_mtime_ns}" for p in paths for s in [p.stat()])
        for video, paths in files.items()
    }
    return compute_cached(
        stamps,
        lambda video: sorted({code for path in files[video] for code in read(path)}),
        lambda codes: [int(code) for code in codes],
        cache,
    )


def link_instances(frame_indices: Sequence[int], frames: Sequence[AnnotatedFrame]) -> tuple[LabeledTube, ...]:
    """Link the instances of a video's annotated frames into tubes, sorted by code.

    Instances with the same id and code form a tube. In files without instance ids, the boxes of a code are
    assigned frame by frame to the tubes of the code, minimizing the total distance between box centers;
    boxes without a tube start new tubes.

    Args:
        frame_indices: Indices of the annotated frames, 0-based, ascending.
        frames: The instances of each annotated frame.
    """
    coded_tubes: list[tuple[int, dict[int, Boxes]]] = []
    for code in sorted({code for frame in frames for code in frame.codes.tolist()}):
        tubes: dict[int, dict[int, Boxes]] = {}
        for frame_index, frame in zip(frame_indices, frames, strict=True):
            has_code = frame.codes == code
            if frame.instances is None:
                last_boxes = [next(reversed(tube.values())) for tube in tubes.values()]
                keys = _assign_boxes(last_boxes, frame.boxes[has_code])
            else:
                keys = frame.instances[has_code].tolist()
            for key, box in zip(keys, frame.boxes[has_code], strict=True):
                # if an instance has two boxes in one frame, the first is used
                tubes.setdefault(key, {}).setdefault(frame_index, box)
        coded_tubes += [(code, tube) for tube in tubes.values()]
    return tuple(
        LabeledTube(
            str(index),
            class_name(code),
            np.array([*tube]),
            np.stack([*tube.values()]),
            ACTORS[code // 10 - 1],
        )
        for index, (code, tube) in enumerate(coded_tubes)
        if is_action(code)
    )


def _assign_boxes(last_boxes: Sequence[Boxes], boxes: Boxes) -> list[int]:
    """Return the index of the tube that each box extends; an index >= ``len(last_boxes)`` is a new tube."""
    from scipy.optimize import linear_sum_assignment

    previous_boxes = np.array(last_boxes, np.float32).reshape(-1, 4)
    distance = np.linalg.norm(_centers(boxes)[:, None] - _centers(previous_boxes)[None], axis=-1)
    tube_of_box = dict(zip(*(indices.tolist() for indices in linear_sum_assignment(distance)), strict=True))
    new_tubes = iter(range(len(last_boxes), len(last_boxes) + len(boxes)))
    return [tube_of_box[index] if index in tube_of_box else next(new_tubes) for index in range(len(boxes))]


def _centers(boxes: Boxes) -> NDArray[np.floating]:
    return (boxes[:, :2] + boxes[:, 2:]) / 2


TYPE = DatasetType(
    lambda name, section, seed: A2D(
        **published_paths(name, section), cache=Path(f"results/{name}/labels.json")
    ),
    PublishedSection,
    annotation_pattern="*/*",
    has_sparse_boxes=lambda section: True,
)
