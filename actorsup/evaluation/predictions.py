"""Readers of the tubes of many videos, from shards or ``predictions.json``."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from os import SEEK_END
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.shards import ShardReader
from actorsup.artifacts.tube_files import (
    PREDICTIONS_SCHEMA,
    TUBES_SCHEMA,
    VideoInfo,
    read_info,
    read_tubes,
    read_video_logit,
)
from actorsup.errors import REBUILD, DataError, report_read_errors
from actorsup.formats.box_statistics import BoxStatistics
from actorsup.formats.conventions import (
    UNSTATED,
    BoxSource,
    Conventions,
    Problem,
    require_units,
    with_corners,
)
from actorsup.formats.plausibility import find_problems
from actorsup.formats.predictions import classes_of_shards
from actorsup.formats.predictions_json import ScoredVideo
from actorsup.formats.predictions_reader import read_predictions_json
from actorsup.formats.tube_checks import check_tubes
from actorsup.tubes import Tubes

MAX_CHECKED = 200
"""Maximum number of videos whose tubes are checked before the evaluation."""
_MAX_BYTES_IN_MEMORY = 2**26
"""Maximum number of bytes of tubes in memory; the tubes of larger JSON are stored in a temporary file."""


class SpooledTubes:
    """Tubes of the videos of a predictions.json, in memory or in a temporary file."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=_MAX_BYTES_IN_MEMORY)
        self._places: dict[str, int] = {}
        self._infos: dict[str, VideoInfo] = {}

    def add(self, video: str, info: VideoInfo, tubes: Tubes) -> None:
        """Store the tubes of a video, whose boxes fill their intervals."""
        self._places[video], self._infos[video] = self._file.seek(0, SEEK_END), info
        boxes = tubes.boxes[~np.isnan(tubes.frame_score)]
        for array in (boxes, tubes.interval, tubes.score, tubes.actor, tubes.class_score):
            np.save(self._file, np.asarray(array), allow_pickle=False)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __getitem__(self, video: str) -> Tubes:
        self._file.seek(self._places[video])
        compact, interval, score, actor, class_score = (
            np.load(self._file, allow_pickle=False) for _ in range(5)
        )
        frames = np.arange(self._infos[video].frames)
        is_present = (frames >= interval[:, :1]) & (frames < interval[:, 1:])
        boxes = np.full((*is_present.shape, 4), np.nan, np.float32)
        boxes[is_present] = compact
        frame_score = np.where(is_present, 1, np.nan).astype(np.float32)
        return Tubes(boxes, score, actor, interval[:, 0], frame_score, interval, class_score=class_score)

    def info(self, video: str) -> VideoInfo:
        """Return length, frame rate and frame size of a video."""
        return self._infos[video]


