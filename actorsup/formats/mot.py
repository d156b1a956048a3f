"""Read MOTChallenge text: one line per box, one file per video.

A line is ``frame, id, left, top, width, height, conf, class, visibility``, after the MOTChallenge's
instructions and "MOT16" (Milan et al. 2016, 3.3). Frames are 1-based, or 0-based if a file has a frame 0.
Pixels are 1-based in the MOTChallenge, whose kit subtracts 1, as does motmetrics; they are 0-based in the
output of CVAT and Datumaro, which write class names to a ``labels.txt``. The frames up to ``seqLength`` in
``seqinfo.ini`` are annotated. ``mot_lines.py`` lists the variants of a line.
"""

import configparser
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from actorsup.artifacts.tube_files import VideoInfo, video_info
from actorsup.errors import DataError, report_read_errors
from actorsup.formats.archive import Archive
from actorsup.formats.labeled import UNKNOWN_INFO, LabeledTube, LabeledVideo, make_tube, mean_score
from actorsup.formats.mot_lines import LABELS_FILE, name_classes, parse_lines, read_labels

_LOG = logging.getLogger(__name__)

GROUND_TRUTH_FILE, _DETECTIONS_FILE, _INFO_FILE = "gt.txt", "det.txt", "seqinfo.ini"
_BOX = ["x1", "y1", "x2", "y2"]


@dataclass(frozen=True)
class MotFile:
    """The boxes of one video, read from one MOT text file.

    Attributes:
        location: Name of the file, for messages.
        video: Id of the video.
        rows: Table with the columns ``line`` (from 1), ``frame`` (0-based), ``id``, ``x1``, ``y1``, ``x2``,
            ``y2`` (0-based pixels), ``conf`` (-1 if unknown) and ``class`` (a name; empty if unknown).
        info: Length, frame rate and size of the video from ``seqinfo.ini``; 0 if unknown.
    """

    location: str
    video: str
    rows: pd.DataFrame
    info: VideoInfo


@dataclass(frozen=True)
class MotOptions:
    """What MOT text does not state.

    Attributes:
        name: Id of the only video; None uses the names of the files or of the folder.
        origin: Coordinate of the first pixel's corner, 0 or 1; None: 0 with a ``labels.txt``, else 1.
        frame_base: Number of a video's first frame, 0 or 1; None: 0 if any file has a frame 0, else 1.
        action: Class of the tracks without a class; None if they have none.
        zero_based_names: Names of the classes 0, 1, ... of a file whose classes count from 0 and which has no
            ``labels.txt``.
    """

    name: str | None = None
    origin: int | None = None
    frame_base: int | None = None
    action: str | None = None
    zero_based_names: Sequence[str] = ()


def read_mot(path: Path, options: MotOptions = MotOptions()) -> list[LabeledVideo]:
    """Read the tracks of MOT text, from ground truth or a tracker.

    Args:
        path: Path of a folder or zip of ``<video>/gt/gt.txt`` or ``<video>.txt``, or of one text file.
        options: What the text does not state.

    Raises:
        DataError: A file is missing or invalid; a track has no class, two classes or two boxes in one frame;
            or a frame is beyond the length in ``seqinfo.ini``.
    """
    videos = []
    for file in mot_files(path, GROUND_TRUTH_FILE, options):
        # conf 0 marks boxes to be ignored
        rows = file.rows[file.rows["conf"] != 0]
        if len(rows) < len(file.rows):
            _LOG.info(
                "%s: left out %d boxes that are marked as ignored", file.location, len(file.rows) - len(rows)
            )
        rows = _drop_repeated(file.location, rows)
        tubes = tuple(
            _make_track(file, int(part["id"].iloc[0]), part, options.action) for _, part in rows.groupby("id")
        )
        annotated = np.arange(file.info.frames) if file.info.frames else None
        videos.append(LabeledVideo(file.video, file.info, tubes, annotated))
    return videos


