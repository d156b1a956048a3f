"""Safe reading of untrusted HDF5 files: nothing in them may point outside the file or exhaust memory."""

import h5py
import numpy as np

from actorsup.errors import DataError

_SMALL = 1 << 28
"""Datasets up to this size in bytes are read however well they are compressed."""
_MAX_COMPRESSION = 100
"""Maximum ratio of declared to stored bytes of larger datasets."""
_KINDS = "biuf"
"""Allowed numpy kinds: booleans and numbers. Other kinds may contain references, which HDF5 follows."""


def safe_group(parent: h5py.Group, name: str) -> h5py.Group:
    """Return a group that contains numeric datasets only, all stored in this file.

    Raises:
        DataError: The group is missing, is a link, or contains anything else.
    """
    group = _child(parent, name)
    if not isinstance(group, h5py.Group):
        raise DataError(f"{parent.file.filename}: {name!r} is not a group; expected the group of a video")
    for child in group:
        safe_dataset(group, child)
    return group


def safe_dataset(parent: h5py.Group, name: str, kinds: str = _KINDS) -> h5py.Dataset:
    """Return a dataset whose values lie in this file and are not much larger than the file.

    Args:
        parent: The group that contains the dataset.
        name: Its name.
        kinds: Allowed numpy kinds.

    Raises:
        DataError: The dataset is missing, its values lie in other files, or they are of another kind.
    """
    dataset = _child(parent, name)
    where = f"{parent.file.filename}: {parent.name.rstrip('/')}/{name}"
    if not isinstance(dataset, h5py.Dataset):
        raise DataError(f"{where} is not a dataset")
    if dataset.dtype.kind not in kinds or (dataset.dtype.hasobject and "V" not in kinds):
        raise DataError(f"{where}: dtype is {dataset.dtype}; expected numbers")
    if dataset.is_virtual or dataset.external:
        raise DataError(f"{where}: its values lie in other files, which are never read")
    size = int(np.prod(dataset.shape or (), dtype=object)) * dataset.dtype.itemsize
    stored = dataset.id.get_storage_size()
    if size > max(_SMALL, _MAX_COMPRESSION * stored):
        raise DataError(f"{where}: declares {size:,} bytes, but only {stored:,} are stored; damaged?")
    return dataset


def _child(parent: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    link = parent.get(name, getlink=True)
    if link is None:
        raise DataError(f"{parent.file.filename}: {name!r} is missing; delete the file and run again")
    if not isinstance(link, h5py.HardLink):
        raise DataError(f"{parent.file.filename}: {name!r} is a link; links are never followed")
    return parent[name]
