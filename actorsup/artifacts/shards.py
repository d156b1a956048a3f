"""Shards: HDF5 files that hold many videos, written whole or not at all.

Every stage writes the same form. A root dataset ``videos`` lists the ids and the group of
each (ids may hold ``/``); a root dataset ``failures`` lists the videos that this stage could
not use and why; each video has one group of datasets and attributes. File attributes:
``schema`` (name and version) and ``provenance`` (JSON).

While a shard is made, each finished video lies in a file of its own in ``<shard>.partial/``;
a run that was killed goes on after the last of them, and the shard appears by one rename. Shards
and parts carry a checksum (``actorsup.artifacts.checksums``), so that a damaged one is never taken for whole.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.atomic import sync, write_whole, writing
from actorsup.artifacts.checksums import BLOCK, check_embedded_checksum, embed_checksum
from actorsup.artifacts.safe_hdf5 import plain_dataset, plain_group
from actorsup.errors import DataError

_LOG = logging.getLogger(__name__)
_TEXT = h5py.string_dtype("utf-8")
_DAMAGE = (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError)
"""What h5py raises where a file is not as it should be."""
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
        self._done: dict[str, Path] = {}
        stamp = self._partial / "provenance.json"
        with writing(self._partial):
            if self._partial.exists() and not (
                stamp.exists() and stamp.read_text() == self._file_attributes["provenance"]
            ):
                shutil.rmtree(self._partial)
            self._partial.mkdir(parents=True, exist_ok=True)
            write_whole(stamp, self._file_attributes["provenance"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._publish()

    def finished(self, video: str) -> bool:
        """Whether an earlier, interrupted run has finished this video; what it left is checked."""
        path = self._part(video)
        if not path.exists():
            return False
        try:
            check_embedded_checksum(path)
        except DataError:
            # as a machine leaves it whose power fails before the disk has all of a file
            _LOG.warning("%s: was not written whole; %s is done again", path, video)
            path.unlink()
            return False
        self._done[video] = path
        return True

    def add(self, video: str, arrays: Mapping[str, NDArray], attributes: Attributes) -> None:
        """Keep one finished video: its datasets by name, and its group's attributes."""
        with self.stream(video) as group:
            for name, array in arrays.items():
                group.create_dataset(name, data=array)
            group.attrs.update(attributes)

    @contextmanager
    def stream(self, video: str) -> Iterator[h5py.File]:
        """The group of one video, to fill bit by bit where it is too large for ``add``.

        The video is finished when the context ends; an error in it leaves nothing.
        """
        with self.part(video) as path, open_part(path, video) as group:
            yield group

    @contextmanager
    def part(self, video: str) -> Iterator[Path]:
        """A path at which to fill the file of one video (``open_part``), in another process perhaps.

        The video is finished when the context ends; an error in it leaves nothing.
        """
        path = self._part(video)
        temporary = path.with_suffix(".tmp")
        try:
            with writing(path):
                yield temporary
                embed_checksum(temporary)
                os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        self._done[video] = path

    def fail(self, video: str, reason: str) -> None:
        """Record that this stage could not use a video; the others go on."""
        _LOG.warning("%s: %s", video, reason)
        with self.stream(video) as group:
            group.attrs["failure"] = reason

    def _part(self, video: str) -> Path:
        return self._partial / (hashlib.blake2b(video.encode(), digest_size=16).hexdigest() + ".h5")

    def _publish(self) -> None:
        """Gather the parts, ordered by video id, into the shard."""
        temporary = self._partial / "whole.tmp"
        with writing(self.path):
            self._gather(temporary)
            embed_checksum(temporary)
            sync(temporary)
            os.replace(temporary, self.path)
            sync(self.path.parent)
            shutil.rmtree(self._partial)

    def _gather(self, path: Path) -> None:
        groups: list[tuple[str, str]] = []
        failures: list[tuple[str, str]] = []
        with h5py.File(path, "w", userblock_size=BLOCK) as whole:
            whole.attrs.update(self._file_attributes)
            for video in sorted(self._done):
                with h5py.File(self._done[video], "r") as part:
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


@contextmanager
def open_part(path: Path, video: str) -> Iterator[h5py.File]:
    """Make the file of one video, to be filled; ``ShardWriter.part`` says where."""
    with writing(path), h5py.File(path, "w", userblock_size=BLOCK) as part:
        part.attrs["video"] = video
        yield part


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
        check_embedded_checksum(path)
        try:
            self.file = h5py.File(path, "r")
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error}); delete it and run again") from error
        try:
            self._read(path, schema)
        except BaseException:
            self.file.close()
            raise

    def _read(self, path: str | Path, schema: str) -> None:
        try:
            found = self.file.attrs.get("schema")
            if found != schema:
                raise DataError(f"{path}: schema is {found!r}, wanted {schema!r}; delete it and run again")
            self._group = dict(_text_pairs(self.file, "videos"))
            self.failures = dict(_text_pairs(self.file, "failures"))
            self.provenance: dict[str, Any] = json.loads(self.file.attrs["provenance"])
        except _DAMAGE as error:
            raise DataError(
                f"{path}: not of the form of a shard ({error}); delete it and run again"
            ) from error
        self.videos = list(self._group)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()

    def __contains__(self, video: str) -> bool:
        return video in self._group

    def __getitem__(self, video: str) -> h5py.Group:
        return plain_group(self.file, self._group[video])

    def __iter__(self) -> Iterator[str]:
        return iter(self.videos)


def _text_pairs(file: h5py.File, name: str) -> list[tuple[str, str]]:
    table = plain_dataset(file, name, kinds="V")
    return [(first.decode(), second.decode()) for first, second in table[()]]