@contextmanager
def _name_video(path: Path, video: str) -> Iterator[None]:
    """Add the video to messages of a reader, which name the path."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{path}: {video}: {str(error).removeprefix(f'{path}: ')}") from error


class StoredTubes(Mapping[str, Tubes]):
    """Tubes by video id, which are read from shards on access.

    At most one shard is open. Iteration yields the videos of one file after another.

    Args:
        paths: Paths of shards, and of the files whose contents are in ``spooled``.
        schema: Schema of the shards.
        classes: Class names of scored tubes; None for proposals.
        spooled: Contents of the files that are not shards, by path.

    Raises:
        DataError: A shard cannot be read, or two files have the same video.
    """

    def __init__(
        self,
        paths: Iterable[Path],
        schema: str,
        classes: Sequence[str] | None = None,
        spooled: Mapping[Path, SpooledTubes] | None = None,
    ) -> None:
        self._schema, self._classes, self._spooled = schema, classes, spooled or {}
        self._path_of: dict[str, Path] = {}
        self._open_shard: tuple[Path, ShardReader] | None = None
        for path in paths:
            videos = self._spooled[path] if path in self._spooled else self._get_shard(path).videos
            if duplicates := self._path_of.keys() & {*videos}:
                raise DataError(f"{path}: holds {min(duplicates)!r}, which another file holds too")
            self._path_of |= dict.fromkeys(videos, path)

    def _get_shard(self, path: Path) -> ShardReader:
        if self._open_shard is None or self._open_shard[0] != path:
            if self._open_shard is not None:
                self._open_shard[1].file.close()
                self._open_shard = None
            self._open_shard = path, ShardReader(path, self._schema)
        return self._open_shard[1]

    def __getitem__(self, video: str) -> Tubes:
        path = self._path_of[video]
        if path in self._spooled:
            return self._spooled[path][video]
        with _name_video(path, video), report_read_errors(path, f"not scored tubes; {REBUILD}"):
            group = self._get_shard(path)[video]
            tubes = read_tubes(group)
            check_tubes(tubes, read_info(group).frames, self._classes)
        return tubes.chosen(np.argsort(-tubes.score, kind="stable"))

    def __iter__(self) -> Iterator[str]:
        return iter(self._path_of)

    def __len__(self) -> int:
        return len(self._path_of)

    def __contains__(self, video: object) -> bool:
        return video in self._path_of

    def video_logit(self, video: str) -> NDArray[np.float32] | None:
        """Return the scores (C,) of a video as a whole; None if its file has none, as ``predictions.json``.

        Raises:
            DataError: The number of scores is not the number of classes.
        """
        path = self._path_of[video]
        if path in self._spooled:
            return None
        with _name_video(path, video):
            logits = read_video_logit(self._get_shard(path)[video])
        if logits is not None and logits.shape != (len(self._classes or ()),):
            raise DataError(
                f"{path}: {video}: video_logit has the shape {logits.shape}; expected a value for each of "
                f"{len(self._classes or ())} classes; {REBUILD}"
            )
        return logits

    def info_of(self, video: str) -> VideoInfo:
        """Return length, frame rate and size of a video; 0 if unknown."""
        path = self._path_of[video]
        if path in self._spooled:
            return self._spooled[path].info(video)
        with _name_video(path, video):
            return read_info(self._get_shard(path)[video])

    def size_of(self, video: str) -> tuple[int, int] | None:
        """Return the frame width and height of a video in pixels; None if unknown."""
        info = self.info_of(video)
        return (info.width, info.height) if info.width > 0 and info.height > 0 else None


class Predictions(NamedTuple):
    """Scored tubes of many videos.

    Attributes:
        videos: Tubes by video id.
        classes: Class name of each column of ``class_score``.
    """

    videos: Mapping[str, Tubes]
    classes: Sequence[str]


def read_proposals(shards: Iterable[str | Path]) -> StoredTubes:
    """Open shards of tubes without class scores; tubes are read on access.

    Raises:
        DataError: A shard cannot be read, or two shards have the same video.
    """
    return StoredTubes(map(Path, shards), TUBES_SCHEMA)


def read_predictions(
    paths: str | Path | Iterable[str | Path], conventions: Conventions = UNSTATED
) -> Predictions:
    """Open files of scored tubes. JSON is checked immediately, and shards on access.

    Args:
        paths: Shards of scored tubes (HDF5), or files in the format of ``predictions.json``.
        conventions: What the numbers of boxes in JSON are, if not corners in pixels.

    Raises:
        DataError: A file cannot be used, or two files have different classes or the same video.
    """
    files = [Path(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    classes: dict[Path, list[str]] = {}
    spooled: dict[Path, SpooledTubes] = {}
    for path in files:
        if path.suffix.lower() == ".json":
            classes[path], spooled[path] = _read_json(path, conventions)
        elif path.is_file() and h5py.is_hdf5(path):
            classes[path] = classes_of_shards([path])
        else:
            reason = "is not an HDF5 file" if path.exists() else "no such file"
            raise DataError(
                f"{path}: {reason}; wanted predictions.json or shards of scored tubes (.h5); "
                "`actorsup convert` converts other formats to predictions.json"
            )
        if classes[path] != classes[files[0]]:
            raise DataError(f"{path}: classes {classes[path]}, but {files[0]} has {classes[files[0]]}")
    names = classes[files[0]] if files else []
    return Predictions(StoredTubes(files, PREDICTIONS_SCHEMA, names, spooled), names)


def _read_json(path: Path, conventions: Conventions) -> tuple[list[str], SpooledTubes]:
    classes, videos = read_predictions_json(path)
    spooled = SpooledTubes()
    for video in (with_corners(each, conventions) for each in videos):
        with report_read_errors(path, f"{video.video}: not in the format of predictions.json"):
            tubes = _in_pixels(path, video, video.to_tubes(classes), conventions)
            spooled.add(video.video, video.info, tubes)
    return classes, spooled


def _in_pixels(path: Path, video: ScoredVideo, tubes: Tubes, conventions: Conventions) -> Tubes:
    if (size := conventions.reference_size) is None:
        return tubes
    require_units(str(path), video.video, conventions, video.info)
    factors = np.array([video.info.width / size[0], video.info.height / size[1]], np.float32)
    return replace(tubes, boxes=tubes.boxes * np.tile(factors, 2))


def infos_of(predictions: Mapping[str, Tubes], max_videos: int | None = None) -> dict[str, VideoInfo]:
    """Return length, frame rate and size of videos with tubes; 0 if unknown.

    Args:
        predictions: Tubes by video id.
        max_videos: Maximum number of videos, evenly chosen; None for all.
    """
    names = list(predictions)
    step = 1 if max_videos is None else -(-len(names) // max_videos) or 1
    unknown = VideoInfo(0, 0.0, 0, 0)
    if not isinstance(predictions, StoredTubes):
        return dict.fromkeys(names[::step], unknown)
    return {name: predictions.info_of(name) for name in names[::step]}


def check_predictions(
    location: str, predictions: Mapping[str, Tubes], conventions: Conventions = UNSTATED
) -> list[Problem]:
    """Return what is implausible about scored tubes, of at most ``MAX_CHECKED`` of their videos.

    Args:
        location: Name of the file, for messages.
        predictions: Tubes by video id.
        conventions: What the user says about their numbers. Boxes are in pixels already.
    """
    if conventions.reference_size is not None:
        conventions = replace(conventions, box_unit="pixels")
    infos = infos_of(predictions, MAX_CHECKED)
    statistics = BoxStatistics(BoxSource(location, "xyxy", conventions), infos)
    for name in infos:
        boxes = predictions[name].boxes
        tube, frame = np.nonzero(~np.isnan(boxes[..., 0]))
        statistics.add(np.full(len(tube), name, object), tube, frame, boxes[tube, frame])
    return find_problems(statistics)
