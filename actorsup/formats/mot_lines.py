"""Parse the lines of MOT text, and name its classes.

Trackers write variants of the MOTChallenge's lines, which are read where they are unambiguous:
separators (commas, semicolons, tabs or spaces), a header line, ``-1`` for unknown values, numbers such as
``1.0``, class names in place of numbers, and classes that count from 0, as BoxMOT writes them.
"""

import logging
import math
import re
from collections.abc import Mapping, Sequence

import pandas as pd

from actorsup.artifacts.tube_files import MOST_FRAMES
from actorsup.errors import DataError

_LOG = logging.getLogger(__name__)

MOT16_CLASSES = (
    "pedestrian", "person on vehicle", "car", "bicycle", "motorbike", "non motorized vehicle",
    "static person", "distractor", "occluder", "occluder on the ground", "occluder full", "reflection",
)  # fmt: skip
"""Names of the classes 1 to 12 of MOT16 and later, for files without a ``labels.txt``."""
LABELS_FILE = "labels.txt"
_COLUMNS = ("frame", "id", "left", "top", "width", "height", "conf", "class", "visibility", "more")
_HEADERS = (
    {"frame", "frame_id", "frameid", "frame_index", "frame_number", "fn"},
    {"id", "track_id", "trackid", "object_id", "target_id", "identity", "tid"},
    {"left", "x", "bb_left", "bbox_left", "box_left", "x1", "xmin", "bbox_x"},
    {"top", "y", "bb_top", "bbox_top", "box_top", "y1", "ymin", "bbox_y"},
    {"width", "w", "bb_width", "bbox_width", "box_width", "bbox_w"},
    {"height", "h", "bb_height", "bbox_height", "box_height", "bbox_h"},
)
"""Names of the first six columns in a header line."""
_MAX_ID = 2**53
_UNKNOWN = -1.0


