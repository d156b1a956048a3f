"""Readers of published tracking sets, to train the Siamese network on."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actorsup.boxes import xywh_to_xyxy
from actorsup.detection.images import AnnotatedImages
from actorsup.errors import DataError, report_read_errors
from actorsup.linking.siamese.sequences import Sequence, usable_boxes

_ALOV_FRAMES, _ALOV_BOXES = "imagedata++", "alov300++_rectangleAnnotation_full"
_SMALLEST = 10
"""Minimum length in pixels of the shorter side of a box in an annotated image."""


def read_tracking_set(root: Path) -> list[Sequence]:
    """Read the sequences of a folder in the layout of GOT-10k or ALOV300++.

    GOT-10k (one split): ``list.txt`` names the sequence folders. Each contains ``00000001.jpg`` and so on,
    ``groundtruth.txt`` with ``x,y,w,h`` per frame, and optionally ``absence.label`` with 1 where the target
    is not visible.

    ALOV300++ (both archives unpacked into one folder): ``imagedata++/<category>/<video>/00000001.jpg`` and
    so on, and ``alov300++_rectangleAnnotation_full/<category>/<video>.ann``. Each line of an ``.ann`` file
    annotates one frame, about every fifth: the 1-based frame number, and x and y of the four corners of a
    rectangle in 1-based pixels.

    Args:
        root: The folder.

    Returns:
        The sequences, in the order of the list (GOT-10k) or of the names (ALOV300++).

    Raises:
        DataError: The folder has neither layout, a file is missing or cannot be read, or no sequence shows
            its target.
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
    """Read images with COCO annotations; each box becomes a sequence of one image.

    Training pairs such an image with itself, with different augmentation. Boxes whose shorter side is under
    10 pixels are left out.

    Raises:
        DataError: The annotations cannot be used (``AnnotatedImages``), or no box is left.
    """
    sequences = []
    for image in AnnotatedImages(images, annotations).images:
        for number, box in enumerate(image.boxes):
            if (box[2:] - box[:2]).min() >= _SMALLEST:
                name, only = f"{image.path.stem}#{number}", np.zeros(1, np.int64)
                sequences.append(Sequence(name, (image.path,), only, box[None], only))
    if not sequences:
        raise DataError(f"{annotations}: no box whose shorter side is {_SMALLEST} pixels or more")
    return sequences


def index_files(root: Path) -> list[Path]:
    """Return the list or annotation files of a tracking set."""
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
