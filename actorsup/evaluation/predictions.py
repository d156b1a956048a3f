"""Scored tubes from wherever they come: shards of a run, one merged file, or JSON."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from actorsup.artifacts.shards import ShardReader
from actorsup.artifacts.tube_files import PREDICTIONS_SCHEMA, TUBES_SCHEMA, read_info, read_tubes
from actorsup.errors import DataError, reading
from actorsup.evaluation.predictions_json import read_json
from actorsup.evaluation.tube_checks import check_tubes
from actorsup.tubes import Tubes

_DAMAGED = (KeyError, TypeError, ValueError, AttributeError, IndexError, OSError, RuntimeError)
"""What h5py raises where a file is not of the form that it says."""


class SizedTubes(Mapping[str, Tubes]):
    """Tubes of many videos, by their ids, with what is known of the sizes of their frames."""

    def size_of(self, video: str) -> tuple[int, int] | None:
        """Width and height of a video in pixels, where they are known."""
        raise NotImplementedError


class StoredTubes(SizedTubes):
    """Tubes of many videos that lie in shards and are read when asked for.

    Iterating goes shard by shard; one file is open at a time.

    Raises:
        DataError: A shard cannot be read, or two have the same video.
    """

    def __init__(self, paths: Iterable[Path], schema: str, classes: Sequence[str] | None = None) -> None:
        self._schema, self._classes = schema, classes
        self._path_of: dict[str, Path] = {}
        self._open: tuple[Path, ShardReader] | None = None
        for path in map(Path, paths):
            videos = self._shard(path).videos
            if twice := self._path_of.keys() & set(videos):
                raise DataError(f"{path}: holds {min(twice)!r}, which another file holds too")
            self._path_of |= dict.fromkeys(videos, path)

    def _shard(self, path: Path) -> ShardReader:
        if self._open is None or self._open[0] != path:
            if self._open is not None:
                self._open[1].file.close()
                self._open = None
            self._open = path, open_shard(path, self._schema)
        return self._open[1]

    def __getitem__(self, video: str) -> Tubes:
        path = self._path_of[video]
        try:
            group = self._shard(path)[video]
            tubes = read_tubes(group)
            check_tubes(tubes, read_info(group).frames, self._classes)
        except DataError as error:
            # the reader of shards knows the group alone
            raise DataError(f"{path}: {video}: {str(error).removeprefix(f'{path}: ')}") from error
        except _DAMAGED as error:
            raise DataError(f"{path}: {video}: {error}; make it again") from error
        return tubes.chosen(np.argsort(-tubes.score, kind="stable"))

    def __iter__(self) -> Iterator[str]:
        return iter(self._path_of)

    def __len__(self) -> int:
        return len(self._path_of)

    def __contains__(self, video: object) -> bool:
        return video in self._path_of

    def size_of(self, video: str) -> tuple[int, int] | None:
        """Width and height of a video in pixels, where they are known."""
        info = read_info(self._shard(self._path_of[video])[video])
        return (info.width, info.height) if info.width > 0 and info.height > 0 else None


class HeldTubes(SizedTubes):
    """Tubes of many videos in memory."""

    def __init__(self, tubes: Mapping[str, Tubes], sizes: Mapping[str, tuple[int, int]]) -> None:
        self._tubes, self._sizes = tubes, sizes

    def __getitem__(self, video: str) -> Tubes:
        return self._tubes[video]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tubes)

    def __len__(self) -> int:
        return len(self._tubes)

    def __contains__(self, video: object) -> bool:
        return video in self._tubes

    def size_of(self, video: str) -> tuple[int, int] | None:
        """Width and height of a video in pixels, where they are known."""
        return self._sizes.get(video)


class Predictions(NamedTuple):
    """Scored tubes by video, and the names of the columns of their ``class_score``."""

    videos: Mapping[str, Tubes]
    classes: Sequence[str]


def read_proposals(shards: Iterable[str | Path]) -> StoredTubes:
    """Tubes by video, of shards of tubes; read when asked for.

    Raises:
        DataError: A shard cannot be used.
    """
    return StoredTubes(map(Path, shards), TUBES_SCHEMA)


def read_predictions(paths: str | Path | Iterable[str | Path]) -> Predictions:
    """Scored tubes by video, and the names of the classes.

    Shards are read when asked for, JSON at once.

    Args:
        paths: Shards of scored tubes (HDF5), or files of the form of ``predictions.json``.

    Raises:
        DataError: A file cannot be used, or two have other classes or the same video.
    """
    files = [Path(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    written = [path for path in files if path.suffix.lower() == ".json"]
    for path in files:
        if path not in written and not (path.is_file() and h5py.is_hdf5(path)):
            found = "is no HDF5 file" if path.exists() else "no such file"
            raise DataError(
                f"{path}: {found}; wanted predictions.json or shards of scored tubes (.h5); "
                "`actorsup convert` makes the former of other forms"
            )
    if not written:
        classes = _one_list([(path, _classes_of(path)) for path in files])
        return Predictions(StoredTubes(files, PREDICTIONS_SCHEMA, classes), classes)
    read = {path: read_json(path) for path in written}
    classes = _one_list([(path, read[path].classes if path in read else _classes_of(path)) for path in files])
    tubes: dict[str, Tubes] = {}
    sizes: dict[str, tuple[int, int]] = {}
    for path in files:
        more: Mapping[str, Tubes] = (
            read[path].videos if path in read else StoredTubes([path], PREDICTIONS_SCHEMA, classes)
        )
        if twice := tubes.keys() & set(more):
            raise DataError(f"{path}: holds {min(twice)!r}, which another file holds too")
        tubes |= more
        sizes |= read[path].sizes if path in read else {}
    return Predictions(HeldTubes(tubes, sizes), classes)


def open_shard(path: Path, schema: str) -> ShardReader:
    """A shard to read.

    Raises:
        DataError: It is missing, damaged, or of another schema.
    """
    try:
        return ShardReader(path, schema)
    except _DAMAGED as error:
        raise DataError(f"{path}: no shard of {schema} ({error}); make it again") from error


def _classes_of(path: Path) -> list[str]:
    with open_shard(path, PREDICTIONS_SCHEMA) as shard:
        found = shard.file.attrs.get("classes")
    if not isinstance(found, np.ndarray) or found.ndim != 1:
        empty = isinstance(found, h5py.Empty)
        raise DataError(f"{path}: attribute 'classes' is {'empty' if empty else repr(found)}; wanted names")
    names = [str(name) for name in found]
    with reading(path, "attribute 'classes' holds what is no text"):
        "".join(names).encode()
    if len({*names}) < len(names):
        raise DataError(f"{path}: attribute 'classes' names a class twice: {', '.join(names)}")
    return names


def _one_list(of_files: Sequence[tuple[Path, list[str]]]) -> list[str]:
    """The classes that all files have in common."""
    for path, names in of_files:
        if names != of_files[0][1]:
            raise DataError(f"{path}: classes {names}, but the files before it have {of_files[0][1]}")
    return of_files[0][1] if of_files else []
