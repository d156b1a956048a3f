"""Read MOTChallenge text: one line per box, one file per video.

A line is ``frame, id, left, top, width, height, conf, class, visibility``, after the MOTChallenge's
instructions and "MOT16" (Milan et al. 2016, 3.3). Frames and ids are 1-based. Pixels are 1-based in the
MOTChallenge, whose kit subtracts 1, as does motmetrics; they are 0-based in the output of CVAT and Datumaro,
which write class names to a ``labels.txt``.
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
from actorsup.formats.labeled import UNKNOWN_INFO, LabeledTube, LabeledVideo, make_tube, mean_score

_LOG = logging.getLogger(__name__)

MOT16_CLASSES = (
    "pedestrian", "person on vehicle", "car", "bicycle", "motorbike", "non motorized vehicle",
    "static person", "distractor", "occluder", "occluder on the ground", "occluder full", "reflection",
)  # fmt: skip
"""Names of the classes 1 to 12 of MOT16 and later, for files without a ``labels.txt``."""
_COLUMNS = ("frame", "id", "left", "top", "width", "height", "conf", "class", "visibility", "more")
_MAX_ID = 2**53
_DEFAULT_VALUES = [1.0, -1.0]
"""Default values of ``conf`` and ``class`` in a line without these values."""
GROUND_TRUTH_FILE, _DETECTIONS_FILE, LABELS_FILE = "gt.txt", "det.txt", "labels.txt"


@dataclass(frozen=True)
class MotFile:
    """The boxes of one video, read from one MOT text file.

    Attributes:
        location: Name of the file, for messages.
        video: Id of the video.
        rows: Table with the columns ``frame`` (0-based), ``id``, ``x1``, ``y1``, ``x2``, ``y2`` (0-based
            pixels), ``conf`` and ``class`` (a name; empty if unknown).
        info: Length, frame rate and size of the video from ``seqinfo.ini``; 0 if unknown.
    """

    location: str
    video: str
    rows: pd.DataFrame
    info: VideoInfo


def read_mot(
    path: Path, name: str | None = None, origin: int | None = None, frame_base: int = 1
) -> list[LabeledVideo]:
    """Read the tracks of MOT text, from ground truth or a tracker.

    Args:
        path: Path of a folder or zip of ``<video>/gt/gt.txt`` or ``<video>.txt``, or of one text file.
        name: Id of the only video; None uses the names of the files or of ``path``.
        origin: Coordinate of the first pixel's corner, 0 or 1; None: 0 with a ``labels.txt``, else 1.
        frame_base: Number of the first frame, 0 or 1.

    Raises:
        DataError: A file is missing or invalid; a track has no class, two classes or two boxes in one frame;
            or a frame is beyond the length in ``seqinfo.ini``.
    """
    videos = []
    for file in mot_files(path, GROUND_TRUTH_FILE, name, origin, frame_base):
        # conf 0 marks boxes to be ignored
        rows = file.rows[file.rows["conf"] != 0]
        if len(rows) < len(file.rows):
            _LOG.info(
                "%s: left out %d boxes that are marked as ignored", file.location, len(file.rows) - len(rows)
            )
        tubes = tuple(_make_track(file, int(part["id"].iloc[0]), part) for _, part in rows.groupby("id"))
        videos.append(LabeledVideo(file.video, file.info, tubes))
    return videos


def _make_track(file: MotFile, track: int, rows: pd.DataFrame) -> LabeledTube:
    location = f"{file.location}: track {track}"
    names = set(rows["class"])
    if track < 1:
        raise DataError(f"{location}: its boxes are detections without a track; wanted ids from 1")
    if len(names) > 1 or "" in names:
        found = "no class" if "" in names else f"the classes {', '.join(sorted(names))}"
        raise DataError(
            f"{location}: has {found}; wanted one, by its number after conf, or a {LABELS_FILE} of one"
        )
    # conf is 1 for ground truth and -1 if there is none
    score = mean_score(rows["conf"].tolist())
    boxes = rows[["x1", "y1", "x2", "y2"]].to_numpy()
    return make_tube(
        location,
        str(track),
        names.pop(),
        rows["frame"],
        boxes,
        file.info.frames,
        score=None if score in (-1, 1) else score,
    )


def mot_files(
    path: Path, kind: str, name: str | None = None, origin: int | None = None, frame_base: int = 1
) -> list[MotFile]:
    """Read the MOT text files of a folder or a zip, or one text file.

    Args:
        path: Path of the folder, zip or text file.
        kind: Name of the files to read, ``gt.txt`` or ``det.txt``; files of the other name are ignored.
        name: Id of the only video; None uses the names of the files or of ``path``.
        origin: Coordinate of the first pixel's corner, 0 or 1; None: 0 with a ``labels.txt``, else 1.
        frame_base: Number of the first frame, 0 or 1.

    Raises:
        DataError: No file is found, a line is invalid, or two files belong to one video.
    """
    with report_read_errors(path, "not in the format of MOT text"):
        files = _read_files(path, kind, name, origin)
    # lines are checked for numbers from 0 on
    for file in files:
        first = file.rows["frame"].min() if len(file.rows) else frame_base
        if first < frame_base:
            raise DataError(
                f"{file.location}: has boxes in frame 0; wanted a frame from 1 on, as in MOT text; if yours "
                "counts from 0, set frame_base: 0 (on the command line, --frame-base 0)"
            )
    return [replace(file, rows=file.rows.assign(frame=file.rows["frame"] - frame_base)) for file in files]


def _read_files(path: Path, kind: str, name: str | None, origin: int | None) -> list[MotFile]:
    archive = Archive(path.parent if path.suffix.lower() == ".txt" else path, (".txt", ".ini"))
    if path.suffix.lower() == ".txt":
        members = [path.name] if path.name in archive else []
        root = (
            path.stem
            if path.name not in (GROUND_TRUTH_FILE, _DETECTIONS_FILE)
            else path.resolve().parent.name
        )
    else:
        other_kind = ({GROUND_TRUTH_FILE, _DETECTIONS_FILE} - {kind}).pop()
        text_members = [member for member in archive.names if member.lower().endswith(".txt")]
        members = [
            member for member in text_members if PurePosixPath(member).name not in (LABELS_FILE, other_kind)
        ]
        root = path.stem if path.suffix.lower() == ".zip" else path.name
    files = [_read_file(archive, member, name or root, origin) for member in members]
    videos = [file.video for file in files]
    if not files:
        raise DataError(
            f"{path}: holds no MOT text; wanted <video>/{kind.removesuffix('.txt')}/{kind} or <video>.txt"
        )
    if repeated := [video for video in videos if videos.count(video) > 1]:
        raise DataError(f"{path}: two files are for the video {repeated[0]!r}")
    if name and len(files) > 1:
        raise DataError(f"{path}: holds {len(files)} videos, so {name!r} cannot name one video")
    return [replace(files[0], video=name)] if name else files


def _read_file(archive: Archive, member: str, root: str, origin: int | None) -> MotFile:
    inner_path = PurePosixPath(member)
    video = inner_path.with_suffix("")
    if inner_path.name in (GROUND_TRUTH_FILE, _DETECTIONS_FILE):
        video = inner_path.parent.parent if inner_path.parent.name in ("gt", "det") else inner_path.parent
    candidates = [str(folder / LABELS_FILE) for folder in (inner_path.parent, PurePosixPath("."))]
    labels = next((label for label in candidates if label in archive), None)
    names = MOT16_CLASSES if labels is None else tuple(archive.text(labels).splitlines())
    pixel_origin = origin if origin is not None else (0 if labels else 1)
    ini = str(video / "seqinfo.ini")
    info = _read_seqinfo(archive, ini) if ini in archive else UNKNOWN_INFO
    location = f"{archive.path}: {member}"
    rows = _parse_rows(location, archive.text(member), [label.strip() for label in names], pixel_origin)
    return MotFile(location, root if str(video) == "." else str(video), rows, info)


def _parse_rows(location: str, text: str, names: Sequence[str], origin: int) -> pd.DataFrame:
    """Check the lines of a file and return them as a table."""
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        parts = line.replace(",", " ").split()
        if not parts:
            continue
        try:
            values = [float(field) for field in parts]
        except ValueError as error:
            raise DataError(f"{location}: line {number}: {line!r}: wanted numbers ({error})") from error
        if not 6 <= len(values) <= 10 or not np.isfinite(values).all():
            raise DataError(
                f"{location}: line {number}: {line!r}: wanted 6 to 10 finite numbers: {', '.join(_COLUMNS)}"
            )
        values += _DEFAULT_VALUES[len(values) - 6 :]
        frame, track, left, top, width, height, conf, label = values[:8]
        if not 0 <= frame <= MOST_FRAMES or frame % 1 or track % 1 or abs(track) > _MAX_ID:
            raise DataError(
                f"{location}: line {number}: {line!r}: wanted a frame from 1 on and an id, whole numbers, "
                f"at most {MOST_FRAMES:,} and {_MAX_ID:,}"
            )
        if width < 0 or height < 0:
            raise DataError(f"{location}: line {number}: {line!r}: the box has a negative width or height")
        if label != -1 and (label % 1 or not 1 <= label <= len(names)):
            raise DataError(
                f"{location}: line {number}: {line!r}: the class is {label:g}, but there are {len(names)}: "
                f"{', '.join(names)}; name them in {LABELS_FILE}, one a line"
            )
        x, y = left - origin, top - origin
        corners = [round(value, 9) for value in (x, y, x + width, y + height)]
        # a line without a class gets the only class of a one-class file
        name = names[0] if label == -1 and len(names) == 1 else names[int(label) - 1] if label > 0 else ""
        rows.append([int(frame), int(track), *corners, conf, name])
    return pd.DataFrame(rows, columns=["frame", "id", "x1", "y1", "x2", "y2", "conf", "class"])


def _read_seqinfo(archive: Archive, member: str) -> VideoInfo:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(archive.text(member))
        section = parser["Sequence"]
        keys = ("seqLength", "imWidth", "imHeight")
        length, width, height = (int(section.get(key, "0")) for key in keys)
        return video_info(length, section.get("frameRate", "0"), width, height)
    except (configparser.Error, KeyError, ValueError) as error:
        raise DataError(
            f"{archive.path}: {member}: wanted [Sequence] with seqLength, imWidth ... ({error!r})"
        ) from error
