"""A2D, actors and their actions, as its authors publish it: the paper's non-human actors (4.1)."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

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
from actorsup.datasets.a2d_labels import remembered_codes
from actorsup.datasets.a2d_tubes import linked_boxes
from actorsup.datasets.base import (
    AnnotatedTube,
    DatasetType,
    GroundTruth,
    Listing,
    boxes_table,
    listing_of,
)
from actorsup.datasets.files import find_videos
from actorsup.datasets.published import published_paths
from actorsup.datasets.settings import PublishedSection
from actorsup.errors import DataError

COLUMNS = ("video", "label", "start", "end", "height", "width", "frames", "annotated", "split")
"""Of videoset.csv, which has no line of names."""

_NAME = r"(?!\.)[^/\\\0]{1,60}"
_SPLITS = {"0": "train", "1": "test"}
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class A2D:
    """A2D: clips, the list of videos and their splits, and a few annotated frames of each.

    A class is an actor with its action, as the authors label and count them: ``dog-running``. An
    actor that does nothing (``none``) is of no class: it neither labels a video nor is it ground
    truth of an action.

    Training takes from the annotation what a video is labeled with, and no box: the codes of
    all instances in its annotated frames.

    Attributes:
        root: The folder ``Release``: ``videoset.csv``, ``clips320H/<video>.mp4`` (or a folder of
            frames, or another format) and the annotations.
        annotations: Folder of ``<video>/<frame>.mat``, below ``root`` or absolute; also those of
            A2D Sentences (``.h5``), which tell instances apart.
        memory: JSON file that remembers the codes of each video, which are read whenever a run
            is planned; None reads them every time.
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
            raise DataError(f"{path}: cannot be read as CSV ({error}); it is A2D's list of videos") from error
        if rows.shape[1] != len(COLUMNS):
            raise DataError(f"{path}: {rows.shape[1]} columns; wanted {len(COLUMNS)}: {', '.join(COLUMNS)}")
        rows.columns = list(COLUMNS)
        checks: list[tuple[str, Callable[[pd.Series], pd.Series], str]] = [
            ("video", lambda column: column.duplicated() | (column == ""), "an id that no other line has"),
            (
                "video",
                lambda column: ~column.str.fullmatch(_NAME),
                "the name of a file, of at most 60 letters",
            ),
            ("split", lambda column: ~column.isin(_SPLITS), "0 (train) or 1 (test)"),
            ("frames", lambda column: ~column.str.fullmatch("[0-9]{1,9}"), "a whole number"),
        ]
        for name, wrong, wanted in checks:
            if (bad := wrong(rows[name])).any():
                line = int(bad.to_numpy().argmax())
                raise DataError(
                    f"{path}: line {line + 1}: {name} is {rows[name].iloc[line][:80]!r}; wanted {wanted}"
                )
        rows["split"] = rows["split"].map(_SPLITS)
        return rows.assign(frames=rows["frames"].astype(int)).set_index("video", drop=False)

    def listing(self) -> Listing:
        """Which videos there are; of the annotation it reads the codes alone, and no box.

        Raises:
            DataError: A file is missing or damaged, or two videos have one id.
        """
        codes = remembered_codes(self._files, read_codes, self.memory)
        labels = {
            video: tuple(name_of(code) for code in sorted(set(found)) if is_action(code))
            for video, found in codes.items()
        }
        wanted = [(str(v), str(s), labels.get(str(v), ())) for v, s in self.videos["split"].items()]
        folder = self.root / "clips320H"
        classes = tuple(name_of(code) for code in CODES if is_action(code))
        return listing_of(wanted, find_videos(folder), lambda video: folder / f"{video}.mp4", classes)

    @cached_property
    def _files(self) -> dict[str, list[Path]]:
        """The annotated frames of each video, in order.

        Raises:
            DataError: There is no such folder, or a file is not named by its frame.
        """
        folder = self.root / self.annotations
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder; wanted A2D's annotations, <video>/<frame>.mat")
        found: dict[str, list[Path]] = {}
        for video in self.videos.index:
            paths = [path for path in (folder / video).glob("*") if path.suffix in SUFFIXES]
            for path in paths:
                if not path.stem.isdecimal() or not int(path.stem):
                    raise DataError(f"{path}: wanted the number of a frame, from 1 on, for its name")
            if paths:
                found[str(video)] = sorted(paths, key=lambda path: int(path.stem))
        return found

    def ground_truth(self) -> GroundTruth:
        """The boxes of the annotated frames; which these are is told besides.

        Raises:
            DataError: A file cannot be used.
        """
        tubes: list[AnnotatedTube] = []
        annotated: list[tuple[str, int]] = []
        size: dict[str, tuple[int, int]] = {}
        for video, paths in self._files.items():
            numbers = [int(path.stem) - 1 for path in paths]
            found = [read_frame(path) for path in paths]
            annotated += [(video, number) for number in numbers]
            size.update((video, frame.size) for frame in found if frame.size)
            tubes += _tubes(video, numbers, found)
        table = pd.DataFrame(annotated, columns=["video", "frame"])
        frames = {str(video): int(count) for video, count in self.videos["frames"].items()}
        return GroundTruth(boxes_table(tubes), size, table, frames)


def _tubes(video: str, numbers: Sequence[int], frames: Sequence[AnnotatedFrame]) -> list[AnnotatedTube]:
    return [
        AnnotatedTube(video, tube, name_of(code), ACTORS[code // 10 - 1], found, boxes)
        for tube, (code, found, boxes) in enumerate(linked_boxes(numbers, frames))
        if is_action(code)
    ]


TYPE = DatasetType(
    lambda name, section, seed: A2D(
        **published_paths(name, section), memory=Path(f"results/{name}/labels.json")
    ),
    PublishedSection,
    annotation_pattern="*/*",
    sparse=lambda section: True,
)
