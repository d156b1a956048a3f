"""Shards: HDF5 files that contain many videos and appear complete or not at all.

All stages use the same layout. Each video has one group of datasets and attributes. The root dataset
``videos`` maps video ids to group names, because video ids may contain ``/``. The root dataset ``failures``
lists the videos that the stage could not process, with the reasons. The file attributes are ``schema`` (name
and version of the content) and ``provenance`` (JSON).

While a shard is being written, each finished video is a separate file, called a part, in
``<shard>.partial/``. A rerun after a kill resumes after the last part, and the complete shard appears by one
rename. Shards and parts contain a checksum (``actorsup.artifacts.checksums``), so that damage is detected.
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
from actorsup.artifacts.checksums import USER_BLOCK_SIZE, check_embedded_checksum, embed_checksum
from actorsup.artifacts.folders import resume_folder
from actorsup.artifacts.hdf5_files import create_hdf5, open_hdf5
from actorsup.artifacts.safe_hdf5 import safe_dataset, safe_group
from actorsup.errors import REBUILD, DamagedError, DataError, report_read_errors

_LOG = logging.getLogger(__name__)
_TEXT_DTYPE = h5py.string_dtype("utf-8")

Attributes = Mapping[str, int | float | str]


class ShardWriter:
    """Context manager that writes a shard, one video at a time.

    The shard appears when the context ends without an error. Videos that a killed run finished are kept.

    Args:
        path: Path of the shard to create.
        schema: Name and version of the content, such as ``"tubes/1"``.
        provenance: Provenance of the shard; parts of a killed run with a different provenance are deleted.
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
        self._partial_folder = self.path.with_name(self.path.name + ".partial")
        self._file_attributes = {
            "schema": schema,
            "provenance": json.dumps(provenance, sort_keys=True),
            **(attributes or {}),
        }
        self._finished_parts: dict[str, Path] = {}
        with report_write_errors(self._partial_folder):
            resume_folder(self._partial_folder, self._file_attributes["provenance"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        if error_type is None:
            self._write_shard()

    def finished(self, video: str) -> bool:
        """Return whether an interrupted run finished a video; delete the part if it is damaged.

        Raises:
            DataError: The part cannot be read now, or another program is writing to it.
        """
        path = self._part_path(video)
        if not path.exists():
            return False
        try:
            check_embedded_checksum(path)
        except DamagedError:
            # parts are not flushed: a power failure can truncate them
            _LOG.warning("%s: incomplete; %s is processed again", path, video)
            path.unlink()
            return False
        self._finished_parts[video] = path
        return True

    def add(self, video: str, arrays: Mapping[str, NDArray], attributes: Attributes) -> None:
        """Write one video.

        Args:
            video: Video id.
            arrays: Datasets of the group of the video, by name.
            attributes: Attributes of the group of the video, by name.
        """
        with self.part(video) as path, open_part(path, video) as group:
            for name, array in arrays.items():
                group.create_dataset(name, data=array)
            group.attrs.update(attributes)

    @contextmanager
    def part(self, video: str) -> Iterator[Path]:
        """Yield the path of the part of a video, to be written with ``open_part``, also in another process.

        The video is finished when the context ends without an error. After an error, the part is deleted.
        """
        path = self._part_path(video)
        temporary_path = path.with_suffix(".tmp")
        # not replace_atomically, which would recreate a partial folder that disappeared: that is an error
        try:
            with report_write_errors(path):
                yield temporary_path
                embed_checksum(temporary_path)
                os.replace(temporary_path, path)
        finally:
            temporary_path.unlink(missing_ok=True)
        self._finished_parts[video] = path

    def fail(self, video: str, reason: str) -> None:
        """Record the reason why the stage could not process a video."""
        _LOG.warning("%s: %s", video, reason)
        self.add(video, {}, {"failure": reason})

    def _part_path(self, video: str) -> Path:
        return self._partial_folder / (hashlib.blake2b(video.encode(), digest_size=16).hexdigest() + ".h5")

    def _write_shard(self) -> None:
        """Merge the parts into the shard, ordered by video id, and delete the parts."""
        temporary_path = self._partial_folder / "whole.tmp"
        with report_write_errors(self.path):
            self._merge_parts(temporary_path)
            embed_checksum(temporary_path)
            sync(temporary_path)
            os.replace(temporary_path, self.path)
            sync(self.path.parent)
            shutil.rmtree(self._partial_folder)

    def _merge_parts(self, path: Path) -> None:
        groups: list[tuple[str, str]] = []
        failures: list[tuple[str, str]] = []
        with create_hdf5(path, userblock_size=USER_BLOCK_SIZE) as shard:
            shard.attrs.update(self._file_attributes)
            for video in sorted(self._finished_parts):
                with open_hdf5(self._finished_parts[video], "not a part of a shard") as part:
                    if "failure" in part.attrs:
                        failures.append((video, str(part.attrs["failure"])))
                        continue
                    name = f"v{len(groups):06d}"
                    part.copy(part, shard, name)
                    del shard[name].attrs["video"]
                    groups.append((video, name))
            for name, column, rows in (("videos", "group", groups), ("failures", "reason", failures)):
                table = np.array(rows, dtype=[("video", _TEXT_DTYPE), (column, _TEXT_DTYPE)])
                shard.create_dataset(name, data=table)


@contextmanager
def open_part(path: Path, video: str) -> Iterator[h5py.File]:
    """Create the HDF5 file of one video at a path from ``ShardWriter.part``, and yield the open file."""
    with report_write_errors(path), create_hdf5(path, userblock_size=USER_BLOCK_SIZE) as part:
        part.attrs["video"] = video
        yield part


class ShardReader:
    """Reader of a shard: ``reader[video]`` is the HDF5 group of a video.

    Attributes:
        videos: Sorted ids of the videos in the shard.
        failures: Reasons why the stage could not process a video, by video id.
        provenance: Provenance of the shard.

    Raises:
        DataError: The file is missing, damaged, or has a different schema.
    """

    def __init__(self, path: str | Path, schema: str) -> None:
        check_embedded_checksum(path)
        with ExitStack() as stack, report_read_errors(path, f"not a valid shard; {REBUILD}"):
            self.file = stack.enter_context(open_hdf5(path, f"not a valid shard; {REBUILD}"))
            actual_schema = self.file.attrs.get("schema")
            if actual_schema != schema:
                raise DataError(
                    f"{path}: schema is {actual_schema!r}, expected {schema!r}; check the path, or {REBUILD}"
                )
            self._group_names = dict(_text_pairs(self.file, "videos"))
            self.failures = dict(_text_pairs(self.file, "failures"))
            self.provenance: dict[str, Any] = json.loads(self.file.attrs["provenance"])
            stack.pop_all()
        self.videos = list(self._group_names)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def __contains__(self, video: str) -> bool:
        return video in self._group_names

    def __getitem__(self, video: str) -> h5py.Group:
        return safe_group(self.file, self._group_names[video])

    def __iter__(self) -> Iterator[str]:
        return iter(self.videos)


def _text_pairs(file: h5py.File, name: str) -> list[tuple[str, str]]:
    table = safe_dataset(file, name, kinds="V")
    return [(video_id.decode(), text.decode()) for video_id, text in table[()]]
