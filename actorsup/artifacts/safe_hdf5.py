"""Safe reading of untrusted HDF5 files: links out of the file and oversized datasets are rejected."""

import h5py
import numpy as np

from actorsup.errors import REBUILD, DataError

_MAX_UNCHECKED_SIZE = 1 << 28
"""Size in bytes up to which the compression ratio of a dataset is not checked."""
_MAX_COMPRESSION_RATIO = 100
"""Maximum ratio of declared bytes to stored bytes of a larger dataset."""
_NUMERIC_KINDS = "biuf"
"""NumPy dtype kinds of booleans and numbers. Other kinds may contain references, which HDF5 follows."""


def safe_group(parent: h5py.Group, name: str) -> h5py.Group:
    """Return a group after checking that it contains only numeric datasets stored in the same file.

    Raises:
        DataError: The group is missing, is a link, or contains an object that ``safe_dataset`` rejects.
    """
    group = _get_child(parent, name)
    if not isinstance(group, h5py.Group):
        raise DataError(f"{parent.file.filename}: {name!r} is not a group; expected the group of a video")
    for child in group:
        safe_dataset(group, child)
    return group


def safe_dataset(parent: h5py.Group, name: str, kinds: str = _NUMERIC_KINDS) -> h5py.Dataset:
    """Return a dataset after checking that it is stored in the same file and that its size is plausible.

    Args:
        parent: Group that contains the dataset.
        name: Name of the dataset.
        kinds: Allowed NumPy dtype kinds.

    Raises:
        DataError: The dataset is missing, is a link, has a dtype that is not allowed, is stored in another
            file, or declares many more bytes than are stored.
    """
    dataset = _get_child(parent, name)
    location = f"{parent.file.filename}: {parent.name.rstrip('/')}/{name}"
    if not isinstance(dataset, h5py.Dataset):
        raise DataError(f"{location} is not a dataset")
    if dataset.dtype.kind not in kinds or (dataset.dtype.hasobject and "V" not in kinds):
        raise DataError(f"{location}: dtype is {dataset.dtype}; expected numbers")
    if dataset.is_virtual or dataset.external:
        raise DataError(f"{location}: its values lie in other files, which are never read")
    declared_size = int(np.prod(dataset.shape or (), dtype=object)) * dataset.dtype.itemsize
    stored_size = dataset.id.get_storage_size()
    if declared_size > max(_MAX_UNCHECKED_SIZE, _MAX_COMPRESSION_RATIO * stored_size):
        raise DataError(
            f"{location}: declares {declared_size:,} bytes, but only {stored_size:,} are stored; damaged?"
        )
    return dataset


def _get_child(parent: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    link = parent.get(name, getlink=True)
    if link is None:
        raise DataError(f"{parent.file.filename}: {name!r} is missing; {REBUILD}")
    if not isinstance(link, h5py.HardLink):
        raise DataError(f"{parent.file.filename}: {name!r} is a link; links are never followed")
    return parent[name]
