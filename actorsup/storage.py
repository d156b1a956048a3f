"""Shards: HDF5 files that hold many videos, written whole or not at all.

Every stage writes the same form. A root dataset ``videos`` lists the ids and the group of
each (ids may hold ``/``); a root dataset ``failures`` lists the videos that this stage could
not use and why; each video has one group of datasets and attributes. File attributes:
``schema`` (name and version) and ``provenance`` (JSON).

While a shard is made, each finished video lies in a file of its own in ``<shard>.partial/``;
a run that was killed goes on after the last of them, and the shard appears by one rename.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from actorsup.errors import DataError

_LOG = logging.getLogger(__name__)
_TEXT = h5py.string_dtype("utf-8")
_PAIR = {"videos": ("video", "group"), "failures": ("video", "reason")}

Attributes = Mapping[str, int | float | str]


class ShardWriter:
    """Writes a shard video by video; resumable, and published by one rename.

    Args:
        path: The shard to make.
        schema: Name and version of what it holds, such as ``"tubes/1"``.
        provenance: What makes it; partial work of another provenance is thrown away.
        attributes: Further attributes of the file, such as class names.
    """

    def __init__(
        self,
        path: str | Path,
        schema: str,
        provenance: Mapping[str, Any],
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = Path(path)
        self._partial = self.path.with_name(self.path.name + ".partial")
        self._file_attributes = {
            "schema": schema,
            "provenance": json.dumps(provenance, sort_keys=True),
            **(attributes or {}),
        }
        stamp = self._partial / "provenance.json"
        if self._partial.exists() and not (
            stamp.exists() and stamp.read_text() == self._file_attributes["provenance"]
        ):
            shutil.rmtree(self._partial)
        self._partial.mkdir(parents=True, exist_ok=True)
        _write_text(stamp, self._file_attributes["provenance"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._publish()

    def finished(self, video: str) -> bool:
        """Whether an earlier, interrupted run has finished this video."""
        return self._part(video).exists()

    def add(self, video: str, arrays: Mapping[str, NDArray], attributes: Attributes) -> None:
        """Keep one finished video: its datasets by name, and its group's attributes."""
        with self.stream(video) as part:
            for name, array in arrays.items():
                part.create_dataset(name, data=array)
            part.attrs.update(attributes)

    def stream(self, video: str) -> AbstractContextManager[h5py.File]:
        """The group of one video, to fill bit by bit where it is too large for ``add``.

        The video is finished when the context ends; an error in it leaves nothing.
        """
        return _Part(self._part(video), video)

    def fail(self, video: str, reason: str) -> None:
        """Record that this stage could not use a video; the others go on."""
        _LOG.warning("%s: %s", video, reason)
        with self.stream(video) as part:
            part.attrs["failure"] = reason

    def _part(self, video: str) -> Path:
        return self._partial / (hashlib.blake2b(video.encode(), digest_size=16).hexdigest() + ".h5")

    def _publish(self) -> None:
        """Gather the parts, ordered by video id, into the shard."""
        parts = {}
        for path in self._partial.glob("*.h5"):
            with h5py.File(path, "r") as part:
                parts[str(part.attrs["video"])] = path
        temporary = self._partial / "whole.tmp"
        groups: list[tuple[str, str]] = []
        failures: list[tuple[str, str]] = []
        with h5py.File(temporary, "w") as whole:
            whole.attrs.update(self._file_attributes)
            for video in sorted(parts):
                with h5py.File(parts[video], "r") as part:
                    if "failure" in part.attrs:
                        failures.append((video, str(part.attrs["failure"])))
                        continue
                    name = f"v{len(groups):06d}"
                    part.copy(part, whole, name)
                    del whole[name].attrs["video"]
                    groups.append((video, name))
            for name, rows in (("videos", groups), ("failures", failures)):
                table = np.array(rows, dtype=[(column, _TEXT) for column in _PAIR[name]])
                whole.create_dataset(name, data=table)
        _sync(temporary)
        os.replace(temporary, self.path)
        shutil.rmtree(self._partial)


class _Part:
    """One video's file: appears under its name only when it is whole."""

    def __init__(self, path: Path, video: str) -> None:
        self._path, self._temporary = path, path.with_suffix(".tmp")
        self._file = h5py.File(self._temporary, "w")
        self._file.attrs["video"] = video

    def __enter__(self) -> h5py.File:
        return self._file

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if kind is None:
            os.replace(self._temporary, self._path)
        else:
            self._temporary.unlink()


class ShardReader:
    """Reads a shard: ``reader[video]`` is the HDF5 group of a video.

    Attributes:
        videos: Ids of the videos that it holds, sorted.
        failures: Ids of the videos that its stage could not use, and why.
        provenance: What made it.

    Raises:
        DataError: The file is missing, damaged or of another schema.
    """

    def __init__(self, path: str | Path, schema: str) -> None:
        try:
            self.file = h5py.File(path, "r")
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error}); delete it and run again") from error
        found = self.file.attrs.get("schema")
        if found != schema:
            self.file.close()
            raise DataError(f"{path}: schema is {found!r}, wanted {schema!r}; delete it and run again")
        self._group = dict(_text_pairs(self.file["videos"]))
        self.videos = list(self._group)
        self.failures = dict(_text_pairs(self.file["failures"]))
        self.provenance: dict[str, Any] = json.loads(self.file.attrs["provenance"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()

    def __contains__(self, video: str) -> bool:
        return video in self._group

    def __getitem__(self, video: str) -> h5py.Group:
        return self.file[self._group[video]]

    def __iter__(self) -> Iterator[str]:
        return iter(self.videos)


def _text_pairs(table: h5py.Dataset) -> list[tuple[str, str]]:
    return [(first.decode(), second.decode()) for first, second in table[()]]


def write_whole(path: str | Path, text: str) -> None:
    """Write a text file whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    _write_text(temporary, text)
    _sync(temporary)
    os.replace(temporary, path)


def _write_text(path: Path, text: str) -> None:
    with open(path, "w", encoding="utf-8", newline="") as stream:
        stream.write(text)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
