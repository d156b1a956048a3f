"""Opening of HDF5 files without locks, which NFS and Lustre may lack.

Results need no locks: one job writes a file under a temporary name and renames it, and a complete file never
changes. The environment variable ``HDF5_USE_FILE_LOCKING`` overrides this choice.
"""

from pathlib import Path
from typing import Any

import h5py

from actorsup.artifacts.access import raise_if_open_for_writing, retry
from actorsup.errors import access_problem, report_read_errors


def open_hdf5(path: str | Path, wanted: str) -> h5py.File:
    """Open an HDF5 file for reading.

    Args:
        path: Path of the file.
        wanted: Expected content, for the message of the error.

    Raises:
        DataError: The file cannot be accessed, is open for writing and incomplete, or is no HDF5 file.
    """
    with report_read_errors(path, wanted):
        try:
            return retry(lambda: _open(path), path)
        except OSError as error:
            if not access_problem(error):
                raise_if_open_for_writing(path)
            raise


def _open(path: str | Path) -> h5py.File:
    try:
        return h5py.File(path, "r", locking=False)
    except OSError as error:
        # HDF5 requires the same choice of all who open a file in one process, such as the cells of a notebook
        if "file locking flag" not in str(error):
            raise
        return h5py.File(path, "r")


def create_hdf5(path: str | Path, **options: Any) -> h5py.File:
    """Create an HDF5 file, which replaces an existing one; ``options`` are those of ``h5py.File``."""
    return h5py.File(path, "w", locking=False, **options)
