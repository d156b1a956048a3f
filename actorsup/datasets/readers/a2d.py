"""A2D, the Actor-Action Dataset, as its authors publish it: the paper's non-human actors (4.1)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.datasets.a2d_frames import (
    ACTORS,
    CODES,
    SUFFIXES,
    AnnotatedFrame,
    is_action,
    name_of,
    read_codes,
    read_frame,
)
from actorsup.datasets.base import DatasetType, GroundTruth, Listing, listing_of
from actorsup.datasets.digests import cached
from actorsup.datasets.files import find_videos
from actorsup.datasets.published import published_paths
from actorsup.datasets.settings import PublishedSection
from actorsup.errors import DataError
from actorsup.formats.labeled import UNKNOWN, LabeledTube, LabeledVideo, table_of

COLUMNS = ("video", "label", "start", "end", "height", "width", "frames", "annotated", "split")
"""Columns of videoset.csv, which has no header."""

_NAME = r"(?!\.)[^/\\\0]{1,60}"
_SPLITS = {"0": "train", "1": "test"}

Boxes = NDArray[np.float32]


@dataclass(frozen=True)
class A2D:
    """A2D: clips, the list of videos with their splits, and a few annotated frames of each video.

    A class is an actor with its action, as the authors label and count them: ``dog-running``. An actor
    without an action (``none``) belongs to no class: it neither labels a video nor is ground truth.

    Training uses only the labels of a video, not its boxes: the codes of all instances in its annotated
    frames.

    Attributes:
        root: The folder ``Release``: ``videoset.csv``, ``clips320H/<video>.mp4`` (or a folder of frames, or
            another format) and the annotations.
        annotations: Folder of ``<video>/<frame>.mat``, below ``root`` or absolute; also the ``.h5`` files
            of A2D Sentences, which number the instances.
        memory: JSON cache of each video's codes, which are read whenever a run is planned; None reads them
            every time.
    """

    root: Path
    annotations: Path = Path("Annotations/mat")
    memory: Path | None = None

    @cached_property
    def videos(self) -> pd.DataFrame:
        """The rows of ``videoset.csv`` by video, columns ``COLUMNS``; ``frames`` int, ``split`` a name.

        Raises:
            DataError: It cannot be read, or a line is not in the published form.
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
            (~video.str.fullmatch(_NAME), "video", "a file name of at most 60 characters"),
            (~rows["split"].isin(_SPLITS), "split", "0 (train) or 1 (test)"),
            (~rows["frames"].str.fullmatch("[0-9]{1,9}"), "frames", "a whole number"),
        ]
        for wrong, name, wanted in checks:
            if wrong.any():
                line = int(wrong.to_numpy().argmax())
                raise DataError(
                    f"{path}: line {line + 1}: {name} is {rows[name].iloc[line][:80]!r}; wanted {wanted}"
                )
        rows["split"] = rows["split"].map(_SPLITS)
        return rows.assign(frames=rows["frames"].astype(int)).set_index("video", drop=False)

    def listing(self) -> Listing:
        """List the videos; of the annotation, only the codes are read.

        Raises:
            DataError: A file is missing or damaged, or two videos have the same id.
        """
        codes = remembered_codes(self._files, read_codes, self.memory)
        labels = {video: tuple(map(name_of, filter(is_action, found))) for video, found in codes.items()}
        listed = [(str(v), str(s), labels.get(str(v), ())) for v, s in self.videos["split"].items()]
        folder = self.root / "clips320H"
        classes = tuple(map(name_of, filter(is_action, CODES)))
        return listing_of(listed, find_videos(folder), lambda video: folder / f"{video}.mp4", classes)

    @cached_property
    def _files(self) -> dict[str, list[Path]]:
        """The annotated frames of each video, in order.

        Raises:
            DataError: The folder does not exist, or a file is not named by its frame.
        """
        folder = self.root / self.annotations
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder; wanted A2D's annotations, <video>/<frame>.mat")
        found: dict[str, list[Path]] = {}
        for video in self.videos.index:
            paths = [path for path in (folder / video).glob("*") if path.suffix in SUFFIXES]
            for path in paths:
                if not path.stem.isdecimal() or not int(path.stem):
                    raise DataError(f"{path}: wanted the number of a frame, from 1, as the file name")
            if paths:
                found[str(video)] = sorted(paths, key=lambda path: int(path.stem))
        return found

    def ground_truth(self) -> GroundTruth:
        """Read the boxes of the annotated frames.

        Raises:
            DataError: A file cannot be used.
        """
        videos: list[LabeledVideo] = []
        annotated: list[tuple[str, int]] = []
        size: dict[str, tuple[int, int]] = {}
        for video, paths in self._files.items():
            numbers = [int(path.stem) - 1 for path in paths]
            found = [read_frame(path) for path in paths]
            annotated += [(video, number) for number in numbers]
            size.update((video, frame.size) for frame in found if frame.size)
            videos.append(LabeledVideo(video, UNKNOWN, linked_tubes(numbers, found)))
        table = pd.DataFrame(annotated, columns=["video", "frame"])
        frames = {str(video): int(count) for video, count in self.videos["frames"].items()}
        return GroundTruth(table_of(videos), size, table, frames)


