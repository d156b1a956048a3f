"""Readers of the sets that the Siamese network is trained on, as their authors publish them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actorsup.boxes import xywh_to_xyxy
from actorsup.detection.images import Stills
from actorsup.errors import DataError, report_read_errors
from actorsup.linking.siamese.sequences import Sequence, usable_boxes

_ALOV_FRAMES, _ALOV_BOXES = "imagedata++", "alov300++_rectangleAnnotation_full"
_SMALLEST = 10
"""Shorter side, in pixels, that a box of a still must have to be a target."""


def read_tracking_set(root: Path) -> list[Sequence]:
    """The sequences of a folder in the layout of GOT-10k or of ALOV300++.

    GOT-10k (one split of it): ``list.txt`` names the sequences, each a folder of ``00000001.jpg``
    and so on, ``groundtruth.txt`` with ``x,y,w,h`` a frame, and perhaps ``absence.label`` with 1
    where the target is not to be seen.

    ALOV300++ (both archives unpacked side by side):
    ``imagedata++/<category>/<video>/00000001.jpg`` and so on, and
    ``alov300++_rectangleAnnotation_full/<category>/<video>.ann``, whose lines are the 1-based
    number of a frame, of about every fifth, and x and y of a rectangle's four corners in 1-based
    pixels.

    Args:
        root: The folder.

    Returns:
        Sequences in the order of the list, or of their names.

    Raises:
        DataError: The folder has neither layout, a file is missing or cannot be read, or no
            sequence shows a target.
    """
    if (root / "list.txt").is_file():
        with report_read_errors(root / "list.txt", "cannot be read; wanted the names of folders, one a line"):
            names = (root / "list.txt").read_text(encoding="utf-8").split()
        sequences = [_read_got10k(root / name) for name in names]
    elif (root / _ALOV_BOXES).is_dir():
        sequences = [_read_alov(root, path) for path in sorted((root / _ALOV_BOXES).glob("*/*.ann"))]
    else:
        raise DataError(
            f"{root}: no tracking set; wanted list.txt, as in GOT-10k, or {_ALOV_FRAMES} and "
            f"{_ALOV_BOXES}, as in ALOV300++"
        )
    if not any(len(sequence.usable) for sequence in sequences):
        raise DataError(f"{root}: no sequence with a target; wanted at least one")
    return sequences


def images_as_sequences(images: Path, annotations: Path) -> list[Sequence]:
    """Every box of stills with boxes, in COCO's format, as a sequence of one image.

    A pair of it is the target twice, its place, size and colours changed. Boxes whose shorter
    side is under 10 pixels are left out.

    Raises:
        DataError: The annotations cannot be used (``detection.stills.Stills``), or no box is left.
    """
    sequences = []
    for still in Stills(images, annotations).stills:
        for number, box in enumerate(still.boxes):
            if (box[2:] - box[:2]).min() >= _SMALLEST:
                name, only = f"{still.path.stem}#{number}", np.zeros(1, np.int64)
                sequences.append(Sequence(name, (still.path,), only, box[None], only))
    if not sequences:
        raise DataError(f"{annotations}: no box whose shorter side is {_SMALLEST} pixels or more")
    return sequences


def index_files(root: Path) -> list[Path]:
    """The files of a tracking set that say what is in it."""
    if (root / "list.txt").is_file():
        return [root / "list.txt"]
    return sorted((root / _ALOV_BOXES).glob("*/*.ann"))


def _read_got10k(folder: Path) -> Sequence:
    truth = folder / "groundtruth.txt"
    boxes = xywh_to_xyxy(_numbers(truth, 4, ",")).astype(np.float32)
    usable = usable_boxes(boxes)
    absence = folder / "absence.label"
    if absence.is_file():
        absent = _numbers(absence, 1, ",")[:, 0] != 0
        if len(absent) != len(boxes):
            raise DataError(f"{absence}: {len(absent)} lines, but groundtruth.txt has {len(boxes)}")
        usable &= ~absent
    paths = tuple(sorted(folder.glob("*.jpg")))
    if len(paths) != len(boxes):
        raise DataError(f"{truth}: {len(boxes)} lines, but the folder has {len(paths)} frames (*.jpg)")
    return Sequence(folder.name, paths, np.arange(len(paths)), boxes, np.flatnonzero(usable))


def _read_alov(root: Path, annotation: Path) -> Sequence:
    numbers = _numbers(annotation, 9, " ")
    numbers = numbers[np.argsort(numbers[:, 0], kind="stable")]
    frame = numbers[:, 0].astype(np.int64)
    corners = numbers[:, 1:].reshape(-1, 4, 2) - 1
    boxes = np.concatenate([corners.min(1), corners.max(1)], axis=1).astype(np.float32)
    folder = root / _ALOV_FRAMES / annotation.parent.name / annotation.stem
    paths = tuple(folder / f"{number:08d}.jpg" for number in frame)
    absent = [path for path in paths if not path.is_file()]
    if absent:
        raise DataError(f"{annotation}: {len(absent)} of its frames are not there, such as {absent[0]}")
    return Sequence(annotation.stem, paths, frame - 1, boxes, np.flatnonzero(usable_boxes(boxes)))


def _numbers(path: Path, columns: int, delimiter: str) -> NDArray[np.float64]:
    try:
        table = np.loadtxt(path, np.float64, delimiter=delimiter.strip() or None, ndmin=2)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as lines of {columns} numbers ({error})") from error
    if table.shape[1] != columns:
        raise DataError(f"{path}: {table.shape[1]} numbers a line, wanted {columns}")
    return table
