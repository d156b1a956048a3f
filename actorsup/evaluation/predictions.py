"""Tubes of many videos, from shards of a run, a merged shard, or ``predictions.json``."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from actorsup.artifacts.shards import ShardReader
from actorsup.artifacts.tube_files import (
    PREDICTIONS_SCHEMA,
    TUBES_SCHEMA,
    VideoInfo,
    read_info,
    read_tubes,
)
from actorsup.errors import DataError, report_read_errors
from actorsup.formats.predictions import classes_of_shards
from actorsup.formats.predictions_json import read_predictions_json
from actorsup.formats.tube_checks import check_tubes
from actorsup.tubes import Tubes

_Videos = Mapping[str, tuple[Tubes, VideoInfo]]


class StoredTubes(Mapping[str, Tubes]):
    """Tubes by video id. Tubes in shards are read on access; one shard is open at a time.

    Iterating goes file by file.

    Args:
        paths: Shards and files in ``in_memory``.
        schema: Schema of the shards.
        classes: Class names of scored tubes; None for proposals.
        in_memory: The content of the files that are not shards.

    Raises:
        DataError: A shard cannot be read, or two files have the same video.
    """

    def __init__(
        self,
        paths: Iterable[Path],
        schema: str,
        classes: Sequence[str] | None = None,
        in_memory: Mapping[Path, _Videos] | None = None,
    ) -> None:
        self._schema, self._classes, self._in_memory = schema, classes, in_memory or {}
        self._path_of: dict[str, Path] = {}
        self._open: tuple[Path, ShardReader] | None = None
        for path in paths:
            videos = self._in_memory[path] if path in self._in_memory else self._shard(path).videos
            if twice := self._path_of.keys() & {*videos}:
                raise DataError(f"{path}: holds {min(twice)!r}, which another file holds too")
            self._path_of |= dict.fromkeys(videos, path)

    def _shard(self, path: Path) -> ShardReader:
        if self._open is None or self._open[0] != path:
            if self._open is not None:
                self._open[1].file.close()
                self._open = None
            self._open = path, ShardReader(path, self._schema)
        return self._open[1]

    def __getitem__(self, video: str) -> Tubes:
        path = self._path_of[video]
        if path in self._in_memory:
            return self._in_memory[path][video][0]
        try:
            with report_read_errors(path, "make it again"):
                group = self._shard(path)[video]
                tubes = read_tubes(group)
                check_tubes(tubes, read_info(group).frames, self._classes)
        except DataError as error:
            # the readers know the group, not the video
            raise DataError(f"{path}: {video}: {str(error).removeprefix(f'{path}: ')}") from error
        return tubes.chosen(np.argsort(-tubes.score, kind="stable"))

    def __iter__(self) -> Iterator[str]:
        return iter(self._path_of)

    def __len__(self) -> int:
        return len(self._path_of)

    def __contains__(self, video: object) -> bool:
        return video in self._path_of

    def size_of(self, video: str) -> tuple[int, int] | None:
        """Return the frame width and height of a video in pixels, if known."""
        path = self._path_of[video]
        if path in self._in_memory:
            info = self._in_memory[path][video][1]
        else:
            info = read_info(self._shard(path)[video])
        return (info.width, info.height) if info.width > 0 and info.height > 0 else None


class Predictions(NamedTuple):
    """Scored tubes by video, and the names of the columns of their ``class_score``."""

    videos: Mapping[str, Tubes]
    classes: Sequence[str]


def read_proposals(shards: Iterable[str | Path]) -> StoredTubes:
    """Open tube shards; tubes are read on access.

    Raises:
        DataError: A shard cannot be used.
    """
    return StoredTubes(map(Path, shards), TUBES_SCHEMA)


def read_predictions(paths: str | Path | Iterable[str | Path]) -> Predictions:
    """Open files of scored tubes; shards are read on access, JSON at once.

    Args:
        paths: Shards of scored tubes (HDF5), or files in the format of ``predictions.json``.

    Raises:
        DataError: A file cannot be used, or two have other classes or the same video.
    """
    files = [Path(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    classes: dict[Path, list[str]] = {}
    in_memory: dict[Path, _Videos] = {}
    for path in files:
        if path.suffix.lower() == ".json":
            classes[path], in_memory[path] = _read_json(path)
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
    return Predictions(StoredTubes(files, PREDICTIONS_SCHEMA, names, in_memory), names)


def _read_json(path: Path) -> tuple[list[str], _Videos]:
    classes, videos = read_predictions_json(path)
    found = {}
    for video in videos:
        with report_read_errors(path, f"{video.video}: not in the format of predictions.json"):
            found[video.video] = video.to_tubes(classes), video.info
    return classes, found
