"""Read MOTChallenge text: one line per box, one file per video.

A line is ``frame, id, left, top, width, height, conf, class, visibility``, after the MOTChallenge's
instructions and "MOT16" (Milan et al. 2016, 3.3). Frames and ids count from 1. So do the MOTChallenge's
pixels, from which its kit and motmetrics subtract 1; CVAT and Datumaro, which write class names to a
``labels.txt``, count pixels from 0.
"""

import configparser
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from actorsup.artifacts.tube_files import MOST_FRAMES, VideoInfo, video_info
from actorsup.errors import DataError, report_read_errors
from actorsup.formats.archive import Archive
from actorsup.formats.labeled import UNKNOWN, LabeledTube, LabeledVideo, checked_tube, score_of

_LOG = logging.getLogger(__name__)

OFFICIAL = (
    "pedestrian", "person on vehicle", "car", "bicycle", "motorbike", "non motorized vehicle",
    "static person", "distractor", "occluder", "occluder on the ground", "occluder full", "reflection",
)  # fmt: skip
"""Classes 1 to 12 of MOT16 and later, used without a ``labels.txt``."""
_COLUMNS = ("frame", "id", "left", "top", "width", "height", "conf", "class", "visibility", "more")
_LARGEST_ID = 2**53
_MISSING = [1.0, -1.0]
"""Conf and class of a line without them."""
TRUTH, _DETECTIONS, LABELS = "gt.txt", "det.txt", "labels.txt"


@dataclass(frozen=True)
class MotFile:
    """One file of boxes.

    Attributes:
        where: The file, for messages.
        video: The id of its video; empty if the file does not name it.
        rows: ``frame`` (0-based), ``id``, ``x1``, ``y1``, ``x2``, ``y2`` (0-based pixels), ``conf``
            and ``class``, a name or empty.
        info: The content of its ``seqinfo.ini``.
    """

    where: str
    video: str
    rows: pd.DataFrame
    info: VideoInfo


def read_mot(path: Path, name: str | None = None, origin: int | None = None) -> list[LabeledVideo]:
    """Read the tracks of ground truth or of a tracker.

    Args:
        path: A folder or zip of ``<video>/gt/gt.txt`` or ``<video>.txt``, or one text file.
        name: The video id if the files lack it; default: the name of ``path``.
        origin: Coordinate of the first pixel's corner, 0 or 1; None: 0 if there is a ``labels.txt``,
            else 1.

    Raises:
        DataError: There is no such file, or it cannot be used; a track has no class, two classes or
            two boxes in one frame; a frame follows the last of ``seqinfo.ini``.
    """
    videos = []
    for file in mot_files(path, TRUTH, name, origin):
        # conf 0 marks boxes to be ignored
        rows = file.rows[file.rows["conf"] != 0]
        if len(rows) < len(file.rows):
            _LOG.info(
                "%s: left out %d boxes that are marked as ignored", file.where, len(file.rows) - len(rows)
            )
        tubes = tuple(_tube(file, int(part["id"].iloc[0]), part) for _, part in rows.groupby("id"))
        videos.append(LabeledVideo(file.video, file.info, tubes))
    return videos


def _tube(file: MotFile, track: int, rows: pd.DataFrame) -> LabeledTube:
    where = f"{file.where}: track {track}"
    names = set(rows["class"])
    if track < 1:
        raise DataError(f"{where}: its boxes are detections without a track; wanted ids from 1")
    if len(names) > 1 or "" in names:
        found = "no class" if "" in names else f"the classes {', '.join(sorted(names))}"
        raise DataError(f"{where}: has {found}; wanted one, by its number after conf, or a {LABELS} of one")
    # conf is 1 for ground truth and -1 if there is none
    score = score_of(rows["conf"].tolist())
    boxes = rows[["x1", "y1", "x2", "y2"]].to_numpy()
    return checked_tube(
        where,
        str(track),
        names.pop(),
        rows["frame"],
        boxes,
        file.info.frames,
        score=None if score in (-1, 1) else score,
    )


def mot_files(path: Path, kind: str, name: str | None = None, origin: int | None = None) -> list[MotFile]:
    """Read the files of boxes of a folder, a zip, or one text file.

    Args:
        path: As in ``read_mot``.
        kind: ``gt.txt`` or ``det.txt``, for videos that have both.
        name: As in ``read_mot``.
        origin: As in ``read_mot``.

    Raises:
        DataError: There is none, a line cannot be used, or two files are for one video.
    """
    with report_read_errors(path, "not in the format of MOT text"):
        return _files(path, kind, name, origin)