def remembered_codes(
    files: Mapping[str, Sequence[Path]], read: Callable[[Path], list[int]], memory: Path | None
) -> dict[str, list[int]]:
    """Return the distinct codes of the annotated frames of each video, sorted, by id.

    Args:
        files: The annotated frames of each video.
        read: Reads the codes of a frame.
        memory: JSON cache, by the names, sizes and modification times of the files.
    """
    stamps = {
        video: " ".join(f"{p.name}:{s.st_size}:{s.st_mtime_ns}" for p in paths for s in [p.stat()])
        for video, paths in files.items()
    }
    return cached(
        stamps,
        lambda video: sorted({code for path in files[video] for code in read(path)}),
        lambda codes: [int(code) for code in codes],
        memory,
    )


def linked_tubes(numbers: Sequence[int], frames: Sequence[AnnotatedFrame]) -> tuple[LabeledTube, ...]:
    """Link the instances of a video's annotated frames into tubes, sorted by code.

    Instances with the same number and code form a tube. The authors' own files have no numbers: there,
    boxes of a code are assigned to its tubes with the least total distance between centers; boxes left
    over start new tubes.

    Args:
        numbers: The annotated frames, 0-based, ascending.
        frames: The instances of each.
    """
    found: list[tuple[int, dict[int, Boxes]]] = []
    for code in sorted({code for frame in frames for code in frame.codes.tolist()}):
        linked: dict[int, dict[int, Boxes]] = {}
        for number, frame in zip(numbers, frames, strict=True):
            mine = frame.codes == code
            if frame.instances is None:
                last = [next(reversed(tube.values())) for tube in linked.values()]
                keys = _assigned(last, frame.boxes[mine])
            else:
                keys = frame.instances[mine].tolist()
            for key, box in zip(keys, frame.boxes[mine], strict=True):
                # the first of two boxes of an instance in one frame counts
                linked.setdefault(key, {}).setdefault(number, box)
        found += [(code, tube) for tube in linked.values()]
    return tuple(
        LabeledTube(
            str(index), name_of(code), np.array([*tube]), np.stack([*tube.values()]), ACTORS[code // 10 - 1]
        )
        for index, (code, tube) in enumerate(found)
        if is_action(code)
    )


def _assigned(last: Sequence[Boxes], boxes: Boxes) -> list[int]:
    """The index of the tube that each box continues; indices from ``len(last)`` start new tubes."""
    from scipy.optimize import linear_sum_assignment

    before = np.array(last, np.float32).reshape(-1, 4)
    distance = np.linalg.norm(_centers(boxes)[:, None] - _centers(before)[None], axis=-1)
    of_box = dict(zip(*(side.tolist() for side in linear_sum_assignment(distance)), strict=True))
    new = iter(range(len(last), len(last) + len(boxes)))
    return [of_box[index] if index in of_box else next(new) for index in range(len(boxes))]


def _centers(boxes: Boxes) -> NDArray[np.floating]:
    return (boxes[:, :2] + boxes[:, 2:]) / 2


TYPE = DatasetType(
    lambda name, section, seed: A2D(
        **published_paths(name, section), memory=Path(f"results/{name}/labels.json")
    ),
    PublishedSection,
    annotation_pattern="*/*",
    sparse=lambda section: True,
)
