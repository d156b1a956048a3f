"""HDF5 files from elsewhere: what in them could lead out of the file, or ask for all memory, is refused."""

import h5py
import numpy as np

from actorsup.errors import DataError

_ALWAYS_FITS = 1 << 28
_MOST_COMPRESSED = 100
_KINDS = "biuf"
"""Of numpy's types: truth values and numbers. Others hold references, which HDF5 follows."""


def plain_group(parent: h5py.Group, name: str) -> h5py.Group:
    """A group of datasets of numbers that lies in its own file.

    Raises:
        DataError: It is not there, or a link, or holds anything else.
    """
    group = _child(parent, name)
    if not isinstance(group, h5py.Group):
        raise DataError(f"{parent.file.filename}: {name!r} is no group, as a video has")
    for one in group:
        plain_dataset(group, one)
    return group


def plain_dataset(parent: h5py.Group, name: str, kinds: str = _KINDS) -> h5py.Dataset:
    """A dataset whose values lie in its own file, and are not many more than the file is long.

    Args:
        parent: The group that holds it.
        name: Its name.
        kinds: The kinds of numpy's types that it may have.

    Raises:
        DataError: It is not there, its values lie elsewhere, or are of another kind.
    """
    dataset = _child(parent, name)
    where = f"{parent.file.filename}: {parent.name.rstrip('/')}/{name}"
    if not isinstance(dataset, h5py.Dataset):
        raise DataError(f"{where} is no dataset")
    if dataset.dtype.kind not in kinds or (dataset.dtype.hasobject and "V" not in kinds):
        raise DataError(f"{where} holds {dataset.dtype}; wanted numbers")
    if dataset.is_virtual or dataset.external:
        raise DataError(f"{where}: its values lie in other files; such a file is not read")
    size = int(np.prod(dataset.shape or (), dtype=object)) * dataset.dtype.itemsize
    stored = dataset.id.get_storage_size()
    if size > max(_ALWAYS_FITS, _MOST_COMPRESSED * stored):
        raise DataError(f"{where}: declares {size:,} bytes, but the file holds {stored:,} of it; damaged?")
    return dataset


def _child(parent: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    link = parent.get(name, getlink=True)
    if link is None:
        raise DataError(f"{parent.file.filename}: {name!r} is not there; delete the file and run again")
    if not isinstance(link, h5py.HardLink):
        raise DataError(f"{parent.file.filename}: {name!r} is a link; a file with links is not read")
    return parent[name]
