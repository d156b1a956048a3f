"""Shards: HDF5 files that contain many videos and appear complete or not at all.

All stages use one layout. The root dataset ``videos`` maps ids to group names, because ids may contain
``/``. The root dataset ``failures`` lists the videos that the stage could not process, with the reasons.
Each video has one group of datasets and attributes. File attributes: ``schema`` (name and version) and
``provenance`` (JSON).

While a shard is being written, each finished video is a separate file, a part, in ``<shard>.partial/``. A
killed run resumes after the last part, and the shard appears through one rename. Shards and parts contain
a checksum (``actorsup.artifacts.checksums``), so that damage is always detected.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.atomic import report_write_errors, sync
from actorsup.artifacts.checksums import BLOCK, check_embedded_checksum, embed_checksum
from actorsup.artifacts.folders import resume_folder
from actorsup.artifacts.safe_hdf5 import safe_dataset, safe_group
from actorsup.errors import DataError, report_read_errors

_LOG = logging.getLogger(__name__)
_TEXT = h5py.string_dtype("utf-8")

Attributes = Mapping[str, int | float | str]


class ShardWriter:
    """Write a shard video by video; a killed run resumes after its last finished video.

    The shard appears when the context ends without an error.

    Args:
        path: The shard to create.
        schema: Name and version of the content, such as ``"tubes/1"``.
        provenance: Its origin; partial work with another provenance is deleted.
        attributes: Additional file attributes, such as class names.
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
        with report_write_errors(self._partial):
            resume_folder(self._partial, self._file_attributes["provenance"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._publish()

    def finished(self, video: str) -> bool:
        """Whether an interrupted run has finished this video; a damaged part is deleted."""
        path = self._part(video)
        if not path.exists():
            return False
        try:
            check_embedded_checksum(path)
        except DataError:
            # parts are not flushed: a power failure can truncate them
            _LOG.warning("%s: incomplete; %s is processed again", path, video)
            path.unlink()
            return False
        self._done[video] = path
        return True

    def add(self, video: str, arrays: Mapping[str, NDArray], attributes: Attributes) -> None:
        """Write one video: its datasets by name, and the attributes of its group."""
        with self.part(video) as path, open_part(path, video) as group:
            for name, array in arrays.items():
                group.create_dataset(name, data=array)
            group.attrs.update(attributes)

    @contextmanager
    def part(self, video: str) -> Iterator[Path]:
        """Yield the path at which to write one video with ``open_part``, possibly in another process.

        The video is finished when the context ends; after an error nothing is left.
        """
        path = self._part(video)
        temporary = path.with_suffix(".tmp")
        # not replace_atomically, which would recreate a partial folder that disappeared: that is an error
        try:
            with report_write_errors(path):
                yield temporary
                embed_checksum(temporary)
                os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        self._done[video] = path

    def fail(self, video: str, reason: str) -> None:
        """Record that this stage could not process a video."""
        _LOG.warning("%s: %s", video, reason)
        self.add(video, {}, {"failure": reason})

    def _part(self, video: str) -> Path:
        return self._partial / (hashlib.blake2b(video.encode(), digest_size=16).hexdigest() + ".h5")

    def _publish(self) -> None:
        """Collect the parts into the shard, ordered by video id."""
        temporary = self._partial / "whole.tmp"
        with report_write_errors(self.path):
            self._collect(temporary)
            embed_checksum(temporary)
            sync(temporary)
            os.replace(temporary, self.path)
            sync(self.path.parent)
            shutil.rmtree(self._partial)

    def _collect(self, path: Path) -> None:
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
            for name, column, rows in (("videos", "group", groups), ("failures", "reason", failures)):
                table = np.array(rows, dtype=[("video", _TEXT), (column, _TEXT)])
                whole.create_dataset(name, data=table)


@contextmanager
def open_part(path: Path, video: str) -> Iterator[h5py.File]:
    """Create the file of one video at the path from ``ShardWriter.part``, and yield it to be filled."""
    with report_write_errors(path), h5py.File(path, "w", userblock_size=BLOCK) as part:
        part.attrs["video"] = video
        yield part


class ShardReader:
    """Read a shard: ``reader[video]`` is the HDF5 group of a video.

    Attributes:
        videos: Ids of its videos, sorted.
        failures: Ids of the videos that its stage could not process, and the reasons.
        provenance: Its origin.

    Raises:
        DataError: The file is missing, damaged, or has another schema.
    """

    def __init__(self, path: str | Path, schema: str) -> None:
        check_embedded_checksum(path)
        with ExitStack() as stack, report_read_errors(path, "not a valid shard; delete it and run again"):
            self.file = stack.enter_context(h5py.File(path, "r"))
            found = self.file.attrs.get("schema")
            if found != schema:
                raise DataError(f"{path}: schema is {found!r}, expected {schema!r}; delete it and run again")
            self._group = dict(_text_pairs(self.file, "videos"))
            self.failures = dict(_text_pairs(self.file, "failures"))
            self.provenance: dict[str, Any] = json.loads(self.file.attrs["provenance"])
            stack.pop_all()
        self.videos = list(self._group)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def __contains__(self, video: str) -> bool:
        return video in self._group

    def __getitem__(self, video: str) -> h5py.Group:
        return safe_group(self.file, self._group[video])

    def __iter__(self) -> Iterator[str]:
        return iter(self.videos)


def _text_pairs(file: h5py.File, name: str) -> list[tuple[str, str]]:
    table = safe_dataset(file, name, kinds="V")
    return [(first.decode(), second.decode()) for first, second in table[()]]