def _files(path: Path, kind: str, name: str | None, origin: int | None) -> list[MotFile]:
    packed = Archive(path.parent if path.suffix.lower() == ".txt" else path, (".txt", ".ini"))
    if path.suffix.lower() == ".txt":
        chosen = [path.name] if path.name in packed else []
        root = path.stem if path.name not in (TRUTH, _DETECTIONS) else path.resolve().parent.name
    else:
        other = ({TRUTH, _DETECTIONS} - {kind}).pop()
        texts = [each for each in packed.names if each.lower().endswith(".txt")]
        chosen = [each for each in texts if PurePosixPath(each).name not in (LABELS, other)]
        root = path.stem if path.suffix.lower() == ".zip" else path.name
    files = [_file(packed, each, name or root, origin) for each in chosen]
    videos = [file.video for file in files]
    if not files:
        raise DataError(
            f"{path}: holds no MOT text; wanted <video>/{kind.removesuffix('.txt')}/{kind} or <video>.txt"
        )
    if twice := [video for video in videos if videos.count(video) > 1]:
        raise DataError(f"{path}: two files are for the video {twice[0]!r}")
    if name and len(files) > 1:
        raise DataError(f"{path}: holds {len(files)} videos, so {name!r} cannot name one video")
    return [replace(files[0], video=name)] if name else files


def _file(packed: Archive, member: str, root: str, origin: int | None) -> MotFile:
    pure = PurePosixPath(member)
    video = pure.with_suffix("")
    if pure.name in (TRUTH, _DETECTIONS):
        video = pure.parent.parent if pure.parent.name in ("gt", "det") else pure.parent
    candidates = [str(folder / LABELS) for folder in (pure.parent, PurePosixPath("."))]
    labels = next((each for each in candidates if each in packed), None)
    names = OFFICIAL if labels is None else tuple(packed.text(labels).splitlines())
    shift = origin if origin is not None else (0 if labels else 1)
    ini = str(video / "seqinfo.ini")
    info = _info(packed, ini) if ini in packed else UNKNOWN
    where = f"{packed.path}: {member}"
    rows = _rows(where, packed.text(member), [each.strip() for each in names], shift)
    return MotFile(where, root if str(video) == "." else str(video), rows, info)


def _rows(where: str, text: str, names: Sequence[str], origin: int) -> pd.DataFrame:
    """Check the lines of a file and return them as a table."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        parts = line.replace(",", " ").split()
        if not parts:
            continue
        try:
            values = [float(part) for part in parts]
        except ValueError as error:
            raise DataError(f"{where}: line {number}: {line!r}: wanted numbers ({error})") from error
        if not 6 <= len(values) <= 10 or not np.isfinite(values).all():
            raise DataError(
                f"{where}: line {number}: {line!r}: wanted 6 to 10 finite numbers: {', '.join(_COLUMNS)}"
            )
        values += _MISSING[len(values) - 6 :]
        frame, track, left, top, width, height, conf, label = values[:8]
        if not 1 <= frame <= MOST_FRAMES or frame % 1 or track % 1 or abs(track) > _LARGEST_ID:
            raise DataError(
                f"{where}: line {number}: {line!r}: wanted a frame from 1 on and an id, whole numbers, "
                f"at most {MOST_FRAMES:,} and {_LARGEST_ID:,}"
            )
        if width < 0 or height < 0:
            raise DataError(f"{where}: line {number}: {line!r}: the box has a negative width or height")
        if label != -1 and (label % 1 or not 1 <= label <= len(names)):
            raise DataError(
                f"{where}: line {number}: {line!r}: the class is {label:g}, but there are {len(names)}: "
                f"{', '.join(names)}; name them in {LABELS}, one a line"
            )
        x, y = left - origin, top - origin
        corners = [round(value, 9) for value in (x, y, x + width, y + height)]
        # a line without a class has the only class, if there is only one
        name = names[0] if label == -1 and len(names) == 1 else names[int(label) - 1] if label > 0 else ""
        found.append([int(frame) - 1, int(track), *corners, conf, name])
    return pd.DataFrame(found, columns=["frame", "id", "x1", "y1", "x2", "y2", "conf", "class"])


def _info(packed: Archive, member: str) -> VideoInfo:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(packed.text(member))
        section = parser["Sequence"]
        keys = ("seqLength", "imWidth", "imHeight")
        length, width, height = (int(section.get(key, "0")) for key in keys)
        return video_info(length, section.get("frameRate", "0"), width, height)
    except (configparser.Error, KeyError, ValueError) as error:
        raise DataError(
            f"{packed.path}: {member}: wanted [Sequence] with seqLength, imWidth ... ({error!r})"
        ) from error