def _drop_repeated(location: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows without lines that repeat the box of a track.

    Raises:
        DataError: A track has two different boxes in one frame.
    """
    is_repeated = rows.duplicated(["frame", "id", *_BOX, "class"]) & (rows["id"] >= 0)
    if is_repeated.any():
        lines = rows["line"][is_repeated]
        _LOG.warning(
            "%s: ignored %d lines that repeat another, such as line %d", location, len(lines), lines.iloc[0]
        )
        rows = rows[~is_repeated]
    keys = rows[["frame", "id"]]
    if (second := keys.duplicated() & (rows["id"] >= 0)).any():
        row = rows[second].iloc[0]
        same = rows[(rows["frame"] == row["frame"]) & (rows["id"] == row["id"])]["line"].tolist()
        raise DataError(
            f"{location}: lines {same[0]} and {same[1]}: track {row['id']} already has a box in this frame, "
            "and the boxes differ; delete one line, or give one box another id"
        )
    return rows


def _make_track(file: MotFile, track: int, rows: pd.DataFrame, action: str | None) -> LabeledTube:
    location = f"{file.location}: track {track}"
    names = {name or action or "" for name in rows["class"]}
    if track < 0:
        raise DataError(f"{location}: its boxes are detections without a track; wanted ids from 0 or 1 on")
    if "" in names:
        raise DataError(
            f"{location}: has no class; wanted its number or name after conf, or one name in a {LABELS_FILE} "
            "in its folder; or state it: --class NAME of convert and evaluate, or a data set of one class"
        )
    if len(names) > 1:
        raise DataError(f"{location}: has the classes {', '.join(sorted(names))}; wanted one")
    # conf is 1 for ground truth and -1 if there is none
    score = mean_score(rows["conf"].tolist())
    boxes = rows[_BOX].to_numpy()
    return make_tube(
        location,
        str(track),
        names.pop(),
        rows["frame"],
        boxes,
        file.info.frames,
        score=None if score in (-1, 1) else score,
    )


def mot_files(path: Path, kind: str, options: MotOptions = MotOptions()) -> list[MotFile]:
    """Read the MOT text files of a folder or a zip, or one text file.

    Args:
        path: Path of the folder, zip or text file.
        kind: Name of the files to read, ``gt.txt`` or ``det.txt``; files of the other name are ignored.
        options: What the text does not state.

    Raises:
        DataError: No file is found, a line is invalid, or two files belong to one video.
    """
    with report_read_errors(path, "not in the format of MOT text"):
        return _read_files(path, kind, options)


def _read_files(path: Path, kind: str, options: MotOptions) -> list[MotFile]:
    archive, members, root = _find_members(path, kind)
    files = [_read_file(archive, member, options.name or root, options) for member in members]
    videos = [file.video for file in files]
    if not files:
        raise DataError(
            f"{path}: holds no MOT text; wanted <video>/{kind.removesuffix('.txt')}/{kind} or <video>.txt"
        )
    if repeated := [video for video in videos if videos.count(video) > 1]:
        raise DataError(f"{path}: two files are for the video {repeated[0]!r}")
    if options.name and len(files) > 1:
        raise DataError(f"{path}: holds {len(files)} videos, so {options.name!r} cannot name one video")
    files = [replace(files[0], video=options.name)] if options.name else files
    return _frames_from_zero(path, files, options.frame_base)


def _find_members(path: Path, kind: str) -> tuple[Archive, list[str], str]:
    """Return the archive of the files, the names of its MOT text files, and the name of its only video."""
    if path.suffix.lower() == ".txt":
        folder = path.absolute().parent
        has_known_name = path.name in (GROUND_TRUTH_FILE, _DETECTIONS_FILE)
        if has_known_name and folder.name in ("gt", "det"):
            member, folder = f"{folder.name}/{path.name}", folder.parent
        else:
            member = path.name
        names = [member, _INFO_FILE, LABELS_FILE, str(PurePosixPath(member).parent / LABELS_FILE)]
        archive = Archive(folder, (".txt", ".ini"), names if has_known_name else [member, LABELS_FILE])
        return archive, [member] if member in archive else [], folder.name if has_known_name else path.stem
    archive = Archive(path, (".txt", ".ini"))
    other_kind = ({GROUND_TRUTH_FILE, _DETECTIONS_FILE} - {kind}).pop()
    members = [
        member
        for member in archive.names
        if member.lower().endswith(".txt") and PurePosixPath(member).name not in (LABELS_FILE, other_kind)
    ]
    return archive, members, path.stem if path.suffix.lower() == ".zip" else path.name


def _read_file(archive: Archive, member: str, root: str, options: MotOptions) -> MotFile:
    """Read a file; the frames are as in the file."""
    inner_path = PurePosixPath(member)
    video = inner_path.with_suffix("")
    if inner_path.name in (GROUND_TRUTH_FILE, _DETECTIONS_FILE):
        video = inner_path.parent.parent if inner_path.parent.name in ("gt", "det") else inner_path.parent
    candidates = [str(folder / LABELS_FILE) for folder in (inner_path.parent, PurePosixPath("."))]
    labels_file = next((label for label in candidates if label in archive), None)
    labels = None if labels_file is None else read_labels(archive.text(labels_file))
    ini = str(video / _INFO_FILE)
    info = _read_seqinfo(archive, ini) if ini in archive else UNKNOWN_INFO
    location = str(archive.path / member) if archive.path.is_dir() else f"{archive.path}: {member}"
    lines = parse_lines(location, archive.text(member))
    names = name_classes(location, lines, labels, options.zero_based_names)
    if inner_path.name != GROUND_TRUTH_FILE and len(lines) and (lines["conf"] == 0).all():
        lines["conf"] = -1.0  # a tracker wrote whole numbers
    default_origin = 1 if labels is None else 0
    origin = default_origin if options.origin is None else options.origin
    corner = lines[["left", "top"]].to_numpy() - origin
    corners = np.round(np.concatenate([corner, corner + lines[["width", "height"]].to_numpy()], axis=1), 9)
    rows = lines[["line", "frame", "id"]].assign(**dict(zip(_BOX, corners.T, strict=True)))
    rows = rows.assign(conf=lines["conf"], **{"class": names})
    return MotFile(location, root if str(video) == "." else str(video), rows, info)


def _frames_from_zero(path: Path, files: list[MotFile], frame_base: int | None) -> list[MotFile]:
    """Return the files with 0-based frames."""
    lowest = min((int(file.rows["frame"].min()) for file in files if len(file.rows)), default=1)
    base = min(1, lowest) if frame_base is None else frame_base
    if lowest < base:
        raise DataError(f"{path}: has a frame 0, so its frames do not count from 1")
    if base == 0 and frame_base is None:
        _LOG.info("%s: frames count from 0, since there is a frame 0", path)
    return [replace(file, rows=file.rows.assign(frame=file.rows["frame"] - base)) for file in files]


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