def parse_lines(location: str, text: str) -> pd.DataFrame:
    """Return the lines of a file as a table.

    Returns:
        A table with the columns ``line`` (from 1), ``frame`` (as in the file), ``id``, ``left``, ``top``,
        ``width``, ``height``, ``conf`` (1 if absent), ``label`` (number of the class; -1 if unknown),
        ``name`` (of the class, if the line gives it, else empty), ``visibility`` (-1 if unknown) and
        ``columns`` (their number).

    Raises:
        DataError: A line is not MOT text.
    """
    rows: list[list[float | str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        fields = _split(line)
        if not fields or line.startswith("#"):
            continue
        if not rows and _is_header(f"{location}: line {number}: {line[:200]!r}", fields):
            continue
        rows.append([number, *_parse(f"{location}: line {number}: {line[:200]!r}", fields)])
    columns = ["line", *_COLUMNS[:7], "label", "name", "visibility", "columns"]
    types = {name: float for name in columns} | {"line": int, "frame": int, "id": int, "name": object}
    return pd.DataFrame(rows, columns=columns).astype(types)


def _split(line: str) -> list[str]:
    """Return the fields of a line, without empty fields at its end."""
    separator = next((each for each in ",;" if each in line), None)
    fields = [field.strip() for field in line.split(separator)]
    while fields and not fields[-1]:
        fields.pop()
    return fields


def _is_header(location: str, fields: Sequence[str]) -> bool:
    """Return whether the fields are names of columns, in the order of MOT text."""
    names = [field.strip(" \"'").lower() for field in fields]
    if any(re.search(r"^[^a-z]|^(nan|inf(inity)?)$", name) for name in names[:6]):
        return False
    if len(names) < 6 or any(name not in allowed for name, allowed in zip(names, _HEADERS, strict=False)):
        raise DataError(
            f"{location}: is a header of other columns; wanted {', '.join(_COLUMNS)}, or a CSV of boxes "
            "(.csv: video,tube,class,frame,x1,y1,x2,y2)"
        )
    return True


def _parse(location: str, fields: list[str]) -> list[float | str]:
    """Return frame, id, box, conf, label, name, visibility and the number of columns of a line."""
    if len(fields) >= 15 and fields[2].isalpha():
        raise DataError(
            f"{location}: looks like KITTI tracking labels (frame, track, type, ...), which cannot be read; "
            f"wanted {', '.join(_COLUMNS[:9])}"
        )
    name = ""
    if len(fields) > 7 and re.match(r"[^\W\d]", fields[7]) and fields[7].lower() not in ("nan", "inf"):
        name, fields = fields[7], [*fields[:7], "-1", *fields[8:]]
    try:
        values = [float(field) for field in fields]
    except ValueError as error:
        raise DataError(f"{location}: wanted numbers ({error})") from error
    if not 6 <= len(values) <= 10 or not all(map(math.isfinite, values)):
        raise DataError(f"{location}: wanted 6 to 10 finite numbers: {', '.join(_COLUMNS)}")
    frame, track, *box = values[:6]
    conf, label, visibility = [*values[6:9], *(1.0, _UNKNOWN, _UNKNOWN)[len(values[6:9]) :]]
    if not 0 <= frame <= MOST_FRAMES or frame % 1 or track % 1 or abs(track) > _MAX_ID:
        raise DataError(
            f"{location}: wanted a frame from 1 on (or 0) and an id, whole numbers, at most {MOST_FRAMES:,} "
            f"and {_MAX_ID:,}"
        )
    if box[2] < 0 or box[3] < 0:
        raise DataError(f"{location}: the box has a negative width or height")
    if len(values) == 10 and (label % 1 or label < 0):
        label = _UNKNOWN  # the last three are coordinates in the world
    if label % 1 or label < _UNKNOWN:
        raise DataError(f"{location}: the class is {label:g}; wanted its number, or -1 if it is unknown")
    return [frame, track, *box, conf, label, name, visibility, len(values)]


def read_labels(text: str) -> dict[int, str] | tuple[str, ...]:
    """Return the classes of a ``labels.txt``: by number if each line is ``number name``, else the names."""
    lines = [line.strip() for line in text.rstrip().splitlines()]
    pairs = [re.fullmatch(r"([0-9]{1,6})[\s,:;]+(\S.*)", line) for line in lines]
    numbers = [int(pair[1]) for pair in pairs if pair]
    if pairs and len(numbers) == len(pairs) == len({*numbers}):
        return {int(pair[1]): pair[2] for pair in pairs if pair}
    return tuple(lines)


def name_classes(
    location: str,
    rows: pd.DataFrame,
    labels: dict[int, str] | tuple[str, ...] | None,
    zero_based_names: Sequence[str] = (),
) -> list[str]:
    """Return the name of the class of each line; empty if it is unknown.

    A line to be ignored (``conf`` 0, unless all have 0) may have a class without a name, as in VisDrone.

    Args:
        location: Name of the file, for messages.
        rows: Lines, as from ``parse_lines``.
        labels: Classes, as from ``read_labels``; None without a ``labels.txt``.
        zero_based_names: Names of the classes 0, 1, ... of a file whose classes count from 0 and which has no
            ``labels.txt``.

    Raises:
        DataError: A class has no name.
    """
    all_rows = rows
    rows = rows if (rows["conf"] == 0).all() else rows[rows["conf"] != 0]
    is_known = rows["label"] >= 0
    if labels is None and (is_known & (rows["columns"] == 10)).any():
        raise DataError(
            f"{location}: line {rows['line'][is_known].iloc[0]} has 10 columns with a class, as in VisDrone, "
            f"whose classes are not those of the MOTChallenge; name them in {LABELS_FILE}, a line for each: "
            "number name"
        )
    names = labels if isinstance(labels, dict) else _numbered(location, rows, labels, zero_based_names)
    unknown = rows[is_known & ~rows["label"].isin(names)]
    if len(unknown):
        number, line = int(unknown["label"].iloc[0]), unknown["line"].iloc[0]
        listed = ", ".join(f"{key} {name}" for key, name in [*names.items()][:12])
        raise DataError(
            f"{location}: line {line}: the class is {number}, but there are {len(names)}: {listed}; name all "
            f"in {LABELS_FILE} in its folder, a line for each: number name"
        )
    # a line without a class gets the only class of a labels.txt
    only = next(iter(names.values())) if labels is not None and len(names) == 1 else ""
    return [
        name or (names.get(int(label), "") if label >= 0 else only)
        for name, label in zip(all_rows["name"], all_rows["label"], strict=True)
    ]


def _numbered(
    location: str, rows: pd.DataFrame, labels: tuple[str, ...] | None, zero_based_names: Sequence[str]
) -> Mapping[int, str]:
    """Return the names by number, which count from 1, or from 0 as in the output of BoxMOT."""
    numbers = rows["label"][rows["label"] >= 0]
    names = MOT16_CLASSES if labels is None else labels
    has_zero = bool((numbers == 0).any())
    looks_zero_based = bool((rows["visibility"][numbers.index] == _UNKNOWN).any())
    if not has_zero and not (looks_zero_based and numbers.max() < len(zero_based_names or names)):
        return dict(enumerate(names, 1))
    if labels is None and not zero_based_names:
        if not has_zero:
            return dict(enumerate(names, 1))
        raise DataError(
            f"{location}: its classes count from 0, as in the output of BoxMOT and YOLO; name them in a "
            f"{LABELS_FILE} in its folder, one a line, from class 0 on"
        )
    if labels is not None and not has_zero:
        first = int(numbers.iloc[0])
        _LOG.warning(
            "%s: its classes are taken to count from 0, as in the output of BoxMOT, with visibility -1 too: "
            "class %d is %r; to say otherwise, write the lines of %s as: number name",
            location, first, names[first], LABELS_FILE,
        )  # fmt: skip
    return dict(enumerate(zero_based_names if labels is None else names))
